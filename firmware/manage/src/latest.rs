//! When something last went well, and when and why it last did not: what people ask first of a place that messages go to.

use crate::redact;
use jiff::Timestamp;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

/// The two last times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moments {
    /// When it last went well.
    pub well: Option<Timestamp>,
    /// When it last did not, and why.
    pub failure: Option<(Timestamp, String)>,
}

/// Whoever works writes it, whoever asks reads it.
#[derive(Debug, Default)]
pub struct Latest(Mutex<Moments>);

impl Latest {
    /// It went well just now.
    pub fn went_well(&self) {
        self.change(|moments| moments.well = Some(Timestamp::now()));
    }

    /// It did not. What the other side says may repeat what it was told: secrets are removed.
    pub fn failed(&self, why: &impl Display) {
        let why = redact::text(&why.to_string());
        self.change(|moments| moments.failure = Some((Timestamp::now(), why)));
    }

    /// As it is now.
    pub fn moments(&self) -> Moments {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Moments)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
