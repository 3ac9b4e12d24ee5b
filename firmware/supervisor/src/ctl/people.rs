//! `ctl users`, `ctl token`, `ctl audit` and `ctl reset-password`.

use super::table::{Align, Table};
use super::{Failure, history, say, secret_of};
use api::{
    AUDIT_LISTED_DEFAULT, AUDIT_LISTED_MAX, AuditCheck, AuditPage, AuditQuery, Client, Ended, NewToken, NewUser,
    PasswordReset, Role, Token, TokenMade, User, UserChange, UserPassword,
};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The user of a new box.
const FIRST_USER: &str = "admin";

/// `ctl users`.
#[derive(Subcommand, Debug)]
pub(super) enum Users {
    /// List users.
    List,
    /// Add a user; the password is made up and shown, or read from a file.
    Add {
        /// The name to log in with.
        name: String,
        /// viewer, operator or administrator.
        role: Role,
        /// Read the first password from this file; - is standard input.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Give a user another role.
    Role {
        /// The user.
        name: String,
        /// viewer, operator or administrator.
        role: Role,
    },
    /// Give a user another password, to be changed at the next log-in.
    Password(Password),
    /// Let a user log in no more.
    Disable {
        /// The user.
        name: String,
    },
    /// Let a user log in again.
    Enable {
        /// The user.
        name: String,
    },
    /// Take the second factor away from a user who lost it.
    ResetSecondFactor {
        /// The user.
        name: String,
    },
    /// Remove a user.
    Remove {
        /// The user.
        name: String,
    },
}

/// `ctl users password`.
#[derive(Args, Debug)]
pub(super) struct Password {
    /// The user.
    name: String,
    /// Read the password from this file; - is standard input. Otherwise it is made up.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// `ctl reset-password`.
#[derive(Args, Debug)]
pub(super) struct ResetPassword {
    /// The user.
    #[arg(default_value = FIRST_USER)]
    name: String,
}

/// `ctl token`.
#[derive(Subcommand, Debug)]
pub(super) enum Tokens {
    /// List tokens.
    List,
    /// Make a token; it is shown this once.
    Make {
        /// What it is for.
        name: String,
        /// viewer, operator or administrator; not more than its owner.
        #[arg(long, default_value = "viewer")]
        role: Role,
        /// How long it lasts.
        #[arg(long, value_name = "N", default_value_t = 365)]
        days: u32,
        /// Whose it is; without a token of one's own that must be said.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Take a token back.
    Revoke {
        /// The token, as `token list` names it.
        id: String,
    },
}

/// `ctl audit`.
#[derive(Args, Debug)]
pub(super) struct Audit {
    /// At most this many, the newest.
    #[arg(long, value_name = "N", default_value_t = AUDIT_LISTED_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(AUDIT_LISTED_MAX)))]
    limit: u32,
    /// Those before this one.
    #[arg(long, value_name = "N")]
    before: Option<u64>,
    /// Those of this user only.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Check instead that nothing is missing or changed.
    #[arg(long, conflicts_with_all = ["before", "user"])]
    check: bool,
}

pub(super) async fn users(client: &Client, json: bool, act: Users, width: usize) -> Result<(), Failure> {
    let disable = |disabled| UserChange { disabled: Some(disabled), ..UserChange::default() };
    let change = match act {
        Users::List => return say(json, &client.users().await?, |users| listed(users, width)),
        Users::Add { name, role, password_file } => {
            let password = password_file.as_deref().map(secret_of).transpose()?;
            return say(json, &client.add_user(&NewUser { name, role, password }).await?, added);
        }
        Users::Password(Password { name, password_file }) => {
            let password = password_file.as_deref().map(secret_of).transpose()?;
            return say(json, &client.set_password(&name, &PasswordReset { password }).await?, added);
        }
        Users::Remove { name } => return say(json, &client.remove_user(&name).await?, removed),
        Users::Role { name, role } => (name, UserChange { role: Some(role), ..UserChange::default() }),
        Users::Disable { name } => (name, disable(true)),
        Users::Enable { name } => (name, disable(false)),
        Users::ResetSecondFactor { name } => (name, UserChange { second_factor: Some(false), ..UserChange::default() }),
    };
    let (name, change) = change;
    say(json, &client.change_user(&name, &change).await?, changed)
}

pub(super) async fn reset_password(client: &Client, json: bool, reset: ResetPassword) -> Result<(), Failure> {
    say(json, &client.set_password(&reset.name, &PasswordReset::default()).await?, added)
}

pub(super) async fn tokens(client: &Client, json: bool, act: Tokens, width: usize) -> Result<(), Failure> {
    match act {
        Tokens::List => say(json, &client.tokens().await?, |tokens| tokens_listed(tokens, width)),
        Tokens::Make { name, role, days, user } => {
            say(json, &client.make_token(&NewToken { name, role, days, user }).await?, token_made)
        }
        Tokens::Revoke { id } => say(json, &client.revoke_token(&id).await?, revoked),
    }
}

pub(super) async fn audit(client: &Client, json: bool, asked: Audit, width: usize) -> Result<(), Failure> {
    if asked.check {
        let check = client.check_audit().await?;
        say(json, &check, checked)?;
        return check.broken.map_or(Ok(()), |broken| Err(Failure::Broken(broken)));
    }
    let query = AuditQuery { before: asked.before, limit: Some(asked.limit), user: asked.user };
    say(json, &client.audit(&query).await?, |page| records(page, width))
}

/// Users as a table.
pub(super) fn listed(users: &[User], width: usize) -> String {
    let left = Align::Left;
    let mut table = Table::new(&[("User", left), ("Role", left), ("State", left), ("Last log-in", left)]);
    for user in users {
        let last = user.last_login.as_deref().map_or("never", minute);
        table.row(vec![user.name.clone(), user.role.to_string(), state(user), last.to_owned()]);
    }
    table.text(width)
}

fn state(user: &User) -> String {
    let mut words = vec![if user.disabled { "disabled" } else { "may log in" }];
    if user.must_change_password {
        words.push("must change the password");
    }
    if user.second_factor {
        words.push("second factor");
    }
    words.join(", ")
}

fn changed(user: &User) -> String {
    format!("{} is {}: {}.\n", user.name, user.role, state(user))
}

pub(super) fn added(made: &UserPassword) -> String {
    let name = &made.user.name;
    match &made.password {
        Some(password) => format!("{name} logs in with this password, once, and then chooses another:\n{password}\n"),
        None => format!("{name} logs in with the password given, once, and then chooses another.\n"),
    }
}

fn removed(_: &Ended) -> String {
    "Removed.\n".to_owned()
}

/// Tokens as a table.
pub(super) fn tokens_listed(tokens: &[Token], width: usize) -> String {
    if tokens.is_empty() {
        return "No tokens.\n".to_owned();
    }
    let left = Align::Left;
    let titles = ["Token", "User", "Name", "Role", "Begins with", "Expires", "Last use"];
    let mut table = Table::new(&titles.map(|title| (title, left)));
    for token in tokens {
        table.row(vec![
            token.id.clone(),
            token.user.clone(),
            token.name.clone(),
            token.role.to_string(),
            token.prefix.clone(),
            minute(&token.expires).to_owned(),
            token.last_use.as_deref().map_or("never", minute).to_owned(),
        ]);
    }
    table.text(width)
}

pub(super) fn token_made(made: &TokenMade) -> String {
    let TokenMade { token, secret } = made;
    let expires = minute(&token.expires);
    format!("A token of {}, {} until {expires}. It is shown this once:\n{secret}\n", token.user, token.role)
}

fn revoked(_: &Ended) -> String {
    "Revoked.\n".to_owned()
}

/// Acts as a table, what was changed indented below.
pub(super) fn records(page: &AuditPage, width: usize) -> String {
    if page.records.is_empty() {
        return "Nothing was done.\n".to_owned();
    }
    let mut text = String::new();
    let mut table = Table::new(&[
        ("No", Align::Right),
        ("When", Align::Left),
        ("User", Align::Left),
        ("From", Align::Left),
        ("Act", Align::Left),
        ("Outcome", Align::Left),
        ("What", Align::Left),
    ]);
    for record in &page.records {
        let when = history::time(u64::try_from(record.at_ms / 1_000).unwrap_or_default());
        table.row(vec![
            record.number.to_string(),
            when,
            record.user.clone(),
            record.source.clone(),
            record.act.clone(),
            record.outcome.name().to_owned(),
            record.detail.lines().map(str::trim).collect::<Vec<_>>().join("; "),
        ]);
    }
    text.push_str(&table.text(width));
    if let Some(last) = page.records.last().filter(|_| page.more) {
        text.push_str(&format!("There are older ones: --before {}\n", last.number));
    }
    text
}

pub(super) fn checked(check: &AuditCheck) -> String {
    match &check.broken {
        None => format!("{} records, none missing or changed.\n", check.records),
        Some(_) => String::new(),
    }
}

/// A time to the minute: `2026-01-01T00:00:00Z` without seconds.
fn minute(time: &str) -> &str {
    time.get(..16).unwrap_or(time)
}

#[cfg(test)]
mod tests;
