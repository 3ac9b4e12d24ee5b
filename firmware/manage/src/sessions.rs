//! Who is logged in. A session is a secret that only its owner has; the box keeps the hash.

use crate::clock::{Now, later};
use crate::random::Random;
use crate::secret::{Hash, Kind, Secret, hash_of, new_id};
use crate::source::Source;
use jiff::Timestamp;
use std::collections::HashMap;

/// Sessions of one user at most; the one used longest ago ends for a new one.
pub const SESSIONS_PER_USER_MAX: usize = 16;
/// Characters of what a caller says to run.
pub const AGENT_LENGTH_MAX: usize = 120;
/// The last use is kept on disk when the kept one is older than this, seconds: not every request is worth a write.
const LAST_USE_KEPT_S: i64 = 300;

/// How long sessions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Without a request, seconds.
    pub idle_s: u64,
    /// In any case, seconds.
    pub absolute_s: u64,
}

/// A session, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Names it.
    pub id: String,
    /// SHA-256 of its secret.
    pub hash: Hash,
    /// Whose it is.
    pub user: String,
    /// Where it was begun.
    pub source: String,
    /// What the caller said to run.
    pub agent: String,
    /// When it was begun.
    pub created: Timestamp,
    /// When it was used last.
    pub last_use: Timestamp,
}

impl Session {
    /// When it ends if it is not used again.
    pub fn ends(&self, lifetime: Lifetime) -> Timestamp {
        later(self.last_use, lifetime.idle_s).min(self.expires(lifetime))
    }

    /// When it ends in any case.
    pub fn expires(&self, lifetime: Lifetime) -> Timestamp {
        later(self.created, lifetime.absolute_s)
    }
}

/// A session to be: to be kept and adopted, and those that end for it.
pub struct NewSession {
    /// The session.
    pub session: Session,
    /// Its secret.
    pub secret: String,
    /// Ids of sessions that end for want of room.
    pub ended: Vec<String>,
}

/// All sessions.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    by_hash: HashMap<Hash, Session>,
    kept_last_use: HashMap<Hash, Timestamp>,
}

impl Sessions {
    /// As they were kept.
    pub fn from_kept(sessions: impl IntoIterator<Item = Session>) -> Self {
        let mut all = Self::default();
        sessions.into_iter().for_each(|session| all.adopt(session));
        all
    }

    /// A session of `user` from now on.
    pub fn begin(&self, now: Now, user: &str, source: Source, agent: &str, random: &mut impl Random) -> NewSession {
        let secret = Secret::new(Kind::Session, random);
        let session = Session {
            id: new_id(random),
            hash: secret.hash,
            user: user.to_owned(),
            source: source.to_string(),
            agent: clean(agent),
            created: now.civil,
            last_use: now.civil,
        };
        let mut own: Vec<&Session> = self.of(user).collect();
        own.sort_by_key(|session| session.last_use);
        let too_many = (own.len() + 1).saturating_sub(SESSIONS_PER_USER_MAX);
        let ended = own.iter().take(too_many).map(|session| session.id.clone()).collect();
        NewSession { session, secret: secret.text, ended }
    }

    /// The session of this secret, if it lives.
    pub fn find(&self, now: Now, lifetime: Lifetime, secret: &str) -> Option<&Session> {
        let session = self.by_hash.get(&hash_of(secret))?;
        (now.civil < session.ends(lifetime)).then_some(session)
    }

    /// Notes that it is used; the session when that is worth a write.
    pub fn touch(&mut self, now: Now, hash: Hash) -> Option<Session> {
        let session = self.by_hash.get_mut(&hash)?;
        // A clock that was set back does not shorten a session.
        session.last_use = session.last_use.max(now.civil);
        let kept = self.kept_last_use.get(&hash).copied().unwrap_or(Timestamp::MIN);
        (session.last_use.as_second().saturating_sub(kept.as_second()) >= LAST_USE_KEPT_S).then(|| session.clone())
    }

    /// Those of `user`.
    pub fn of(&self, user: &str) -> impl Iterator<Item = &Session> {
        self.by_hash.values().filter(move |session| session.user == user)
    }

    /// All.
    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.by_hash.values()
    }

    /// The one called `id`.
    pub fn named(&self, id: &str) -> Option<&Session> {
        self.by_hash.values().find(|session| session.id == id)
    }

    /// Ids of those that are over.
    pub fn over(&self, now: Now, lifetime: Lifetime) -> Vec<String> {
        let over = self.by_hash.values().filter(|session| session.ends(lifetime) <= now.civil);
        over.map(|session| session.id.clone()).collect()
    }

    /// Takes a session in that was kept.
    pub fn adopt(&mut self, session: Session) {
        self.kept_last_use.insert(session.hash, session.last_use);
        self.by_hash.insert(session.hash, session);
    }

    /// Forgets sessions that were ended.
    pub fn forget(&mut self, ids: &[String]) {
        self.by_hash.retain(|_, session| !ids.contains(&session.id));
        self.kept_last_use.retain(|hash, _| self.by_hash.contains_key(hash));
    }
}

