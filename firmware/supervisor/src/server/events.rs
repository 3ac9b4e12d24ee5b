//! What happens, told to whoever listens, as server-sent events (WHATWG HTML 9.2). A listener that comes back with the id of
//! the last event it heard goes on there.

use super::pieces::Pieces;
use super::routes::Words;
use super::{Answered, Core, Refused};
use crate::run::happenings::Listener;
use api::{EVENT_LISTENERS_MAX, EVENT_LISTENING_S, EventQuery};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use std::time::Duration;
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// Pieces that wait for the listener at most; events wait in the ring.
const PIECES_MAX: usize = 1;
/// How often something is said when nothing happens: whoever has gone is noticed by that.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// When a browser comes back after the end, and what is said first: the answer has begun.
const RETRY: &str = "retry: 1000\n\n";
/// When another listener may try again.
const PLACE_AFTER: Duration = Duration::from_secs(5);

pub(super) async fn listen(State(core): State<Core>, headers: HeaderMap, Words(query): Words<EventQuery>) -> Answered {
    // A browser keeps asking with the address it began with, and says in the head where it is.
    let last = headers.get("last-event-id").and_then(|last| last.to_str().ok()).map(str::to_owned).or(query.after);
    let Some(listener) = core.teller.happenings().listen(last.as_deref()) else {
        let refused = Refused::new(StatusCode::TOO_MANY_REQUESTS, format!("{EVENT_LISTENERS_MAX} listen already"));
        return Err(Refused { retry_after: Some(PLACE_AFTER), ..refused });
    };
    let (pieces, body) = channel(PIECES_MAX);
    tokio::spawn(tell(listener, pieces));
    let heads = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((heads, Body::new(Pieces(body))).into_response())
}

async fn tell(mut listener: Listener, pieces: Sender<Bytes>) {
    let end = Instant::now() + Duration::from_secs(EVENT_LISTENING_S);
    let mut text = RETRY.to_owned();
    loop {
        text.push_str(&listener.news());
        let sent = timeout_at(end, pieces.send(std::mem::take(&mut text).into())).await;
        if !matches!(sent, Ok(Ok(()))) {
            return;
        }
        tokio::select! {
            () = listener.changed() => {}
            () = sleep(SIGN_OF_LIFE) => text.push_str(": nothing happened\n\n"),
            () = pieces.closed() => return,
            () = sleep_until(end) => return,
        }
    }
}
