//! Ports that replies come from of backends which keep the port the client asked for.
//!
//! A service may give up a port while it has flows there. Until it has none at all, replies from that port are claimed
//! as before: the kernel would forward them with the backend's address.

use std::collections::BTreeMap;

/// First and last port.
pub type Span = (u16, u16);

/// Spans of one service at most; the oldest that it gave up are forgotten before that.
pub const SPANS_MAX: usize = 1_024;

/// Of all services, by slot.
#[derive(Clone, Debug, Default)]
pub struct ReplyPorts {
    services: BTreeMap<usize, Ports>,
}

#[derive(Clone, Debug, Default)]
struct Ports {
    served: Vec<Span>,
    former: Vec<Span>,
}

impl ReplyPorts {
    /// All spans of the service in a slot, that serves `served` from now on.
    pub fn serve(&mut self, slot: usize, served: Vec<Span>) -> Vec<Span> {
        let ports = self.services.entry(slot).or_default();
        let before = std::mem::replace(&mut ports.served, served);
        for span in before {
            if !ports.former.contains(&span) {
                ports.former.push(span);
            }
        }
        let is_served = |former: &Span| ports.served.iter().any(|span| span.0 <= former.0 && former.1 <= span.1);
        ports.former.retain(|former| !is_served(former));
        let surplus = (ports.served.len() + ports.former.len()).saturating_sub(SPANS_MAX).min(ports.former.len());
        ports.former.drain(..surplus);
        ports.served.iter().chain(&ports.former).copied().collect()
    }

    /// Slots of services that gave up a port.
    pub fn shrunk(&self) -> impl Iterator<Item = usize> {
        self.services.iter().filter(|(_, ports)| !ports.former.is_empty()).map(|(slot, _)| *slot)
    }

    /// No flow is left on the ports that a service gave up.
    pub fn forget_former(&mut self, slot: usize) {
        if let Some(ports) = self.services.get_mut(&slot) {
            ports.former.clear();
        }
    }

    /// The slot is another service's from now on.
    pub fn release(&mut self, slot: usize) {
        self.services.remove(&slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_that_were_given_up_stay_until_no_flow_is_left() {
        let mut ports = ReplyPorts::default();
        assert_eq!(ports.serve(3, vec![(80, 80), (443, 443)]), [(80, 80), (443, 443)]);
        assert_eq!(ports.shrunk().count(), 0);
        assert_eq!(ports.serve(3, vec![(443, 443)]), [(443, 443), (80, 80)]);
        assert_eq!(ports.serve(3, vec![(400, 500)]), [(400, 500), (80, 80)], "443 is served still");
        assert_eq!(ports.shrunk().collect::<Vec<_>>(), [3]);
        ports.forget_former(3);
        assert_eq!(ports.serve(3, vec![(400, 500)]), [(400, 500)]);
        ports.release(3);
        assert_eq!(ports.serve(3, vec![(25, 25)]), [(25, 25)], "another service's slot");
    }

    #[test]
    fn many_changes_do_not_add_up() {
        let mut ports = ReplyPorts::default();
        let all = (0..3_000).map(|port| ports.serve(0, vec![(port, port)])).last().unwrap();
        assert_eq!((all.len(), all[0], all[1]), (SPANS_MAX, (2_999, 2_999), (1_976, 1_976)));
    }
}