/// What a caller says about itself, fit to be shown: one line, bounded, without characters that steer a terminal.
pub(crate) fn clean(text: &str) -> String {
    // Bidirectional controls make a line read as something else.
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.chars().filter(|c| !steers(*c)).take(AGENT_LENGTH_MAX).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::tests::at;
    use crate::random::tests::seeded;

    const LIFETIME: Lifetime = Lifetime { idle_s: 1_800, absolute_s: 43_200 };
    const SOURCE: Source = Source::Socket { uid: 1_000 };

    fn logged_in(sessions: &mut Sessions, seconds: u64, user: &str, seed: u8) -> (String, String, Vec<String>) {
        let new = sessions.begin(at(seconds), user, SOURCE, "curl/8", &mut seeded(seed));
        let id = new.session.id.clone();
        sessions.forget(&new.ended);
        sessions.adopt(new.session);
        (new.secret, id, new.ended)
    }

    #[test]
    fn sessions_end_by_themselves() {
        let mut sessions = Sessions::default();
        let (secret, id, _) = logged_in(&mut sessions, 0, "hanako", 1);
        assert_eq!(sessions.find(at(1_799), LIFETIME, &secret).map(|found| found.user.as_str()), Some("hanako"));
        assert_eq!(sessions.find(at(1_800), LIFETIME, &secret), None, "idle");
        let hash = hash_of(&secret);
        for seconds in (1_700..43_200).step_by(1_700) {
            assert!(sessions.find(at(seconds), LIFETIME, &secret).is_some(), "{seconds}");
            sessions.touch(at(seconds), hash);
        }
        assert_eq!(sessions.find(at(43_200), LIFETIME, &secret), None, "absolute");
        assert_eq!(sessions.over(at(43_199), LIFETIME), Vec::<String>::new());
        assert_eq!(sessions.over(at(43_200), LIFETIME), [id]);
        assert_eq!(sessions.find(at(0), LIFETIME, "suimon_s_wrong"), None);
    }

    #[test]
    fn the_secret_is_nowhere() {
        let mut sessions = Sessions::default();
        let (secret, ..) = logged_in(&mut sessions, 0, "hanako", 1);
        assert!(!format!("{sessions:?}").contains(&secret[9..]));
    }

    #[test]
    fn the_oldest_goes_for_a_new_one() {
        let mut sessions = Sessions::default();
        let ids: Vec<_> = (0..SESSIONS_PER_USER_MAX)
            .map(|number| logged_in(&mut sessions, number as u64, "hanako", number as u8).1)
            .collect();
        logged_in(&mut sessions, 50, "taro", 50);
        let first = sessions.named(&ids[0]).expect("it lives").hash;
        sessions.touch(at(60), first);
        let (_, _, ended) = logged_in(&mut sessions, 70, "hanako", 70);
        assert_eq!(ended, [ids[1].clone()], "the first was used meanwhile");
        assert_eq!(sessions.of("hanako").count(), SESSIONS_PER_USER_MAX);
        assert_eq!(sessions.of("taro").count(), 1);
    }

    #[test]
    fn not_every_use_is_written() {
        let mut sessions = Sessions::default();
        let (secret, ..) = logged_in(&mut sessions, 0, "hanako", 1);
        let hash = hash_of(&secret);
        let written: Vec<u64> = (0..1_000)
            .step_by(100)
            .filter(|seconds| match sessions.touch(at(*seconds), hash) {
                Some(session) => {
                    sessions.adopt(session);
                    true
                }
                None => false,
            })
            .collect();
        assert_eq!(written, [300, 600, 900]);
        assert_eq!(sessions.touch(at(100), hash), None, "the clock was set back");
    }

    #[test]
    fn agents_are_cleaned() {
        for (said, shown) in [
            ("Mozilla/5.0 (X11)", "Mozilla/5.0 (X11)"),
            ("  a\r\nb\u{1b}[31m  ", "ab[31m"),
            ("\u{202e}evil", "evil"),
            ("ブラウザ", "ブラウザ"),
        ] {
            assert_eq!(clean(said), shown);
        }
        assert_eq!(clean(&"x".repeat(10_000)).len(), AGENT_LENGTH_MAX);
    }
}
