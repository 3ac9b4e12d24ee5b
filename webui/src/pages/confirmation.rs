//! The revision that waits: kept, or returned from at once. The banner on every page has the buttons.

use super::overview;
use crate::show;
use crate::visitor::{Answer, Frame, SignedIn, done, own_path};
use api::{Rollback, Terms, Waiting};
use axum::Form;
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Kept {
    /// The page that the button was on.
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(crate) struct Left {
    returns_to: u64,
}

pub(crate) async fn confirm(signed: SignedIn, Form(kept): Form<Kept>) -> Answer {
    match signed.client.confirm().await {
        Ok(_) => Ok(done("confirmed", own_path(&kept.next))),
        Err(error) => overview::show(&signed, Some(signed.told(error)?)).await,
    }
}

pub(crate) async fn leave(signed: SignedIn, Form(left): Form<Left>) -> Answer {
    match signed.client.roll_back(&Rollback { revision: left.returns_to, terms: Terms::default() }).await {
        // The page may be about something that is not there any more.
        Ok(_) => Ok(done("rolled_back", "/")),
        Err(error) => overview::show(&signed, Some(signed.told(error)?)).await,
    }
}

impl Frame {
    /// How long there is to confirm.
    pub(crate) fn left(&self, waiting: &Waiting) -> String {
        show::duration(&waiting.left_s)
    }

    /// When the earlier revision returns, as a time of day: it says so without script too.
    pub(crate) fn returns_at(&self, waiting: &Waiting) -> String {
        let now = jiff::Timestamp::now().as_second();
        show::time(&u64::try_from(now).unwrap_or(0).saturating_add(waiting.left_s))
    }
}
