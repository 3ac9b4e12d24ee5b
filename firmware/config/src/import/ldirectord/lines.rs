//! Lines and sections of `ldirectord.cf`.

use crate::import::text::{Line, Text};
use crate::report::Error;
use std::collections::HashMap;
use winnow::combinator::{eof, opt, preceded, terminated};
use winnow::prelude::*;
use winnow::token::{rest, take_while};

/// Directives that may stand before all virtual services, and those that may stand in one.
const GLOBAL: &[&str] = &[
    "autoreload",
    "callback",
    "checkcount",
    "checkinterval",
    "checktimeout",
    "cleanstop",
    "emailalert",
    "emailalertfreq",
    "emailalertfrom",
    "emailalertstatus",
    "execute",
    "failurecount",
    "fallback",
    "fallback6",
    "fallbackcommand",
    "fork",
    "logfile",
    "maintenancedir",
    "negotiatetimeout",
    "quiescent",
    "readdquiescent",
    "smtp",
    "supervised",
];
const VIRTUAL: &[&str] = &[
    "checkcommand",
    "checkcount",
    "checkinterval",
    "checkport",
    "checktimeout",
    "checktype",
    "cleanstop",
    "comment",
    "database",
    "emailalert",
    "emailalertfreq",
    "emailalertstatus",
    "failurecount",
    "fallback",
    "fallback6",
    "fallbackcommand",
    "httpmethod",
    "load",
    "login",
    "monitorfile",
    "negotiatetimeout",
    "netmask",
    "ops",
    "passwd",
    "persistent",
    "protocol",
    "quiescent",
    "real",
    "real6",
    "receive",
    "request",
    "schedflags",
    "scheduler",
    "secret",
    "service",
    "servicename",
    "smtp",
    "virtualhost",
];

/// One `key = value`.
pub(super) struct Directive<'t> {
    pub(super) line: Line<'t>,
    pub(super) key: &'t str,
    /// Without the quotes around all of it.
    pub(super) value: &'t str,
}

/// The directives of a virtual service, or the global ones.
#[derive(Default)]
pub(super) struct Section<'t> {
    pub(super) directives: Vec<Directive<'t>>,
    /// Where the last directive of a name is.
    last: HashMap<&'t str, usize>,
}

impl<'t> Section<'t> {
    fn push(&mut self, directive: Directive<'t>) {
        self.last.insert(directive.key, self.directives.len());
        self.directives.push(directive);
    }

    /// The `virtual` line, which begins every section but the global one.
    pub(super) fn head(&self) -> &Directive<'t> {
        &self.directives[0]
    }

    /// The last of several directives counts.
    pub(super) fn last(&self, key: &str) -> Option<&Directive<'t>> {
        self.last.get(key).map(|at| &self.directives[*at])
    }

    /// The value of a directive, or the empty text.
    pub(super) fn text(&self, key: &str) -> &'t str {
        self.last(key).map_or("", |directive| directive.value)
    }

    pub(super) fn all(&self, key: &str, other: &str) -> impl Iterator<Item = &Directive<'t>> {
        self.directives.iter().filter(move |directive| directive.key == key || directive.key == other)
    }
}

impl Directive<'_> {
    /// As it is written.
    pub(super) fn shown(&self) -> String {
        without_comment(self.line.text).trim().to_owned()
    }

    /// An error at its value, which the message begins with.
    pub(super) fn error(&self, message: &str) -> Error {
        self.line.error_at(self.value, format!("{} = {} {message}", self.key, self.value))
    }

    pub(super) fn number(&self, what: &str) -> Result<u64, Error> {
        self.value.parse().map_err(|_| self.error(&format!("is not {what}")))
    }
}

/// The global section and those of the virtual services.
pub(super) fn sections<'t>(text: &'t Text<'_>) -> Result<(Section<'t>, Vec<Section<'t>>), Error> {
    let (mut globals, mut sections) = (Section::default(), Vec::<Section<'_>>::new());
    for line in text.lines() {
        let Some(directive) = directive(line)? else { continue };
        let indented = line.text.starts_with([' ', '\t']);
        let head = matches!(directive.key, "virtual" | "virtual6");
        match (indented, sections.last_mut()) {
            (false, _) if head => {
                let mut section = Section::default();
                section.push(directive);
                sections.push(section);
            }
            (false, _) if GLOBAL.contains(&directive.key) => globals.push(directive),
            (true, Some(section)) if VIRTUAL.contains(&directive.key) => section.push(directive),
            (false, _) if VIRTUAL.contains(&directive.key) => {
                let message =
                    format!("{} belongs to a virtual service: indent it below its virtual = …", directive.key);
                return Err(line.error_at(directive.key, message));
            }
            (true, None) => {
                return Err(
                    line.error_at(directive.key, "an indented line belongs to a virtual service, and none began")
                );
            }
            (true, Some(_)) if head || GLOBAL.contains(&directive.key) => {
                let message =
                    format!("{} is not possible in a virtual service: it must not be indented", directive.key);
                return Err(line.error_at(directive.key, message));
            }
            _ => return Err(line.error_at(directive.key, format!("ldirectord has no directive {}", directive.key))),
        }
    }
    Ok((globals, sections))
}

fn directive(line: Line<'_>) -> Result<Option<Directive<'_>>, Error> {
    let content = without_comment(line.text).trim();
    if content.is_empty() {
        return Ok(None);
    }
    fn key<'t>(input: &mut &'t str) -> winnow::Result<&'t str> {
        take_while(1.., |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-').parse_next(input)
    }
    fn value<'t>(input: &mut &'t str) -> winnow::Result<&'t str> {
        preceded((take_while(0.., [' ', '\t']), '=', take_while(0.., [' ', '\t'])), rest).parse_next(input)
    }
    let mut input = content;
    let parsed: winnow::Result<(&str, Option<&str>)> = terminated((key, opt(value)), eof).parse_next(&mut input);
    let Ok((key, value)) = parsed else {
        return Err(line.error_at(content, "no directive: they are written key = value"));
    };
    // `supervised` alone is an old way to write supervised = yes.
    let value = match value {
        Some(value) => value.trim(),
        None if key == "supervised" => "yes",
        None => return Err(line.error_at(content, format!("= and a value are missing after {key}"))),
    };
    Ok(Some(Directive { line, key, value: unquoted(line, value)? }))
}

/// A value that begins with a quote ends with one. Servers have quotes within.
fn unquoted<'t>(line: Line<'t>, value: &'t str) -> Result<&'t str, Error> {
    match value.strip_prefix('"') {
        None => Ok(value),
        Some(inner) => inner
            .strip_suffix('"')
            .ok_or_else(|| line.error_at(value, "the quote is not closed at the end of the line")),
    }
}

/// The line up to a # that stands outside quotes.
fn without_comment(text: &str) -> &str {
    let mut quoted = false;
    let end = text.find(|c: char| {
        quoted ^= c == '"';
        c == '#' && !quoted
    });
    &text[..end.unwrap_or(text.len())]
}
