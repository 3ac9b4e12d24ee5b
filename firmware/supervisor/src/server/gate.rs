//! Who may call, with the store behind it: every change is kept together with the record of the act that made it, and
//! only then told to anybody.

use super::access::Call;
use super::{ANSWER_LIMIT, Refused};
use crate::run::alarms;
use crate::run::telling::Teller;
use api::{AuditOutcome, AuditRecord, LoggedIn, Login, Problem, Role};
use arc_swap::ArcSwap;
use axum::http::StatusCode;
use config::AlertKind;
use jiff::Timestamp;
use manage::access::{Access, Caller, Change, Checked, LoginRefused, Opening, PeopleError, Refusal, Settings};
use manage::audit::{Chain, Deed};
use manage::clock::Now;
use manage::keep::{self, KeepError};
use manage::passwords::{self, PasswordHash};
use manage::random::Stream;
use manage::roles::Act;
use manage::source::Source;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use store::Store;
use tokio::sync::{Mutex, MutexGuard, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// Passwords that are looked at once: each takes 19 MiB and a core for tens of milliseconds.
const PASSWORDS_AT_ONCE_MAX: usize = 2;
/// Refused calls and failed log-ins that are written down in one [`REFUSALS_WINDOW`]; more are counted, and the next one
/// that is written down says how many. Otherwise whoever is refused could push everything else out of the audit log.
const REFUSALS_WRITTEN_MAX: u32 = 60;
/// See [`REFUSALS_WRITTEN_MAX`].
const REFUSALS_WINDOW: Duration = Duration::from_secs(60);
/// What logging in is called in the audit log: nobody needs a role for it.
const LOGIN: &str = "login";

/// Who may call. Clones are the same gate.
#[derive(Clone)]
pub struct Gate {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    store: Store,
    rules: Arc<ArcSwap<config::Api>>,
    box_name: String,
    started: Instant,
    passwords: Semaphore,
    stale: Arc<AtomicBool>,
    teller: Teller,
}

struct State {
    access: Access,
    chain: Chain,
    refusals: Refusals,
}

/// A password that the box made up for its first user.
pub struct FirstPassword(pub String);

impl Gate {
    /// Opens what was kept. A new box gets its first user, whose password is to be shown once.
    ///
    /// `rules` is looked at whenever somebody calls; `seed` is used for nothing else; `teller` hears of locks.
    pub fn open(
        store: Store,
        rules: Arc<ArcSwap<config::Api>>,
        seed: [u8; 32],
        box_name: &str,
        teller: Teller,
    ) -> Result<(Self, Option<FirstPassword>), KeepError> {
        let settings = Settings::from(&**rules.load());
        let mut access = Access::new(keep::load(&store)?, settings, Stream::new(seed));
        let first = access.is_new().then(|| access.made_up_password());
        if let Some(password) = &first {
            let now = Now { civil: Timestamp::now(), monotonic: Duration::ZERO };
            let salt = access.salt();
            let change = access.first_user(now, PasswordHash::new(password, salt));
            keep::commit(&store, vec![change.clone()], None)?;
            access.adopt(vec![change]);
        }
        let chain = Chain::after(keep::audit_end(&store)?);
        let state = Mutex::new(State { access, chain, refusals: Refusals::default() });
        let passwords = Semaphore::new(PASSWORDS_AT_ONCE_MAX);
        let (box_name, started) = (box_name.to_owned(), Instant::now());
        let inner =
            Arc::new(Inner { state, store, rules, box_name, started, passwords, stale: Arc::default(), teller });
        Ok((Self { inner }, first.map(FirstPassword)))
    }

    /// Whoever changes users in the store by another way sets it; they are read again then.
    pub fn stale(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.inner.stale)
    }

    /// What this box is called.
    pub(super) fn box_name(&self) -> &str {
        &self.inner.box_name
    }

    /// Who calls from `source` with `bearer`.
    pub(super) async fn identify(&self, source: Source, bearer: Option<&str>) -> Result<Caller, Refusal> {
        let now = self.now();
        let mut state = self.state().await;
        state.access.set(Settings::from(&**self.inner.rules.load()));
        let (caller, used) = state.access.identify(now, source, bearer)?;
        let mut changes: Vec<Change> = used.into_iter().collect();
        changes.extend(state.access.sweep(now));
        if !changes.is_empty()
            && let Err(error) = self.keep(&mut state, changes, None).await
        {
            // Worth no refusal: the caller may, whether the last use is kept or not.
            tracing::error!(%error, "last use of a session or token not kept");
        }
        Ok(caller)
    }

    /// Looks something up.
    pub(super) async fn look<T>(&self, look: impl FnOnce(&Access, Now) -> T) -> T {
        let now = self.now();
        look(&self.state().await.access, now)
    }

    /// Changes something, and writes down that `call` did.
    pub(super) async fn change<T>(
        &self,
        call: &Call,
        make: impl FnOnce(&mut Access, Now) -> Result<(T, Vec<Change>), PeopleError>,
    ) -> Result<T, Refused> {
        let now = self.now();
        let mut state = self.state().await;
        let (answer, changes) = make(&mut state.access, now).map_err(refused)?;
        let deed = call.deed(AuditOutcome::Done);
        self.keep(&mut state, changes, Some(deed)).await.map_err(not_kept)?;
        call.is_written_down();
        Ok(answer)
    }

    /// Writes down how `call` ended.
    pub(super) async fn write_down(&self, call: &Call, outcome: AuditOutcome) -> Result<(), Refused> {
        let mut state = self.state().await;
        self.keep(&mut state, Vec::new(), Some(call.deed(outcome))).await.map_err(not_kept)
    }

    /// Writes down that a caller was refused, unless that happens too often.
    pub(super) async fn write_down_refusal(&self, caller: &Caller, act: Act, refusal: Refusal) {
        let detail = refusal.to_string();
        self.write_down_failure(
            &caller.user,
            Some(caller.role),
            caller.source,
            act.name(),
            AuditOutcome::Refused,
            detail,
        )
        .await;
    }

    /// Logs somebody in.
    pub(super) async fn login(&self, source: Source, login: Login) -> Result<LoggedIn, Refused> {
        let Login { user, password, code, agent } = login;
        let logged_in = self.try_login(source, &user, password, code, agent.unwrap_or_default()).await;
        match logged_in {
            Ok(logged_in) => Ok(logged_in),
            Err(LoginFailure::Refused(refusal, locks)) => {
                let who = self.look(|access, _| access.user(&user).map(|user| user.name)).await;
                // A name that is no user's may be a password typed into the wrong field.
                let who = who.unwrap_or_else(|| "-".to_owned());
                let locked = if locks { "; locked from now on" } else { "" };
                if locks {
                    tracing::warn!(user = who, %source, "log-in locked after too many failures");
                    let teller = &self.inner.teller;
                    alarms::raise(teller, AlertKind::LoginLocked, who.clone(), &format!("from {source}"));
                }
                // What is not even looked at is counted, and was written down when it was locked.
                if !matches!(refusal, LoginRefused::Wait(_) | LoginRefused::CodeNeeded) {
                    let detail = format!("{refusal}{locked}");
                    self.write_down_failure(&who, None, source, LOGIN, AuditOutcome::Failed, detail).await;
                }
                Err(refused(PeopleError::Login(refusal)))
            }
            Err(LoginFailure::Other(refusal)) => Err(refusal),
        }
    }

    /// The record of what `call` did, for a transaction that replaces the users. Nothing else is written down until `act`
    /// is done.
    pub(super) async fn replacing<T>(
        &self,
        call: &Call,
        act: impl AsyncFnOnce(AuditRecord) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let state = self.state().await;
        let record = state.chain.record(self.now(), call.deed(AuditOutcome::Done));
        let done = act(record).await;
        if done.is_ok() {
            call.is_written_down();
        }
        done
    }

    /// Bytes that nobody can guess.
    pub(super) async fn salt(&self) -> [u8; 16] {
        self.state().await.access.salt()
    }

    /// Looks at a password again, for somebody who is logged in.
    pub(super) async fn check_again(&self, caller: &Caller, password: String) -> Result<Checked, Refused> {
        let now = self.now();
        let opening = self.state().await.access.open(now, &caller.user, caller.source);
        self.looked_at(opening.map_err(|refusal| refused(PeopleError::Login(refusal)))?, password).await
    }

    /// The hash of a password, made where waiting is allowed.
    pub(super) async fn hash(&self, password: String) -> Result<PasswordHash, Refused> {
        let salt = self.state().await.access.salt();
        let _permit = self.permit().await?;
        spawn_blocking(move || PasswordHash::new(&password, salt)).await.map_err(|_| Refused::busy())
    }

    /// The given password, or one that is made up; the second is what is to be shown.
    pub(super) async fn given_or_made_up(&self, password: Option<String>) -> (String, Option<String>) {
        match password {
            Some(password) => (password, None),
            None => {
                let made_up = self.state().await.access.made_up_password();
                (made_up.clone(), Some(made_up))
            }
        }
    }

    async fn try_login(
        &self,
        source: Source,
        user: &str,
        password: String,
        code: Option<String>,
        agent: String,
    ) -> Result<LoggedIn, LoginFailure> {
        if password.chars().count() > passwords::PASSWORD_LENGTH_MAX {
            return Err(LoginFailure::Refused(LoginRefused::Wrong, false));
        }
        let opening = {
            let mut state = self.state().await;
            state.access.set(Settings::from(&**self.inner.rules.load()));
            state.access.open(self.now(), user, source)
        };
        let opening = opening.map_err(|refusal| LoginFailure::Refused(refusal, false))?;
        let locks = opening.locks();
        let checked = self.looked_at(opening, password).await.map_err(LoginFailure::Other)?;
        let now = self.now();
        let mut state = self.state().await;
        let welcome = state.access.login(now, checked, code.as_deref(), &agent);
        let welcome = welcome.map_err(|refusal| LoginFailure::Refused(refusal, locks.user || locks.source))?;
        let caller = &welcome.caller;
        let deed = Deed {
            user: caller.user.clone(),
            role: Some(caller.role),
            source,
            act: LOGIN,
            outcome: AuditOutcome::Done,
            detail: String::new(),
        };
        let kept = self.keep(&mut state, welcome.changes, Some(deed)).await;
        kept.map_err(|error| LoginFailure::Other(not_kept(error)))?;
        Ok(LoggedIn { token: welcome.secret, me: caller.me() })
    }

    async fn looked_at(&self, opening: Opening, password: String) -> Result<Checked, Refused> {
        let _permit = self.permit().await?;
        spawn_blocking(move || opening.check(&password)).await.map_err(|_| Refused::busy())
    }

    pub(super) async fn permit(&self) -> Result<tokio::sync::SemaphorePermit<'_>, Refused> {
        let permit = timeout(ANSWER_LIMIT, self.inner.passwords.acquire()).await;
        permit.map_err(|_| Refused::busy())?.map_err(|_| Refused::busy())
    }

    async fn write_down_failure(
        &self,
        user: &str,
        role: Option<Role>,
        source: Source,
        act: &'static str,
        outcome: AuditOutcome,
        detail: String,
    ) {
        let now = self.now();
        let mut state = self.state().await;
        let Some(unwritten) = state.refusals.count(now.monotonic) else { return };
        let more =
            if unwritten > 0 { format!(" (and {unwritten} before that were not written down)") } else { String::new() };
        let deed = Deed { user: user.to_owned(), role, source, act, outcome, detail: format!("{detail}{more}") };
        if let Err(error) = self.keep(&mut state, Vec::new(), Some(deed)).await {
            tracing::error!(%error, "refusal not written down");
        }
    }

    /// What is known of who may call, as the store has it.
    async fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.inner.state.lock().await;
        if self.inner.stale.swap(false, Ordering::AcqRel) {
            let store = self.inner.store.clone();
            let read = spawn_blocking(move || Ok((keep::load(&store)?, keep::audit_end(&store)?))).await;
            match read.unwrap_or_else(|_| Err::<_, KeepError>(store::StoreError::Broken.into())) {
                Ok((kept, end)) => {
                    state.access.replace(kept);
                    state.chain = Chain::after(end);
                }
                Err(error) => {
                    tracing::error!(%error, "users not read again; trying again at the next call");
                    self.inner.stale.store(true, Ordering::Release);
                }
            }
        }
        state
    }

    /// Keeps changes and the record of a deed, and adopts both. Whoever calls holds the lock meanwhile: the next one sees
    /// all of it, and a code or a place in the log is never used twice.
    async fn keep(&self, state: &mut State, changes: Vec<Change>, deed: Option<Deed>) -> Result<(), KeepError> {
        let record = deed.map(|deed| state.chain.record(self.now(), deed));
        let (store, kept, written) = (self.inner.store.clone(), changes.clone(), record.clone());
        let done = spawn_blocking(move || keep::commit(&store, kept, written)).await;
        let removed = done.unwrap_or_else(|_| Err(store::StoreError::Broken.into()))?;
        if removed > 0 {
            tracing::info!(removed, "old audit records removed");
        }
        state.access.adopt(changes);
        if let Some(record) = &record {
            state.chain.adopt(record);
        }
        Ok(())
    }

    fn now(&self) -> Now {
        Now { civil: Timestamp::now(), monotonic: self.inner.started.elapsed() }
    }
}

