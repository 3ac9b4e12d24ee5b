//! Reads values out of the parsed document, one field at a time: each error is noted and reading goes on.

use crate::Named;
use crate::report::{Place, Report};
use std::fmt::Display;
use std::ops::RangeInclusive;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One table of the document.
pub(crate) struct Reader<'a> {
    report: &'a Report<'a>,
    table: &'a DeTable<'a>,
    place: Place,
    known: Vec<&'static str>,
    errors_before: usize,
}

/// One value of the document.
#[derive(Clone)]
pub(crate) struct Value<'a> {
    report: &'a Report<'a>,
    value: &'a Spanned<DeValue<'a>>,
    place: Place,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(report: &'a Report<'a>, table: &'a DeTable<'a>, place: Place) -> Self {
        Self { report, table, place, known: Vec::new(), errors_before: report.count() }
    }

    /// The value of `key`, if it is there.
    pub(crate) fn value(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.known.push(key);
        let value = self.table.get(key)?;
        let place = self.place.field(key);
        self.report.stands(&place, value.span().start);
        Some(Value { report: self.report, value, place })
    }

    /// Whether `key` is there. It is not known by that: who does not ask for its value leaves it an unknown key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The value of `key`; that it is missing is an error which says what to write.
    pub(crate) fn required(&mut self, key: &'static str, what: &str) -> Option<Value<'a>> {
        let value = self.value(key);
        if value.is_none() {
            self.error(format!("{key} is missing: {what}"));
        }
        value
    }

    /// The value of `key` as one of the words of `T`, or its default.
    pub(crate) fn named<T: Named + Default>(&mut self, key: &'static str) -> T {
        self.value(key).and_then(|value| value.named()).unwrap_or_default()
    }

    /// The value of `key` as a number, or `default`.
    pub(crate) fn number<T: TryFrom<u64> + Into<u64> + Copy>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<T>,
        default: T,
    ) -> T {
        self.value(key).and_then(|value| value.number(range)).unwrap_or(default)
    }

    /// The value of `key` as `true` or `false`, or `default`.
    pub(crate) fn boolean(&mut self, key: &'static str, default: bool) -> bool {
        self.value(key).and_then(|value| value.boolean()).unwrap_or(default)
    }

    /// The values of the list at `key`; a missing list is empty.
    pub(crate) fn list<T>(&mut self, key: &'static str, max: usize, read: impl Fn(&Value<'a>) -> Option<T>) -> Vec<T> {
        self.value(key).map(|value| value.list(max, read)).unwrap_or_default()
    }

    /// The tables of `[[key]]`, each read by `read`. An item with errors is `None`, so that indices hold.
    pub(crate) fn things<T>(
        &mut self,
        key: &'static str,
        max: usize,
        mut read: impl FnMut(&mut Reader<'a>) -> Option<T>,
    ) -> Vec<Option<T>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(items) = value.array(&format!("tables: write [[{key}]] above each")) else { return Vec::new() };
        if items.len() > max {
            value.error(format!("{} of them: at most {max} are possible", items.len()));
        }
        let mut things = Vec::with_capacity(items.len().min(max));
        for (index, item) in items.iter().take(max).enumerate() {
            let place = self.place.thing(key, index, name_of(item.get_ref()));
            self.report.stands(&place, item.span().start);
            let DeValue::Table(table) = item.get_ref() else {
                self.report.error(&place, format!("expected a table, found {}", kind(item.get_ref())));
                things.push(None);
                continue;
            };
            let mut reader = Self::new(self.report, table, place);
            let thing = read(&mut reader);
            things.push(if reader.finish() { thing } else { None });
        }
        things
    }

    /// Adds an error at this table.
    pub(crate) fn error(&self, message: impl Into<String>) {
        self.report.error(&self.place, message);
    }

    /// Ends with the keys nobody asked for: each is an error. `true` when the table was read without any error.
    pub(crate) fn finish(self) -> bool {
        for (key, _) in self.table {
            let name: &str = key.get_ref();
            if !self.known.contains(&name) {
                self.report.error_at(key.span().start, &self.place, self.unknown_key(name));
            }
        }
        self.report.count() == self.errors_before
    }

    fn unknown_key(&self, name: &str) -> String {
        let near = self.known.iter().map(|known| (distance(name, known), known)).min();
        match near {
            Some((distance, known)) if distance <= 2 && distance < known.len() => {
                format!("unknown key \"{name}\": did you mean \"{known}\"?")
            }
            _ => format!("unknown key \"{name}\": possible here are {}", self.known.join(", ")),
        }
    }
}

impl<'a> Value<'a> {
    pub(crate) fn error(&self, message: impl Into<String>) {
        self.report.error_at(self.value.span().start, &self.place, message);
    }

