//! What somebody holds between the two steps of a sign-in: user and password, sealed with a key that only this process has.
//! The page of the second step shows neither, and nothing is kept here.

use data_encoding::BASE64URL_NOPAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use std::time::{Duration, Instant};

/// Time for the second step: enough to fetch the device from the other room.
const TICKET_LASTS: Duration = Duration::from_secs(300);
const KEY_BYTES: usize = 32;

/// Seals and opens tickets.
#[derive(Clone, Debug)]
pub(crate) struct Tickets {
    key: LessSafeKey,
    begun: Instant,
}

impl Tickets {
    /// With a key of its own: tickets of another process cannot be opened.
    pub(crate) fn new() -> Self {
        let key = UnboundKey::new(&CHACHA20_POLY1305, &random::<KEY_BYTES>()).expect("the key has the cipher's length");
        Self { key: LessSafeKey::new(key), begun: Instant::now() }
    }

    /// A ticket for somebody who has shown a password.
    pub(crate) fn seal(&self, user: &str, password: &str) -> String {
        self.seal_at(self.begun.elapsed(), user, password)
    }

    /// User and password of a ticket that still holds.
    pub(crate) fn open(&self, ticket: &str) -> Option<(String, String)> {
        self.open_at(self.begun.elapsed(), ticket)
    }

    fn seal_at(&self, now: Duration, user: &str, password: &str) -> String {
        let until = (now + TICKET_LASTS).as_secs();
        let text = serde_urlencoded::to_string((("until", until), ("user", user), ("password", password)));
        let mut sealed = text.unwrap_or_default().into_bytes();
        let nonce = random::<NONCE_LEN>();
        let done = self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed);
        done.expect("a form is far shorter than what the cipher takes");
        BASE64URL_NOPAD.encode(&[&nonce[..], &sealed].concat())
    }

    fn open_at(&self, now: Duration, ticket: &str) -> Option<(String, String)> {
        let bytes = BASE64URL_NOPAD.decode(ticket.as_bytes()).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = sealed.to_vec();
        let plain = self.key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut sealed).ok()?;
        let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(plain).ok()?;
        let [(_, until), (_, user), (_, password)] = <[_; 3]>::try_from(fields).ok()?;
        (now.as_secs() < until.parse().ok()?).then_some((user, password))
    }
}

fn random<const BYTES: usize>() -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).expect("the kernel gives random bytes to every process");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_holds_for_a_time_and_here_only() {
        let tickets = Tickets::new();
        let at = Duration::from_secs;
        let ticket = tickets.seal_at(at(10), "hanako", "a & b=c 水");
        assert!(!ticket.contains("hanako"));
        let opened = Some(("hanako".to_owned(), "a & b=c 水".to_owned()));
        assert_eq!(tickets.open_at(at(309), &ticket), opened);
        assert_eq!(tickets.open_at(at(310), &ticket), None, "too late");
        assert_eq!(Tickets::new().open_at(at(10), &ticket), None, "another process");
        let mut broken = ticket.into_bytes();
        broken[20] ^= 1;
        for other in [std::str::from_utf8(&broken).unwrap(), "", "AAAA", "!"] {
            assert_eq!(tickets.open_at(at(10), other), None, "{other}");
        }
        assert_ne!(tickets.seal_at(at(1), "a", "b"), tickets.seal_at(at(1), "a", "b"));
    }
}
