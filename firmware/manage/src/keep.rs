//! Between what is in memory and what the store keeps. Changes and the record of the act that made them are one
//! transaction: there is no change without its record.

use crate::access::{Change, Kept};
use crate::audit::{self, Anchor, FIRST_HASH};
use crate::passwords::PasswordHash;
use crate::second_factor::{SECRET_BYTES, SecondFactor};
use crate::sessions::Session;
use crate::tokens::Token;
use crate::users::User;
use api::{AuditOutcome, AuditRecord, Role};
use jiff::Timestamp;
use store::rusqlite::Connection;
use store::sessions::KeptSession;
use store::tokens::KeptToken;
use store::users::{KeptFactor, KeptUser};
use store::{Store, StoreError, audit as log};

/// Records that are read at once when the log is checked or exported.
const BATCH: u32 = 1_000;

/// Why what was kept cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is there was not written by this program.
    #[error("read {what} of \"{of}\": {value} makes no sense")]
    Senseless {
        /// Which field.
        what: &'static str,
        /// Of which user, session, token or record.
        of: String,
        /// What it says.
        value: String,
    },
    /// The audit log is not what was written.
    #[error(transparent)]
    Audit(#[from] audit::Broken),
}

/// Everything that was kept of who may call.
pub fn load(store: &Store) -> Result<Kept, KeepError> {
    store.read(|connection| {
        Ok(Kept {
            users: store::users::all(connection)?.into_iter().map(user).collect::<Result<_, _>>()?,
            sessions: store::sessions::all(connection)?.into_iter().map(session).collect::<Result<_, _>>()?,
            tokens: store::tokens::all(connection)?.into_iter().map(token).collect::<Result<_, _>>()?,
        })
    })
}

/// Users, and whether they and their tokens make sense.
pub fn users_of(people: &store::People) -> Result<Vec<User>, KeepError> {
    people.tokens.iter().cloned().try_for_each(|kept| token(kept).map(drop))?;
    people.users.iter().cloned().map(user).collect()
}

/// Adds the record of an act in a transaction of somebody else's.
pub fn write_down(connection: &Connection, record: &AuditRecord) -> Result<(), StoreError> {
    append(connection, record).map(drop).map_err(|error| match error {
        KeepError::Store(error) => error,
        other => StoreError::Senseless { what: "the audit log", reason: other.to_string() },
    })
}

/// The end of the audit log.
pub fn audit_end(store: &Store) -> Result<Anchor, KeepError> {
    store.read(|connection| Ok(ends(connection)?.1))
}

/// Keeps changes and the record of the act that made them, in one transaction. How many old records went for it.
pub fn commit(store: &Store, changes: Vec<Change>, record: Option<AuditRecord>) -> Result<u64, KeepError> {
    store.write(move |connection| {
        for change in &changes {
            keep(connection, change)?;
        }
        record.map_or(Ok(0), |record| append(connection, &record))
    })
}

/// Records, the newest first, and whether there are older ones.
pub fn audit_page(store: &Store, query: api::AuditQuery) -> Result<api::AuditPage, KeepError> {
    let limit = query.limit.unwrap_or(api::AUDIT_LISTED_DEFAULT).clamp(1, api::AUDIT_LISTED_MAX);
    store.read(move |connection| {
        let mut acts = log::newest(connection, query.before, query.user.as_deref(), limit + 1)?;
        let more = acts.len() > limit as usize;
        acts.truncate(limit as usize);
        Ok(api::AuditPage { records: acts.into_iter().map(record).collect::<Result<_, _>>()?, more })
    })
}

/// All records as lines of JSON, the oldest first, whatever their state: a broken log is evidence too.
pub fn audit_lines(store: &Store) -> Result<String, KeepError> {
    let (mut lines, mut after) = (String::new(), 0);
    loop {
        let acts = store.read::<_, KeepError, _>(move |connection| Ok(log::oldest(connection, after, BATCH)?))?;
        let Some(last) = acts.last() else { return Ok(lines) };
        after = last.number;
        for act in acts {
            lines.push_str(&audit::json_line(&record(act)?));
        }
    }
}

/// Whether the log is what was written: how many records there are, or what is wrong.
pub fn audit_check(store: &Store) -> Result<u64, KeepError> {
    // The end first: what is added meanwhile is not asked for.
    let (mut last, end) = store.read(ends)?;
    let mut count = 0;
    while last.number < end.number {
        let limit = BATCH.min(u32::try_from(end.number - last.number).unwrap_or(BATCH));
        let after = last.number;
        let acts = store.read::<_, KeepError, _>(move |connection| Ok(log::oldest(connection, after, limit)?))?;
        let records = acts.into_iter().map(record).collect::<Result<Vec<_>, _>>()?;
        let Some(newest) = records.last().map(audit::anchor) else {
            return Err(audit::Broken::Short { found: last.number, expected: end.number }.into());
        };
        count += audit::verify(&last, &records, &newest)?;
        last = newest;
    }
    audit::verify(&last, [], &end)?;
    Ok(count)
}

fn ends(connection: &Connection) -> Result<(Anchor, Anchor), KeepError> {
    let place = |(number, hash)| Anchor { number, hash };
    Ok(log::ends(connection)?.map_or_else(Default::default, |(before, last)| (place(before), place(last))))
}

fn keep(connection: &Connection, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::User(user) => store::users::keep(connection, &kept_user(user)),
        Change::UserGone(name) => store::users::forget(connection, name),
        Change::Session(session) => store::sessions::keep(connection, &kept_session(session)),
        Change::SessionsGone(ids) => ids.iter().try_for_each(|id| store::sessions::forget(connection, id)),
        Change::Token(token) => store::tokens::keep(connection, &kept_token(token)),
        Change::TokensGone(ids) => ids.iter().try_for_each(|id| store::tokens::forget(connection, id)),
    }
}

