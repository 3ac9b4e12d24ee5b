//! Places for connections: how many there are, how many one address may have, and who gives way when all are taken.
//!
//! Strangers give way to newcomers, the one that came first before the others: whoever wants to sign in takes the place of
//! somebody who does nothing, however many of those there are. Who is signed in keeps the place.

use crate::serve::Served;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Connections at once.
pub const CONNECTIONS_MAX: usize = 512;
/// Connections at once from one address: nobody alone can take everybody's place.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 64;

/// All places. Clones are the same ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    /// In order of arrival; no address is here without a guest.
    guests: HashMap<IpAddr, Vec<Guest>>,
    all: usize,
    next: u64,
}

/// A connection.
#[derive(Clone, Debug)]
struct Guest {
    number: u64,
    standing: Standing,
}

/// What a connection is known for, and whether it has to go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    signed_in: AtomicBool,
    must_go: Notify,
}

impl Standing {
    /// Core has accepted a session or token that came on this connection.
    pub(crate) fn is_signed_in(&self) {
        self.0.signed_in.store(true, Ordering::Relaxed);
    }

    fn is_strange(&self) -> bool {
        !self.0.signed_in.load(Ordering::Relaxed)
    }
}

/// A connection's place; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    pub(crate) client: IpAddr,
    guest: Guest,
}

impl Places {
    /// A place for a connection from `client`; `None`: all of its own, or all, belong to people who are signed in.
    pub(crate) fn take(&self, client: IpAddr, served: &Served) -> Option<Place> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.guests.get(&client).map_or(0, Vec::len);
        let giver = if own >= CONNECTIONS_PER_ADDRESS_MAX {
            Some(client)
        } else if taken.all >= CONNECTIONS_MAX {
            taken.most_strange()
        } else {
            None
        };
        let full = own >= CONNECTIONS_PER_ADDRESS_MAX || taken.all >= CONNECTIONS_MAX;
        if full && !giver.is_some_and(|giver| taken.send_away(giver)) {
            Served::count(&served.too_many, "too many connections", client);
            return None;
        }
        if full {
            Served::count(&served.gave_way, "too many connections: the oldest stranger's gave way", client);
        }
        taken.next += 1;
        taken.all += 1;
        let guest = Guest { number: taken.next, standing: Standing::default() };
        taken.guests.entry(client).or_default().push(guest.clone());
        Some(Place { places: self.clone(), client, guest })
    }
}

impl Taken {
    /// The address with most strangers.
    fn most_strange(&self) -> Option<IpAddr> {
        let strangers = |guests: &[Guest]| guests.iter().filter(|guest| guest.standing.is_strange()).count();
        let (client, guests) = self.guests.iter().max_by_key(|(_, guests)| strangers(guests))?;
        (strangers(guests) > 0).then_some(*client)
    }

    /// Frees the place of the stranger from `client` who came first.
    fn send_away(&mut self, client: IpAddr) -> bool {
        let guests = self.guests.get(&client);
        let first = guests.and_then(|guests| guests.iter().find(|guest| guest.standing.is_strange())).cloned();
        if let Some(first) = &first {
            first.standing.0.must_go.notify_one();
            self.free(client, first.number);
        }
        first.is_some()
    }

    fn free(&mut self, client: IpAddr, number: u64) {
        let Some(guests) = self.guests.get_mut(&client) else { return };
        let before = guests.len();
        guests.retain(|guest| guest.number != number);
        self.all -= before - guests.len();
        if guests.is_empty() {
            self.guests.remove(&client);
        }
    }
}

impl Place {
    pub(crate) fn standing(&self) -> Standing {
        self.guest.standing.clone()
    }

    /// Waits until it is somebody else's.
    pub(crate) async fn is_lost(&self) {
        self.guest.standing.0.must_go.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Whoever had to give way has no place any more.
        self.places.0.lock().unwrap_or_else(PoisonError::into_inner).free(self.client, self.guest.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: usize) -> IpAddr {
        std::net::Ipv4Addr::from_bits(0x0a00_0000 + number as u32).into()
    }

    fn count(places: &Places, number: usize) -> usize {
        places.0.lock().unwrap().guests.get(&address(number)).map_or(0, Vec::len)
    }

    async fn is_sent_away(place: &Place) -> bool {
        tokio::time::timeout(std::time::Duration::ZERO, place.is_lost()).await.is_ok()
    }

    #[tokio::test]
    async fn one_address_has_a_share_only() {
        let (places, served) = (Places::default(), Served::default());
        let held: Vec<_> =
            (0..CONNECTIONS_PER_ADDRESS_MAX).map(|_| places.take(address(1), &served).unwrap()).collect();
        held[0].standing().is_signed_in();
        let other = places.take(address(2), &served).unwrap();
        let late = places.take(address(1), &served).unwrap();
        assert_eq!(count(&places, 1), CONNECTIONS_PER_ADDRESS_MAX);
        let away = [is_sent_away(&held[0]).await, is_sent_away(&held[1]).await, is_sent_away(&held[2]).await];
        assert_eq!(away, [false, true, false], "of those who are not signed in, the first");
        drop((held, late, other));
        let taken = places.0.lock().unwrap();
        assert!(taken.guests.is_empty() && taken.all == 0);
        assert_eq!((served.gave_way.load(Ordering::Relaxed), served.too_many.load(Ordering::Relaxed)), (1, 0));
    }

    #[tokio::test]
    async fn a_full_house_makes_room_where_most_strangers_are() {
        let (places, served) = (Places::default(), Served::default());
        let mut held: Vec<_> =
            (0..CONNECTIONS_MAX - 3).map(|number| places.take(address(number), &served).unwrap()).collect();
        held.extend((0..3).map(|_| places.take(address(7), &served).unwrap()));
        let newcomer = places.take(address(9_999), &served).unwrap();
        assert!(is_sent_away(&held[7]).await && !is_sent_away(&newcomer).await);
        assert_eq!((count(&places, 7), count(&places, 9_999)), (3, 1));
        assert_eq!(places.0.lock().unwrap().all, CONNECTIONS_MAX);
    }

    #[test]
    fn who_is_signed_in_keeps_the_place() {
        let (places, served) = (Places::default(), Served::default());
        let held: Vec<_> = (0..CONNECTIONS_MAX).map(|number| places.take(address(number), &served).unwrap()).collect();
        held.iter().for_each(|place| place.standing().is_signed_in());
        assert!(places.take(address(9_999), &served).is_none());
        assert_eq!((served.gave_way.load(Ordering::Relaxed), served.too_many.load(Ordering::Relaxed)), (0, 1));
        drop(held);
        assert!(places.take(address(9_999), &served).is_some());
    }
}
