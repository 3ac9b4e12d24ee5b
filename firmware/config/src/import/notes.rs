//! The list of what an import could not carry over, or carried over with another meaning.

use crate::limits::IMPORT_NOTES_MAX;
use crate::names::named;
use serde::Serialize;
use std::collections::HashMap;
use std::fmt;

named! {
    /// What a remark asks of the administrator. In the order in which they matter.
    Concern {
        /// Something is missing that the source cannot know: write it before the document is used.
        #[default]
        FillIn => "fill-in",
        /// Carried over, and means something else here.
        Differs => "differs",
        /// Not carried over.
        Left => "left",
    }
}

/// One remark. The same remark about several lines is made once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotCarried {
    /// What is to be done about it.
    pub concern: Concern,
    /// The file.
    pub file: String,
    /// Lines it is about, from 1, in order; empty: the file as a whole.
    pub lines: Vec<u32>,
    /// The directive, as it is written in the source.
    pub what: String,
    /// Why it is in the list.
    pub why: String,
    /// What to do or use in its place; may be empty.
    pub instead: String,
}

/// Lines that a remark shows; there may be thousands.
const LINES_SHOWN: usize = 6;

impl NotCarried {
    /// The file and the first of its lines, as in `ldirectord.cf:12,15`.
    pub fn place(&self) -> String {
        let mut place = self.file.clone();
        for (index, line) in self.lines.iter().take(LINES_SHOWN).enumerate() {
            place.push_str(&format!("{}{line}", if index == 0 { ":" } else { "," }));
        }
        if self.lines.len() > LINES_SHOWN {
            place.push_str(",…");
        }
        place
    }
}

impl fmt::Display for NotCarried {
    /// The place and the directive, and below it why it is in the list and what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    {}", self.place(), self.what, self.why)?;
        if self.instead.is_empty() { Ok(()) } else { write!(f, "\n    -> {}", self.instead) }
    }
}

/// Collects remarks.
pub(super) struct Notes {
    file: String,
    list: Vec<NotCarried>,
    /// Where a remark is in the list, by all of it but its lines.
    known: HashMap<(Concern, [String; 4]), usize>,
    more: usize,
}

impl Notes {
    pub(super) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), list: Vec::new(), known: HashMap::new(), more: 0 }
    }

    /// From now on remarks are about this file.
    pub(super) fn about(&mut self, file: &str) {
        file.clone_into(&mut self.file);
    }

    /// Something must be written by hand. Line 0: the file as a whole.
    pub(super) fn fill_in(
        &mut self,
        line: u32,
        what: impl Into<String>,
        why: impl Into<String>,
        instead: impl Into<String>,
    ) {
        self.add(Concern::FillIn, line, [what.into(), why.into(), instead.into()]);
    }

    /// Something means something else.
    pub(super) fn differs(
        &mut self,
        line: u32,
        what: impl Into<String>,
        why: impl Into<String>,
        instead: impl Into<String>,
    ) {
        self.add(Concern::Differs, line, [what.into(), why.into(), instead.into()]);
    }

    /// Something is not carried over.
    pub(super) fn left(
        &mut self,
        line: u32,
        what: impl Into<String>,
        why: impl Into<String>,
        instead: impl Into<String>,
    ) {
        self.add(Concern::Left, line, [what.into(), why.into(), instead.into()]);
    }

    fn add(&mut self, concern: Concern, line: u32, [what, why, instead]: [String; 3]) {
        let key = (concern, [self.file.clone(), what, why, instead]);
        let at = match self.known.get(&key) {
            Some(at) => *at,
            None if self.list.len() == IMPORT_NOTES_MAX => {
                self.more += 1;
                return;
            }
            None => {
                let (_, [file, what, why, instead]) = key.clone();
                self.list.push(NotCarried { concern, file, lines: Vec::new(), what, why, instead });
                self.known.insert(key, self.list.len() - 1);
                self.list.len() - 1
            }
        };
        let lines = &mut self.list[at].lines;
        if line != 0 && lines.last() != Some(&line) {
            lines.push(line);
        }
    }

    /// The list in its order, and how many more there were.
    pub(super) fn finish(mut self) -> (Vec<NotCarried>, usize) {
        for note in &mut self.list {
            note.lines.sort_unstable();
            note.lines.dedup();
        }
        self.list.sort_by(|a, b| (a.concern, &a.file, a.lines.first()).cmp(&(b.concern, &b.file, b.lines.first())));
        (self.list, self.more)
    }
}

/// What replaces mail directives.
// GAP(peers.md 2a emailalert, 4b smtp_alert): the importers name the table, and write nothing into it.
pub(super) const ALERTS: &str = "alerts by e-mail: [alerts]";
/// What replaces programs that are run when something changes.
pub(super) const WEBHOOK: &str = "a webhook in [alerts], which is called when this happens";
