//! Statements that have no key in the document, and what takes their place.

use super::tree::Statement;
use crate::import::draft::Draft;
use crate::import::notes::{ALERTS, WEBHOOK};

/// What is said about statements: their keys, of which one that ends in `*` stands for all that begin so, why they are
/// not carried over, and what takes their place. An empty reason: they make no difference here.
type Remark = (&'static [&'static str], &'static str, &'static str);

const SCRIPT: &str = "a program that is run; no programs are run here";
const GARP: &str = "addresses are announced when they move, and again all the time";
const PROCESS: &str = "it is about the processes of keepalived";

/// Statements outside all blocks.
pub(super) const FILE: &[Remark] = &[
    (&["include*"], "included files are not read", "import that file as well, or put its lines in place of this one"),
    (&["static_rules"], "policy routing is not done", ""),
    (&["bfd_instance"], "BFD is not spoken", "track = [{ ping = \"ADDRESS\" }] in the router"),
    (&["track_file", "vrrp_track_file"], "a file that other programs write", "track in the router, or the API"),
    (&["vrrp_track_process", "track_process"], "a process of the old machine", "a check of the service"),
    (&["track_group", "linkbeat_interfaces", "interface_up_down_delays"], "NICs are watched without it", ""),
    (&["garp_group"], GARP, ""),
    (&["SSL"], "the client certificate of checks", "tls_ca and tls_verify of a check"),
    (&["net_namespace*", "namespace_with_ipsets", "instance", "use_pid_dir", "child_wait_time"], PROCESS, ""),
];

/// Statements of `global_defs`.
pub(super) const GLOBAL: &[Remark] = &[
    (&["notification_email*", "smtp_*", "no_email_faults", "no_checker_emails"], "mail is not set up here", ALERTS),
    (&["router_id"], "a name for mails; nodes have their own", "suimon run --node NAME"),
    (&["lvs_sync_daemon"], "flows are synchronised by the box itself", "[ha.sync] with the addresses of both nodes"),
    (&["enable_snmp*", "enable_traps", "snmp_socket"], "there is no SNMP agent", "/metrics"),
    (&["enable_dbus", "dbus_service_name"], "there is no D-Bus", "the REST API"),
    (&["*notify_fifo*", "startup_script*", "shutdown_script*"], SCRIPT, WEBHOOK),
    (&["vrrp_garp*", "vrrp_gna_interval", "vrrp_min_garp"], GARP, ""),
    (&["vrrp_mcast_group*"], "VRRP is spoken to the groups of RFC 9568", ""),
    (&["vrrp_strict", "vrrp_skip_check_adv_addr", "vrrp_check_unicast_src"], "RFC 9568 is followed as it is", ""),
    (&["default_interface", "script_user", "enable_script_security", "dynamic_interfaces"], "", ""),
    (&["*"], PROCESS, ""),
];

/// Statements of `vrrp_instance` and `vrrp_sync_group`.
pub(super) const ROUTER: &[Remark] = &[
    (
        &["authentication"],
        "VRRPv3 has no authentication (RFC 9568 9); what nodes tell each other beside it is authenticated",
        "the key that pairing makes, for [ha.sync]",
    ),
    // GAP(peers.md 4a unicast_peer): VRRP to listed peers.
    (
        &["unicast_*", "check_unicast_src"],
        "VRRP is sent by multicast only",
        "let the network carry 224.0.0.18 and ff02::12",
    ),
    (&["lvs_sync_daemon*"], "flows are synchronised by the box itself", "[ha.sync] with the addresses of both nodes"),
    (&["notify*"], SCRIPT, WEBHOOK),
    (&["smtp_alert"], "mail is not set up here", ALERTS),
    (&["virtual_routes"], "routes do not move with an address", "a [[route]] on every node"),
    (&["virtual_rules"], "policy routing is not done", ""),
    (&["track_file", "track_process", "track_bfd"], "what it watches is not watched here", "track in the router"),
    (&["preempt_delay"], "a node takes over once it has the flows, not after a time", "preempt = \"never\""),
    (&["garp_*"], GARP, ""),
    (
        &["use_ipvlan", "use_vmac_addr"],
        "a router has the MAC address of RFC 9568 7.3 or that of its NIC",
        "virtual_mac",
    ),
    (&["mcast_src_ip", "mcast_dst_ip", "track_src_ip"], "VRRP is sent from the NIC's own address to its group", ""),
    (&["down_timer_adverts"], "the active node counts as gone after 3 adverts (RFC 9568 6.1)", "advert_ms"),
    (&["dont_track_primary"], "a router gives up when its NIC has no link", ""),
    (&["no_accept", "strict_mode"], "a VIP answers on the ports of its services", ""),
    (&["old_unicast_checksum"], "the checksum is made as the peer makes it", "checksum = \"pseudo-header\""),
    (&["promote_secondaries", "linkbeat_use_polling", "kernel_rx_buf_size", "skip_check_adv_addr"], "", ""),
    (&["lower_prio_no_advert", "higher_prio_send_advert"], "", ""),
    (&["global_tracking", "sync_group_tracking_weight"], "routers of a group move together anyway", ""),
];

