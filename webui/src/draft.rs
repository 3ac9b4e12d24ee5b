//! A service on its way through a form: from the document into fields, and from what was typed back into the document.
//!
//! The document stays the text it is: only values that differ from what the form showed are replaced, so comments, layout,
//! and everything that the form does not show are kept.

mod carry;
mod document;
pub(crate) mod fields;
mod network;
mod places;
mod value;

pub(crate) use carry::{carry, carry_network};
pub(crate) use document::{Written, digest, load, remove, write};
pub(crate) use network::{Network, NetworkChange, Port};
pub(crate) use places::beside_fields;

use fields::Field;
use std::collections::{BTreeMap, BTreeSet};

/// Rows that a form may bring along: what a document may have, and one more to say so.
const ROWS_MAX: usize = config::BACKENDS_MAX + 1;

/// The typed values of one table of the document, by the keys of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    /// The name that this table has in the document; empty: it is new.
    pub was: String,
    /// What stands in the fields. A field that is not here is not touched.
    pub values: BTreeMap<String, String>,
    /// Fields whose values no form can show: they stay as they are.
    pub kept: BTreeSet<String>,
}

impl Row {
    /// A new row with the defaults of `fields`.
    pub(crate) fn fresh<'a>(fields: impl IntoIterator<Item = &'a Field>) -> Self {
        let values = fields.into_iter().map(|field| (field.key.to_owned(), field.default.to_owned()));
        Self { values: values.collect(), ..Self::default() }
    }

    /// What stands in a field.
    pub(crate) fn value(&self, key: &str) -> &str {
        self.values.get(key).map_or("", String::as_str)
    }

    fn set(&mut self, key: &str, value: &str) {
        self.values.insert(key.to_owned(), value.to_owned());
    }

    /// The name that errors give it, when it is the `index`th of its kind.
    fn shown(&self, kind: &str, index: usize) -> String {
        match self.value("name").trim() {
            "" => format!("{kind} #{}", index + 1),
            name => format!("{kind} \"{name}\""),
        }
    }
}

/// How rows come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    AddBackend,
    AddCheck,
    RemoveBackend(usize),
    RemoveCheck(usize),
}

/// A service as a form has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Draft {
    pub service: Row,
    pub checks: Vec<Row>,
    pub backends: Vec<Row>,
}

impl Draft {
    /// A service to begin with: two servers, and a connection as their check.
    pub(crate) fn fresh() -> Self {
        let mut draft = Self { service: Row::fresh(fields::SERVICE), ..Self::default() };
        draft.service.set("ports", "80");
        draft.add_check();
        draft.checks[0].set("name", "alive");
        draft.add_backend();
        draft.add_backend();
        draft
    }

    /// Adds or removes a row. Removing one that is not there changes nothing.
    pub(crate) fn change_rows(&mut self, change: Change) {
        match change {
            Change::None => {}
            Change::AddBackend => self.add_backend(),
            Change::AddCheck => self.add_check(),
            Change::RemoveBackend(at) => drop((at < self.backends.len()).then(|| self.backends.remove(at))),
            Change::RemoveCheck(at) => drop((at < self.checks.len()).then(|| self.checks.remove(at))),
        }
    }

    /// Adds a server with a name that is free.
    fn add_backend(&mut self) {
        let mut row = Row::fresh(fields::BACKEND);
        row.set("name", &free_name(&self.backends, "s"));
        // Servers of a service usually listen alike.
        if let Some(last) = self.backends.last() {
            let (port, weight) = (last.value("port").to_owned(), last.value("weight").to_owned());
            row.set("port", &port);
            row.set("weight", &weight);
        }
        self.backends.push(row);
    }

    /// Adds a check with a name that is free.
    fn add_check(&mut self) {
        let mut row = Row::fresh(fields::CHECK.iter().chain(fields::OPTIONS));
        row.set("name", &free_name(&self.checks, "check"));
        self.checks.push(row);
    }

    /// From the fields of a form: `service.KEY`, `check.NUMBER.KEY`, `backend.NUMBER.KEY`. Others are left alone.
    pub(crate) fn posted(form: &[(String, String)]) -> Self {
        let mut draft = Self::default();
        let (mut checks, mut backends) = (BTreeMap::new(), BTreeMap::new());
        for (name, typed) in form {
            let typed = typed.replace("\r\n", "\n");
            if let Some(key) = name.strip_prefix("service.") {
                fill(&mut draft.service, key, typed);
            } else if let Some((number, key)) = numbered(name, "check.") {
                fill(checks.entry(number).or_default(), key, typed);
            } else if let Some((number, key)) = numbered(name, "backend.") {
                fill(backends.entry(number).or_default(), key, typed);
            }
        }
        draft.checks = checks.into_values().take(ROWS_MAX).collect();
        draft.backends = backends.into_values().take(ROWS_MAX).collect();
        draft
    }
}

fn fill(row: &mut Row, key: &str, typed: String) {
    match key {
        "was" => row.was = typed,
        "kept" => row.kept = typed.split(' ').filter(|key| !key.is_empty()).map(str::to_owned).collect(),
        key => drop(row.values.insert(key.to_owned(), typed)),
    }
}

fn numbered<'a>(name: &'a str, before: &str) -> Option<(usize, &'a str)> {
    let (number, key) = name.strip_prefix(before)?.split_once('.')?;
    Some((number.parse().ok()?, key))
}

fn free_name(rows: &[Row], begin: &str) -> String {
    let mut names = (1..).map(|number| format!("{begin}{number}"));
    let is_free = |name: &String| rows.iter().all(|row| row.value("name") != name);
    names.find(is_free).unwrap_or_default()
}

#[cfg(test)]
mod tests;
