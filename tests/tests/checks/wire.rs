//! What the checks say on the wire, as Wireshark's dissectors read it: that each is the negotiation it claims to be.

use crate::cases::{self, Case};
use crate::{ask, expect};
use lab::capture::Capture;
use lab::command::{self, words};
use lab::plan::Family;
use lab::servers::{redis, tinyproxy};
use lab::stand::{Stand, address};
use lab::{LabError, Result};
use std::path::Path;
use std::time::Duration;

/// Time that tshark may take.
const LIMIT: Duration = Duration::from_secs(120);

/// A case, and filters each of which must find a frame.
type Proof = (&'static str, &'static [&'static str]);

const SNI: &str = "tls.handshake.extensions_server_name == \"server.lab.test\"";

/// `TLS` at the beginning stands for a greeting to `server.lab.test`.
const PROOFS: &[Proof] = &[
    (
        "http",
        &["http.request.method == \"GET\" && tcp.dstport == 80", "http.response.code == 200 && tcp.srcport == 80"],
    ),
    ("https", &["TLS && tcp.dstport == 443"]),
    ("http-proxy", &["http.request.uri == \"http://10.2.0.11/\"", "http.response.code == 200 && tcp.srcport == 8888"]),
    ("ftp", &["ftp.request.command == \"PASS\"", "ftp.request.command == \"EPSV\"", "ftp.request.command == \"RETR\""]),
    ("smtp", &["smtp.req.command == \"EHLO\" && tcp.dstport == 25", "smtp.req.command == \"QUIT\""]),
    ("smtp starttls", &["smtp.req && frame contains \"STARTTLS\" && tcp.dstport == 25", "TLS && tcp.dstport == 25"]),
    ("submission", &["smtp.req && frame contains \"STARTTLS\" && tcp.dstport == 587", "TLS && tcp.dstport == 587"]),
    (
        "pop3",
        &["pop.request.command == \"USER\"", "pop.request.command == \"PASS\"", "pop.request.command == \"QUIT\""],
    ),
    ("pop3 starttls", &["pop.request.command == \"STLS\"", "TLS && tcp.dstport == 110"]),
    ("pop3s", &["TLS && tcp.dstport == 995"]),
    ("imap", &["imap.request.command == \"LOGIN\"", "imap.request.command == \"LOGOUT\""]),
    ("imap starttls", &["imap.request.command == \"STARTTLS\"", "TLS && tcp.dstport == 143"]),
    ("imaps", &["TLS && tcp.dstport == 993"]),
    ("nntp", &["nntp.request && frame contains \"GROUP local.general\"", "nntp.response && frame contains \"211 \""]),
    (
        "ldap",
        &[
            "ldap.protocolOp == 0 && ldap.name matches \"^cn=admin.dc=lab.dc=test$\"",
            "ldap.protocolOp == 1 && ldap.resultCode == 0",
            "ldap.protocolOp == 3",
            "ldap.protocolOp == 4 && ldap.objectName matches \"^uid=probe.ou=people.dc=lab.dc=test$\"",
        ],
    ),
    ("ldap starttls", &["ldap.protocolOp == 23", "TLS && tcp.dstport == 389"]),
    ("ldaps", &["TLS && tcp.dstport == 636"]),
    ("dns udp", &["udp && dns.qry.name == \"www.lab.test\" && dns.a == 10.2.0.80"]),
    ("dns tcp", &["tcp && dns.qry.type == 6 && dns.soa.mname == \"ns.lab.test\""]),
    ("radius", &["radius.code == 1 && radius.User_Name == \"probe\"", "radius.code == 2"]),
    ("mysql", &["mysql.query == \"select name from item\"", "mysql.row.text == \"gate\""]),
    (
        "postgresql scram",
        &["pgsql.type == \"SASLInitialResponse message\"", "pgsql.query == \"select name from item\""],
    ),
    ("postgresql digest", &["pgsql.type == \"Authentication request\" && pgsql.authtype == 5"]),
    (
        "postgresql plain",
        &["pgsql.type == \"Authentication request\" && pgsql.authtype == 3", "pgsql.val.data == \"gate\""],
    ),
    ("postgresql tls", &["pgsql.type == \"SSL request\"", "TLS && tcp.dstport == 5432"]),
    ("redis", &["resp && tcp.dstport == 6379 && frame contains \"PING\"", "resp.string && tcp.srcport == 6379"]),
    ("redis password", &["resp && tcp.dstport == 6380 && frame contains \"AUTH\""]),
    ("memcached", &["memcache.command == \"version\"", "tcp.srcport == 11211 && frame contains \"VERSION 1.\""]),
    ("sip udp", &["udp && sip.Method == \"OPTIONS\"", "udp && sip.Status-Code == 200"]),
    ("sip tcp", &["tcp && sip.Method == \"OPTIONS\"", "tcp && sip.Status-Code == 200"]),
    ("ntp", &["ntp.flags.mode == 3", "ntp.flags.mode == 4 && ntp.stratum == 10"]),
    ("connect", &["tls.handshake.type == 1 && tcp.dstport == 443"]),
    ("send-expect", &["tcp.dstport == 11211 && frame contains \"version\""]),
    ("udp", &["udp.dstport == 53 && dns.qry.name == \"alias.lab.test\""]),
    ("feedback", &["tcp.srcport == 9000 && frame contains \"75%\""]),
    ("ping", &["icmp.type == 8", "icmp.type == 0"]),
];

pub fn negotiations(stand: &mut Stand) -> Result<()> {
    let all: Vec<&Case> = cases::ALL.iter().copied().flatten().chain([&cases::PING]).collect();
    let proofs = all.iter().map(|case| proof_of(case)).collect::<Result<Vec<_>>>()?;
    let capture = Capture::whole(&stand.lab, "s1", "eth0", "")?;
    for case in &all {
        let outcome = ask(stand, case, case.healthy, address(Family::V4))?;
        expect(case.name, outcome.passed, &outcome)?;
    }
    let file = capture.stop_with_file()?;
    let filters: Vec<String> = proofs.iter().flat_map(|(_, filters)| *filters).map(|filter| written(filter)).collect();
    let mut found = frames(&file, &filters)?.into_iter();
    let mut missing = Vec::new();
    println!();
    for (name, filters) in proofs {
        for filter in *filters {
            let count = found.next().ok_or_else(|| LabError::Answer("tshark counted fewer filters".into()))?;
            println!("{name:<18} {count:>3} frames  {filter}");
            if count == 0 {
                missing.push(format!("{name}: {filter}"));
            }
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(LabError::Answer(format!("not on the wire: {missing:#?}"))) }
}

fn proof_of(case: &Case) -> Result<&'static Proof> {
    let found = PROOFS.iter().find(|(name, _)| *name == case.name);
    found.ok_or_else(|| LabError::Answer(format!("nothing is looked for of the case {}", case.name)))
}

fn written(filter: &str) -> String {
    filter.replace("TLS &&", &format!("tls.handshake.type == 1 && {SNI} &&"))
}

/// How many frames each filter finds, in one reading.
fn frames(file: &Path, filters: &[String]) -> Result<Vec<u64>> {
    let mut tshark = words("tshark", ["-q", "-n", "-r"]);
    tshark.arg(file);
    for (port, protocol) in [(tinyproxy::PORT, "http"), (redis::PORT_PASSWORD, "resp")] {
        tshark.args(["-d", &format!("tcp.port=={port},{protocol}")]);
    }
    tshark.arg("-z").arg(format!("io,stat,0,{}", filters.join(",")));
    let text = command::run(&mut tshark, LIMIT)?.success()?;
    // One row: the interval, then frames and bytes by turns.
    let row = text.lines().find(|line| line.contains("<>") && line.starts_with('|') && !line.contains("Interval"));
    let row = row.ok_or_else(|| LabError::Answer(format!("tshark said: {text}")))?;
    let cells: Vec<u64> = row.split('|').skip(2).filter_map(|cell| cell.trim().parse().ok()).collect();
    Ok(cells.into_iter().step_by(2).collect())
}
