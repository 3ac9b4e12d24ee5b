//! Speaks for the addresses that the engine owns: answers ARP, announces them (gratuitous ARP, RFC 5227 3; unsolicited
//! neighbour advertisement, RFC 4861 7.2.6), and notices when somebody else claims one.
//!
//! Neighbour solicitations are IPv6 packets and are answered by the engine; it reports conflicts that it sees there.

use crate::Action;
use engine::NicId;
use net::arp::{self, Arp, Operation};
use net::{Address, Mac, Now, nd};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Announcements when an address is taken or its link returns.
const BURST: u8 = 5;
/// Wait between two announcements of a burst.
const BURST_GAP: Duration = Duration::from_millis(200);
/// Wait between two announcements afterwards: switches forget hardware addresses after minutes.
const REPEAT: Duration = Duration::from_secs(60);
/// RFC 5227 2.4 (c): a claim by somebody else is answered at most once in this time.
const DEFEND_INTERVAL: Duration = Duration::from_secs(10);
/// Announcements per call, so that thousands of VIPs do not flood the link.
const SENT_PER_STEP_MAX: usize = 64;
/// Wait until the next bunch.
const STEP_GAP: Duration = Duration::from_millis(10);
/// Conflicts remembered; more are only counted.
const CONFLICTS_MAX: usize = 256;

/// Addresses spoken for, and who else claims them.
#[derive(Clone, Debug, Default)]
pub struct Announcer {
    places: BTreeMap<(NicId, Address), Announced>,
    /// Addresses that the kernel answers for, while their burst lasts.
    moved: BTreeMap<(NicId, Address), Announced>,
    conflicts: BTreeMap<(Address, Mac), Conflict>,
    /// Conflicts seen, remembered or not.
    pub conflicts_seen: u64,
    /// ARP requests answered.
    pub answered: u64,
}

#[derive(Clone, Copy, Debug)]
struct Announced {
    due: Now,
    burst_left: u8,
    defended: Option<Now>,
}

/// Somebody else answers for one of our addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Where it was seen last.
    pub nic: NicId,
    /// When it was seen last.
    pub seen: Now,
    /// How often.
    pub times: u64,
}

impl Announcer {
    /// From now on exactly these are spoken for; new ones are announced.
    pub fn set(&mut self, now: Now, places: &BTreeSet<(NicId, Address)>) {
        self.places.retain(|place, _| places.contains(place));
        for place in places {
            self.places.entry(*place).or_insert(Announced { due: now, burst_left: BURST, defended: None });
        }
        self.conflicts.retain(|(address, _), _| places.iter().any(|place| place.1 == *address));
    }

    /// The link of `nic` returned: whoever is there may have forgotten us.
    pub fn link_returned(&mut self, now: Now, nic: NicId) {
        for (_, announced) in self.places.iter_mut().filter(|(place, _)| place.0 == nic) {
            announced.due = now;
            announced.burst_left = BURST;
        }
    }

    /// The box's own `addresses` have come to `nic`, which may have another hardware address than the one they were seen at.
    /// The kernel answers for them but does not say so by itself: servers would send to the old one until they doubt it.
    pub fn moved(&mut self, now: Now, nic: NicId, addresses: impl Iterator<Item = Address>) {
        let announced = Announced { due: now, burst_left: BURST, defended: None };
        self.moved.extend(addresses.map(|address| ((nic, address), announced)));
    }

    /// An ARP frame from `nic`, whose hardware address is `mac`.
    pub fn handle_arp(&mut self, now: Now, nic: NicId, mac: Mac, frame: &[u8], actions: &mut Vec<Action>) {
        let Some(arp) = Arp::parse(frame) else { return };
        if arp.sender_mac == mac {
            return;
        }
        if self.places.contains_key(&(nic, arp.sender)) {
            self.handle_conflict(now, nic, mac, arp.sender, arp.sender_mac, actions);
            return;
        }
        // RFC 5227 2.1.1: a probe (sender 0.0.0.0) is answered like any request, which tells the prober to stay away.
        if arp.operation == Operation::Request && self.places.contains_key(&(nic, arp.target)) {
            self.answered += 1;
            actions.push(Action::SendFrame { nic, bytes: arp::reply(mac, &arp).to_vec() });
        }
    }

    /// `other` claims `address`, seen on `nic`.
    pub fn handle_conflict(
        &mut self,
        now: Now,
        nic: NicId,
        mac: Mac,
        address: Address,
        other: Mac,
        actions: &mut Vec<Action>,
    ) {
        let Some(announced) = self.places.get_mut(&(nic, address)) else { return };
        self.conflicts_seen += 1;
        let room = self.conflicts.len() < CONFLICTS_MAX;
        match self.conflicts.get_mut(&(address, other)) {
            Some(conflict) => *conflict = Conflict { nic, seen: now, times: conflict.times + 1 },
            None if room => {
                self.conflicts.insert((address, other), Conflict { nic, seen: now, times: 1 });
                actions.push(Action::Warn(format!("{other} claims {address}, which is ours")));
            }
            None => {}
        }
        if announced.defended.is_none_or(|last| now.since(last) >= DEFEND_INTERVAL) {
            announced.defended = Some(now);
            actions.push(Action::SendFrame { nic, bytes: announcement(mac, address) });
        }
    }

    /// Sends what is due; `mac` gives the hardware address of a NIC that is up.
    pub fn tick(&mut self, now: Now, mac: impl Fn(NicId) -> Option<Mac>, actions: &mut Vec<Action>) {
        let mut sent = 0;
        for ((nic, address), announced) in self.places.iter_mut().chain(&mut self.moved) {
            if announced.due > now {
                continue;
            }
            if sent == SENT_PER_STEP_MAX {
                announced.due = now + STEP_GAP;
                continue;
            }
            let Some(mac) = mac(*nic) else {
                // Link down: its return starts a burst.
                announced.due = now + REPEAT;
                continue;
            };
            sent += 1;
            actions.push(Action::SendFrame { nic: *nic, bytes: announcement(mac, *address) });
            announced.burst_left = announced.burst_left.saturating_sub(1);
            announced.due = now + if announced.burst_left > 0 { BURST_GAP } else { REPEAT };
        }
        self.moved.retain(|_, announced| announced.burst_left > 0);
    }

    /// When [`tick`](Self::tick) has something to do.
    pub fn next_deadline(&self) -> Option<Now> {
        self.places.values().chain(self.moved.values()).map(|announced| announced.due).min()
    }

    /// Addresses spoken for, and where.
    pub fn places(&self) -> impl Iterator<Item = (NicId, Address)> {
        self.places.keys().copied()
    }

    /// Who else claims which of our addresses.
    pub fn conflicts(&self) -> impl Iterator<Item = (Address, Mac, Conflict)> {
        self.conflicts.iter().map(|((address, mac), conflict)| (*address, *mac, *conflict))
    }
}

fn announcement(mac: Mac, address: Address) -> Vec<u8> {
    if address.is_v4() { arp::gratuitous(mac, address).to_vec() } else { nd::advertisement(mac, address).to_vec() }
}

#[cfg(test)]
mod tests;