enum LoginFailure {
    /// By the rules; whether this attempt locked the user or the source.
    Refused(LoginRefused, bool),
    Other(Refused),
}

/// Refusals of the running window.
#[derive(Default)]
struct Refusals {
    begun: Duration,
    written: u32,
    unwritten: u64,
}

impl Refusals {
    /// Counts one: how many before it were not written down, when this one is.
    fn count(&mut self, now: Duration) -> Option<u64> {
        if now >= self.begun + REFUSALS_WINDOW {
            (self.begun, self.written) = (now, 0);
        }
        if self.written >= REFUSALS_WRITTEN_MAX {
            self.unwritten += 1;
            return None;
        }
        self.written += 1;
        Some(std::mem::take(&mut self.unwritten))
    }
}

/// The answer to a change that is not possible.
pub(super) fn refused(error: PeopleError) -> Refused {
    use manage::tokens::TokenError;
    use manage::users::UserError;
    let status = match &error {
        PeopleError::Login(LoginRefused::Wait(_)) => StatusCode::TOO_MANY_REQUESTS,
        PeopleError::Login(_) => StatusCode::UNAUTHORIZED,
        PeopleError::NoSession
        | PeopleError::User(UserError::Missing(_))
        | PeopleError::Token(TokenError::Missing(_)) => StatusCode::NOT_FOUND,
        PeopleError::User(UserError::Exists(_) | UserError::LastAdministrator(_) | UserError::Full)
        | PeopleError::Token(TokenError::Full)
        | PeopleError::HasSecondFactor
        | PeopleError::NoSecondFactor
        | PeopleError::NoOffer => StatusCode::CONFLICT,
        PeopleError::Token(TokenError::Role { .. }) | PeopleError::TokenByToken => StatusCode::FORBIDDEN,
        PeopleError::User(UserError::Name(_) | UserError::Reserved(_))
        | PeopleError::Password(_)
        | PeopleError::Token(TokenError::Name | TokenError::Days)
        | PeopleError::SecondFactorOfOthers
        | PeopleError::NoUser
        | PeopleError::SamePassword => StatusCode::BAD_REQUEST,
    };
    let retry_after = match &error {
        PeopleError::Login(LoginRefused::Wait(wait)) => Some(wait.left),
        _ => None,
    };
    Refused { retry_after, ..Refused::with(status, Problem::from(&error)) }
}

pub(super) fn not_kept(error: KeepError) -> Refused {
    tracing::error!(%error, "not kept");
    Refused::new(StatusCode::INTERNAL_SERVER_ERROR, format!("it could not be written down: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_written_down_up_to_a_point() {
        let mut refusals = Refusals::default();
        let mut count = |seconds, times: u32| {
            (0..times).filter_map(|_| refusals.count(Duration::from_secs(seconds))).collect::<Vec<_>>()
        };
        assert_eq!(count(1, 100).len(), REFUSALS_WRITTEN_MAX as usize);
        assert!(count(59, 5).is_empty());
        assert_eq!(count(60, 2), [45, 0], "the next window tells what was left out");
    }
}
