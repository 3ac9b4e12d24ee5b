//! Fields of the UDP header (RFC 768), by offset from the header's start.

/// Bytes of a UDP header.
pub const HEADER: usize = 8;
/// Offset of the length.
pub const LENGTH: usize = 4;
/// Offset of the checksum; zero means none (RFC 768), allowed over IPv4 only, and for some tunnels (RFC 6935).
pub const CHECKSUM: usize = 6;
