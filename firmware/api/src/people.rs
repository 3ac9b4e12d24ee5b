//! Who may call: users, what they log in with, and what was done by whom. Times are RFC 3339 in UTC.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Audit records in one answer when nobody says how many.
pub const AUDIT_LISTED_DEFAULT: u32 = 100;
/// Audit records in one answer at most.
pub const AUDIT_LISTED_MAX: u32 = 1_000;

/// What somebody may do. Each role may do what the one before may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look.
    #[default]
    Viewer,
    /// Run the services: drain, kill, configure what is balanced.
    Operator,
    /// Everything: users, network, updates.
    Administrator,
}

impl Role {
    /// All roles, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Administrator];

    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Administrator => "administrator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| format!("\"{text}\" is no role: viewer, operator and administrator are"))
    }
}

/// A log-in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
    /// The six digits of the second factor, or a recovery code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What the caller runs, to recognise the session by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

/// A log-in that succeeded.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoggedIn {
    /// Says from now on who calls: `Authorization: Bearer TOKEN`.
    pub token: String,
    /// Who.
    pub me: Me,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Me {
    /// The user; root on the socket is `root`.
    pub user: String,
    /// What the caller may do.
    pub role: Role,
    /// Nothing but a new password is possible.
    pub must_change_password: bool,
    /// Whether logging in takes a second factor.
    pub second_factor: bool,
    /// The session, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// The name to log in with.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// Whether the user may not log in.
    pub disabled: bool,
    /// Whether the next log-in has to set a new password.
    pub must_change_password: bool,
    /// Whether logging in takes a second factor.
    pub second_factor: bool,
    /// Since when.
    pub created: String,
    /// The last log-in.
    pub last_login: Option<String>,
}

/// A user to be.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The name to log in with.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// The first password, to be changed at the first log-in; made up when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// What to change of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// What the user may do from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Whether the user may log in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// `false` takes the second factor away; it cannot be given to somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_factor: Option<bool>,
}

/// A password for somebody else, to be changed at the next log-in.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordReset {
    /// The password; made up when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// A new password of the caller's own.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The one so far.
    pub old: String,
    /// The one from now on.
    pub new: String,
}

/// A user, and the password when it was made up: it is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserPassword {
    /// The user.
    pub user: User,
    /// The password that was made up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// A second factor to be: in force once [`SecondFactorCode`] shows that the caller has it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecondFactorOffer {
    /// The secret, in base32, to type.
    pub secret: String,
    /// The same as `otpauth:` address, to show as a QR code.
    pub url: String,
    /// Each logs in once without the device. Shown this once.
    pub recovery_codes: Vec<String>,
}

/// The six digits that the device shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondFactorCode {
    /// The digits.
    pub code: String,
}

/// What shows that a second factor is taken away by the one it belongs to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondFactorRemoval {
    /// The password.
    pub password: String,
    /// The digits that the device shows, or a recovery code.
    pub code: String,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// Names it, to end it.
    pub id: String,
    /// Whose it is.
    pub user: String,
    /// Where it was begun.
    pub source: String,
    /// What the caller said to run.
    pub agent: String,
    /// When it was begun.
    pub created: String,
    /// When it was used last.
    pub last_use: String,
    /// When it ends in any case.
    pub expires: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// A token for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Token {
    /// Names it, to revoke it.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// Whose it is.
    pub user: String,
    /// What it may do; never more than its owner.
    pub role: Role,
    /// How it begins, to recognise it.
    pub prefix: String,
    /// When it was made.
    pub created: String,
    /// When it ends.
    pub expires: String,
    /// When it was used last.
    pub last_use: Option<String>,
}

/// A token to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// How long it lasts.
    pub days: u32,
    /// Whose it is; by default the caller's. Root on the socket has to name somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// A token that was made: the secret is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenMade {
    /// What is kept of it.
    pub token: Token,
    /// The token.
    pub secret: String,
}

/// How many were ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ended {
    /// How many.
    pub ended: u64,
}

/// Which audit records, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Those older than this one; by default the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// How many; by default [`AUDIT_LISTED_DEFAULT`], at most [`AUDIT_LISTED_MAX`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Those of this user only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// How an act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// The caller may not.
    Refused,
    /// It was tried and did not work.
    Failed,
}

impl AuditOutcome {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// An act that was done or tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditRecord {
    /// Counted from 1 without a hole.
    pub number: u64,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// Who: a user, `root` for uid 0 on the socket, or `-`.
    pub user: String,
    /// As what.
    pub role: Option<Role>,
    /// From where: an address, or `socket, uid N`.
    pub source: String,
    /// What.
    pub act: String,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// What was changed, without secrets.
    pub detail: String,
    /// SHA-256 over this record and the hash of the one before, hexadecimal.
    pub hash: String,
}

/// Audit records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditPage {
    /// The records, the newest first.
    pub records: Vec<AuditRecord>,
    /// Whether there are older ones.
    pub more: bool,
}

/// Whether the audit log is what was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditCheck {
    /// Records that were checked.
    pub records: u64,
    /// What is wrong, if something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}
