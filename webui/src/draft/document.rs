//! The text of the document: one service read out of it, written back into it, or taken out.

use super::fields::{self, Field, NEEDED};
use super::value::{read, shown, tidy};
use super::{Draft, Row};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};
use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

/// A document that a form was written into.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub toml: String,
    /// Which of its services is the form's, from 0.
    pub index: usize,
}

impl Written {
    /// Tells it from any other document.
    pub(crate) fn digest(&self) -> String {
        digest(&self.toml)
    }
}

/// Tells a document from any other.
pub(crate) fn digest(toml: &str) -> String {
    Sha256::digest(toml.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The service called `name`, if the document has it.
pub(crate) fn load(text: &str, name: &str) -> Option<Draft> {
    let mut document: DocumentMut = text.parse().ok()?;
    let service = services(&mut document).iter().find(|service| is_called(service, name))?;
    let rows = |key: &str, fields: &dyn Fn(&Table) -> Vec<Field>| {
        let tables = service.get(key).map(|item| tables_of(item.clone())).unwrap_or_default();
        tables.iter().map(|table| row(table, &fields(table))).collect::<Vec<_>>()
    };
    Some(Draft {
        service: row(service, fields::SERVICE),
        checks: rows("check", &|check| {
            let kind = check.get("kind").and_then(Item::as_str).unwrap_or_default();
            fields::CHECK.iter().copied().chain(fields::options_of(kind)).collect()
        }),
        backends: rows("backend", &|_| fields::BACKEND.to_vec()),
    })
}

pub(super) fn name_of(table: &Table) -> String {
    text_at(table, "name")
}

fn text_at(table: &Table, key: &str) -> String {
    table.get(key).and_then(Item::as_str).unwrap_or_default().to_owned()
}

fn is_called(table: &Table, name: &str) -> bool {
    table.get("name").and_then(Item::as_str) == Some(name)
}

pub(super) fn row(table: &Table, fields: &[Field]) -> Row {
    row_by("name", table, fields)
}

/// The same, of a table whose `key` tells it from others of its kind.
pub(super) fn row_by(key: &str, table: &Table, fields: &[Field]) -> Row {
    let mut row = Row { was: text_at(table, key), ..Row::default() };
    for field in fields {
        match text_of(table, field) {
            Some(text) => row.set(field.key, &text),
            None => drop(row.kept.insert(field.key.to_owned())),
        }
    }
    row
}

/// What a form shows for a field; `None`: it cannot.
fn text_of(table: &Table, field: &Field) -> Option<String> {
    let (outer, inner) = keys(field);
    let item = match inner {
        None => table.get(outer),
        Some(inner) => match table.get(outer) {
            None => None,
            Some(item) => {
                let inside = item.as_table_like()?;
                // A table without its leading field has the default of that field, which is not "no table".
                match inside.get(inner) {
                    None if is_needed(outer, inner) => return Some(default_within(outer).to_owned()),
                    found => found,
                }
            }
        },
    };
    item.map_or_else(|| Some(field.default.to_owned()), |item| shown(field.kind, item))
}

fn keys(field: &Field) -> (&'static str, Option<&'static str>) {
    field.key.split_once('.').map_or((field.key, None), |(outer, inner)| (outer, Some(inner)))
}

/// What a form begins with there is no default of the document.
fn is_missing(table: &dyn TableLike, key: &str) -> bool {
    key == "kind" && !table.contains_key(key)
}

fn is_needed(outer: &str, inner: &str) -> bool {
    NEEDED.contains(&(outer, inner))
}

/// The default of the field that a table of its own begins with, as `config` has it.
fn default_within(outer: &str) -> &'static str {
    match outer {
        "persistence" => "300",
        "flap" => "6",
        "passive" => "10",
        _ => "",
    }
}

/// The document with the service as it was typed in place of the one called `was`; empty: a new one. `None`: the document
/// has no such service.
pub(crate) fn write(text: &str, was: &str, draft: &Draft) -> Option<Written> {
    let mut document: DocumentMut = text.parse().ok()?;
    let services = services(&mut document);
    let index = match was {
        "" => {
            services.push(Table::new());
            services.len() - 1
        }
        was => services.iter().position(|service| is_called(service, was))?,
    };
    let service = services.get_mut(index)?;
    fill(service, &draft.service, fields::SERVICE);
    write_rows(service, ("check", "name"), &draft.checks, &|row| {
        fields::CHECK.iter().copied().chain(fields::options_of(row.value("kind").trim())).collect()
    });
    write_rows(service, ("backend", "name"), &draft.backends, &|_| fields::BACKEND.to_vec());
    Some(Written { toml: document.to_string(), index })
}

/// The document without the service called `name`; `None`: it has none.
pub(crate) fn remove(text: &str, name: &str) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let services = services(&mut document);
    let at = services.iter().position(|service| is_called(service, name))?;
    services.remove(at);
    if services.is_empty() {
        document.remove("service");
    }
    Some(document.to_string())
}

