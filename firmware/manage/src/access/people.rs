//! Changes of users, sessions and tokens. What a caller may do to others was checked by the act; what takes a look at the
//! users themselves is checked here.

use super::{Access, Caller, Change, Checked, LoginRefused, Via};
use crate::clock::Now;
use crate::passwords::{self, PasswordHash, WeakPassword};
use crate::second_factor::{Offer, SecondFactor};
use crate::tokens::{Token, TokenError};
use crate::users::{FIRST_USER, User, UserError};
use api::{NewToken, Role, UserChange};
use std::time::Duration;

/// How long an offered second factor waits for its first code.
const OFFER_LASTS: Duration = Duration::from_secs(900);

/// Why a change is not possible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeopleError {
    /// Because of the users there are.
    #[error(transparent)]
    User(#[from] UserError),
    /// Because of the password.
    #[error(transparent)]
    Password(#[from] WeakPassword),
    /// Because of the tokens there are.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The caller could not show who it is.
    #[error(transparent)]
    Login(#[from] LoginRefused),
    /// There is no such session.
    #[error("there is no such session")]
    NoSession,
    /// A second factor belongs to the one who has the device.
    #[error("a second factor can be taken away from a user, not given: the user sets it up")]
    SecondFactorOfOthers,
    /// Nothing was offered, or too long ago.
    #[error("no second factor was offered in the last {} minutes", Self::OFFER_MINUTES)]
    NoOffer,
    /// There is one already.
    #[error("the second factor is in force already: have it taken away first")]
    HasSecondFactor,
    /// There is none to take away.
    #[error("no second factor is in force")]
    NoSecondFactor,
    /// The call takes a user, and root on the socket is none.
    #[error("root on the socket is no user: name one")]
    NoUser,
    /// A token could outlive itself.
    #[error("a token cannot make tokens: log in")]
    TokenByToken,
    /// The new password is the old one.
    #[error("the new password is the old one")]
    SamePassword,
}

impl PeopleError {
    pub(crate) const OFFER_MINUTES: u64 = OFFER_LASTS.as_secs() / 60;
}

impl Access {
    /// A salt for a password that somebody sets.
    pub fn salt(&mut self) -> [u8; 16] {
        PasswordHash::salt(&mut self.random)
    }

    /// A password for somebody who did not choose one.
    pub fn made_up_password(&mut self) -> String {
        passwords::made_up(&mut self.random)
    }

    /// Whether there is nobody to log in yet.
    pub fn is_new(&self) -> bool {
        self.users.is_empty()
    }

    /// The first user of a new box, with a password that is shown once on its console.
    pub fn first_user(&self, now: Now, password: PasswordHash) -> Change {
        Change::User(new_user(now, FIRST_USER.to_owned(), Role::Administrator, password))
    }

    /// Whether a user may be added that has this name and this password.
    pub fn check_new_user(&self, name: &str, password: Option<&str>) -> Result<String, PeopleError> {
        let name = self.users.new_name(name)?;
        if let Some(password) = password {
            passwords::check(&name, password)?;
        }
        Ok(name)
    }

    /// A new user.
    pub fn add_user(&self, now: Now, name: &str, role: Role, password: PasswordHash) -> Result<User, PeopleError> {
        Ok(new_user(now, self.users.new_name(name)?, role, password))
    }

    /// Changes of a user; what the user could do before ends where it is more than afterwards.
    pub fn change_user(&mut self, name: &str, change: &UserChange) -> Result<Vec<Change>, PeopleError> {
        let user = self.users.existing(name)?;
        let mut after = user.clone();
        after.role = change.role.unwrap_or(after.role);
        after.disabled = change.disabled.unwrap_or(after.disabled);
        match change.second_factor {
            Some(true) => return Err(PeopleError::SecondFactorOfOthers),
            Some(false) => after.second_factor = None,
            None => {}
        }
        self.users.may_become(name, Some(&after))?;
        let mut changes = Vec::new();
        if after.disabled {
            changes.extend(self.end_of_sessions(&after.name, None));
        }
        self.lockout.release(&after.name);
        changes.push(Change::User(after));
        Ok(changes)
    }

    /// Whether `name` may have this password.
    pub fn check_password(&self, name: &str, password: &str) -> Result<(), PeopleError> {
        passwords::check(&self.users.existing(name)?.name, password)?;
        Ok(())
    }

    /// Another password for somebody else, to be changed at the next log-in. Whoever is logged in as that user is no longer.
    pub fn set_password(&mut self, name: &str, password: PasswordHash) -> Result<Vec<Change>, PeopleError> {
        let user = self.users.existing(name)?;
        let after = User { password, must_change_password: true, ..user.clone() };
        let mut changes = self.end_of_sessions(&after.name, None);
        self.lockout.release(&after.name);
        changes.push(Change::User(after));
        Ok(changes)
    }

    /// Another password for the caller, who showed the old one. Other log-ins end.
    pub fn change_own_password(&self, caller: &Caller, user: User, password: PasswordHash) -> Vec<Change> {
        let keep = match &caller.via {
            Via::Session(id) => Some(id.as_str()),
            Via::Root | Via::Token(_) => None,
        };
        let mut changes = self.end_of_sessions(&user.name, keep);
        changes.push(Change::User(User { password, must_change_password: false, ..user }));
        changes
    }

    /// A user is no more, and nothing of the user's.
    pub fn remove_user(&self, name: &str) -> Result<Vec<Change>, PeopleError> {
        self.users.may_become(name, None)?;
        let user = self.users.existing(name)?;
        let mut changes = self.end_of_sessions(&user.name, None);
        let tokens: Vec<String> = self.tokens.of(&user.name).map(|token| token.id.clone()).collect();
        if !tokens.is_empty() {
            changes.push(Change::TokensGone(tokens));
        }
        changes.push(Change::UserGone(user.name.clone()));
        Ok(changes)
    }

    /// A second factor for the caller; in force once [`Access::confirm_second_factor`] has seen a code.
    pub fn offer_second_factor(&mut self, now: Now, caller: &Caller, box_name: &str) -> Result<Offer, PeopleError> {
        let user = self.users.find(&caller.user).ok_or(PeopleError::NoUser)?;
        if user.second_factor.is_some() {
            return Err(PeopleError::HasSecondFactor);
        }
        let offer = SecondFactor::offer(&user.name, box_name, &mut self.random);
        self.offers.insert(user.name.clone(), (offer.factor.clone(), now.monotonic + OFFER_LASTS));
        Ok(offer)
    }

    /// The caller has set the device up: the second factor is in force.
    pub fn confirm_second_factor(&mut self, now: Now, caller: &Caller, code: &str) -> Result<Change, PeopleError> {
        let user = self.users.find(&caller.user).ok_or(PeopleError::NoUser)?;
        let offer = self.offers.get(&user.name).filter(|(_, until)| now.monotonic < *until);
        let (factor, _) = offer.ok_or(PeopleError::NoOffer)?;
        let factor = factor.accept(now.unix_s(), code).ok_or(LoginRefused::CodeWrong)?;
        let after = User { second_factor: Some(factor), ..user.clone() };
        self.offers.remove(&after.name);
        Ok(Change::User(after))
    }

    /// The caller needs no second factor any more, having shown the password and a code of it. A wrong code stays counted as
    /// a failure, as it would at a log-in.
    pub fn remove_second_factor(&mut self, now: Now, checked: Checked, code: &str) -> Result<Change, PeopleError> {
        let (user, attempt) = self.confirmed(checked)?;
        if let Some(factor) = &user.second_factor {
            factor.accept(now.unix_s(), code).ok_or(LoginRefused::CodeWrong)?;
        }
        self.lockout.succeeded(attempt);
        if user.second_factor.is_none() {
            return Err(PeopleError::NoSecondFactor);
        }
        Ok(Change::User(User { second_factor: None, ..user }))
    }

    /// Ends a session; with `own`, only one of that user.
    pub fn end_session(&self, id: &str, own: Option<&str>) -> Result<Change, PeopleError> {
        let session = self.sessions.named(id).filter(|session| own.is_none_or(|user| session.user == user));
        let session = session.ok_or(PeopleError::NoSession)?;
        Ok(Change::SessionsGone(vec![session.id.clone()]))
    }

    /// Ends all sessions of `user`, but for `keep`.
    pub fn end_sessions(&self, user: &str, keep: Option<&str>) -> Vec<Change> {
        self.end_of_sessions(user, keep)
    }

    /// A token: to be kept and adopted, and its secret.
    pub fn make_token(&mut self, now: Now, caller: &Caller, new: &NewToken) -> Result<(Token, String), PeopleError> {
        if matches!(caller.via, Via::Token(_)) {
            return Err(PeopleError::TokenByToken);
        }
        let owner = match (&new.user, &caller.via) {
            (Some(name), _) => self.users.existing(name)?,
            (None, Via::Root) => return Err(PeopleError::NoUser),
            (None, _) => self.users.existing(&caller.user)?,
        };
        // A token does not make others that may do more than itself.
        let most = owner.role.min(caller.role);
        let made = self.tokens.make(now, (&owner.name, most), (&new.name, new.role, new.days), &mut self.random)?;
        Ok(made)
    }

    /// Takes a token back; with `own`, only one of that user.
    pub fn revoke_token(&self, id: &str, own: Option<&str>) -> Result<Change, PeopleError> {
        let token = self.tokens.named(id)?;
        if own.is_some_and(|user| token.user != user) {
            return Err(TokenError::Missing(id.to_owned()).into());
        }
        Ok(Change::TokensGone(vec![token.id.clone()]))
    }

    fn end_of_sessions(&self, user: &str, keep: Option<&str>) -> Vec<Change> {
        let own = self.sessions.of(user).filter(|session| keep != Some(session.id.as_str()));
        let ids: Vec<String> = own.map(|session| session.id.clone()).collect();
        if ids.is_empty() { Vec::new() } else { vec![Change::SessionsGone(ids)] }
    }
}

fn new_user(now: Now, name: String, role: Role, password: PasswordHash) -> User {
    User {
        name,
        role,
        password,
        must_change_password: true,
        disabled: false,
        second_factor: None,
        created: now.civil,
        last_login: None,
    }
}
