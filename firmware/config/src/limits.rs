//! Named bounds of the document. Beyond them a document is refused; the engine sizes its tables by the same numbers.

/// Bytes of a document.
pub const DOCUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Errors reported for one document; more are counted, not listed.
pub const ERRORS_MAX: usize = 100;
/// Characters of a name of a service, backend, check, group or node.
pub const NAME_LENGTH_MAX: usize = 63;
/// Bytes of a NIC's name: the kernel's IFNAMSIZ less its closing zero.
pub const NIC_NAME_LENGTH_MAX: usize = 15;
/// NICs.
pub const NICS_MAX: usize = 64;
/// Addresses of one NIC on one node.
pub const NIC_ADDRESSES_MAX: usize = 64;
/// Nodes that share a document.
pub const NODES_MAX: usize = 16;
/// Routes.
pub const ROUTES_MAX: usize = 4_096;
/// Services. The engine has as many slots.
pub const SERVICES_MAX: usize = 4_096;
/// Backends over all services, fallbacks included. The engine has as many slots.
pub const BACKENDS_MAX: usize = 16_384;
/// VIPs of one service.
pub const VIPS_MAX: usize = 256;
/// Port ranges of one service.
pub const PORT_RANGES_MAX: usize = 64;
/// Checks of one service.
pub const CHECKS_MAX: usize = 16;
/// Virtual routers (VRRP) of one document.
pub const ROUTERS_MAX: usize = 255;
/// Weight of a backend; the same bound as in IPVS.
pub const WEIGHT_MAX: u32 = i32::MAX as u32;
/// Idle times, seconds: 31 days.
pub const TIMEOUT_S_MAX: u32 = 31 * 86_400;
/// Smallest MSS that may be clamped to, bytes: what every IPv4 host accepts (RFC 9293 3.7.1).
pub const MSS_MIN: u16 = 536;
/// Largest MSS that may be clamped to, bytes.
pub const MSS_MAX: u16 = 65_495;
/// Workers.
pub const WORKERS_MAX: u8 = 64;
/// Smallest flow table of the box.
pub const FLOWS_MIN: u32 = 1_024;
/// Largest flow table of the box: 8 GiB at 128 bytes a flow.
pub const FLOWS_MAX: u32 = 64 * 1024 * 1024;
/// Largest persistence table of the box.
pub const PERSISTENCE_MAX: u32 = 16 * 1024 * 1024;
/// Most fragmented datagrams tracked at once.
pub const FRAGMENTS_MAX: u32 = 1024 * 1024;
/// Most FTP control connections followed at once.
pub const FTP_MAX: u32 = 1024 * 1024;
/// Most answers of the box's own per second.
pub const REPLIES_PER_SECOND_MAX: u32 = 10_000_000;
/// Source addresses of full NAT.
pub const SNAT_ADDRESSES_MAX: usize = 64;
/// Longest busy-poll before a worker sleeps, microseconds.
pub const SPIN_US_MAX: u32 = 10_000;
/// Shortest interval between two runs of a check, milliseconds.
pub const CHECK_INTERVAL_MS_MIN: u32 = 100;
/// Longest interval between two runs of a check, milliseconds.
pub const CHECK_INTERVAL_MS_MAX: u32 = 3_600_000;
/// Shortest deadline of a check, milliseconds.
pub const CHECK_TIMEOUT_MS_MIN: u32 = 10;
/// Most passes or failures in a row that a judgement may ask for.
pub const CHECK_RUNS_MAX: u32 = 1_000;
/// UDP port of GUE where none is given (the port the IANA keeps for it).
pub const TUNNEL_PORT_DEFAULT: u16 = 6_080;
/// Bytes of a regular expression.
pub const PATTERN_LENGTH_MAX: usize = 1_024;
/// Bytes that a compiled regular expression may take.
pub const PATTERN_COMPILED_BYTES_MAX: usize = 256 * 1024;
/// Bytes of the text that a check sends at once.
pub const PAYLOAD_LENGTH_MAX: usize = 4_096;
/// Bytes of any other text of a check.
pub const CHECK_TEXT_LENGTH_MAX: usize = 1_024;
/// Steps of a send-expect check.
pub const CHECK_STEPS_MAX: usize = 32;
/// Headers of a check's request, and arguments of its program.
pub const CHECK_LIST_MAX: usize = 32;
/// Bytes of the certificates of a check's own authorities.
pub const CHECK_AUTHORITIES_BYTES_MAX: usize = 64 * 1024;
/// Days ahead that the end of a certificate may be warned of.
pub const CERTIFICATE_WARNING_DAYS_MAX: u16 = 365;
/// Days ahead that the end of a certificate is warned of by default.
pub const CERTIFICATE_WARNING_DAYS_DEFAULT: u16 = 14;
/// Echoes of one ping.
pub const PING_COUNT_MAX: u8 = 10;
/// Largest stratum of a synchronised NTP server (RFC 5905 7.3).
pub const STRATUM_MAX: u8 = 15;
/// Most checks under way at once.
pub const PROBES_IN_FLIGHT_MAX: u32 = 16_384;
