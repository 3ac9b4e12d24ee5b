//! One io_uring per worker: sends leave through it, and the worker sleeps in it.
//!
//! Ownership: memory named in [`Ring::send`] belongs to the kernel from that call until its completion was returned
//! by [`Ring::completion`]; the caller keeps it alive and unchanged. Polls name no memory. Files are registered: the
//! kernel keeps its own reference until [`Ring::unregister`], so a closed descriptor is never hit by mistake.

use io_uring::types::{CancelBuilder, Fixed, SubmitArgs, Timespec};
use io_uring::{IoUring, Probe, opcode};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// Requests prepared between two submits. Two batches of 64 and polls of every socket fit.
pub(crate) const ENTRIES: u32 = 256;
/// Files registered at once: eventfd, and per NIC two taps and two sending sockets.
const FILES_MAX: u32 = 4 * 64 + 1;

/// Why there is no ring.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// The kernel, a security policy or `kernel.io_uring_disabled` refuses.
    #[error("set up io_uring (is kernel.io_uring_disabled 0?): {0}")]
    Refused(io::Error),
    /// The kernel is too old.
    #[error("set up io_uring: this kernel lacks {0}")]
    Lacks(&'static str),
    /// A descriptor could not be registered.
    #[error("register a file with io_uring: {0}")]
    Register(io::Error),
    /// The worker's own wake-up or memory could not be made.
    #[error("{act}: {source}")]
    Resources {
        /// What was tried.
        act: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

/// A registered file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct File(u32);

/// The ring.
pub(crate) struct Ring {
    ring: IoUring,
    free_files: Vec<u32>,
}

impl Ring {
    /// A ring for the calling thread alone: the kernel refuses submits of any other one.
    pub(crate) fn new() -> Result<Self, RingError> {
        match deferred() {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Self::with(IoUring::new(ENTRIES)),
            made => Self::with(made),
        }
    }

    fn with(made: io::Result<IoUring>) -> Result<Self, RingError> {
        let ring = made.map_err(RingError::Refused)?;
        if !ring.params().is_feature_ext_arg() {
            return Err(RingError::Lacks("waiting with a timeout (Linux 5.11)"));
        }
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe).map_err(RingError::Refused)?;
        for (code, name) in [(opcode::Send::CODE, "SEND (Linux 5.6)"), (opcode::PollAdd::CODE, "POLL_ADD")] {
            if !probe.is_supported(code) {
                return Err(RingError::Lacks(name));
            }
        }
        ring.submitter().register_files_sparse(FILES_MAX).map_err(RingError::Register)?;
        Ok(Self { ring, free_files: (0..FILES_MAX).rev().collect() })
    }

    /// Makes a file known. The descriptor itself may be closed afterwards.
    pub(crate) fn register(&mut self, file: BorrowedFd<'_>) -> Result<File, RingError> {
        let index = self.free_files.pop().ok_or_else(|| RingError::Register(io::ErrorKind::QuotaExceeded.into()))?;
        match self.ring.submitter().register_files_update(index, &[file.as_raw_fd()]) {
            Ok(_) => Ok(File(index)),
            Err(error) => {
                self.free_files.push(index);
                Err(RingError::Register(error))
            }
        }
    }

    /// Forgets a file, and cancels the polls on it: an armed poll would keep a closed socket in its fan-out group.
    pub(crate) fn unregister(&mut self, file: File) {
        let cancel = CancelBuilder::fd(Fixed(file.0)).all();
        // Not found means that no poll was armed. The cancelled requests' completions carry tags that the caller no
        // longer knows, and come with the next submit.
        let _ = self.ring.submitter().register_sync_cancel(Some(Timespec::new()), cancel);
        let _ = self.ring.submitter().register_files_update(file.0, &[-1]);
        let _ = self.submit();
        self.free_files.push(file.0);
    }

    /// Prepares a send of `length` bytes. `false` when the ring is full: submit first. A socket that cannot take the
    /// bytes at once answers EAGAIN: a parked send would overtake or be overtaken.
    ///
    /// # Safety
    ///
    /// The bytes stay readable and unchanged until `completion` returned this `tag`.
    #[inline]
    pub(crate) unsafe fn send(&mut self, file: File, bytes: *const u8, length: u32, tag: u64) -> bool {
        let entry = opcode::Send::new(Fixed(file.0), bytes, length).flags(libc::MSG_DONTWAIT).build().user_data(tag);
        // SAFETY: the only memory the entry names is `bytes`, for which the caller vouches.
        unsafe { self.ring.submission().push(&entry).is_ok() }
    }

    /// Prepares a one-shot wait until `file` is readable or in error. `false` when the ring is full.
    pub(crate) fn poll(&mut self, file: File, tag: u64) -> bool {
        let entry = opcode::PollAdd::new(Fixed(file.0), libc::POLLIN as u32).build().user_data(tag);
        // SAFETY: the entry names no memory.
        unsafe { self.ring.submission().push(&entry).is_ok() }
    }

    /// Hands over what was prepared; sends to packet sockets are complete when this returns. On an error (the kernel
    /// is out of memory) everything stays prepared for the next call.
    #[inline]
    pub(crate) fn submit(&mut self) -> io::Result<()> {
        self.ring.submit().map(drop)
    }

    /// Hands over what was prepared and sleeps until something completes, at most for `timeout`.
    pub(crate) fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        let time = Timespec::from(timeout);
        let arguments = SubmitArgs::new().timespec(&time);
        match self.ring.submitter().submit_with_args(1, &arguments) {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.raw_os_error(), Some(libc::ETIME | libc::EINTR)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The tag and the result (negative: an errno) of something that completed.
    #[inline]
    pub(crate) fn completion(&mut self) -> Option<(u64, i32)> {
        self.ring.completion().next().map(|entry| (entry.user_data(), entry.result()))
    }
}

/// A ring with the flags that fit a worker (Linux 6.1): completions are worked off when the worker asks, not by
/// interrupting it.
fn deferred() -> io::Result<IoUring> {
    IoUring::builder().setup_single_issuer().setup_defer_taskrun().setup_taskrun_flag().build(ENTRIES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixDatagram;
    use std::time::Instant;

    /// One as on a recent kernel, one as on an old one.
    fn rings() -> [Ring; 2] {
        [Ring::new().unwrap(), Ring::with(IoUring::new(ENTRIES)).unwrap()]
    }

    #[test]
    fn a_poll_ends_a_wait_and_a_wait_ends_by_itself() {
        for mut ring in rings() {
            let (near, far) = UnixDatagram::pair().unwrap();
            let file = ring.register(near.as_fd()).unwrap();
            assert!(ring.poll(file, 7));
            let start = Instant::now();
            ring.wait(Duration::from_millis(20)).unwrap();
            assert!(start.elapsed() >= Duration::from_millis(20));
            assert_eq!(ring.completion(), None);
            far.send(b"x").unwrap();
            ring.wait(Duration::from_secs(5)).unwrap();
            let (tag, events) = ring.completion().unwrap();
            assert_eq!((tag, events & i32::from(libc::POLLIN)), (7, i32::from(libc::POLLIN)));
        }
    }

    #[test]
    fn sends_complete_with_the_submit_in_their_order() {
        for mut ring in rings() {
            let (near, far) = UnixDatagram::pair().unwrap();
            let file = ring.register(near.as_fd()).unwrap();
            for (tag, bytes) in [b"one", b"two"].into_iter().enumerate() {
                // SAFETY: the bytes are static.
                assert!(unsafe { ring.send(file, bytes.as_ptr(), 3, tag as u64) });
            }
            ring.submit().unwrap();
            assert_eq!([ring.completion(), ring.completion()], [Some((0, 3)), Some((1, 3))]);
            let mut bytes = [0; 3];
            far.recv(&mut bytes).unwrap();
            assert_eq!(&bytes, b"one");
        }
    }

    #[test]
    fn a_full_socket_fails_at_once_instead_of_parking_the_send() {
        for mut ring in rings() {
            let (near, far) = UnixDatagram::pair().unwrap();
            let file = ring.register(near.as_fd()).unwrap();
            let mut results = (0..100_000).map(|tag| {
                // SAFETY: the bytes are static.
                assert!(unsafe { ring.send(file, b"x".as_ptr(), 1, tag) });
                ring.submit().unwrap();
                ring.completion().map(|(_, result)| result)
            });
            assert_eq!(results.next(), Some(Some(1)));
            assert_eq!(results.find(|&result| result != Some(1)), Some(Some(-libc::EAGAIN)));
            drop(far);
        }
    }

    #[test]
    fn an_unregistered_file_is_closed_although_a_poll_was_armed() {
        for mut ring in rings() {
            let (near, far) = UnixDatagram::pair().unwrap();
            let file = ring.register(near.as_fd()).unwrap();
            assert!(ring.poll(file, 7));
            ring.submit().unwrap();
            drop(near);
            assert!(far.send(b"x").is_ok(), "the ring keeps the socket open");
            ring.wait(Duration::from_millis(1)).unwrap();
            while ring.completion().is_some() {}
            assert!(ring.poll(file, 8));
            ring.submit().unwrap();
            ring.unregister(file);
            ring.wait(Duration::from_millis(1)).unwrap();
            assert!(far.send(b"x").is_err(), "nobody holds the socket any more");
        }
    }
}
