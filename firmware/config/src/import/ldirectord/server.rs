//! The lines `real = ADDRESS[->ADDRESS][:PORT] METHOD [WEIGHT] ["REQUEST", "RECEIVE"] [<l:N>] [<u:N>]`.

use super::lines::Directive;
use crate::Method;
use crate::import::address::{Host, Port, endpoint, range};
use crate::import::draft::Draft;
use crate::import::ipvs::{Target, Virtual};
use crate::report::Error;
use winnow::combinator::{delimited, separated_pair};
use winnow::prelude::*;
use winnow::token::take_while;

/// What a server is asked instead of what its service says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked<'t> {
    pub(super) request: &'t str,
    pub(super) receive: &'t str,
}

/// One line in its parts.
struct Parts<'t> {
    address: &'t str,
    method: Method,
    weight: u32,
    asked: Option<Asked<'t>>,
    lower: u32,
    upper: u32,
}

pub(super) fn method(word: &str) -> Option<Method> {
    match word {
        "gate" => Some(Method::Direct),
        "masq" => Some(Method::Nat),
        "ipip" => Some(Method::TunnelIpip),
        _ => None,
    }
}

/// The servers of a line: one, or those of a range.
pub(super) fn servers(
    draft: &mut Draft,
    directive: &Directive<'_>,
    service: &Virtual,
) -> Result<impl Iterator<Item = Target> + use<>, Error> {
    let parts = parts(directive)?;
    let number = directive.line.number;
    let (first, last) = match parts.address.split_once("->") {
        Some((first, rest)) => (first, Some(rest)),
        None => (parts.address, None),
    };
    // The port stands behind the last address.
    let wrong = |text: &str| directive.line.error_at(text, format!("\"{text}\" is no address of a server"));
    let (host, port) = endpoint(last.unwrap_or(first)).ok_or_else(|| wrong(last.unwrap_or(first)))?;
    let hosts = match last {
        None => vec![host],
        Some(_) => between(draft, directive, Host::parse(first), host),
    };
    // ldirectord takes a missing port as the service's.
    let port = if port == Port::Any { service.port.clone().unwrap_or(Port::Any) } else { port };
    let Parts { method, weight, lower, upper, .. } = parts;
    Ok(hosts.into_iter().map(move |host| Target {
        weight,
        upper,
        lower,
        ..Target::new(number, host, port.clone(), method)
    }))
}

/// What a server is asked in its own line instead.
pub(super) fn asked<'t>(directive: &Directive<'t>) -> Result<Option<Asked<'t>>, Error> {
    parts(directive).map(|parts| parts.asked)
}

fn between(draft: &mut Draft, directive: &Directive<'_>, first: Host, last: Host) -> Vec<Host> {
    let (Some(from), Some(to)) = (first.address(), last.address()) else {
        let why = "the servers between two names are found by looking the names up, which is not done here";
        draft.notes.fill_in(directive.line.number, directive.shown(), why, "write a [[service.backend]] for each");
        return Vec::new();
    };
    match range(from, to) {
        Ok(addresses) => addresses.into_iter().map(Host::Address).collect(),
        Err(why) => {
            let why = format!("the range cannot be written out: {why}");
            draft.notes.fill_in(directive.line.number, directive.shown(), why, "write a [[service.backend]] for each");
            Vec::new()
        }
    }
}

fn parts<'t>(directive: &Directive<'t>) -> Result<Parts<'t>, Error> {
    let line = &directive.line;
    let (address, rest) = directive.value.split_once([' ', '\t']).unwrap_or((directive.value, ""));
    let mut rest = rest.trim_start();
    let word = rest.split([' ', '\t']).next().unwrap_or_default();
    let Some(method) = method(word) else {
        let message = format!("\"{word}\" is no method: gate, masq or ipip follows the address");
        return Err(line.error_at(rest, message));
    };
    rest = rest[word.len()..].trim_start();
    let mut parts = Parts { address, method, weight: 1, asked: None, lower: 0, upper: 0 };
    let number = |text: &str| text.parse().map_err(|_| line.error_at(text, format!("\"{text}\" is not a number")));
    if rest.starts_with(|c: char| c.is_ascii_digit()) {
        let weight = rest.split([' ', '\t']).next().unwrap_or_default();
        parts.weight = number(weight)?;
        rest = rest[weight.len()..].trim_start();
    }
    while !rest.is_empty() {
        let at = rest;
        if rest.starts_with('"') {
            let (request, receive) = pair(&mut rest)
                .map_err(|_| line.error_at(at, "expected two texts in quotes, as in \"/alive\", \"OK\""))?;
            parts.asked = Some(Asked { request, receive });
        } else {
            let (which, count) = threshold(&mut rest)
                .map_err(|_| line.error_at(at, format!("\"{at}\" is not possible here: <l:N> or <u:N> is")))?;
            *(if which == "l" { &mut parts.lower } else { &mut parts.upper }) = number(count)?;
        }
        rest = rest.trim_start();
    }
    Ok(parts)
}

fn pair<'t>(input: &mut &'t str) -> winnow::Result<(&'t str, &'t str)> {
    fn quoted<'t>(input: &mut &'t str) -> winnow::Result<&'t str> {
        delimited('"', take_while(0.., |c| c != '"'), '"').parse_next(input)
    }
    let blank = || take_while(0.., [' ', '\t']);
    separated_pair(quoted, (blank(), ',', blank()), quoted).parse_next(input)
}

/// `<l:5>` or `"<l:5>"` without its quotes.
fn threshold<'t>(input: &mut &'t str) -> winnow::Result<(&'t str, &'t str)> {
    let count = take_while(1.., |c: char| c.is_ascii_digit());
    delimited('<', separated_pair(take_while(1, ['l', 'u']), ':', count), '>').parse_next(input)
}
