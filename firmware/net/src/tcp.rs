//! Fields of the TCP header (RFC 9293 3.1), by offset from the header's start.

/// Bytes of a TCP header without options.
pub const HEADER: usize = 20;
/// Offset of the sequence number.
pub const SEQUENCE: usize = 4;
/// Offset of the acknowledgement number.
pub const ACKNOWLEDGEMENT: usize = 8;
/// Offset of the flags.
pub const FLAGS: usize = 13;
/// Offset of the checksum.
pub const CHECKSUM: usize = 16;

/// Control bits.
pub mod flag {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement field counts.
    pub const ACK: u8 = 0x10;
    /// Congestion window reduced (RFC 3168 6.1.2).
    pub const CWR: u8 = 0x80;
}

/// Bytes of the header at `at`, options included.
#[inline(always)]
pub fn header_length(bytes: &[u8], at: usize) -> usize {
    usize::from(bytes[at + 12] >> 4) * 4
}

/// Kinds of options.
pub mod option {
    /// Maximum segment size (RFC 9293 3.7.1).
    pub const MSS: u8 = 2;
    /// Selective acknowledgement (RFC 2018 3).
    pub const SACK: u8 = 5;
}

/// Where the value of the first option `kind` is; `None` when there is none, or the options before it are malformed.
/// The header at `at` is inside `bytes` with all its options.
pub fn option_value(bytes: &[u8], at: usize, kind: u8) -> Option<std::ops::Range<usize>> {
    let end = at + header_length(bytes, at);
    let mut next = at + HEADER;
    while next < end {
        match bytes[next] {
            0 => return None,
            1 => next += 1,
            found => {
                let length = if next + 1 < end { usize::from(bytes[next + 1]) } else { 0 };
                if length < 2 || next + length > end {
                    return None;
                }
                if found == kind {
                    return Some(next + 2..next + length);
                }
                next += length;
            }
        }
    }
    None
}
