//! Health checks: which kind has which options, and what is common to all of them.

mod kinds;
mod options;
mod texts;

use super::parse_name;
use crate::Named;
use crate::check::{Check, CheckKind, ChecksRequired};
use crate::limits::*;
use crate::question::{Ask, Question};
use crate::reader::{Reader, Value, words};
use options::Options;

pub(super) fn checks_required(value: &Value<'_>) -> Option<ChecksRequired> {
    if !value.is_text() {
        return value.number(1..=CHECKS_MAX as u8).map(ChecksRequired::AtLeast);
    }
    value.parsed(|text| match text {
        "all" => Ok(ChecksRequired::All),
        "any" => Ok(ChecksRequired::Any),
        _ => Err(format!("\"{text}\" is not possible here: \"all\", \"any\" or a number")),
    })
}

pub(super) fn check(reader: &mut Reader<'_>) -> Option<Check> {
    let name = reader.required("name", "a name of your choice, as in \"page\"").map(|value| value.parsed(parse_name));
    let kind: Option<CheckKind> =
        reader.required("kind", &format!("one of {}", words::<CheckKind>())).and_then(|value| value.named());
    let ask = ask(reader, kind);
    let port = reader.value("port").and_then(|value| port(&value, kind));
    let address = reader.named("address");
    let interval_ms = reader.number("interval_ms", CHECK_INTERVAL_MS_MIN..=CHECK_INTERVAL_MS_MAX, 2_000);
    let timeout_ms = reader.number("timeout_ms", CHECK_TIMEOUT_MS_MIN..=CHECK_INTERVAL_MS_MAX, 1_000);
    let rise = reader.number("rise", 1..=CHECK_RUNS_MAX, 2);
    let fall = reader.number("fall", 1..=CHECK_RUNS_MAX, 3);
    let question = Question { ask: ask?, port, address, interval_ms, timeout_ms };
    Some(Check { name: name??, question, rise, fall })
}

fn port(value: &Value<'_>, kind: Option<CheckKind>) -> Option<u16> {
    if let Some(kind @ (CheckKind::Ping | CheckKind::None)) = kind {
        value.error(format!("checks of kind {} have no port", kind.name()));
    }
    value.number(1..=u16::MAX)
}

/// The folder of the programs that checks may run.
pub(super) fn parse_folder(text: &str) -> Result<String, String> {
    texts::parse_absolute(text)
}

/// The kind with its options. Without a kind nothing can be said about them.
fn ask(reader: &mut Reader<'_>, kind: Option<CheckKind>) -> Option<Ask> {
    let Some(kind) = kind else {
        for (key, _) in options::OPTIONS {
            reader.value(key);
        }
        return None;
    };
    let mut options = Options::new(reader, kind);
    let ask = kinds::ask(&mut options);
    options.finish();
    ask
}
