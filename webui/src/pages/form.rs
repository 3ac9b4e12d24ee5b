//! Fields as the page shows them: with their words, hints and errors, and the rare ones apart.

use crate::draft::Row;
use crate::draft::fields::{self, Field, Kind};
use crate::language::Text;
use std::collections::BTreeMap;

/// Characters that a field of the usual width shows.
const BROAD_CHARS: usize = 24;

/// Rows that look alike: the hints of the first are those of all.
const ALIKE: [&str; 2] = ["backend.", "route."];

/// Errors by the names of fields.
pub(super) type Errors = BTreeMap<String, Vec<String>>;

/// The fields of one table of the document.
pub(super) struct Shown {
    /// How the names of its fields begin.
    pub begin: String,
    /// Its name in the document; empty: it is new.
    pub was: String,
    /// Fields that the form leaves alone, with blanks between them.
    pub kept: String,
    /// What people call it.
    pub name: String,
    pub usual: Vec<Input>,
    pub rare: Vec<Input>,
    /// One of the rare fields says something.
    pub open: bool,
}

/// A field.
pub(super) struct Input {
    pub name: String,
    pub label: &'static str,
    pub hint: Option<&'static str>,
    pub look: Look,
    pub value: String,
    /// Words to choose from, and what they mean.
    pub words: Vec<(&'static str, String)>,
    pub errors: Vec<String>,
    /// Other fields follow from it.
    pub decides: bool,
}

/// How a field looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Line,
    Number,
    Secret,
    Lines,
    Choice,
    /// The document says it in a way that a form cannot show.
    Kept,
}

/// Rows of one kind.
pub(super) struct Rows(pub Vec<Shown>);

impl Rows {
    pub(super) fn backends(t: Text, rows: &[Row], errors: &Errors) -> Self {
        let shown = |(at, row)| Shown::row(t, &format!("backend.{at}"), "backend", fields::BACKEND, row, errors);
        Self(rows.iter().enumerate().map(shown).collect())
    }

    /// NICs, whose names are the kernel's.
    pub(super) fn nics(t: Text, rows: &[Row], errors: &Errors) -> Self {
        let shown = |(at, row)| Shown::row(t, &format!("nic.{at}"), "nic", &fields::NIC[1..], row, errors);
        Self(rows.iter().enumerate().map(shown).collect())
    }

    pub(super) fn routes(t: Text, rows: &[Row], errors: &Errors) -> Self {
        let shown = |(at, row)| Shown::row(t, &format!("route.{at}"), "route", fields::ROUTE, row, errors);
        Self(rows.iter().enumerate().map(shown).collect())
    }

    pub(super) fn checks(t: Text, rows: &[Row], errors: &Errors) -> Self {
        let shown = |(at, row): (usize, &Row)| {
            let begin = format!("check.{at}");
            let options = fields::options_of(row.value("kind").trim());
            // Which server is asked how comes first; how often, and when it counts, after it.
            let (first, then) = fields::CHECK.split_at(2);
            let fields: Vec<_> = first.iter().chain(&options).chain(then).copied().collect();
            Shown::row(t, &begin, "check", &fields, row, errors)
        };
        Self(rows.iter().enumerate().map(shown).collect())
    }
}

impl Shown {
    pub(super) fn system(t: Text, row: &Row, errors: &Errors) -> Self {
        Self::row(t, "system", "system", fields::SYSTEM, row, errors)
    }

    pub(super) fn gateways(t: Text, row: &Row, errors: &Errors) -> Self {
        Self::row(t, "gateway", "gateway", fields::GATEWAYS, row, errors)
    }

    pub(super) fn service(t: Text, row: &Row, errors: &Errors) -> Self {
        Self::row(t, "service", "service", fields::SERVICE, row, errors)
    }

    fn row(t: Text, begin: &str, scope: &str, fields: &[Field], row: &Row, errors: &Errors) -> Self {
        let input = |field: &Field| Input::of(t, begin, scope, field, row, errors);
        let (rare, usual): (Vec<_>, Vec<_>) = fields.iter().partition(|field| field.rare);
        let says = |field: &&Field| row.values.get(field.key).is_some_and(|value| value != field.default);
        let wrong = |field: &&Field| errors.contains_key(&format!("{begin}.{}", field.key));
        Self {
            begin: begin.to_owned(),
            was: row.was.clone(),
            kept: row.kept.iter().cloned().collect::<Vec<_>>().join(" "),
            name: row.value("name").to_owned(),
            open: rare.iter().any(|field| says(field) || wrong(field)),
            usual: usual.into_iter().map(input).collect(),
            rare: rare.into_iter().map(input).collect(),
        }
    }
}

