//! Logging in, in three steps: may somebody try at all; is the password right, which takes long and happens elsewhere; is
//! everything else right.

use super::{Access, Caller, Change, Via};
use crate::clock::Now;
use crate::lockout::{Attempt, Locked, Wait};
use crate::passwords::PasswordHash;
use crate::source::Source;
use crate::users::User;

/// Why a log-in is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginRefused {
    /// Too many failures.
    #[error("{}; try again in {} s", if .0.locked { "locked after too many failures" } else { "too fast" }, .0.left.as_secs() + 1)]
    Wait(Wait),
    /// Something is wrong: which, nobody is told.
    #[error("user or password is wrong, or the user may not log in")]
    Wrong,
    /// The password is right; the second factor is missing.
    #[error("a code of the second factor is needed")]
    CodeNeeded,
    /// The password is right; the code is not, or was used already.
    #[error("the code is wrong or was used already")]
    CodeWrong,
}

/// An attempt that may be made. Its password is still to be looked at.
#[must_use]
pub struct Opening {
    attempt: Attempt,
    name: String,
    hash: PasswordHash,
    source: Source,
}

impl Opening {
    /// What it locks if it fails: to be told to somebody.
    pub fn locks(&self) -> Locked {
        self.attempt.locks
    }

    /// Looks at the password. Takes tens of milliseconds, as long for a user as for nobody.
    pub fn check(self, password: &str) -> Checked {
        let right = self.hash.matches(password);
        Checked { opening: self, right }
    }
}

/// An attempt whose password was looked at.
#[must_use]
pub struct Checked {
    opening: Opening,
    right: bool,
}

/// Somebody is logged in, once the changes are kept.
pub struct Welcome {
    /// What is to be kept and adopted.
    pub changes: Vec<Change>,
    /// The secret of the session.
    pub secret: String,
    /// Who it is.
    pub caller: Caller,
}

impl Access {
    /// Whether somebody may try to be `name`.
    pub fn open(&mut self, now: Now, name: &str, source: Source) -> Result<Opening, LoginRefused> {
        let user = self.users.find(name);
        let (known, hash) = (user.is_some(), user.map_or_else(|| self.decoy.clone(), |user| user.password.clone()));
        let name = name.to_ascii_lowercase();
        let attempt = self.lockout.begin(now.monotonic, &name, known, source).map_err(LoginRefused::Wait)?;
        Ok(Opening { attempt, name, hash, source })
    }

    /// Logs in with a password that was looked at.
    pub fn login(
        &mut self,
        now: Now,
        checked: Checked,
        code: Option<&str>,
        agent: &str,
    ) -> Result<Welcome, LoginRefused> {
        let source = checked.opening.source;
        let (user, attempt) = self.confirmed(checked).inspect_err(|_| self.counters.logins_failed += 1)?;
        let mut after = User { last_login: Some(now.civil), ..user };
        if let Some(factor) = &after.second_factor {
            let Some(code) = code else {
                self.lockout.withdrawn(attempt);
                return Err(LoginRefused::CodeNeeded);
            };
            let Some(factor) = factor.accept(now.unix_s(), code) else {
                self.counters.logins_failed += 1;
                return Err(LoginRefused::CodeWrong);
            };
            after.second_factor = Some(factor);
        }
        self.lockout.succeeded(attempt);
        self.counters.logins += 1;
        let new = self.sessions.begin(now, &after.name, source, agent, &mut self.random);
        let caller = Caller {
            user: after.name.clone(),
            role: after.role,
            source,
            via: Via::Session(new.session.id.clone()),
            must_change_password: after.must_change_password,
            second_factor: after.second_factor.is_some(),
        };
        let mut changes = vec![Change::User(after), Change::Session(new.session)];
        if !new.ended.is_empty() {
            self.counters.sessions_pushed_out += new.ended.len() as u64;
            changes.push(Change::SessionsGone(new.ended));
        }
        Ok(Welcome { changes, secret: new.secret, caller })
    }

    /// Somebody shows again that it is they: before changing their own password.
    pub fn show_again(&mut self, checked: Checked) -> Result<User, LoginRefused> {
        let (user, attempt) = self.confirmed(checked)?;
        self.lockout.succeeded(attempt);
        Ok(user)
    }

    /// The user, if the password was right and still is the user's. A wrong one stays counted.
    pub(super) fn confirmed(&mut self, Checked { opening, right }: Checked) -> Result<(User, Attempt), LoginRefused> {
        let user = self.users.find(&opening.name).filter(|user| !user.disabled && user.password == opening.hash);
        match user {
            Some(user) if right => Ok((user.clone(), opening.attempt)),
            _ => Err(LoginRefused::Wrong),
        }
    }
}
