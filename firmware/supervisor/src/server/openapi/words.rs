//! What each route is called, for people: the one thing about it that types cannot tell. A test fails for a route that is
//! missing here.

use crate::server::access::Route;
use api::path;
use serde_json::{Value, json};

/// Parts of the API, and what they are about.
const TAGS: [(&str, &str); 6] = [
    (NODE, "The node at a glance, its services and backends, and what it measures."),
    (TRAFFIC, "Flows and packets."),
    (CONFIGURATION, "The document in use, its changes and its history."),
    (OWN, "Logging in, and what is the caller's own."),
    (PEOPLE, "Users, sessions and tokens of everybody, and the audit log."),
    (DESCRIPTION, "This description."),
];

const NODE: &str = "node";
const TRAFFIC: &str = "traffic";
const CONFIGURATION: &str = "configuration";
const OWN: &str = "own";
const PEOPLE: &str = "people";
const DESCRIPTION: &str = "description";

/// Words for one route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    /// Method and path.
    call: (&'static str, &'static str),
    pub(super) tag: &'static str,
    /// What it does: a few words without a full stop.
    pub(super) summary: &'static str,
    /// More of it; may be empty.
    pub(super) about: &'static str,
    /// What is answered.
    pub(super) answers: &'static str,
    /// What bytes are, for answers that are not JSON of a type.
    pub(super) media: Option<&'static str>,
    /// What it may refuse besides that which follows from what it takes.
    pub(super) refusals: &'static [u16],
}

/// All tags, as the document lists them.
pub(super) fn tags() -> Value {
    TAGS.iter().map(|(name, about)| json!({ "name": name, "description": about })).collect()
}

/// The words of a route.
pub(super) fn of(route: &Route) -> Option<&'static Words> {
    ROUTES.iter().flat_map(|routes| routes.iter()).find(|words| words.call == (route.method(), route.path))
}

const ROUTES: [&[Words]; 6] =
    [NODE_ROUTES, TRAFFIC_ROUTES, CONFIGURATION_ROUTES, OWN_ROUTES, PEOPLE_ROUTES, &[DESCRIPTION_ROUTE]];

const DESCRIPTION_ROUTE: Words = get(DESCRIPTION, path::OPENAPI, "This description")
    .answers("OpenAPI 3.1, made from the types and the routes of the program that answers.")
    .bytes("application/json");

const NODE_ROUTES: &[Words] = &[
    get(NODE, path::STATUS, "The node at a glance"),
    get(NODE, path::SERVICES, "Its services"),
    get(NODE, path::BACKENDS, "Its backends").refuses(&[404]),
    get(NODE, path::BACKEND_DETAIL, "One backend, with what its checks met").refuses(&[404]),
    post(NODE, path::BACKEND_STATE, "Put a backend online, drain or disable it")
        .about("A drain lets the flows go on that are there; with a deadline, those left then are kept or reset.")
        .answers("The backend as it is now.")
        .refuses(&[404]),
    post(NODE, path::DOCTOR, "Look at servers that have the VIP themselves")
        .about(
            "Those of the method direct: whether each takes packets for the VIP, and whether one answers ARP for it.",
        )
        .answers("What is wrong, and the commands that cure it.")
        .refuses(&[500]),
    get(NODE, path::COUNTERS, "All counters"),
    get(NODE, path::LINKS, "NICs that the box has").about("Whether the configuration names them or not."),
    get(NODE, path::NETWORK, "The network of the box")
        .about("NICs and routes as they are, and which of them the configuration asks for."),
    get(NODE, path::NEIGHBORS, "Next hops"),
    get(NODE, path::GRAPHS, "A graph")
        .about("What was measured of a service, backend, NIC or the node, at the resolution that fits the span."),
    get(NODE, path::CERTIFICATE, "The certificate of the console"),
    post(NODE, path::CERTIFICATE, "Put another certificate in use")
        .about("With its key, or as the answer to the request of this box. New connections of the console show it at once.")
        .refuses(&[413]),
    delete(NODE, path::CERTIFICATE, "Put a certificate in use that the box signs itself")
        .about("With a new key, for the addresses that the box has now. The one before is lost."),
    post(NODE, path::SIGNING_REQUEST, "Make a key, and a request for a certificate (PKCS #10)")
        .about("The key stays on the box. An earlier request is forgotten."),
    delete(NODE, path::SIGNING_REQUEST, "Forget the request and its key"),
    get(NODE, path::ALERTS, "Who is told of what happens, how that goes, and what happened lately"),
    post(NODE, path::ALERT_TEST, "Send a test message to a destination of alerts or a syslog server")
        .about("One try, apart from what waits for it. A line of syslog is confirmed by nobody: see its counters.")
        .refuses(&[404]),
    post(NODE, path::SUPPORT_BUNDLE, "What whoever helps needs to see, without secrets")
        .about(
            "Version, configuration and its last revisions, state of services, backends and checks, counters, log, audit log, \
             alerts, and what the kernel knows. `MANIFEST` lists what is in it and what was left out. At most 32 MiB before \
             it is packed.",
        )
        .answers("A tar archive, packed with gzip.")
        .bytes("application/gzip")
        .refuses(&[500]),
    get(NODE, path::LOG, "The log of the program")
        .about("With `after`, those after that line: whoever follows asks with the id of the last line known."),
    get(NODE, path::EVENTS, "What happens, as it happens")
        .about(
            "Backends, services and NICs that go down or come up, states of backends and ends of drains, revisions, log-ins \
             that were locked, and whatever else alerts tell. The data of an event is JSON: `unix_s`, `kind`, `subject` and \
             `cause`. With `Last-Event-ID`, or `after`, those after that event; the newest 1,024 are kept. An event `gap` says how \
             many were missed (`missed`, null after a new start of the node). The answer ends after 60 s: whoever comes back \
             with the last id misses nothing. 32 may listen at once.",
        )
        .answers("Server-sent events.")
        .bytes("text/event-stream"),
    get(NODE, path::METRICS, "Counters for Prometheus")
        .answers("OpenMetrics text.")
        .bytes("application/openmetrics-text; version=1.0.0; charset=utf-8"),
];

