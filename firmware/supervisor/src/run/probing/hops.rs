//! Steps of ways to addresses that somebody waits for.

use probe::{Hop, HopAnswer, Request};
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// All that are under way.
#[derive(Debug, Default)]
pub(super) struct Hops {
    waiting: BTreeMap<u64, (Hop, oneshot::Sender<HopAnswer>)>,
    next: u64,
}

impl Hops {
    /// Takes one more.
    pub(super) fn add(&mut self, hop: Hop) -> (Request, oneshot::Receiver<HopAnswer>) {
        let (reply, answer) = oneshot::channel();
        // Whoever gave up makes room.
        self.waiting.retain(|_, (_, reply)| !reply.is_closed());
        self.next += 1;
        let request = request(self.next, &hop);
        self.waiting.insert(self.next, (hop, reply));
        (request, answer)
    }

    /// Tells whoever waits for it.
    pub(super) fn ended(&mut self, id: probe::ProbeId, answer: HopAnswer) {
        if let Some((_, reply)) = self.waiting.remove(&id.0) {
            // Whoever asked may have given up.
            let _ = reply.send(answer);
        }
    }

    /// What a new process is asked.
    pub(super) fn requests(&self) -> impl Iterator<Item = Request> {
        self.waiting.iter().map(|(id, (hop, _))| request(*id, hop))
    }

    /// There will be no answers.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
    }
}

fn request(id: u64, hop: &Hop) -> Request {
    Request::Hop { id: probe::ProbeId(id), hop: hop.clone() }
}
