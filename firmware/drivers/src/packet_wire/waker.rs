//! How a worker that sleeps in its ring is woken: an eventfd, written only when the worker sleeps.
//!
//! Ownership: the eventfd is shared by all clones and closed by the last; reads and writes are of eight bytes on the
//! caller's stack.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// Wakes one worker, from any thread.
#[derive(Clone, Debug)]
pub struct Waker(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    event: OwnedFd,
    /// Somebody wants the worker's attention.
    wanted: AtomicBool,
    /// The worker sleeps, or is about to.
    asleep: AtomicBool,
}

impl Waker {
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: plain numbers.
        let file = super::socket::check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: the kernel just made this descriptor, and nobody else knows it.
        let event = unsafe { OwnedFd::from_raw_fd(file) };
        Ok(Self(Arc::new(Shared { event, wanted: AtomicBool::new(false), asleep: AtomicBool::new(false) })))
    }

    /// Ends the worker's wait, or the next one it begins. Costs a system call only when the worker sleeps.
    pub fn wake(&self) {
        // Sequentially consistent on both sides: either this sees `asleep`, or the worker sees `wanted` before it
        // sleeps.
        self.0.wanted.store(true, SeqCst);
        if self.0.asleep.load(SeqCst) {
            let one = 1u64;
            // SAFETY: eight readable bytes for the duration of the call. The only failure is a full counter, and
            // then the eventfd is readable as wanted.
            unsafe { libc::write(self.0.event.as_raw_fd(), (&raw const one).cast(), 8) };
        }
    }

    pub(super) fn event(&self) -> BorrowedFd<'_> {
        self.0.event.as_fd()
    }

    /// Whether somebody called since the last time.
    #[inline]
    pub(super) fn take(&self) -> bool {
        self.0.wanted.load(SeqCst) && self.0.wanted.swap(false, SeqCst)
    }

    /// Says that the worker is about to sleep. `false` when somebody called already: then it must not.
    pub(super) fn fall_asleep(&self) -> bool {
        self.0.asleep.store(true, SeqCst);
        !self.0.wanted.load(SeqCst)
    }

    /// Says that the worker is awake.
    pub(super) fn wake_up(&self) {
        self.0.asleep.store(false, SeqCst);
    }

    /// Makes the eventfd quiet again.
    pub(super) fn drain(&self) {
        let mut count = 0u64;
        // SAFETY: eight writable bytes for the duration of the call.
        unsafe { libc::read(self.0.event.as_raw_fd(), (&raw mut count).cast(), 8) };
    }
}
