//! Errors of a document beside the fields they are about.

use super::{Draft, Row, fields};
use config::Error;
use std::collections::BTreeMap;

/// Errors by the names of fields, and those that belong to no field of the form.
pub(crate) fn beside_fields(
    draft: &Draft,
    index: usize,
    errors: &[Error],
) -> (BTreeMap<String, Vec<String>>, Vec<Error>) {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut others = Vec::new();
    let service = draft.service.shown("service", index);
    for error in errors {
        let names = rest(&error.path, &service).map(|path| names(draft, path, &error.message)).unwrap_or_default();
        if names.is_empty() {
            others.push(error.clone());
        }
        for name in names {
            found.entry(name).or_default().push(error.message.clone());
        }
    }
    (found, others)
}

/// What follows `first` in a path; `None`: the path does not begin with it.
pub(super) fn rest<'a>(path: &'a str, first: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(first)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(": ") }
}

/// The fields that a path within the service is about: several when rows have the same name.
fn names(draft: &Draft, path: &str, message: &str) -> Vec<String> {
    for (kind, rows) in [("check", &draft.checks), ("backend", &draft.backends)] {
        let inside = |(index, row): (usize, &Row)| {
            let key = key(rest(path, &row.shown(kind, index))?, message);
            let known = fields::CHECK.iter().chain(fields::OPTIONS).chain(fields::BACKEND);
            let key = known.map(|field| field.key).find(|known| *known == key).unwrap_or("name");
            Some(format!("{kind}.{index}.{key}"))
        };
        let names: Vec<_> = rows.iter().enumerate().filter_map(inside).collect();
        if !names.is_empty() {
            return names;
        }
    }
    let key = key(path, message);
    // A whole table, such as `quorum`, is shown at its first field.
    let begins = |field: &&fields::Field| field.key.strip_prefix(&key).is_some_and(|rest| rest.starts_with('.'));
    let exact = fields::SERVICE.iter().find(|field| field.key == key);
    let field = exact.or_else(|| fields::SERVICE.iter().find(begins));
    field.map(|field| format!("service.{}", field.key)).into_iter().collect()
}

/// The key of a field at the end of a path. What is missing is named by the message only.
pub(super) fn key(path: &str, message: &str) -> String {
    if path.is_empty() {
        let word = message.split(' ').next().unwrap_or_default();
        let missing = message.contains(" is missing") || message.contains(" are missing");
        return if missing { word.to_owned() } else { String::new() };
    }
    let mut parts = path.split(": ").map(|part| part.split(" #").next().unwrap_or_default());
    let first = parts.next().unwrap_or_default();
    match parts.next() {
        // What is within the headers or the steps of a check is in one field.
        Some(inner) if !matches!(first, "headers" | "steps") => format!("{first}.{inner}"),
        None if message.contains(" is missing: ") && fields::NEEDED.iter().any(|(outer, _)| *outer == first) => {
            format!("{first}.{}", message.split(' ').next().unwrap_or_default())
        }
        _ => first.to_owned(),
    }
}