/// The services; a list of inline tables becomes one of tables with headings.
fn services(document: &mut DocumentMut) -> &mut ArrayOfTables {
    array(document.as_table_mut(), "service")
}

pub(super) fn array<'a>(table: &'a mut Table, key: &str) -> &'a mut ArrayOfTables {
    let item = table.entry(key).or_insert(Item::None);
    if !item.is_array_of_tables() {
        *item = Item::ArrayOfTables(tables_of(std::mem::take(item)));
    }
    item.as_array_of_tables_mut().expect("made one just before")
}

fn tables_of(item: Item) -> ArrayOfTables {
    item.into_array_of_tables().unwrap_or_default()
}

/// Writes rows as the tables called `key`, which are told from each other by the value of `id`.
pub(super) fn write_rows(
    outer: &mut Table,
    (key, id): (&str, &str),
    rows: &[Row],
    fields_of: &dyn Fn(&Row) -> Vec<Field>,
) {
    if rows.is_empty() {
        outer.remove(key);
        return;
    }
    let tables = array(outer, key);
    // Those that stay, in the order of the document, which is the order of the form too.
    let staying: HashSet<&str> = rows.iter().map(|row| row.was.as_str()).filter(|was| !was.is_empty()).collect();
    tables.retain(|table| staying.contains(text_at(table, id).as_str()));
    // Looked up before any name changes: two rows may swap theirs.
    let places: HashMap<String, usize> =
        tables.iter().enumerate().map(|(at, table)| (text_at(table, id), at)).collect();
    for row in rows {
        let at = places.get(&row.was).copied().filter(|_| !row.was.is_empty()).unwrap_or_else(|| {
            tables.push(Table::new());
            tables.len() - 1
        });
        let Some(table) = tables.get_mut(at) else { continue };
        let fields = fields_of(row);
        if key == "check" {
            let others = fields::OPTIONS.iter().filter(|option| fields.iter().all(|field| field.key != option.key));
            others.for_each(|option| drop(table.remove(option.key)));
        }
        fill(table, row, &fields);
    }
}

/// Puts what differs from what the form showed.
pub(super) fn fill(table: &mut Table, row: &Row, fields: &[Field]) {
    let mut inner: BTreeMap<&str, Vec<(&'static str, &Field, String)>> = BTreeMap::new();
    for field in fields {
        let Some(typed) = row.values.get(field.key).map(|typed| tidy(field.kind, typed)) else { continue };
        match keys(field) {
            (outer, Some(key)) => inner.entry(outer).or_default().push((key, field, typed)),
            (key, None) if text_of(table, field).as_deref() != Some(&typed) || is_missing(table, key) => {
                put(table, key, field, &typed);
            }
            _ => {}
        }
    }
    for (outer, values) in inner {
        let needed = values.iter().find(|(key, ..)| is_needed(outer, key));
        if needed.is_some_and(|(_, _, typed)| typed.is_empty()) {
            table.remove(outer);
            continue;
        }
        let differs = |(_, field, typed): &&(&str, &Field, String)| text_of(table, field).as_ref() != Some(typed);
        let changed: Vec<_> = values.iter().filter(differs).cloned().collect();
        if changed.is_empty() {
            continue;
        }
        let inside = table.entry(outer).or_insert(Item::Value(Value::InlineTable(InlineTable::new())));
        let Some(inside) = inside.as_table_like_mut() else { continue };
        for (key, field, typed) in changed {
            put(inside, key, field, &typed);
        }
        if inside.is_empty() {
            table.remove(outer);
        }
    }
}

/// Replaces one value, and keeps the comment behind it.
fn put(table: &mut dyn TableLike, key: &str, field: &Field, typed: &str) {
    if typed.is_empty() {
        table.remove(key);
        return;
    }
    let mut value = read(field.kind, typed);
    match table.get_mut(key) {
        Some(Item::Value(old)) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        _ => drop(table.insert(key, Item::Value(value))),
    }
}
