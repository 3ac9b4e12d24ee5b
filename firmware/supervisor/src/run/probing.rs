//! Probes that the node wants: who is asked what, by the number that answers are told by.

use config::Probe;
use control::health::ProbeId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Probes that run.
// GAP(issue 3, health checks): nothing asks yet. The `suimon probe` role is to be started here, told of `start` and
// `stop`, and its answers given to the node as `Event::Checked`; its end is `Event::ProbesLost`.
#[derive(Debug, Default)]
pub struct Probing {
    wanted: BTreeMap<ProbeId, Arc<Probe>>,
}

impl Probing {
    /// Asks from now on; what has the number already is asked anew.
    pub fn start(&mut self, id: ProbeId, probe: Arc<Probe>) {
        tracing::debug!(%id, address = %probe.address, port = probe.port, kind = %probe.question.kind(), "probe wanted");
        self.wanted.insert(id, probe);
    }

    /// Asks no more.
    pub fn stop(&mut self, id: ProbeId) {
        self.wanted.remove(&id);
    }
}