fn append(connection: &Connection, record: &AuditRecord) -> Result<u64, KeepError> {
    log::append(connection, &kept_act(record), FIRST_HASH)?;
    let (before, last) = ends(connection)?;
    match audit::removal(before.number + 1, last.number) {
        Some(number) => Ok(log::shorten(connection, number)?),
        None => Ok(0),
    }
}

fn kept_user(user: &User) -> KeptUser {
    let factor = user.second_factor.as_ref().map(|factor| KeptFactor {
        secret: factor.secret.to_vec(),
        last_step: factor.last_step,
        recovery: factor.recovery.concat(),
    });
    KeptUser {
        name: user.name.clone(),
        role: user.role.name().to_owned(),
        password: user.password.as_kept().to_owned(),
        must_change_password: user.must_change_password,
        disabled: user.disabled,
        created_ms: user.created.as_millisecond(),
        last_login_ms: user.last_login.map(Timestamp::as_millisecond),
        factor,
    }
}

fn user(kept: KeptUser) -> Result<User, KeepError> {
    let KeptUser { name, password, must_change_password, disabled, .. } = kept;
    Ok(User {
        role: role(&name, &kept.role)?,
        password: PasswordHash::from_kept(password),
        must_change_password,
        disabled,
        second_factor: kept.factor.map(|kept| factor(&name, kept)).transpose()?,
        created: time(&name, kept.created_ms)?,
        last_login: kept.last_login_ms.map(|at| time(&name, at)).transpose()?,
        name,
    })
}

fn factor(of: &str, kept: KeptFactor) -> Result<SecondFactor, KeepError> {
    let senseless = |value: usize| KeepError::Senseless {
        what: "the second factor",
        of: of.to_owned(),
        value: format!("a length of {value}"),
    };
    let secret: [u8; SECRET_BYTES] = kept.secret.as_slice().try_into().map_err(|_| senseless(kept.secret.len()))?;
    let (recovery, rest) = kept.recovery.as_chunks();
    if !rest.is_empty() {
        return Err(senseless(kept.recovery.len()));
    }
    Ok(SecondFactor { secret, last_step: kept.last_step, recovery: recovery.to_vec() })
}

fn kept_session(session: &Session) -> KeptSession {
    KeptSession {
        id: session.id.clone(),
        hash: session.hash,
        user: session.user.clone(),
        source: session.source.clone(),
        agent: session.agent.clone(),
        created_ms: session.created.as_millisecond(),
        last_use_ms: session.last_use.as_millisecond(),
    }
}

fn session(kept: KeptSession) -> Result<Session, KeepError> {
    let KeptSession { id, hash, user, source, agent, created_ms, last_use_ms } = kept;
    let (created, last_use) = (time(&id, created_ms)?, time(&id, last_use_ms)?);
    Ok(Session { id, hash, user, source, agent, created, last_use })
}

fn kept_token(token: &Token) -> KeptToken {
    KeptToken {
        id: token.id.clone(),
        hash: token.hash,
        name: token.name.clone(),
        user: token.user.clone(),
        role: token.role.name().to_owned(),
        prefix: token.prefix.clone(),
        created_ms: token.created.as_millisecond(),
        expires_ms: token.expires.as_millisecond(),
        last_use_ms: token.last_use.map(Timestamp::as_millisecond),
    }
}

fn token(kept: KeptToken) -> Result<Token, KeepError> {
    let KeptToken { id, hash, name, user, prefix, .. } = kept;
    Ok(Token {
        role: role(&id, &kept.role)?,
        created: time(&id, kept.created_ms)?,
        expires: time(&id, kept.expires_ms)?,
        last_use: kept.last_use_ms.map(|at| time(&id, at)).transpose()?,
        id,
        hash,
        name,
        user,
        prefix,
    })
}

fn kept_act(record: &AuditRecord) -> log::KeptAct {
    log::KeptAct {
        number: record.number,
        at_ms: record.at_ms,
        user: record.user.clone(),
        role: record.role.map(|role| role.name().to_owned()),
        source: record.source.clone(),
        act: record.act.clone(),
        outcome: record.outcome.name().to_owned(),
        detail: record.detail.clone(),
        hash: record.hash.clone(),
    }
}

fn record(kept: log::KeptAct) -> Result<AuditRecord, KeepError> {
    let outcomes = [AuditOutcome::Done, AuditOutcome::Refused, AuditOutcome::Failed];
    let of = kept.number.to_string();
    let outcome = outcomes.into_iter().find(|outcome| outcome.name() == kept.outcome);
    let senseless = || KeepError::Senseless { what: "the outcome", of: of.clone(), value: kept.outcome.clone() };
    Ok(AuditRecord {
        number: kept.number,
        at_ms: kept.at_ms,
        role: kept.role.as_deref().map(|text| role(&of, text)).transpose()?,
        outcome: outcome.ok_or_else(senseless)?,
        user: kept.user,
        source: kept.source,
        act: kept.act,
        detail: kept.detail,
        hash: kept.hash,
    })
}

fn role(of: &str, text: &str) -> Result<Role, KeepError> {
    let senseless = |_| KeepError::Senseless { what: "the role", of: of.to_owned(), value: text.to_owned() };
    text.parse().map_err(senseless)
}

fn time(of: &str, ms: i64) -> Result<Timestamp, KeepError> {
    let senseless = |_| KeepError::Senseless { what: "the time", of: of.to_owned(), value: ms.to_string() };
    Timestamp::from_millisecond(ms).map_err(senseless)
}

#[cfg(test)]
mod tests;