/// Statements of `virtual_server` and `real_server`.
pub(super) const SERVER: &[Remark] = &[
    (&["quorum_up", "quorum_down", "notify_up", "notify_down"], SCRIPT, WEBHOOK),
    (&["smtp_alert"], "mail is not set up here", ALERTS),
    (&["persistence_engine"], "persistence is by the client's address only", ""),
    (&["ha_suspend"], "servers are checked on every node, so that a takeover waits for no check", ""),
    (&["omega"], "its programs are not run", WEBHOOK),
    (
        &["inhibit_on_failure", "sorry_server_inhibit"],
        "a dead server got weight 0, so that its flows and persistent clients went on to it; here its flows are told \
         at once",
        "on_backend_down of the service: \"reselect\" now, \"keep\" is as before",
    ),
    (&["ip_family", "alpha", "warmup"], "", ""),
];

/// Statements of checkers that belong to all of them.
pub(super) const CHECKER: &[Remark] = &[
    (&["connect_ip", "host"], "a check asks the backend itself", "kind = \"external\" asks what it wants"),
    (&["bindto", "bind_if", "bind_port", "fwmark"], "checks leave by the route to the backend", ""),
    (&["log_all_failures"], "the dialogue of the last failure is kept", "suimon ctl backends"),
    (
        &["misc_dynamic"],
        "the weight does not follow a program",
        "a check of kind \"feedback\" asks an agent on the server",
    ),
    (&["user"], "programs run without privileges", ""),
    (&["http_protocol"], "HTTP/1.1 is spoken", ""),
    (&["regex_stack", "regex_min_offset", "regex_max_offset"], "the whole answer is searched in bounded time", ""),
    (&["regex_no_match"], "a check passes when it finds something, not when it does not", "expect_body"),
    (&["digest"], "digests of pages are not compared", "expect_body: a text that only the right page has"),
    (&["alpha", "warmup", "fast_recovery"], "", ""),
];

/// Remarks on all statements inside, but those that `carried` names.
pub(super) fn inside(draft: &mut Draft, block: &Statement, remarks: &[Remark], carried: &[&str]) {
    for statement in block.inside().iter().filter(|inside| inside.condition.is_none()) {
        if !carried.contains(&statement.key()) {
            one(draft, statement, remarks);
        }
    }
}

/// A remark on a statement.
pub(super) fn one(draft: &mut Draft, statement: &Statement, remarks: &[Remark]) {
    let fits = |pattern: &str, key: &str| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(rest), Some(_)) => key.contains(rest.trim_end_matches('*')),
        (None, Some(start)) => key.starts_with(start),
        _ => key == pattern,
    };
    let key = statement.key();
    let known = remarks.iter().find(|(keys, _, _)| keys.iter().any(|pattern| fits(pattern, key)));
    match known {
        Some((_, "", _)) => {}
        Some((_, why, instead)) => draft.notes.left(statement.line, statement.shown(), *why, *instead),
        None => draft.notes.left(statement.line, statement.shown(), "this importer does not know it", ""),
    }
}
