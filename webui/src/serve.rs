//! Connections: who may, and how long each step may take. Strangers who say nothing, or little at a time, hold a place for a
//! bounded time only, and give it up when others want it.

use crate::certificate::{Identity, Terms};
use crate::places::{Place, Places};
use crate::{Console, guard, pages, rest};
use axum::Router;
use axum::extract::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// Time for the TLS handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// Time for the head of a request, the wait between two requests included.
const HEADER_LIMIT: Duration = Duration::from_secs(20);
/// Time a connection may last, whatever happens on it: who reads an answer a byte at a time ends too. Answers that are meant
/// to last longer say so by [`Lasting`].
const CONNECTION_LIMIT: Duration = Duration::from_secs(600);
/// Bytes of a request's head, and of what is read ahead.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// After a failed `accept`, usually for want of descriptors: time for some to come back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What became of connections since the start.
#[derive(Debug, Default)]
pub(crate) struct Served {
    /// Accepted and served.
    accepted: AtomicU64,
    /// Turned away: the address is not among those allowed.
    not_allowed: AtomicU64,
    /// Turned away: the places are taken by people who are signed in.
    pub(crate) too_many: AtomicU64,
    /// Ended for a newcomer: the places are taken, this one by a stranger.
    pub(crate) gave_way: AtomicU64,
    /// Ended because the handshake failed or took too long.
    handshakes_failed: AtomicU64,
}

impl Served {
    /// Counts, and tells the log at 1, 2, 4, 8 and so on: a flood fills no log.
    pub(crate) fn count(counter: &AtomicU64, what: &str, client: IpAddr) {
        let count = counter.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_power_of_two() {
            tracing::warn!(%client, count, "{what}");
        }
    }
}

/// Serves until the process ends.
pub async fn serve(listeners: Vec<TcpListener>, identity: Identity, console: Console) -> io::Result<()> {
    let core = console.client();
    let door = Arc::new(Door {
        terms: Terms::new(identity),
        pages: guard::around(pages::router(console.clone()), rest::router(console)),
        places: Places::default(),
        served: Served::default(),
    });
    let mut accepting = tokio::task::JoinSet::new();
    for listener in listeners {
        accepting.spawn(accept(tokio::net::TcpListener::from_std(listener)?, Arc::clone(&door)));
    }
    let ended = async { while accepting.join_next().await.is_some() {} };
    tokio::select! {
        () = ended => {}
        () = door.terms.follow(core) => {}
    }
    Err(io::Error::other("nobody listens any more"))
}

struct Door {
    terms: Terms,
    pages: Router,
    places: Places,
    served: Served,
}

async fn accept(listener: tokio::net::TcpListener, door: Arc<Door>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let client = peer.ip().to_canonical();
                if let Some(place) = door.admit(client) {
                    let door = Arc::clone(&door);
                    tokio::spawn(async move {
                        let lasting = Lasting::new(CONNECTION_LIMIT);
                        tokio::select! {
                            () = converse(stream, &door, &place, lasting.clone()) => {}
                            // Its end is nobody's failure but the client's.
                            () = lasting.over() => {}
                            () = place.is_lost() => {}
                        }
                    });
                }
            }
            Err(error) => {
                tracing::warn!(%error, "connection not accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, door: &Door, place: &Place, lasting: Lasting) {
    let Ok(Ok(stream)) = timeout(HANDSHAKE_LIMIT, door.terms.now().acceptor().accept(stream)).await else {
        Served::count(&door.served.handshakes_failed, "TLS handshake failed", place.client);
        return;
    };
    let pages = door.pages.clone().layer(Extension(Address(place.client))).layer(Extension(lasting));
    let pages = pages.layer(Extension(place.standing()));
    let service = TowerToHyperService::new(pages);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_LIMIT)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(client = %place.client, %error, "connection ended");
    }
}

/// The address at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address(pub IpAddr);

/// When a connection ends at the latest.
#[derive(Clone, Debug)]
pub(crate) struct Lasting(Arc<Mutex<Instant>>);

impl Lasting {
    fn new(limit: Duration) -> Self {
        Self(Arc::new(Mutex::new(Instant::now() + limit)))
    }

    /// Not before `time` has passed from now on.
    pub(crate) fn until_after(&self, time: Duration) {
        let mut end = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *end = (*end).max(Instant::now() + time);
    }

    async fn over(&self) {
        loop {
            let end = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if Instant::now() >= end {
                return;
            }
            // It may have been put off meanwhile.
            sleep_until(end).await;
        }
    }
}

impl Door {
    fn admit(&self, client: IpAddr) -> Option<Place> {
        let terms = self.terms.now();
        if !terms.allow.is_empty() && !terms.allow.iter().any(|prefix| prefix.contains(client)) {
            Served::count(&self.served.not_allowed, "connection from an address that is not allowed", client);
            return None;
        }
        let place = self.places.take(client, &self.served)?;
        self.served.accepted.fetch_add(1, Ordering::Relaxed);
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::tests::terms;

    fn door(allow: &[&str]) -> Arc<Door> {
        Arc::new(Door {
            terms: Terms::new(Identity::of(&terms(allow)).unwrap()),
            pages: Router::new(),
            places: Places::default(),
            served: Served::default(),
        })
    }

    #[test]
    fn only_those_allowed() {
        let door = door(&["10.0.0.0/8", "2001:db8::/32"]);
        for (client, admitted) in [("10.9.8.7", true), ("192.0.2.1", false), ("2001:db8::1", true), ("2001::1", false)]
        {
            assert_eq!(door.admit(client.parse().unwrap()).is_some(), admitted, "{client}");
        }
        assert_eq!(door.served.not_allowed.load(Ordering::Relaxed), 2);
    }
}
