//! What a form brings along beside the service itself, and which button sent it.

use crate::draft::{Change, Draft};

/// Seconds to confirm a change, unless somebody wants others.
const CONFIRM_WITHIN_S: &str = "60";

/// What a button asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// More or fewer rows, or the fields that follow from a choice.
    Rows(Change),
    /// Servers are asked, nothing is changed.
    Try,
    /// What would change.
    Review,
    /// It is put in use.
    Apply,
    /// What was typed goes into the document that is in use by now.
    Carry,
}

impl Act {
    fn of(word: &str) -> Self {
        let row = |word: &str, before: &str| word.strip_prefix(before)?.parse().ok();
        match word {
            "try" => Self::Try,
            "apply" => Self::Apply,
            "carry" => Self::Carry,
            "refresh" => Self::Rows(Change::None),
            "backend-add" => Self::Rows(Change::AddBackend),
            "check-add" => Self::Rows(Change::AddCheck),
            word => match (row(word, "backend-remove."), row(word, "check-remove.")) {
                (Some(at), _) => Self::Rows(Change::RemoveBackend(at)),
                (_, Some(at)) => Self::Rows(Change::RemoveCheck(at)),
                _ => Self::Review,
            },
        }
    }
}

/// A form that was sent.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub draft: Draft,
    pub act: Act,
    /// The revision that the form began with.
    pub base_revision: u64,
    /// Digest of the document that was looked at.
    pub reviewed: String,
    pub comment: String,
    pub confirm_within_s: String,
}

impl Given {
    /// A form nobody has typed in yet.
    pub(super) fn fresh(draft: Draft, base_revision: u64) -> Self {
        Self {
            draft,
            act: Act::Rows(Change::None),
            base_revision,
            reviewed: String::new(),
            comment: String::new(),
            confirm_within_s: CONFIRM_WITHIN_S.to_owned(),
        }
    }

    /// From its fields. Without a button's word it was sent by the key Enter: that only looks.
    pub(super) fn posted(form: &[(String, String)]) -> Self {
        let value = |name: &str| form.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let owned = |name: &str| value(name).unwrap_or_default().to_owned();
        Self {
            draft: Draft::posted(form),
            act: Act::of(value("do").unwrap_or_default()),
            base_revision: value("base_revision").and_then(|number| number.parse().ok()).unwrap_or(0),
            reviewed: owned("reviewed"),
            comment: owned("comment"),
            confirm_within_s: value("confirm_within_s").unwrap_or(CONFIRM_WITHIN_S).to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons() {
        for (word, act) in [
            ("try", Act::Try),
            ("backend-add", Act::Rows(Change::AddBackend)),
            ("backend-remove.12", Act::Rows(Change::RemoveBackend(12))),
            ("check-remove.0", Act::Rows(Change::RemoveCheck(0))),
            ("check-remove.x", Act::Review),
            ("", Act::Review),
        ] {
            assert_eq!(Act::of(word), act, "{word}");
        }
    }
}
