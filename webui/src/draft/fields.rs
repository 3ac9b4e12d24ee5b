//! The fields of the form: which keys of the document they stand for, how values are typed, and what is usual.
//! Labels and hints are in the catalogues, as `form.SCOPE.KEY` and `hint.SCOPE.KEY`.

use config::{
    CheckKind, DnsRecord, FeedbackUse, Helper, HttpMethod, LdapScope, Method, Midstream, Named, NicRole, OnBackendDown,
    Protocol, Scheduler, StartState, Transport,
};

/// How a value is typed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A line; blanks around it mean nothing.
    Text,
    /// A line, exactly as it is.
    Exact,
    /// The same, and nobody looks over the shoulder.
    Secret,
    /// A whole number.
    Number,
    /// A word such as `auto`, or a number.
    WordOrNumber,
    /// One of several words.
    Words(fn() -> Vec<&'static str>),
    /// Yes or no.
    Switch,
    /// One or several, with commas between them.
    List,
    /// The same, and a list in the document even if there is one only.
    Array,
    /// Several lines, one value each.
    Lines,
    /// Lines `Name: value`.
    Pairs,
    /// Lines `send …` and `expect …`.
    Steps,
    /// Several lines, one value.
    Block,
}

/// A field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// The key in the document; with a dot: in a table of its own.
    pub key: &'static str,
    pub kind: Kind,
    /// What stands in it when the document has no such key.
    pub default: &'static str,
    /// Whether few people need it.
    pub rare: bool,
}

const fn field(key: &'static str, kind: Kind, default: &'static str) -> Field {
    Field { key, kind, default, rare: false }
}

const fn rare(key: &'static str, kind: Kind, default: &'static str) -> Field {
    Field { key, kind, default, rare: true }
}

fn names<T: Named>() -> Vec<&'static str> {
    T::NAMES.iter().map(|(name, _)| *name).collect()
}

/// Tables within a service that are there only while this field of theirs is filled in.
pub(crate) const NEEDED: &[(&str, &str)] =
    &[("persistence", "timeout_s"), ("fallback", "address"), ("flap", "changes_max"), ("passive", "window_s")];

/// Of a service.
pub(crate) const SERVICE: &[Field] = &[
    field("name", Kind::Text, ""),
    field("vip", Kind::List, ""),
    field("protocol", Kind::Words(names::<Protocol>), "tcp"),
    field("ports", Kind::Text, ""),
    field("method", Kind::Words(names::<Method>), "nat"),
    field("scheduler", Kind::Words(names::<Scheduler>), "wlc"),
    field("persistence.timeout_s", Kind::Number, ""),
    field("on_backend_down", Kind::Words(names::<OnBackendDown>), "reselect"),
    field("checks_required", Kind::WordOrNumber, "all"),
    rare("nic", Kind::Text, ""),
    rare("persistence.ipv4_prefix", Kind::Number, "32"),
    rare("persistence.ipv6_prefix", Kind::Number, "128"),
    rare("persistence.group", Kind::Text, ""),
    rare("fallback.address", Kind::Text, ""),
    rare("fallback.port", Kind::Number, ""),
    rare("fallback.method", Kind::Words(names::<Method>), "nat"),
    rare("midstream", Kind::Words(names::<Midstream>), "reset"),
    rare("mss_clamp", Kind::WordOrNumber, "auto"),
    rare("one_packet", Kind::Switch, "false"),
    rare("helper", Kind::Words(names::<Helper>), "auto"),
    rare("tunnel_port", Kind::Number, ""),
    rare("slow_start_s", Kind::Number, "0"),
    rare("start_state", Kind::Words(names::<StartState>), "down"),
    rare("backends_min", Kind::Number, "1"),
    rare("quorum.up", Kind::Number, "1"),
    rare("quorum.down", Kind::Number, "1"),
    rare("flap.changes_max", Kind::Number, ""),
    rare("flap.window_s", Kind::Number, "60"),
    rare("flap.hold_s", Kind::Number, "60"),
    rare("passive.window_s", Kind::Number, ""),
    rare("passive.unanswered_max", Kind::Number, "10"),
    rare("passive.refused_max", Kind::Number, "10"),
    rare("passive.one_way_max", Kind::Number, "0"),
    rare("passive.hold_s", Kind::Number, "30"),
    rare("feedback", Kind::Words(names::<FeedbackUse>), "apply"),
    rare("timeouts.established_s", Kind::Number, "900"),
    rare("timeouts.fin_s", Kind::Number, "120"),
    rare("timeouts.syn_recv_s", Kind::Number, "60"),
    rare("timeouts.time_wait_s", Kind::Number, "120"),
    rare("timeouts.udp_s", Kind::Number, "300"),
];

