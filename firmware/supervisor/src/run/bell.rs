//! Wakes the control loop from other threads.

use nix::sys::eventfd::{EfdFlags, EventFd};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

/// An event that the control loop waits for; ringing twice before it looks is ringing once.
#[derive(Clone, Debug)]
pub struct Bell(Arc<EventFd>);

impl Bell {
    /// A bell that nobody rang yet.
    pub fn new() -> nix::Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        Ok(Self(Arc::new(EventFd::from_value_and_flags(0, flags)?)))
    }

    /// Has the control loop look at its queues.
    pub fn ring(&self) {
        // The one failure is a counter at its end, and then it has been rung.
        let _ = self.0.write(1);
    }

    /// Makes it quiet again.
    pub fn silence(&self) {
        // That nobody rang is no failure.
        let _ = self.0.read();
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
