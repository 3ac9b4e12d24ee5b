//! Checks as tables of the document.

use super::draft::{Block, Draft};
use crate::limits::{CHECK_INTERVAL_MS_MAX, CHECK_INTERVAL_MS_MIN, CHECK_RUNS_MAX, CHECK_TIMEOUT_MS_MIN};
use crate::{CheckKind, Named};
use toml::{Table, Value};

/// A check of a service. Two are equal when they ask the same in the same way.
#[derive(Clone, Debug)]
pub(super) struct Check {
    /// Line of the source.
    pub(super) line: u32,
    /// How the source calls it, for remarks.
    pub(super) shown: String,
    fields: Table,
    /// It cannot be used as it stands, for this reason.
    left_out: Option<String>,
}

impl PartialEq for Check {
    fn eq(&self, other: &Self) -> bool {
        self.fields == other.fields
    }
}

impl Check {
    pub(super) fn new(line: u32, shown: impl Into<String>, name: &str, kind: CheckKind) -> Self {
        let fields = [("name", name), ("kind", kind.name())];
        let fields = fields.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
        Self { line, shown: shown.into(), fields, left_out: None }
    }

    pub(super) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.fields.insert(key.to_owned(), value.into());
    }

    /// Sets text that is not empty.
    pub(super) fn set_text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.set(key, text);
        }
    }

    /// Sets its times, in milliseconds, and how many failures in a row take a backend out. The sources bring it back
    /// with the first pass.
    pub(super) fn set_times(&mut self, draft: &mut Draft, interval_ms: u64, timeout_ms: u64, fall: u64) {
        let mut within = |what: &str, value: u64, min: u32, max: u32| {
            let kept = value.clamp(min.into(), max.into());
            if kept != value {
                let why = format!("{value} is out of range: {min} to {max}");
                draft.notes.differs(self.line, format!("{what} of {}", self.shown), why, format!("it is {kept} now"));
            }
            kept as i64
        };
        let interval = within("interval_ms", interval_ms, CHECK_INTERVAL_MS_MIN, CHECK_INTERVAL_MS_MAX);
        let timeout = within("timeout_ms", timeout_ms, CHECK_TIMEOUT_MS_MIN, CHECK_INTERVAL_MS_MAX);
        let fall = within("fall", fall, 1, CHECK_RUNS_MAX);
        for (key, value) in [("interval_ms", interval), ("timeout_ms", timeout), ("rise", 1), ("fall", fall)] {
            self.set(key, value);
        }
    }

    /// Makes it a comment, for this reason.
    pub(super) fn leave_out(&mut self, reason: &str) {
        self.left_out = Some(reason.to_owned());
    }

    /// The table, under a name that no other check of its service has.
    pub(super) fn block(self, name: impl FnOnce(&str) -> String) -> Block {
        let mut block = Block { line: self.line, fields: self.fields, left_out: self.left_out, ..Block::default() };
        let wanted = block.fields.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        block.set("name", name(&wanted));
        block
    }
}