const TRAFFIC_ROUTES: &[Words] = &[
    get(TRAFFIC, path::FLOWS, "Flows that are known now").refuses(&[404]),
    post(TRAFFIC, path::KILL, "End a flow, or all flows of a client").refuses(&[404]),
    post(TRAFFIC, path::EXPLAIN, "Why a client's packet goes where it goes, or why it is dropped"),
    post(TRAFFIC, path::PING, "Send echoes to an address, one after the other")
        .about("From the addresses of the box, and from the process that asks servers.")
        .refuses(&[503]),
    post(TRAFFIC, path::TRACE, "Find the way to an address, and who answers at each step").refuses(&[503]),
    post(TRAFFIC, path::PORT, "Connect to a TCP port, with TLS if asked for").refuses(&[503]),
    get(TRAFFIC, path::KERNEL_NEIGHBORS, "The kernel's table of neighbours (ARP and neighbour discovery)")
        .refuses(&[500]),
    post(TRAFFIC, path::CAPTURE, "Record packets of a NIC")
        .about("The file grows while the capture runs; closing the connection ends it. One capture at a time.")
        .answers("A pcap file with nanoseconds.")
        .bytes("application/vnd.tcpdump.pcap")
        .refuses(&[404, 409]),
];

const CONFIGURATION_ROUTES: &[Words] = &[
    get(CONFIGURATION, path::CONFIG, "The document in use")
        .about("It may hold the passwords that checks log in with: whoever reads it is written to the audit log."),
    post(CONFIGURATION, path::APPLY, "Put a document in use")
        .about(
            "It becomes a revision, is kept on disk, and only then acted on. Changes of anything but services, backends and \
             checks take the role administrator. With `confirm_within_s` the revision before returns by itself unless \
             somebody confirms in time. With `base_revision`, it is refused when another one is in use by now.",
        )
        .refuses(&[403, 409, 422]),
    post(CONFIGURATION, path::DIFF, "What a document would change").refuses(&[409, 422]),
    get(CONFIGURATION, path::DIFF, "What changed from one revision to another").refuses(&[404, 422]),
    post(CONFIGURATION, path::DRY_RUN, "Ask every server as a document would, once, and change nothing")
        .refuses(&[422]),
    get(CONFIGURATION, path::CONFIRM, "Whether the revision in use waits for confirmation"),
    post(CONFIGURATION, path::CONFIRM, "Keep the revision that waits for confirmation").refuses(&[409]),
    post(CONFIGURATION, path::ROLLBACK, "Put the document of an earlier revision in use again, as a new one")
        .refuses(&[403, 404, 409, 422]),
    get(CONFIGURATION, path::REVISIONS, "The history"),
    get(CONFIGURATION, path::REVISION, "One revision and its document").refuses(&[404]),
    post(CONFIGURATION, path::BACKUP, "Everything that makes the node what it is, as one encrypted file")
        .about("Documents, users, tokens, states of backends, certificate and keys. Nobody opens it without the pass phrase.")
        .answers("The file.")
        .bytes("application/octet-stream")
        .refuses(&[409]),
    post(CONFIGURATION, path::RESTORE_LOOK, "What is in a backup, and how it fits this box").refuses(&[422]),
    post(CONFIGURATION, path::RESTORE, "Put a backup in use")
        .about(
            "All of it in one transaction, or nothing. Every session ends. With `confirm_within_s` everything before returns \
             by itself, users included, unless somebody confirms in time.",
        )
        .refuses(&[409, 422]),
];

