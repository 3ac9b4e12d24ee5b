//! Memory mapped for as long as its [`Mapping`] lives.
//!
//! Ownership: a mapping owns its range of addresses and nothing in it. Who may read or write which part when is the
//! protocol of the module that holds it; it gets a bare pointer and must not use it after the mapping is dropped.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;

/// A range of mapped memory, unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    length: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread; the value is only an address and a length, and sharing
// it gives no access to the memory without unsafe code elsewhere.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Zeroed memory of this process; pages appear when they are touched.
    pub(crate) fn anonymous(length: usize) -> io::Result<Self> {
        Self::map(length, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)
    }

    /// The beginning of what `file` offers, shared with the kernel.
    pub(crate) fn shared(file: BorrowedFd<'_>, length: usize) -> io::Result<Self> {
        Self::map(length, libc::MAP_SHARED, file.as_raw_fd())
    }

    fn map(length: usize, flags: i32, file: i32) -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: without MAP_FIXED the kernel chooses an unused range, so no memory that anybody else owns changes.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), length, protection, flags, file, 0) };
        match NonNull::new(base.cast::<u8>()) {
            Some(start) if base != libc::MAP_FAILED => Ok(Self { base: start, length }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The byte at `offset`, which must be inside.
    #[inline(always)]
    pub(crate) fn at(&self, offset: usize) -> NonNull<u8> {
        assert!(offset < self.length);
        // SAFETY: asserted above: the result stays inside the one mapped range.
        unsafe { self.base.add(offset) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: exactly the range that mmap gave; whoever kept pointers into it promised not to use them any more.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.length) };
    }
}

/// Asks for the cache line at `address`. Any address is allowed, even a wrong one: a prefetch never faults.
#[inline(always)]
pub(crate) fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is part of x86_64, and a prefetch has no effect on what the program computes.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
