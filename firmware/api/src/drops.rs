//! Reasons for dropping a packet, in words.

/// What the reason called `name` means, in words for people who run the box; `None` for a name that is not known.
pub fn meaning_of_drop(name: &str) -> Option<&'static str> {
    MEANINGS.iter().find(|(known, _)| *known == name).map(|(_, meaning)| *meaning)
}

/// By the names that the engine counts under.
const MEANINGS: &[(&str, &str)] = &[
    ("not_ip", "neither IPv4 nor IPv6"),
    ("truncated", "shorter than its headers say"),
    ("bad_header", "impossible IP or TCP header"),
    ("bad_header_checksum", "wrong IPv4 header checksum"),
    ("source_route", "source routing is refused"),
    ("extension_chain", "too many IPv6 extension headers"),
    ("tiny_fragment", "fragment cut inside a TCP/UDP header"),
    ("bad_source", "impossible source address"),
    ("own_source", "sent by this box: it came back"),
    ("hop_limit", "hop limit used up; sender told"),
    ("no_service", "no service on that port; sender told"),
    ("unknown_protocol", "neither TCP, UDP nor ICMP"),
    ("no_backend", "no backend, no fallback; sender told"),
    ("backend_down", "its backend is down"),
    ("backend_reset", "its backend is down; both sides reset"),
    ("midstream_drop", "TCP of no known flow"),
    ("midstream_reset", "TCP of no known flow; sender reset"),
    ("bad_tcp_flags", "TCP flags that nobody sends"),
    ("flow_table_full", "flow table full: engine.flows_max"),
    ("source_ports_exhausted", "full NAT: add engine.snat_addresses"),
    ("too_big", "too big for next link; sender told"),
    ("no_route", "no route to the destination"),
    ("neighbor_unresolved", "next hop does not answer (yet)"),
    ("nic_down", "NIC missing or without link"),
    ("fragment_orphan", "first fragment never came"),
    ("fragment_table_full", "too many fragments at once"),
    ("icmp_unknown_flow", "ICMP error about an unknown flow"),
    ("icmp_ignored", "ICMP message of no use here"),
    ("bad_checksum", "wrong checksum"),
    ("bad_segmentation", "super-frame that cannot be cut"),
    ("no_headroom", "no room to encapsulate it"),
    ("emissions_full", "too many answers at once"),
    ("no_flow", "from a backend, but of no known flow"),
    ("reply_limit", "too many answers per second"),
    ("killed", "flow killed by an administrator"),
    ("ftp_refused", "FTP command with a foreign address"),
    ("link_noise", "ARP or ND message of no use here"),
];
