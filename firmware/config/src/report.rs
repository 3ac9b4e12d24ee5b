//! Errors with positions: what is wrong, where in the document, and in which field.

use crate::limits::ERRORS_MAX;
use serde::{Deserialize, Serialize};
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::fmt;

/// One thing wrong in a document. Displays as `file:line:column: path: message`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, thiserror::Error)]
#[error("{file}:{line}:{column}: {}{message}", shown_path(path))]
pub struct Error {
    /// Name of the document.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// The field, as in `service "web": vip`; empty for the document as a whole.
    pub path: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

fn shown_path(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

/// Everything wrong in a document, in the order of the document. Displays as one line each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Errors {
    /// At most [`ERRORS_MAX`] of them, at least one.
    pub errors: Vec<Error>,
    /// How many more there were.
    pub more: usize,
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            write!(f, "{}{error}", if index == 0 { "" } else { "\n" })?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for Errors {}

/// A place in the document: how to look its position up, and how to name it to people.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    path: String,
    shown: String,
}

impl Place {
    /// The `index`th table of an array such as `[[service]]`, named by its `name` where it has one.
    pub(crate) fn thing(&self, kind: &str, index: usize, name: Option<&str>) -> Self {
        let shown = match name {
            Some(name) => format!("{kind} \"{name}\""),
            None => format!("{kind} #{}", index + 1),
        };
        Self { path: format!("{}.{kind}.{index}", self.path), shown: self.shown_with(&shown) }
    }

    /// A field.
    pub(crate) fn field(&self, key: &str) -> Self {
        Self { path: format!("{}.{key}", self.path), shown: self.shown_with(key) }
    }

    /// The `index`th value of a list: named like the list, with a position of its own.
    pub(crate) fn item(&self, index: usize) -> Self {
        Self { path: format!("{}.{index}", self.path), shown: self.shown.clone() }
    }

    fn shown_with(&self, part: &str) -> String {
        if self.shown.is_empty() { part.to_owned() } else { format!("{}: {part}", self.shown) }
    }
}

struct Found {
    at: usize,
    path: String,
    message: String,
}

/// Collects errors of one document, and where its values stand.
pub(crate) struct Report<'a> {
    file: &'a str,
    pub(crate) text: &'a str,
    found: RefCell<Vec<Found>>,
    positions: RefCell<HashMap<String, usize>>,
    /// Where each line begins, once somebody asks for one.
    line_starts: OnceCell<Vec<usize>>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, found: RefCell::default(), positions: RefCell::default(), line_starts: OnceCell::new() }
    }

    /// Remembers that the value of `place` stands at byte `at`.
    pub(crate) fn stands(&self, place: &Place, at: usize) {
        self.positions.borrow_mut().insert(place.path.clone(), at);
    }

    /// Adds an error at the value of `place`, or at what contains it when the document does not have it.
    pub(crate) fn error(&self, place: &Place, message: impl Into<String>) {
        self.error_at(self.position(place), place, message);
    }

    /// Adds an error at byte `at`.
    pub(crate) fn error_at(&self, at: usize, place: &Place, message: impl Into<String>) {
        let found = Found { at, path: place.shown.clone(), message: message.into() };
        self.found.borrow_mut().push(found);
    }

    /// How many errors there are so far.
    pub(crate) fn count(&self) -> usize {
        self.found.borrow().len()
    }

    /// The line (from 1) of `place`, to point from one place to another.
    pub(crate) fn line(&self, place: &Place) -> u32 {
        self.line_and_column(self.position(place)).0
    }

    /// The errors in the order of the document, if there are any.
    pub(crate) fn finish(self) -> Option<Errors> {
        self.finish_with(ERRORS_MAX)
    }

    /// The same, with at most `errors_max` of them.
    pub(crate) fn finish_with(self, errors_max: usize) -> Option<Errors> {
        let mut found = self.found.take();
        if found.is_empty() {
            return None;
        }
        found.sort_by(|a, b| (a.at, &a.path, &a.message).cmp(&(b.at, &b.path, &b.message)));
        let more = found.len().saturating_sub(errors_max);
        found.truncate(errors_max);
        let errors = found
            .into_iter()
            .map(|Found { at, path, message }| {
                let (line, column) = self.line_and_column(at);
                Error { file: self.file.to_owned(), line, column, path, message }
            })
            .collect();
        Some(Errors { errors, more })
    }

    fn position(&self, place: &Place) -> usize {
        let positions = self.positions.borrow();
        let mut path = place.path.as_str();
        loop {
            if let Some(at) = positions.get(path) {
                return *at;
            }
            match path.rfind('.') {
                Some(end) => path = &path[..end],
                None => return 0,
            }
        }
    }

    fn line_and_column(&self, at: usize) -> (u32, u32) {
        let starts = self.line_starts.get_or_init(|| {
            let after_each = self.text.match_indices('\n').map(|(newline, _)| newline + 1);
            std::iter::once(0).chain(after_each).collect()
        });
        let line = starts.partition_point(|start| *start <= at);
        let before = self.text.get(starts[line - 1]..at).unwrap_or_default();
        (line as u32, before.chars().count() as u32 + 1)
    }
}
