//! A caller is heard out before it is answered. Most refusals are known from the head of a request; a connection that is
//! closed then breaks under a caller that still writes, and the reason never arrives.

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::Frame;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::timeout;

/// Time that a caller gets for a body that nobody wants to know.
const REST_LIMIT: Duration = Duration::from_secs(5);
/// Bytes of it that are read: whoever says twice what anybody may has no mistake to be told of.
const REST_BYTES_MAX: usize = 2 * api::REQUEST_BYTES_MAX;

/// Reads what the answer did not need to know, and throws it away. For the API on both of its doors: core's and web's.
pub async fn hear_out(request: Request, next: Next) -> Response {
    // RFC 9110 10.1.1: who asks first whether the body is wanted is told so by reading it, and has not sent it otherwise.
    let waits = request.headers().contains_key(header::EXPECT);
    let (parts, body) = request.into_parts();
    let said = Said(Arc::new(Mutex::new(Speech { body, begun: !waits })));
    let response = next.run(Request::from_parts(parts, Body::new(said.clone()))).await;
    if said.is_wanted() {
        // Whoever is slower than that, or says more than anybody may, loses the answer.
        let _ = timeout(REST_LIMIT, said.rest()).await;
    }
    response
}

/// A body that is read by two: first by whom it is for, then to its end.
#[derive(Clone)]
struct Said(Arc<Mutex<Speech>>);

struct Speech {
    body: Body,
    /// Whether the caller knows that it is wanted.
    begun: bool,
}

impl Said {
    fn is_wanted(&self) -> bool {
        let speech = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        speech.begun && !speech.body.is_end_stream()
    }

    async fn rest(mut self) {
        let mut bytes = 0;
        while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut self).poll_frame(context)).await {
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > REST_BYTES_MAX {
                return;
            }
        }
    }
}

impl HttpBody for Said {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut speech = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        speech.begun = true;
        Pin::new(&mut speech.body).poll_frame(context)
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).body.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::http::StatusCode;
    use axum::middleware::from_fn;
    use axum::routing::post;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    const BODY: usize = 1_000_000;

    /// What a caller reads that sends a large body in pieces to a node that refuses by the head.
    fn answer(router: Router, expect: &str) -> std::io::Result<String> {
        let path = std::env::temp_dir().join(format!("suimon-heard-{}-{}", std::process::id(), expect.len()));
        let listener = std::os::unix::net::UnixListener::bind(&path)?;
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // It serves until the process ends.
        let serving = async { axum::serve(tokio::net::UnixListener::from_std(listener)?, router).await };
        std::thread::spawn(move || runtime.block_on(serving));
        let mut caller = UnixStream::connect(&path)?;
        std::fs::remove_file(&path)?;
        caller.set_read_timeout(Some(REST_LIMIT * 2))?;
        write!(caller, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{expect}Content-Length: {BODY}\r\n\r\n")?;
        if expect.is_empty() {
            for _ in 0..10 {
                std::thread::sleep(Duration::from_millis(10));
                caller.write_all(&[b' '; BODY / 10])?;
            }
        }
        let mut answer = String::new();
        caller.read_to_string(&mut answer)?;
        Ok(answer)
    }

    #[test]
    fn a_refusal_arrives_whatever_the_caller_still_had_to_say() {
        let refusing = || Router::new().route("/", post(async || (StatusCode::FORBIDDEN, "because")));
        let heard = answer(refusing().layer(from_fn(hear_out)), "").expect("an answer");
        assert!(heard.starts_with("HTTP/1.1 403") && heard.ends_with("because"), "{heard}");
        // Without it the connection breaks: else this test would show nothing.
        assert!(answer(refusing(), "").is_err());
    }

    #[test]
    fn a_caller_that_asks_first_is_refused_at_once() {
        let refusing = Router::new().route("/", post(async || (StatusCode::FORBIDDEN, "because")));
        let heard = answer(refusing.layer(from_fn(hear_out)), "Expect: 100-continue\r\n").expect("an answer");
        assert!(heard.starts_with("HTTP/1.1 403") && heard.ends_with("because"), "{heard}");
    }
}