impl Input {
    fn of(t: Text, begin: &str, scope: &str, field: &Field, row: &Row, errors: &Errors) -> Self {
        let name = format!("{begin}.{}", field.key);
        let kind = row.value("kind").trim();
        // A check of another kind than before does not have all fields yet.
        let value = row.values.get(field.key).map_or(field.default, String::as_str).to_owned();
        let mut words: Vec<_> =
            fields::words_of(field, kind).into_iter().map(|word| (word, meaning(t, field.key, word))).collect();
        let look = match field.kind {
            _ if row.kept.contains(field.key) => Look::Kept,
            Kind::Number => Look::Number,
            Kind::Secret => Look::Secret,
            Kind::Words(_) | Kind::Switch if words.iter().any(|(word, _)| *word == value) => Look::Choice,
            Kind::Lines | Kind::Pairs | Kind::Steps | Kind::Block => Look::Lines,
            _ => Look::Line,
        };
        if look != Look::Choice {
            words.clear();
        }
        Self {
            label: t.find(&format!("form.{scope}.{}", field.key)).unwrap_or(field.key),
            // A row like the one before needs no hints once more.
            hint: t
                .find(&format!("hint.{scope}.{}", field.key))
                .filter(|_| !ALIKE.iter().any(|kind| begin.starts_with(kind)) || begin.ends_with(".0")),
            errors: errors.get(&name).cloned().unwrap_or_default(),
            decides: field.key == "kind" || field.key == "method",
            name,
            look,
            value,
            words,
        }
    }

    /// Whether a word is the one that is chosen.
    pub(super) fn chosen(&self, word: &str) -> bool {
        self.value == word
    }

    /// Whether what it offers takes more room than a word does.
    pub(super) fn is_broad(&self) -> bool {
        self.words.iter().any(|(_, meaning)| meaning.chars().count() > BROAD_CHARS)
    }

    /// What describes it, for `aria-describedby`; empty: nothing.
    pub(super) fn described(&self) -> String {
        let hint = self.hint.map(|_| format!("{}-hint", self.name));
        let error = (!self.errors.is_empty()).then(|| format!("{}-error", self.name));
        hint.into_iter().chain(error).collect::<Vec<_>>().join(" ")
    }
}

/// A word, and what it means where that does not go without saying.
fn meaning(t: Text, key: &str, word: &str) -> String {
    if word.is_empty() {
        let unset = t.find(&format!("choice.{key}.unset"));
        return unset.unwrap_or_else(|| t.say("form.as_usual")).to_owned();
    }
    match t.find(&format!("choice.{key}.{word}")) {
        Some(meaning) => format!("{word}: {meaning}"),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use config::{CheckKind, Named};

    #[test]
    fn every_field_has_a_label_and_every_choice_a_meaning() {
        let t = Text(Language::English);
        let options: Vec<_> = fields::CHECK.iter().chain(fields::OPTIONS).copied().collect();
        for (scope, fields) in [
            ("service", fields::SERVICE),
            ("backend", fields::BACKEND),
            ("check", &options),
            ("nic", &fields::NIC[1..]),
            ("route", fields::ROUTE),
            ("system", fields::SYSTEM),
            ("gateway", fields::GATEWAYS),
        ] {
            for field in fields {
                assert!(t.find(&format!("form.{scope}.{}", field.key)).is_some(), "form.{scope}.{}", field.key);
            }
        }
        for field in fields::SERVICE.iter().filter(|field| matches!(field.key, "method" | "scheduler")) {
            for word in fields::words_of(field, "") {
                assert!(t.find(&format!("choice.{}.{word}", field.key)).is_some(), "{word}");
            }
        }
        for (name, _) in CheckKind::NAMES {
            assert!(t.find(&format!("choice.kind.{name}")).is_some(), "{name}");
        }
    }

    #[test]
    fn rare_fields_that_say_something_are_in_sight() {
        let t = Text(Language::English);
        let mut row = Row::fresh(fields::SERVICE);
        assert!(!Shown::service(t, &row, &Errors::new()).open);
        row.values.insert("midstream".to_owned(), "adopt".to_owned());
        assert!(Shown::service(t, &row, &Errors::new()).open);
        let wrong = Errors::from([("service.quorum.up".to_owned(), vec!["too many".to_owned()])]);
        let shown = Shown::service(t, &Row::fresh(fields::SERVICE), &wrong);
        assert!(shown.open);
        let input = shown.rare.iter().find(|input| input.name == "service.quorum.up").unwrap();
        assert_eq!(input.errors, ["too many"]);
        assert!(input.described().ends_with("service.quorum.up-error"));
    }

    #[test]
    fn what_a_form_cannot_show_is_kept() {
        let t = Text(Language::English);
        let mut row = Row { was: "web".to_owned(), ..Row::fresh(fields::SERVICE) };
        row.values.remove("vip");
        row.kept.insert("vip".to_owned());
        let shown = Shown::service(t, &row, &Errors::new());
        let kept: Vec<_> =
            shown.usual.iter().filter(|input| input.look == Look::Kept).map(|input| &input.name).collect();
        assert_eq!(kept, ["service.vip"]);
    }
}
