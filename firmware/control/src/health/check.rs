//! One check of one backend: passes and failures in a row, and what they amount to.

use super::probes::ProbeId;
use net::Now;

/// Bytes of a failure's text that are kept.
pub const TEXT_BYTES_MAX: usize = 200;

/// What a probe found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// When.
    pub at: Now,
    /// Whether the server answered as it should.
    pub passed: bool,
    /// Percent of its weight that the server asks for, 0 to 100.
    pub weight: Option<u32>,
    /// Why it failed, in a few words; cut to [`TEXT_BYTES_MAX`].
    pub text: String,
}

/// Answers of one kind in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    pub passed: bool,
    pub length: u32,
}

impl Run {
    pub fn add(&mut self, passed: bool) {
        if self.passed != passed {
            self.length = 0;
        }
        *self = Self { passed, length: self.length.saturating_add(1) };
    }
}

/// What the answers of a check amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No answer yet. The first one decides.
    Untested,
    Passing,
    Failing,
}

/// A check of a backend.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub name: String,
    pub rise: u32,
    pub fall: u32,
    /// `None`: nothing is asked, and it passes.
    pub probe: Option<ProbeId>,
    pub verdict: Verdict,
    pub run: Run,
    /// Percent of its weight that the server asks for.
    pub weight: Option<u32>,
    /// Of the last failure.
    pub text: String,
    /// The verdict is an earlier run's: unless an answer comes, it means nothing from then on.
    pub trusted_until: Option<Now>,
}

impl Check {
    pub fn new(check: &config::Check, probe: Option<ProbeId>, verdict: Verdict) -> Self {
        Self {
            name: check.name.clone(),
            rise: check.rise,
            fall: check.fall,
            probe,
            verdict: if probe.is_none() { Verdict::Passing } else { verdict },
            run: Run::default(),
            weight: None,
            text: String::new(),
            trusted_until: None,
        }
    }

    pub fn passes(&self) -> bool {
        self.verdict == Verdict::Passing
    }

    /// An answer.
    pub fn hear(&mut self, checked: &Checked) {
        self.trusted_until = None;
        self.run.add(checked.passed);
        if checked.passed {
            // A server that no longer names one gets all of it.
            self.weight = checked.weight.map(|weight| weight.min(100));
        } else {
            self.text.clone_from(&checked.text);
        }
        self.decide();
    }

    /// The answers that a probe gave before this check began to listen to it.
    pub fn catch_up(&mut self, run: Run, last: &Checked) {
        if run.length > 0 {
            self.hear(last);
            self.run = run;
            self.decide();
        }
    }

    /// How many answers it takes, from now on. Those in a row until now count.
    pub fn judge_by(&mut self, check: &config::Check) {
        (self.rise, self.fall) = (check.rise, check.fall);
        if self.verdict != Verdict::Untested {
            self.decide();
        }
    }

    /// It counts as failing; to pass it takes as many passes as for a server that was down.
    pub fn begin_again(&mut self) {
        if self.probe.is_some() {
            (self.verdict, self.run, self.trusted_until) = (Verdict::Failing, Run::default(), None);
        }
    }

    fn decide(&mut self) {
        let Run { passed, length } = self.run;
        self.verdict = match (self.verdict, passed) {
            (verdict, _) if length == 0 => verdict,
            (Verdict::Untested, true) => Verdict::Passing,
            (Verdict::Untested, false) => Verdict::Failing,
            (Verdict::Passing, false) if length >= self.fall => Verdict::Failing,
            (Verdict::Failing, true) if length >= self.rise => Verdict::Passing,
            (verdict, _) => verdict,
        };
    }
}

/// The text of a failure, no longer than what is kept of it.
pub(super) fn cut(text: &mut String) {
    let end = (0..=TEXT_BYTES_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.truncate(end);
}
