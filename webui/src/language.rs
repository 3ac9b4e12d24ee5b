//! The texts of the console, from catalogues that are compiled in.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::LazyLock;

/// Texts by their keys.
type Catalogue = HashMap<String, String>;

static ENGLISH: LazyLock<Catalogue> = LazyLock::new(|| read(include_str!("../catalogue/en.toml")));
static JAPANESE: LazyLock<Catalogue> = LazyLock::new(|| read(include_str!("../catalogue/ja.toml")));

fn read(text: &str) -> Catalogue {
    toml::from_str(text).expect("a test reads the catalogues")
}

/// The languages of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Japanese,
}

impl Language {
    /// Of its code.
    pub(crate) fn from_code(code: &str) -> Option<Self> {
        match code {
            "en" => Some(Self::English),
            "ja" => Some(Self::Japanese),
            _ => None,
        }
    }

    /// The first known one of an `Accept-Language` list; its order is trusted, its weights are not read.
    pub(crate) fn accepted(list: &str) -> Option<Self> {
        list.split(',').find_map(|language| Self::from_code(language.trim().get(..2)?))
    }

    /// As in the attribute `lang`.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Japanese => "ja",
        }
    }
}

/// The texts of one language, for templates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text(pub Language);

impl Text {
    /// The language's code.
    pub(crate) fn code(&self) -> &'static str {
        self.0.code()
    }

    /// The text of a key, if there is one.
    pub(crate) fn find(&self, key: &str) -> Option<&'static str> {
        let catalogue: &'static Catalogue = match self.0 {
            Language::English => &ENGLISH,
            Language::Japanese => &JAPANESE,
        };
        catalogue.get(key).map(String::as_str)
    }

    /// The text of a key.
    pub(crate) fn say(&self, key: &'static str) -> &'static str {
        // Unreachable while the test of the catalogues passes; a key is better than nothing.
        self.find(key).unwrap_or(key)
    }

    /// The text for a word of the API, such as a state; the word itself where there is none.
    pub(crate) fn word<'a>(&self, kind: &str, word: &'a str) -> &'a str {
        self.find(&format!("{kind}.{word}")).unwrap_or(word)
    }

    /// A text with a value in the place of `{0}`.
    pub(crate) fn fill(&self, key: &'static str, value: impl Display) -> String {
        self.say(key).replace("{0}", &value.to_string())
    }

    /// A text with two values, in the places of `{0}` and `{1}`.
    pub(crate) fn fill_two(&self, key: &'static str, first: impl Display, second: impl Display) -> String {
        self.fill(key, first).replace("{1}", &second.to_string())
    }

    /// A text with three values.
    pub(crate) fn fill_three(
        &self,
        key: &'static str,
        first: impl Display,
        second: impl Display,
        third: impl Display,
    ) -> String {
        self.fill_two(key, first, second).replace("{2}", &third.to_string())
    }
}

#[cfg(test)]
mod tests;