const OWN_ROUTES: &[Words] = &[
    post(OWN, path::LOGIN, "Begin a session")
        .about("Failures slow further attempts down, of the user and of the address; after some both have to wait.")
        .answers("The token of the session: `Authorization: Bearer TOKEN` from now on.")
        .refuses(&[429]),
    post(OWN, path::LOGOUT, "End the session that asks").refuses(&[400]),
    get(OWN, path::ME, "Who calls"),
    post(OWN, path::OWN_PASSWORD, "Change the caller's own password").refuses(&[404, 429]),
    post(OWN, path::OWN_SECOND_FACTOR, "Offer the caller a second factor")
        .about("It is in force once its first code was given. A token for programs has none.")
        .refuses(&[400, 403, 404, 409]),
    post(OWN, path::OWN_SECOND_FACTOR_CODE, "Put the second factor in force by its first code")
        .refuses(&[404, 409, 429]),
    post(OWN, path::OWN_SECOND_FACTOR_REMOVE, "Take the caller's second factor away")
        .about("A code of it, or a recovery code, is needed besides the password.")
        .refuses(&[404, 409, 429]),
    get(OWN, path::OWN_SESSIONS, "Where the caller is logged in"),
    delete(OWN, path::OWN_SESSION, "End one of the caller's sessions").refuses(&[404]),
    get(OWN, path::OWN_TOKENS, "The caller's tokens for programs"),
    post(OWN, path::OWN_TOKENS, "Make a token of the caller's own")
        .about("Not more than the caller may. A token cannot make tokens.")
        .answers("The token, which is shown this once.")
        .refuses(&[403, 404, 409]),
    delete(OWN, path::OWN_TOKEN, "Revoke a token of the caller's own").refuses(&[404]),
];

const PEOPLE_ROUTES: &[Words] = &[
    get(PEOPLE, path::USERS, "Users"),
    post(PEOPLE, path::USERS, "Add a user")
        .answers("The user, and the first password when it was made up: it is shown this once.")
        .refuses(&[409]),
    patch(PEOPLE, path::USER, "Change a user").refuses(&[404, 409]),
    delete(PEOPLE, path::USER, "Remove a user, with all sessions and tokens").refuses(&[404, 409]),
    post(PEOPLE, path::USER_PASSWORD, "Give a user another password, to be changed at the next log-in").refuses(&[404]),
    delete(PEOPLE, path::USER_SESSIONS, "End all sessions of a user").refuses(&[404]),
    get(PEOPLE, path::SESSIONS, "Everybody's sessions"),
    delete(PEOPLE, path::SESSION, "End a session").refuses(&[404]),
    get(PEOPLE, path::TOKENS, "Everybody's tokens"),
    post(PEOPLE, path::TOKENS, "Make a token for a user")
        .answers("The token, which is shown this once.")
        .refuses(&[403, 404, 409]),
    delete(PEOPLE, path::TOKEN, "Revoke a token").refuses(&[404]),
    get(PEOPLE, path::AUDIT, "What was done by whom, the newest first"),
    get(PEOPLE, path::AUDIT_EXPORT, "All of the audit log")
        .answers("One `AuditRecord` as JSON a line, the oldest first.")
        .bytes("application/x-ndjson"),
    get(PEOPLE, path::AUDIT_CHECK, "Whether the audit log is what was written"),
];

const fn get(tag: &'static str, path: &'static str, summary: &'static str) -> Words {
    Words { call: ("GET", path), tag, summary, about: "", answers: "What was asked for.", media: None, refusals: &[] }
}

const fn post(tag: &'static str, path: &'static str, summary: &'static str) -> Words {
    Words { call: ("POST", path), answers: "What came of it.", ..get(tag, path, summary) }
}

const fn patch(tag: &'static str, path: &'static str, summary: &'static str) -> Words {
    Words { call: ("PATCH", path), ..post(tag, path, summary) }
}

const fn delete(tag: &'static str, path: &'static str, summary: &'static str) -> Words {
    Words { call: ("DELETE", path), ..post(tag, path, summary) }
}

impl Words {
    const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    const fn answers(self, answers: &'static str) -> Self {
        Self { answers, ..self }
    }

    /// Answers bytes of this kind.
    const fn bytes(self, media: &'static str) -> Self {
        Self { media: Some(media), ..self }
    }

    const fn refuses(self, refusals: &'static [u16]) -> Self {
        Self { refusals, ..self }
    }
}

/// All calls that have words.
#[cfg(test)]
pub(super) fn calls() -> impl Iterator<Item = (&'static str, &'static str)> {
    ROUTES.iter().flat_map(|routes| routes.iter()).map(|words| words.call)
}
