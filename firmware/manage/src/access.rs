//! Who calls, and whether they may. All of it is in memory; every change comes out as a [`Change`] that is kept first and
//! adopted afterwards, under one lock, so that what was told to somebody is never forgotten.

mod login;
mod people;
mod view;

pub use login::{Checked, LoginRefused, Opening, Welcome};
pub use people::PeopleError;

use crate::clock::Now;
use crate::lockout::{Limits, Lockout};
use crate::passwords::PasswordHash;
use crate::random::{Random, Stream};
use crate::roles::Act;
use crate::second_factor::SecondFactor;
use crate::secret::Kind;
use crate::sessions::{Lifetime, Session, Sessions};
use crate::source::Source;
use crate::tokens::{Token, Tokens};
use crate::users::{User, Users};
use api::Role;
use std::collections::HashMap;
use std::time::Duration;

/// Who root on the socket is, in the audit log.
pub const ROOT: &str = "root";

/// Something that is to be kept, and then adopted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A user is new or other.
    User(User),
    /// A user is gone.
    UserGone(String),
    /// A session is new or was used.
    Session(Session),
    /// Sessions are over.
    SessionsGone(Vec<String>),
    /// A token is new or was used.
    Token(Token),
    /// Tokens are revoked.
    TokensGone(Vec<String>),
}

/// By what somebody is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// Root on the socket.
    Root,
    /// A session.
    Session(String),
    /// A token.
    Token(String),
}

/// Somebody who is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user: String,
    /// What the caller may do.
    pub role: Role,
    /// From where.
    pub source: Source,
    /// By what.
    pub via: Via,
    /// Nothing but a new password is possible.
    pub must_change_password: bool,
    /// Whether logging in takes a second factor.
    pub second_factor: bool,
}

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody says who calls.
    #[error("log in first: this call needs a session or a token")]
    Anonymous,
    /// What is said is not true, or no longer.
    #[error("the session or token is not known, or has ended")]
    Unknown,
    /// The password is to be changed first.
    #[error("the password must be changed first")]
    PasswordFirst,
    /// Not with this role.
    #[error("{act} takes the role {needed}, the caller is {role}")]
    Role {
        /// What was asked for.
        act: &'static str,
        /// What it takes.
        needed: Role,
        /// What the caller is.
        role: Role,
    },
}

impl Caller {
    /// Whether the caller may do `act`.
    pub fn may(&self, act: Act) -> Result<(), Refusal> {
        if self.role < act.least_role() {
            return Err(Refusal::Role { act: act.name(), needed: act.least_role(), role: self.role });
        }
        if self.must_change_password && !act.goes_with_an_old_password() {
            return Err(Refusal::PasswordFirst);
        }
        Ok(())
    }

    fn root(source: Source) -> Self {
        Self {
            user: ROOT.to_owned(),
            role: Role::Administrator,
            source,
            via: Via::Root,
            must_change_password: false,
            second_factor: false,
        }
    }
}

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long sessions last.
    pub lifetime: Lifetime,
    /// When logging in is locked.
    pub limits: Limits,
}

impl From<&config::Api> for Settings {
    fn from(api: &config::Api) -> Self {
        let lifetime =
            Lifetime { idle_s: u64::from(api.session_idle_s), absolute_s: u64::from(api.session_lifetime_s) };
        let lock = Duration::from_secs(u64::from(api.login_lock_s));
        Self { lifetime, limits: Limits { failures_max: api.login_failures_max, lock } }
    }
}

/// What was kept, to begin with.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Users.
    pub users: Vec<User>,
    /// Sessions.
    pub sessions: Vec<Session>,
    /// Tokens.
    pub tokens: Vec<Token>,
}

/// Calls that were refused, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Calls without session or token.
    pub anonymous: u64,
    /// Calls with one that is not known.
    pub unknown: u64,
    /// Log-ins that failed.
    pub logins_failed: u64,
    /// Log-ins that succeeded.
    pub logins: u64,
    /// Sessions that ended for want of room.
    pub sessions_pushed_out: u64,
}

/// All that is known of who may call.
pub struct Access {
    users: Users,
    sessions: Sessions,
    tokens: Tokens,
    lockout: Lockout,
    settings: Settings,
    offers: HashMap<String, (SecondFactor, Duration)>,
    /// What the passwords of unknown users are compared with, so that they take as long.
    decoy: PasswordHash,
    random: Stream,
    counters: Counters,
}

