//! The output of `ipvsadm -S`: one command a line, as `ipvsadm -R` reads it.

mod options;

use super::address::{Host, Port, endpoint, mask_bits};
use super::draft::Draft;
use super::ipvs::{Persistent, Target, Transport, Virtual};
use super::service;
use super::text::{Line, Text};
use crate::Method;
use crate::report::Error;
use options::Options;
use std::collections::HashMap;

/// Seconds of `-p` without a number.
const PERSISTENT_S: u32 = 300;

/// The services by how they are named in commands.
#[derive(Default)]
struct Table {
    services: Vec<Virtual>,
    known: HashMap<String, usize>,
    timeouts: [u32; 3],
}

pub(super) fn read(text: &Text<'_>, draft: &mut Draft) -> Result<(), Error> {
    let mut table = Table::default();
    for line in text.lines() {
        let mut words = line.text.split_whitespace().peekable();
        if words.peek().is_some_and(|word| *word == "ipvsadm" || word.ends_with("/ipvsadm")) {
            words.next();
        }
        if words.peek().is_some_and(|word| !word.starts_with('#')) {
            command(&line, &Options::parse(&line, words)?, &mut table, draft)?;
        }
    }
    if table.services.iter().any(|service| !service.backends.is_empty()) {
        let why = "IPVS checks no servers: here too, without a check a backend counts as healthy";
        draft.notes.fill_in(0, "health checks", why, "add [[service.check]] to each service");
    }
    for mut service in table.services {
        service.timeouts = table.timeouts;
        service::add(draft, service);
    }
    Ok(())
}

fn command(line: &Line<'_>, options: &Options<'_>, table: &mut Table, draft: &mut Draft) -> Result<(), Error> {
    match options.command {
        'A' => add_service(line, options, table, draft),
        'a' => add_server(line, options, table, draft),
        // The table is empty at the start of a file as it is.
        'C' => Ok(()),
        's' => {
            for (timeout, text) in table.timeouts.iter_mut().zip(&options.operands) {
                *timeout =
                    text.parse().map_err(|_| line.error_at(text, format!("\"{text}\" is no number of seconds")))?;
            }
            Ok(())
        }
        'm' => {
            let why = "connection synchronisation of IPVS; flows are synchronised by the box itself";
            draft.notes.left(line.number, "--start-daemon", why, "[ha.sync] with the addresses of both nodes");
            Ok(())
        }
        _ => {
            let why = "a saved table has no such command";
            draft.notes.left(line.number, line.text.trim(), why, "");
            Ok(())
        }
    }
}

/// The service a command is about: how it is named, and what it serves.
fn served(line: &Line<'_>, options: &Options<'_>) -> Result<(String, Virtual), Error> {
    let Some(given) = options.first("tuSf") else {
        return Err(line.error(0, "no service: -t, -u or -f says which"));
    };
    let mut service = Virtual { line: line.number, ..Virtual::default() };
    if given.letter == 'f' {
        service.mark = Some(number(line, given.value, "a firewall mark")?);
    } else {
        let (host, port) = host_and_port(line, given.value)?;
        service.vips.push(host);
        service.port = Some(port);
        service.transport = match given.letter {
            't' => Transport::Tcp,
            'u' => Transport::Udp,
            _ => Transport::Sctp,
        };
    }
    Ok((format!("-{} {}{}", given.letter, given.value, if options.has('6') { " -6" } else { "" }), service))
}

fn add_service(line: &Line<'_>, options: &Options<'_>, table: &mut Table, draft: &mut Draft) -> Result<(), Error> {
    let (key, mut service) = served(line, options)?;
    service.shown = line.text.trim().to_owned();
    service.scheduler = options.value('s').unwrap_or_default().to_owned();
    service.flags = options.value('b').map(|flags| flags.split(',').map(str::to_owned).collect()).unwrap_or_default();
    service.one_packet = options.has('o');
    if let Some(seconds) = options.value('p') {
        let timeout_s = if seconds.is_empty() { PERSISTENT_S } else { number(line, seconds, "a number of seconds")? };
        let mask = |mask: &str| mask_bits(mask).ok_or_else(|| not_a_mask(line, options, mask));
        let prefix = options.value('M').map(mask).transpose()?;
        service.persistence = Some(Persistent { timeout_s, prefix });
    }
    if let Some(engine) = options.value('P') {
        // GAP(peers.md 1c): the persistence engine of SIP.
        let why = "persistence by what is inside the packets is not known; the client's address decides";
        draft.notes.left(line.number, format!("--pe {engine}"), why, "");
    }
    table.known.insert(key, table.services.len());
    table.services.push(service);
    Ok(())
}

fn not_a_mask(line: &Line<'_>, options: &Options<'_>, mask: &str) -> Error {
    line.error_at(options.value('M').unwrap_or(mask), format!("\"{mask}\" is no netmask"))
}

fn add_server(line: &Line<'_>, options: &Options<'_>, table: &mut Table, draft: &mut Draft) -> Result<(), Error> {
    let (key, _) = served(line, options)?;
    let Some(at) = table.known.get(&key).copied() else {
        return Err(line.error(0, format!("no service {key} was added before its servers")));
    };
    let Some(server) = options.value('r') else {
        return Err(line.error(0, "no server: -r says which"));
    };
    let (host, port) = host_and_port(line, server)?;
    let count = |letter: char, default: u32| {
        options.value(letter).map_or(Ok(default), |text| number(line, text, "a whole number"))
    };
    let mut target = Target::new(line.number, host, port, method(line, options)?);
    target.weight = count('w', 1)?;
    target.upper = count('x', 0)?;
    target.lower = count('y', 0)?;
    target.tunnel_port = match options.value('U') {
        Some(text) => Some(text.parse().map_err(|_| line.error_at(text, format!("\"{text}\" is no port")))?),
        None => None,
    };
    target.tunnel_checksum = options.has('K');
    if options.has('Q') {
        // GAP(peers.md 1a): remote checksum offload of GUE.
        let why = "remote checksum offload is not done; the tunnel has no checksum";
        draft.notes.left(line.number, "--tun-remcsum", why, "");
    }
    table.services[at].backends.push(target);
    Ok(())
}

fn method(line: &Line<'_>, options: &Options<'_>) -> Result<Method, Error> {
    match options.first("gim").map(|given| given.letter) {
        Some('m') => Ok(Method::Nat),
        Some('i') => match options.value('T').unwrap_or("ipip") {
            "ipip" => Ok(Method::TunnelIpip),
            "gre" => Ok(Method::TunnelGre),
            "gue" => Ok(Method::TunnelGue),
            other => Err(line.error_at(other, format!("\"{other}\" is no type of tunnel: ipip, gue or gre"))),
        },
        _ => Ok(Method::Direct),
    }
}

fn host_and_port(line: &Line<'_>, text: &str) -> Result<(Host, Port), Error> {
    endpoint(text).ok_or_else(|| line.error_at(text, format!("\"{text}\" is no address with port, as in 10.0.0.1:80")))
}

fn number(line: &Line<'_>, text: &str, what: &str) -> Result<u32, Error> {
    text.parse().map_err(|_| line.error_at(text, format!("\"{text}\" is not {what}")))
}