    /// Text in quotes.
    pub(crate) fn text(&self) -> Option<&'a str> {
        match self.value.get_ref() {
            DeValue::String(text) => Some(text),
            other => self.expected("text in quotes", other),
        }
    }

    /// Text that `parse` understands.
    pub(crate) fn parsed<T>(&self, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        match parse(self.text()?) {
            Ok(parsed) => Some(parsed),
            Err(message) => {
                self.error(message);
                None
            }
        }
    }

    /// One of the words of `T`.
    pub(crate) fn named<T: Named>(&self) -> Option<T> {
        self.parsed(|text| {
            T::from_name(text).ok_or_else(|| format!("\"{text}\" is not possible here: {}", words::<T>()))
        })
    }

    /// A whole number in `range`.
    pub(crate) fn number<T: TryFrom<u64> + Into<u64> + Copy>(&self, range: RangeInclusive<T>) -> Option<T> {
        let (min, max): (u64, u64) = ((*range.start()).into(), (*range.end()).into());
        let DeValue::Integer(integer) = self.value.get_ref() else {
            return self.expected(&format!("a whole number from {min} to {max}"), self.value.get_ref());
        };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let fits = number.filter(|number| (min..=max).contains(number)).and_then(|number| T::try_from(number).ok());
        if fits.is_none() {
            self.error(format!("{} is out of range: {min} to {max}", integer.as_str()));
        }
        fits
    }

    /// A whole number in `range` that may be negative.
    pub(crate) fn signed(&self, range: RangeInclusive<i32>) -> Option<i32> {
        let (min, max) = (range.start(), range.end());
        let DeValue::Integer(integer) = self.value.get_ref() else {
            return self.expected(&format!("a whole number from {min} to {max}"), self.value.get_ref());
        };
        let number =
            i32::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|number| range.contains(number));
        if number.is_none() {
            self.error(format!("{} is out of range: {min} to {max}", integer.as_str()));
        }
        number
    }

    /// A share of 1, as in `0.5`.
    pub(crate) fn share(&self) -> Option<f64> {
        let number = match self.value.get_ref() {
            DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
            DeValue::Integer(integer) => integer.as_str().parse::<f64>().ok(),
            other => return self.expected("a number from 0.0 to 1.0", other),
        };
        let share = number.filter(|number| (0.0..=1.0).contains(number));
        if share.is_none() {
            self.error("expected a number from 0.0 to 1.0");
        }
        share
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        match self.value.get_ref() {
            DeValue::Boolean(boolean) => Some(*boolean),
            other => self.expected("true or false", other),
        }
    }

    /// The table as a reader of its fields.
    pub(crate) fn reader(&self, what: &str) -> Option<Reader<'a>> {
        match self.value.get_ref() {
            DeValue::Table(table) => Some(Reader::new(self.report, table, self.place.clone())),
            other => self.expected(what, other),
        }
    }

    /// A list, each item read by `read`; items with errors are left out.
    pub(crate) fn list<T>(&self, max: usize, read: impl Fn(&Self) -> Option<T>) -> Vec<T> {
        let Some(items) = self.array("a list") else { return Vec::new() };
        if items.len() > max {
            self.error(format!("{} values: at most {max} are possible", items.len()));
        }
        items.iter().take(max).enumerate().filter_map(|(index, item)| read(&self.item(index, item))).collect()
    }

    /// A list, or one value instead of a list.
    pub(crate) fn one_or_list<T>(&self, max: usize, read: impl Fn(&Self) -> Option<T>) -> Vec<T> {
        if self.is_list() { self.list(max, read) } else { read(self).into_iter().collect() }
    }

    /// The keys and values of a table whose keys are free, as in `{ a = 1, b = 2 }`; `None` without an error when it is
    /// no table.
    pub(crate) fn pairs(&self) -> Option<Vec<(&'a str, Self)>> {
        let DeValue::Table(table) = self.value.get_ref() else { return None };
        let value_of = |(key, value): (&'a Spanned<toml::de::DeString<'a>>, &'a Spanned<DeValue<'a>>)| {
            let key: &'a str = key.get_ref();
            let place = self.place.field(key);
            self.report.stands(&place, value.span().start);
            (key, Self { report: self.report, value, place })
        };
        Some(table.iter().map(value_of).collect())
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.value.get_ref(), DeValue::Array(_))
    }

    pub(crate) fn is_empty_list(&self) -> bool {
        matches!(self.value.get_ref(), DeValue::Array(items) if items.is_empty())
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self.value.get_ref(), DeValue::String(_))
    }

    /// Says that another kind of value was expected.
    pub(crate) fn unexpected<T>(&self, what: &str) -> Option<T> {
        self.expected(what, self.value.get_ref())
    }

    fn array(&self, what: &str) -> Option<&'a [Spanned<DeValue<'a>>]> {
        match self.value.get_ref() {
            DeValue::Array(items) => Some(items),
            other => self.expected(what, other),
        }
    }

    fn item(&self, index: usize, value: &'a Spanned<DeValue<'a>>) -> Self {
        let place = self.place.item(index);
        self.report.stands(&place, value.span().start);
        Self { report: self.report, value, place }
    }

    fn expected<T>(&self, what: &str, found: &DeValue<'_>) -> Option<T> {
        self.error(format!("expected {what}, found {}", kind(found)));
        None
    }
}

/// The words of `T`, for an error message.
pub(crate) fn words<T: Named>() -> String {
    T::NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn name_of<'v>(value: &'v DeValue<'_>) -> Option<&'v str> {
    match value {
        DeValue::Table(table) => match table.get("name").map(Spanned::get_ref) {
            Some(DeValue::String(name)) => Some(name),
            _ => None,
        },
        _ => None,
    }
}

fn kind(value: &DeValue<'_>) -> String {
    let number = |text: &dyn Display| format!("the number {text}");
    match value {
        DeValue::String(text) => format!("the text \"{text}\""),
        DeValue::Integer(integer) => number(integer),
        DeValue::Float(float) => number(float),
        DeValue::Boolean(boolean) => boolean.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// Edits (insert, remove, replace a character) between two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}
