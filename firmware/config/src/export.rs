//! From a checked document back to text.

use crate::address::Prefix;
use crate::secret::{ADDRESS_KEYS, HIDDEN, PRIVATE_KEYS, is_secret};
use crate::{CheckKind, Config, Named, VERSION};
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
        take_secrets(&mut table, &mut Vec::new());
        Self::written(table)
    }

    /// Every text that the document without secrets has no more, as it was written: what must not be found elsewhere either.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = Vec::new();
        take_secrets(&mut self.table(), &mut secrets);
        secrets
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

/// Puts `***` in place of every secret, which goes to `taken`.
fn take_secrets(table: &mut Table, taken: &mut Vec<String>) {
    // What a DNS check asks for is a name, and no words of the administrator's own.
    let is_dns = table.get("kind").and_then(Value::as_str) == Some(CheckKind::Dns.name());
    for (key, value) in table.iter_mut() {
        if is_secret(key) || (PRIVATE_KEYS.contains(&key.as_str()) && !is_dns) {
            texts_of(value, taken);
            *value = Value::String(HIDDEN.to_owned());
            continue;
        }
        match value {
            Value::Table(table) => take_secrets(table, taken),
            Value::Array(items) => {
                items.iter_mut().filter_map(Value::as_table_mut).for_each(|table| take_secrets(table, taken));
            }
            Value::String(text) if ADDRESS_KEYS.contains(&key.as_str()) => {
                if let Some((path, words)) = text.split_once('?') {
                    taken.push(words.to_owned());
                    *text = format!("{path}?{HIDDEN}");
                }
            }
            _ => {}
        }
    }
}

fn texts_of(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts_of(item, texts)),
        Value::Table(table) => table.values().for_each(|value| texts_of(value, texts)),
        _ => {}
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
