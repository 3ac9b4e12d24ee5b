//! Why a request was refused.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident => $word:literal,)*) => {
        /// What kind of problem it is: a word that stays the same when sentences get better. Programs decide by it, and the
        /// console finds its own sentence by it.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(from = "String", into = "&'static str")]
        pub enum Code {
            $($(#[$doc])* $code,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$code,)*];

            /// Its word.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$code => $word,)* }
            }
        }
    };
}

codes! {
    /// None of the others: the message says it. Words of later versions are read as this one.
    #[default]
    Other => "other",
    /// The request makes no sense.
    BadRequest => "bad-request",
    /// There is no such thing.
    NotFound => "not-found",
    /// Not possible as things are.
    Conflict => "conflict",
    /// The node has too much to do.
    Busy => "busy",
    /// The disk fails, or this program has a defect.
    Failed => "failed",

    /// Nobody says who calls.
    LoginFirst => "login-first",
    /// The session or token is not known, or has ended.
    SessionEnded => "session-ended",
    /// The password must be changed first.
    PasswordFirst => "password-first",
    /// The caller's role is not enough. Value: the role that is.
    RoleNeeded => "role-needed",

    /// User or password is wrong, or the user may not log in.
    LoginWrong => "login-wrong",
    /// Too many failures. Value: seconds to wait.
    LoginLocked => "login-locked",
    /// Attempts follow each other too fast. Value: seconds to wait.
    LoginTooFast => "login-too-fast",
    /// The password is right; a code of the second factor is missing.
    CodeNeeded => "code-needed",
    /// The code is wrong or was used already.
    CodeWrong => "code-wrong",

    /// No user can be called so. Value: the name.
    UserName => "user-name",
    /// The audit log uses this name. Value: the name.
    UserReserved => "user-reserved",
    /// There is such a user already. Value: the name.
    UserExists => "user-exists",
    /// There is no such user. Value: the name.
    UserMissing => "user-missing",
    /// Nobody would be left who can change users. Value: the name.
    LastAdministrator => "last-administrator",
    /// There are too many users. Value: how many.
    UsersFull => "users-full",
    /// The caller is no user.
    NoUser => "no-user",

    /// The password is too short. Value: the least number of characters.
    PasswordShort => "password-short",
    /// The password is too long. Value: the largest number of characters.
    PasswordLong => "password-long",
    /// The password repeats few characters. Value: how many different ones it takes.
    PasswordMonotonous => "password-monotonous",
    /// The password is made from the user's name.
    PasswordOfUser => "password-of-user",
    /// The password is among those that are tried first.
    PasswordCommon => "password-common",
    /// The new password is the old one.
    PasswordSame => "password-same",

    /// A token would be more than its owner. Value: the owner's role.
    TokenRole => "token-role",
    /// A token has no name. Value: its most characters.
    TokenName => "token-name",
    /// A token lasts too long. Value: days at most.
    TokenDays => "token-days",
    /// The user has too many tokens. Value: how many.
    TokensFull => "tokens-full",
    /// There is no such token.
    TokenMissing => "token-missing",
    /// A token asks for a token.
    TokenByToken => "token-by-token",
    /// There is no such session.
    SessionMissing => "session-missing",

    /// No second factor was offered lately. Value: minutes an offer lasts.
    NoOffer => "no-offer",
    /// A second factor is in force already.
    HasSecondFactor => "has-second-factor",
    /// No second factor is in force.
    NoSecondFactor => "no-second-factor",
    /// A second factor can only be taken away from others.
    SecondFactorOfOthers => "second-factor-of-others",

    /// The document has errors: they are listed.
    DocumentInvalid => "document-invalid",
    /// The document is too large. Value: its bytes.
    DocumentTooLarge => "document-too-large",
    /// Somebody else changed the configuration meanwhile. Value: the revision in use.
    RevisionChanged => "revision-changed",
    /// A revision waits for confirmation. Values: its number, and the one before.
    Unconfirmed => "unconfirmed",
    /// No revision waits for confirmation.
    NothingAwaits => "nothing-awaits",
    /// The certificate cannot be read. Value: why.
    CertificateUnreadable => "certificate-unreadable",
    /// The key cannot be read. Value: why.
    CertificateKey => "certificate-key",
    /// The key is another certificate's.
    CertificateOtherKey => "certificate-other-key",
    /// A certificate without a key, and no request that it answers.
    CertificateNoRequest => "certificate-no-request",
    /// The certificate answers another request.
    CertificateOtherRequest => "certificate-other-request",
    /// The certificate has ended. Value: the day.
    CertificateEnded => "certificate-ended",
    /// The chain is not in order. Values: whose issuer is missing behind it, and that issuer.
    CertificateOrder => "certificate-order",
    /// A name that cannot stand in a certificate. Value: the name.
    CertificateName => "certificate-name",
    /// No names, or too many. Value: the largest number.
    CertificateNames => "certificate-names",
    /// There is no such revision. Value: its number.
    RevisionMissing => "revision-missing",
}

impl From<String> for Code {
    fn from(word: String) -> Self {
        Self::ALL.iter().copied().find(|code| code.name() == word).unwrap_or_default()
    }
}

impl From<Code> for &'static str {
    fn from(code: Code) -> Self {
        code.name()
    }
}

/// The body of every answer that is not a success.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// What kind of problem it is.
    #[serde(default)]
    pub code: Code,
    /// What is wrong, in one line.
    pub message: String,
    /// What the kind leaves open, such as the name of a user: each code says what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// The errors of a document, when that is what is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<config::Errors>,
}

impl Problem {
    /// A problem told in one line.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// A problem of a known kind.
    pub fn of(code: Code, message: impl Into<String>, values: &[&dyn ToString]) -> Self {
        let values = values.iter().map(|value| value.to_string()).collect();
        Self { code, message: message.into(), values, errors: None }
    }
}

impl From<config::Errors> for Problem {
    /// The message is the first error; the rest is counted.
    fn from(errors: config::Errors) -> Self {
        let first = errors.errors.first().map(ToString::to_string).unwrap_or_default();
        let message = match errors.errors.len() + errors.more {
            0 | 1 => first,
            2 => format!("{first} (and 1 more error)"),
            count => format!("{first} (and {} more errors)", count - 1),
        };
        Self { code: Code::DocumentInvalid, message, values: Vec::new(), errors: Some(errors) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_words_that_differ() {
        let words: HashSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        assert!(words.iter().all(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
    }

    #[test]
    fn later_versions_may_know_more() {
        for (json, code) in [
            (r#"{"message":"m","code":"code-needed"}"#, Code::CodeNeeded),
            (r#"{"message":"m","code":"something-new"}"#, Code::Other),
            (r#"{"message":"m"}"#, Code::Other),
        ] {
            assert_eq!(serde_json::from_str::<Problem>(json).unwrap().code, code, "{json}");
        }
        let text = serde_json::to_string(&Problem::of(Code::UserExists, "m", &[&"hanako"])).unwrap();
        assert_eq!(text, r#"{"code":"user-exists","message":"m","values":["hanako"]}"#);
    }
}
