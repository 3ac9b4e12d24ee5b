//! From a checked document back to text.

use crate::address::Prefix;
use crate::secret::{HIDDEN, is_secret};
use crate::{Config, VERSION};
use serde::{Serialize, Serializer};
use std::fmt::Write;
use toml::{Table, Value};

impl Config {
    /// The document as text. Reading it gives an equal `Config`; comments and layout of the original are not kept.
    pub fn to_toml(&self) -> String {
        Self::written(self.table())
    }

    /// The document with `***` in place of every secret: for support bundles and logs. It cannot be read back as it was.
    pub fn to_toml_without_secrets(&self) -> String {
        let mut table = self.table();
        hide_secrets(&mut table);
        Self::written(table)
    }

    fn table(&self) -> Table {
        Table::try_from(self).expect("names are text and numbers fit")
    }

    fn written(table: Table) -> String {
        let mut text = format!("version = {VERSION}\n");
        for (name, value) in &table {
            write_thing(&mut text, name, value);
        }
        text
    }
}

fn hide_secrets(table: &mut Table) {
    for (key, value) in table.iter_mut() {
        if is_secret(key) {
            *value = Value::String(HIDDEN.to_owned());
            continue;
        }
        match value {
            Value::Table(table) => hide_secrets(table),
            Value::Array(items) => items.iter_mut().filter_map(Value::as_table_mut).for_each(hide_secrets),
            _ => {}
        }
    }
}

/// Writes a top-level table, or an array of tables below one heading each; what is inside a table and no array of
/// tables stands on one line.
fn write_thing(text: &mut String, path: &str, value: &Value) {
    let (heading, tables) = match value {
        Value::Array(items) => (format!("[[{path}]]"), items.iter().collect()),
        other => (format!("[{path}]"), vec![other]),
    };
    for table in tables.into_iter().filter_map(Value::as_table) {
        let (below, fields): (Vec<_>, Vec<_>) = table.iter().partition(|(name, value)| stands_below(path, name, value));
        // A table of arrays of tables alone, such as [ha], needs no heading.
        if !fields.is_empty() || below.is_empty() {
            write!(text, "\n{heading}\n").expect("writing to a string");
        }
        for (name, value) in fields {
            writeln!(text, "{name} = {value}").expect("writing to a string");
        }
        for (name, value) in below {
            write_thing(text, &format!("{path}.{name}"), value);
        }
    }
}

fn stands_below(path: &str, name: &str, value: &Value) -> bool {
    match value {
        Value::Array(items) => !matches!(name, "track" | "steps") && items.first().is_some_and(Value::is_table),
        Value::Table(_) => path == "ha",
        _ => false,
    }
}

/// Whether a value is its type's default: such fields are left out of an export.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// VIPs: single addresses without their prefix length, and a single VIP without a list.
pub(crate) fn one_or_list<S: Serializer>(vips: &[Prefix], serializer: S) -> Result<S::Ok, S::Error> {
    let shown = |vip: &Prefix| if vip.is_host() { vip.address.to_string() } else { vip.to_string() };
    match vips {
        [vip] => shown(vip).serialize(serializer),
        vips => serializer.collect_seq(vips.iter().map(shown)),
    }
}
