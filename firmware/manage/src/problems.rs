//! Refusals as the API tells them: the sentence, and the word that programs and the console go by.

use crate::access::{LoginRefused, PeopleError, Refusal};
use crate::certificate::CertificateError;
use crate::passwords::{PASSWORD_CHARACTERS_MIN, PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN, WeakPassword};
use crate::tokens::{TOKEN_DAYS_MAX, TOKEN_NAME_LENGTH_MAX, TOKENS_PER_USER_MAX, TokenError};
use crate::users::{USERS_MAX, UserError};
use api::{Code, Problem};

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        let told = |code, values: &[&dyn ToString]| Self::of(code, refusal.to_string(), values);
        match refusal {
            Refusal::Anonymous => told(Code::LoginFirst, &[]),
            Refusal::Unknown => told(Code::SessionEnded, &[]),
            Refusal::PasswordFirst => told(Code::PasswordFirst, &[]),
            Refusal::Role { needed, .. } => told(Code::RoleNeeded, &[needed]),
        }
    }
}

impl From<&PeopleError> for Problem {
    fn from(error: &PeopleError) -> Self {
        let told = |code, values: &[&dyn ToString]| Self::of(code, error.to_string(), values);
        match error {
            PeopleError::User(refused) => of_user(refused),
            PeopleError::Password(weak) => of_password(*weak),
            PeopleError::Token(refused) => of_token(refused),
            PeopleError::Login(refused) => of_login(*refused),
            PeopleError::NoSession => told(Code::SessionMissing, &[]),
            PeopleError::SecondFactorOfOthers => told(Code::SecondFactorOfOthers, &[]),
            PeopleError::NoOffer => told(Code::NoOffer, &[&PeopleError::OFFER_MINUTES]),
            PeopleError::HasSecondFactor => told(Code::HasSecondFactor, &[]),
            PeopleError::NoSecondFactor => told(Code::NoSecondFactor, &[]),
            PeopleError::NoUser => told(Code::NoUser, &[]),
            PeopleError::TokenByToken => told(Code::TokenByToken, &[]),
            PeopleError::SamePassword => told(Code::PasswordSame, &[]),
        }
    }
}

impl From<&CertificateError> for Problem {
    fn from(error: &CertificateError) -> Self {
        let told = |code, values: &[&dyn ToString]| Self::of(code, error.to_string(), values);
        match error {
            CertificateError::Unreadable(why) => told(Code::CertificateUnreadable, &[why]),
            CertificateError::Long(_) => told(Code::CertificateUnreadable, &[error]),
            CertificateError::Key(why) => told(Code::CertificateKey, &[why]),
            CertificateError::OtherKey => told(Code::CertificateOtherKey, &[]),
            CertificateError::NoRequest => told(Code::CertificateNoRequest, &[]),
            CertificateError::OtherRequest => told(Code::CertificateOtherRequest, &[]),
            CertificateError::Ended(day) => told(Code::CertificateEnded, &[day]),
            CertificateError::Order(whose, issuer) => told(Code::CertificateOrder, &[whose, issuer]),
            CertificateError::Name(name) => told(Code::CertificateName, &[name]),
            CertificateError::Names => told(Code::CertificateNames, &[&api::CERTIFICATE_NAMES_MAX]),
        }
    }
}

fn of_login(refused: LoginRefused) -> Problem {
    let told = |code, values: &[&dyn ToString]| Problem::of(code, refused.to_string(), values);
    match refused {
        LoginRefused::Wait(wait) => {
            let code = if wait.locked { Code::LoginLocked } else { Code::LoginTooFast };
            told(code, &[&(wait.left.as_secs() + 1)])
        }
        LoginRefused::Wrong => told(Code::LoginWrong, &[]),
        LoginRefused::CodeNeeded => told(Code::CodeNeeded, &[]),
        LoginRefused::CodeWrong => told(Code::CodeWrong, &[]),
    }
}

fn of_user(refused: &UserError) -> Problem {
    let told = |code, value: &dyn ToString| Problem::of(code, refused.to_string(), &[value]);
    match refused {
        UserError::Name(name) => told(Code::UserName, name),
        UserError::Reserved(name) => told(Code::UserReserved, name),
        UserError::Exists(name) => told(Code::UserExists, name),
        UserError::Missing(name) => told(Code::UserMissing, name),
        UserError::LastAdministrator(name) => told(Code::LastAdministrator, name),
        UserError::Full => told(Code::UsersFull, &USERS_MAX),
    }
}

fn of_password(weak: WeakPassword) -> Problem {
    let told = |code, values: &[&dyn ToString]| Problem::of(code, weak.to_string(), values);
    match weak {
        WeakPassword::Short => told(Code::PasswordShort, &[&PASSWORD_LENGTH_MIN]),
        WeakPassword::Long => told(Code::PasswordLong, &[&PASSWORD_LENGTH_MAX]),
        WeakPassword::Monotonous => told(Code::PasswordMonotonous, &[&PASSWORD_CHARACTERS_MIN]),
        WeakPassword::UserName => told(Code::PasswordOfUser, &[]),
        WeakPassword::Common => told(Code::PasswordCommon, &[]),
    }
}

fn of_token(refused: &TokenError) -> Problem {
    let told = |code, values: &[&dyn ToString]| Problem::of(code, refused.to_string(), values);
    match refused {
        TokenError::Role { owner, .. } => told(Code::TokenRole, &[owner]),
        TokenError::Name => told(Code::TokenName, &[&TOKEN_NAME_LENGTH_MAX]),
        TokenError::Days => told(Code::TokenDays, &[&TOKEN_DAYS_MAX]),
        TokenError::Full => told(Code::TokensFull, &[&TOKENS_PER_USER_MAX]),
        TokenError::Missing(_) => told(Code::TokenMissing, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lockout::Wait;
    use std::time::Duration;

    #[test]
    fn words_and_values() {
        let wait = |locked| PeopleError::Login(LoginRefused::Wait(Wait { left: Duration::from_secs(4), locked }));
        for (error, code, values) in [
            (wait(true), Code::LoginLocked, &["5"][..]),
            (wait(false), Code::LoginTooFast, &["5"]),
            (LoginRefused::CodeNeeded.into(), Code::CodeNeeded, &[]),
            (UserError::Exists("hanako".into()).into(), Code::UserExists, &["hanako"]),
            (WeakPassword::Short.into(), Code::PasswordShort, &["10"]),
            (TokenError::Full.into(), Code::TokensFull, &["32"]),
            (PeopleError::NoOffer, Code::NoOffer, &["15"]),
        ] {
            let problem = Problem::from(&error);
            assert_eq!((problem.code, problem.message), (code, error.to_string()));
            assert_eq!(problem.values, values, "{error}");
        }
    }
}