impl Access {
    /// From what was kept; `random` is used for nothing else. Computes one password hash.
    pub fn new(kept: Kept, settings: Settings, mut random: Stream) -> Self {
        let made_up = random.readable(32, 32);
        Self {
            users: Users::from_kept(kept.users),
            sessions: Sessions::from_kept(kept.sessions),
            tokens: Tokens::from_kept(kept.tokens),
            lockout: Lockout::new(settings.limits),
            settings,
            offers: HashMap::new(),
            decoy: PasswordHash::new(&made_up, PasswordHash::salt(&mut random)),
            random,
            counters: Counters::default(),
        }
    }

    /// Who may call is otherwise from now on: what was kept took the place of all there was. Locks and counters stay.
    pub fn replace(&mut self, kept: Kept) {
        self.users = Users::from_kept(kept.users);
        self.sessions = Sessions::from_kept(kept.sessions);
        self.tokens = Tokens::from_kept(kept.tokens);
        self.offers.clear();
    }

    /// Other settings from now on.
    pub fn set(&mut self, settings: Settings) {
        self.settings = settings;
        self.lockout.limit(settings.limits);
    }

    /// What was refused.
    pub fn counters(&self) -> (Counters, crate::lockout::Counters) {
        (self.counters, self.lockout.counters())
    }

    /// Who calls from `source` with `bearer`. Root on the socket needs nothing; what root brings along is looked at all the
    /// same, so that root can try what somebody else may do.
    pub fn identify(
        &mut self,
        now: Now,
        source: Source,
        bearer: Option<&str>,
    ) -> Result<(Caller, Option<Change>), Refusal> {
        let Some(secret) = bearer else {
            if source.is_root() {
                return Ok((Caller::root(source), None));
            }
            self.counters.anonymous += 1;
            return Err(Refusal::Anonymous);
        };
        let found = match Kind::of(secret) {
            Some(Kind::Session) => self.by_session(now, source, secret),
            Some(Kind::Token) => self.by_token(now, source, secret),
            None => None,
        };
        if found.is_none() {
            self.counters.unknown += 1;
        }
        found.ok_or(Refusal::Unknown)
    }

    /// Takes in what was kept.
    pub fn adopt(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::User(user) => self.users.adopt(user),
                Change::UserGone(name) => self.users.forget(&name),
                Change::Session(session) => self.sessions.adopt(session),
                Change::SessionsGone(ids) => self.sessions.forget(&ids),
                Change::Token(token) => self.tokens.adopt(token),
                Change::TokensGone(ids) => self.tokens.forget(&ids),
            }
        }
    }

    /// What ended by itself, to be removed.
    pub fn sweep(&mut self, now: Now) -> Option<Change> {
        self.offers.retain(|_, (_, until)| now.monotonic < *until);
        let over = self.sessions.over(now, self.settings.lifetime);
        (!over.is_empty()).then_some(Change::SessionsGone(over))
    }

    fn by_session(&mut self, now: Now, source: Source, secret: &str) -> Option<(Caller, Option<Change>)> {
        let session = self.sessions.find(now, self.settings.lifetime, secret)?;
        let user = self.users.find(&session.user).filter(|user| !user.disabled)?;
        let caller = Caller {
            user: user.name.clone(),
            role: user.role,
            source,
            via: Via::Session(session.id.clone()),
            must_change_password: user.must_change_password,
            second_factor: user.second_factor.is_some(),
        };
        let hash = session.hash;
        Some((caller, self.sessions.touch(now, hash).map(Change::Session)))
    }

    fn by_token(&mut self, now: Now, source: Source, secret: &str) -> Option<(Caller, Option<Change>)> {
        let token = self.tokens.find(now, secret)?;
        let user = self.users.find(&token.user).filter(|user| !user.disabled)?;
        let caller = Caller {
            user: user.name.clone(),
            // The owner may have become less meanwhile.
            role: token.role.min(user.role),
            source,
            via: Via::Token(token.id.clone()),
            must_change_password: false,
            second_factor: user.second_factor.is_some(),
        };
        let hash = token.hash;
        Some((caller, self.tokens.touch(now, hash).map(Change::Token)))
    }
}

#[cfg(test)]
mod tests;
