//! Values of the document as text of a field, and back. What is typed is not judged here: `config` does that, and a
//! number that is none is written as text for it to complain about.

use super::fields::Kind;
use toml_edit::{Array, InlineTable, Item, TableLike, Value};

/// The text of a field that stands for `item`; `None`: the form cannot show it.
pub(super) fn shown(kind: Kind, item: &Item) -> Option<String> {
    let value = item.as_value();
    match (kind, value) {
        (Kind::Steps, _) => steps_shown(item),
        (Kind::Pairs, _) => {
            let pairs = item.as_table_like()?.iter().map(|(name, value)| Some(format!("{name}: {}", line(value)?)));
            Some(pairs.collect::<Option<Vec<_>>>()?.join("\n"))
        }
        (Kind::List | Kind::Array | Kind::Lines, Some(Value::Array(values))) => {
            let values = values.iter().map(|value| value.as_str().filter(|text| is_line(text)).map(str::to_owned));
            let joint = if matches!(kind, Kind::Lines) { "\n" } else { ", " };
            Some(values.collect::<Option<Vec<_>>>()?.join(joint))
        }
        (Kind::Block, Some(Value::String(text))) => Some(text.value().clone()),
        (Kind::Array | Kind::Lines, _) => None,
        (_, Some(Value::String(text))) => Some(text.value().clone()).filter(|text| is_line(text)),
        (Kind::Number | Kind::WordOrNumber, Some(Value::Integer(number))) => Some(number.value().to_string()),
        (Kind::Switch, Some(Value::Boolean(switch))) => Some(switch.value().to_string()),
        _ => None,
    }
}

fn line(item: &Item) -> Option<&str> {
    item.as_str().filter(|text| is_line(text))
}

/// Browsers leave line ends out of a field of one line.
fn is_line(text: &str) -> bool {
    !text.contains(['\n', '\r'])
}

fn steps_shown(item: &Item) -> Option<String> {
    let tables: Vec<&dyn TableLike> = match item {
        Item::ArrayOfTables(tables) => tables.iter().map(|table| table as &dyn TableLike).collect(),
        Item::Value(Value::Array(values)) => values
            .iter()
            .map(|value| value.as_inline_table().map(|table| table as &dyn TableLike))
            .collect::<Option<_>>()?,
        _ => return None,
    };
    let mut lines = Vec::new();
    for table in tables {
        if table.iter().any(|(key, _)| key != "send" && key != "expect") {
            return None;
        }
        for key in ["send", "expect"] {
            if let Some(item) = table.get(key) {
                lines.push(format!("{key} {}", line(item)?));
            }
        }
    }
    Some(lines.join("\n"))
}

/// What was typed, without what means nothing in a field of this kind.
pub(super) fn tidy(kind: Kind, typed: &str) -> String {
    match kind {
        Kind::Exact | Kind::Secret => typed.to_owned(),
        Kind::List | Kind::Array => parts(typed).collect::<Vec<_>>().join(", "),
        Kind::Block => {
            if typed.trim().is_empty() {
                String::new()
            } else {
                typed.to_owned()
            }
        }
        Kind::Lines | Kind::Pairs | Kind::Steps => lines(typed).collect::<Vec<_>>().join("\n"),
        _ => typed.trim().to_owned(),
    }
}

fn parts(typed: &str) -> impl Iterator<Item = &str> {
    typed.split([',', ' ', '\n', '\t']).filter(|part| !part.is_empty())
}

fn lines(typed: &str) -> impl Iterator<Item = &str> {
    typed.lines().map(|line| line.trim_end_matches('\r')).filter(|line| !line.trim().is_empty())
}

/// The value that stands for a text which is not empty.
pub(super) fn read(kind: Kind, text: &str) -> Value {
    let number = || text.parse::<i64>().ok().map(Value::from);
    let value = match kind {
        Kind::Number | Kind::WordOrNumber => number(),
        Kind::Switch => text.parse::<bool>().ok().map(Value::from),
        Kind::List => {
            let parts: Vec<_> = parts(text).collect();
            (parts.len() > 1).then(|| Value::Array(parts.into_iter().collect()))
        }
        Kind::Array => Some(Value::Array(parts(text).collect())),
        Kind::Lines => Some(Value::Array(lines(text).collect())),
        Kind::Pairs => Some(pairs(text)),
        Kind::Steps => Some(steps(text)),
        _ => None,
    };
    value.unwrap_or_else(|| Value::from(text))
}

fn pairs(text: &str) -> Value {
    let mut table = InlineTable::new();
    for line in lines(text) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        table.insert(name.trim(), value.trim().into());
    }
    Value::InlineTable(table)
}

/// A line that begins with neither word goes where `config` refuses it by name.
fn steps(text: &str) -> Value {
    let mut steps: Vec<InlineTable> = Vec::new();
    for line in lines(text) {
        let (word, rest) = line.trim_start().split_once(' ').unwrap_or((line.trim(), ""));
        let joins = word == "expect" && steps.last().is_some_and(|step| step.contains_key("send") && step.len() == 1);
        if !joins {
            steps.push(InlineTable::new());
        }
        if let Some(step) = steps.last_mut() {
            step.insert(word, rest.into());
        }
    }
    Value::Array(steps.into_iter().collect::<Array>())
}
