//! Classic BPF: which frames a packet socket takes, and which member of a fan-out group gets them.
//!
//! A socket filter sees the frame from its Ethernet header on and answers with the bytes to keep (0: none); a fan-out
//! program sees it from the IP header on and answers with the member's index.

use crate::mark;
use libc::sock_filter;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// What a filter answers to keep the whole frame.
const KEEP: u32 = u32::MAX;

/// A classic BPF program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program(Vec<Instruction>);

/// One instruction: operation, jumps, operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// `BPF_*` class, size, mode and operation.
    pub code: u16,
    /// Instructions to skip when a jump's condition holds.
    pub jump_true: u8,
    /// Instructions to skip when it does not.
    pub jump_false: u8,
    /// The operand.
    pub operand: u32,
}

impl Program {
    /// From instructions made elsewhere; the kernel verifies them when the program is attached.
    pub fn new(instructions: Vec<Instruction>) -> Self {
        Self(instructions)
    }

    /// Takes nothing: for a socket that is bound but not yet in its group.
    pub fn nothing() -> Self {
        Self(vec![statement(libc::BPF_RET | libc::BPF_K, 0)])
    }

    /// Takes frames that the claim program marked, for whichever worker. Which worker's socket sees a frame is the
    /// fan-out's business; a frame that meets the wrong worker is handed over, not lost.
    pub fn marked() -> Self {
        Self(vec![
            load_auxiliary(libc::SKF_AD_MARK),
            statement(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, !mark::WORKER_MASK),
            jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, mark::MAGIC, 0, 1),
            statement(libc::BPF_RET | libc::BPF_K, KEEP),
            statement(libc::BPF_RET | libc::BPF_K, 0),
        ])
    }

    /// The member is the worker that the mark names.
    pub fn worker_of_mark() -> Self {
        Self(vec![
            load_auxiliary(libc::SKF_AD_MARK),
            statement(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, mark::WORKER_MASK),
            statement(libc::BPF_RET | libc::BPF_A, 0),
        ])
    }

    /// The same filter, but first refuses what this box sent itself. A tap for all protocols sees that too, and
    /// PACKET_IGNORE_OUTGOING is lost in a fan-out group before Linux 6.2.
    pub fn without_outgoing(&self) -> Self {
        let mut instructions = vec![
            load_auxiliary(libc::SKF_AD_PKTTYPE),
            jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, u32::from(libc::PACKET_OUTGOING), 0, 1),
            statement(libc::BPF_RET | libc::BPF_K, 0),
        ];
        instructions.extend_from_slice(&self.0);
        Self(instructions)
    }

    /// Makes it the filter of a socket, in place of the one before.
    pub(crate) fn filter(&self, socket: BorrowedFd<'_>) -> io::Result<()> {
        self.attach(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER).map_err(|error| match error.raw_os_error() {
            // Linux charges a socket for its filter: 20 KB at most before 6.8, 128 KB since.
            Some(libc::ENOMEM) => io::Error::new(
                io::ErrorKind::OutOfMemory,
                format!("{} instructions are more than net.core.optmem_max has room for", self.0.len()),
            ),
            _ => error,
        })
    }

    /// Makes it the program of the fan-out group that the socket is a member of.
    pub(crate) fn fan_out(&self, socket: BorrowedFd<'_>) -> io::Result<()> {
        self.attach(socket, libc::SOL_PACKET, libc::PACKET_FANOUT_DATA)
    }

    fn attach(&self, socket: BorrowedFd<'_>, level: i32, option: i32) -> io::Result<()> {
        let mut instructions: Vec<sock_filter> = self
            .0
            .iter()
            .map(|i| sock_filter { code: i.code, jt: i.jump_true, jf: i.jump_false, k: i.operand })
            .collect();
        let length = u16::try_from(instructions.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let program = libc::sock_fprog { len: length, filter: instructions.as_mut_ptr() };
        // SAFETY: `program` points at `len` instructions that live until the call returns; the kernel copies them.
        let result = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                level,
                option,
                (&raw const program).cast(),
                size_of::<libc::sock_fprog>() as libc::socklen_t,
            )
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// Loads one of the packet's `SKF_AD_*` properties.
pub fn load_auxiliary(property: i32) -> Instruction {
    statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, (libc::SKF_AD_OFF + property) as u32)
}

/// An instruction without jumps.
pub const fn statement(code: u32, operand: u32) -> Instruction {
    Instruction { code: code as u16, jump_true: 0, jump_false: 0, operand }
}

/// A conditional jump.
pub const fn jump(code: u32, operand: u32, jump_true: u8, jump_false: u8) -> Instruction {
    Instruction { code: code as u16, jump_true, jump_false, operand }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsFd;
    use std::time::Duration;

    /// Runs a filter for real: on a loopback UDP socket whose sender sets SO_MARK (the mark travels with the packet).
    fn passes(program: &Program, mark: u32) -> bool {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        program.filter(receiver.as_fd()).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        nix::sys::socket::setsockopt(&sender, nix::sys::socket::sockopt::Mark, &mark).unwrap();
        sender.send_to(b"frame", receiver.local_addr().unwrap()).unwrap();
        receiver.recv(&mut [0; 8]).is_ok()
    }

    #[test]
    fn only_marked_frames_pass() {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: setting a mark needs root");
            return;
        }
        let marked = Program::marked();
        for (mark, expected) in
            [(0x5375_0000, true), (0x5375_00ff, true), (0, false), (0x5375_0100, false), (0x5374_0000, false)]
        {
            assert_eq!(passes(&marked, mark), expected, "{mark:#x}");
            assert_eq!(passes(&marked.without_outgoing(), mark), expected, "{mark:#x}, incoming");
        }
        assert!(!passes(&Program::nothing(), 0x5375_0000));
    }
}
