//! Long lists, a page at a time: the links beside each of them.

use serde::{Deserialize, Deserializer};

/// Rows of a page.
pub(crate) const ROWS_MAX: u32 = 100;

/// The page that was asked for, of a list whose rows are counted.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default, deserialize_with = "number")]
    pub from: u32,
}

/// Where else the list can be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pager {
    /// Its beginning.
    pub first: Option<String>,
    /// The page before.
    pub before: Option<String>,
    /// The page after.
    pub after: Option<String>,
    /// Numbers of the first and last row, where rows are counted.
    pub rows: Option<(u64, u64)>,
}

impl Pager {
    /// Of a list whose rows are counted from its beginning: those from `from` on were asked for, and one more than a page
    /// has. Takes that one away.
    pub(crate) fn counted<T>(path: &str, words: &[(&str, &str)], from: u32, rows: &mut Vec<T>) -> Self {
        let more = rows.len() > ROWS_MAX as usize;
        rows.truncate(ROWS_MAX as usize);
        let to = |from: u32| link(path, words, ("from", from.into()));
        let shown = u64::from(from) + rows.len() as u64;
        Self {
            first: (from > ROWS_MAX).then(|| link(path, words, ("from", 0))),
            before: (from > 0).then(|| to(from.saturating_sub(ROWS_MAX))),
            after: more.then(|| to(from.saturating_add(ROWS_MAX))),
            rows: (from > 0 || more).then_some((u64::from(from) + 1, shown)),
        }
    }

    /// Of a list that is followed from its newest row back: `before` is where the page begins, `oldest` its last row, when
    /// there are older ones.
    pub(crate) fn back(path: &str, words: &[(&str, &str)], before: Option<u64>, oldest: Option<u64>) -> Self {
        Self {
            first: before.map(|_| link(path, words, ("", 0))),
            before: None,
            after: oldest.map(|oldest| link(path, words, ("before", oldest))),
            rows: None,
        }
    }

    /// Whether there is anything else.
    pub(crate) fn is_needed(&self) -> bool {
        self.before.is_some() || self.first.is_some() || self.after.is_some()
    }
}

fn link(path: &str, words: &[(&str, &str)], (key, number): (&str, u64)) -> String {
    let number = (number > 0).then(|| (key, number.to_string()));
    let words = words.iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (*key, (*value).to_owned()));
    let query = serde_urlencoded::to_string(words.chain(number).collect::<Vec<_>>()).unwrap_or_default();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A number in the address of a page; what is none is taken for the beginning.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    Ok(String::deserialize(deserializer)?.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_a_counted_list() {
        let links = |from: u32, found: usize| {
            let mut rows = vec![(); found];
            let pager = Pager::counted("/flows", &[("service", "a b"), ("client", "")], from, &mut rows);
            assert!(rows.len() <= ROWS_MAX as usize);
            (pager.first, pager.before, pager.after, pager.rows)
        };
        let path = |from: &str| Some(format!("/flows?service=a+b{from}"));
        assert_eq!(links(0, 100), (None, None, None, None));
        assert_eq!(links(0, 101), (None, None, path("&from=100"), Some((1, 100))));
        assert_eq!(links(100, 7), (None, path(""), None, Some((101, 107))));
        assert_eq!(links(300, 101), (path(""), path("&from=200"), path("&from=400"), Some((301, 400))));
    }

    #[test]
    fn pages_of_a_list_followed_back() {
        assert!(!Pager::back("/audit", &[], None, None).is_needed());
        let pager = Pager::back("/audit", &[("user", "x")], Some(9), Some(4));
        let expected = (Some("/audit?user=x".to_owned()), Some("/audit?user=x&before=4".to_owned()));
        assert_eq!((pager.first, pager.after), expected);
    }
}