/// Of a backend.
pub(crate) const BACKEND: &[Field] = &[
    field("name", Kind::Text, ""),
    field("address", Kind::Text, ""),
    field("port", Kind::Number, ""),
    field("weight", Kind::Number, "1"),
    rare("priority", Kind::Number, "0"),
    rare("flows_max", Kind::Number, "0"),
    rare("flows_low", Kind::Number, ""),
    rare("method", Kind::Words(own_or_method), ""),
    rare("tunnel_port", Kind::Number, ""),
];

/// Of a NIC.
pub(crate) const NIC: &[Field] = &[
    field("name", Kind::Text, ""),
    field("role", Kind::Words(unused_or_role), ""),
    field("addresses", Kind::Array, ""),
];

/// Of the box itself.
pub(crate) const SYSTEM: &[Field] = &[field("hostname", Kind::Text, "")];

/// Of a static route.
pub(crate) const ROUTE: &[Field] =
    &[field("to", Kind::Text, ""), field("via", Kind::Text, ""), field("nic", Kind::Text, "")];

/// Of the default routes, by family.
pub(crate) const GATEWAYS: &[Field] = &[field("ipv4", Kind::Text, ""), field("ipv6", Kind::Text, "")];

/// Of a check, whatever its kind.
pub(crate) const CHECK: &[Field] = &[
    field("name", Kind::Text, ""),
    field("kind", Kind::Words(names::<CheckKind>), "connect"),
    field("interval_ms", Kind::Number, "2000"),
    field("timeout_ms", Kind::Number, "1000"),
    rare("rise", Kind::Number, "2"),
    rare("fall", Kind::Number, "3"),
    rare("port", Kind::Number, ""),
    rare("address", Kind::Words(asked_address), "backend"),
];

/// Of checks of some kinds.
pub(crate) const OPTIONS: &[Field] = &[
    field("path", Kind::Text, ""),
    field("host", Kind::Text, ""),
    field("http_method", Kind::Words(names::<HttpMethod>), "GET"),
    field("expect_status", Kind::Text, ""),
    field("expect_body", Kind::Exact, ""),
    field("ehlo", Kind::Text, ""),
    field("login", Kind::Text, ""),
    field("password", Kind::Secret, ""),
    field("secret", Kind::Secret, ""),
    field("folder", Kind::Text, ""),
    field("file", Kind::Text, ""),
    field("newsgroup", Kind::Text, ""),
    field("base", Kind::Text, ""),
    field("scope", Kind::Words(names::<LdapScope>), "base"),
    field("filter", Kind::Text, ""),
    field("database", Kind::Text, ""),
    field("query", Kind::Text, ""),
    field("record", Kind::Words(names::<DnsRecord>), "a"),
    field("transport", Kind::Words(names::<Transport>), "udp"),
    field("command", Kind::Text, ""),
    field("arguments", Kind::Lines, ""),
    field("uri", Kind::Text, ""),
    field("stratum_max", Kind::Number, "15"),
    field("count", Kind::Number, "1"),
    field("steps", Kind::Steps, ""),
    field("send", Kind::Exact, ""),
    field("expect", Kind::Exact, ""),
    rare("headers", Kind::Pairs, ""),
    field("tls", Kind::Words(no_words), ""),
    rare("sni", Kind::Text, ""),
    rare("tls_verify", Kind::Switch, "false"),
    rare("tls_ca", Kind::Block, ""),
    rare("certificate_warning_days", Kind::Number, ""),
];

fn unused_or_role() -> Vec<&'static str> {
    let mut words = vec![""];
    words.extend(names::<NicRole>());
    words
}

fn own_or_method() -> Vec<&'static str> {
    let mut words = vec![""];
    words.extend(names::<Method>());
    words
}

fn asked_address() -> Vec<&'static str> {
    names::<config::AskedAddress>()
}

/// The words of `tls` follow from the kind of the check.
fn no_words() -> Vec<&'static str> {
    Vec::new()
}

/// The fields that a check of a kind has beyond [`CHECK`].
pub(crate) fn options_of(kind: &str) -> Vec<Field> {
    let Some(kind) = CheckKind::from_name(kind) else { return Vec::new() };
    let options: Vec<_> = kind.options().collect();
    OPTIONS.iter().filter(|field| options.contains(&field.key)).copied().collect()
}

/// The words that a field offers, in a check of this kind.
pub(crate) fn words_of(field: &Field, kind: &str) -> Vec<&'static str> {
    match (field.key, field.kind) {
        ("tls", _) => {
            let modes = CheckKind::from_name(kind).map(CheckKind::tls_modes).unwrap_or_default();
            std::iter::once("").chain(modes.iter().map(|mode| mode.name())).collect()
        }
        (_, Kind::Words(words)) => words(),
        (_, Kind::Switch) => vec!["false", "true"],
        _ => Vec::new(),
    }
}
