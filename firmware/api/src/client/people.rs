//! Calls about users, sessions, tokens and the audit log.

use super::{Client, Error, json};
use crate::{
    AuditCheck, AuditPage, AuditQuery, Ended, LoggedIn, Login, Me, NewToken, NewUser, PasswordChange, PasswordReset,
    SecondFactorCode, SecondFactorOffer, SecondFactorRemoval, Session, Token, TokenMade, User, UserChange,
    UserPassword, path,
};
use hyper::Method;
use hyper::body::Bytes;
use std::net::IpAddr;

impl Client {
    /// The same node, called with a session or a token.
    pub fn with_secret(self, secret: impl Into<String>) -> Self {
        Self { secret: Some(secret.into()), ..self }
    }

    /// The same node, called by the web role for somebody at `client`.
    pub fn on_behalf_of(self, client: IpAddr) -> Self {
        Self { behalf: Some(client), ..self }
    }

    /// Begins a session.
    pub async fn login(&self, login: &Login) -> Result<LoggedIn, Error> {
        self.act(path::LOGIN, login).await
    }

    /// Ends the session that asks.
    pub async fn logout(&self) -> Result<Ended, Error> {
        self.act(path::LOGOUT, &()).await
    }

    /// Who calls.
    pub async fn me(&self) -> Result<Me, Error> {
        self.read(path::ME, &()).await
    }

    /// Changes the caller's own password.
    pub async fn change_password(&self, change: &PasswordChange) -> Result<Me, Error> {
        self.act(path::OWN_PASSWORD, change).await
    }

    /// Offers the caller a second factor.
    pub async fn offer_second_factor(&self) -> Result<SecondFactorOffer, Error> {
        self.act(path::OWN_SECOND_FACTOR, &()).await
    }

    /// Puts it in force.
    pub async fn confirm_second_factor(&self, code: &SecondFactorCode) -> Result<Me, Error> {
        self.act(path::OWN_SECOND_FACTOR_CODE, code).await
    }

    /// Takes it away again.
    pub async fn remove_second_factor(&self, removal: &SecondFactorRemoval) -> Result<Me, Error> {
        self.act(path::OWN_SECOND_FACTOR_REMOVE, removal).await
    }

    /// Where the caller is logged in.
    pub async fn own_sessions(&self) -> Result<Vec<Session>, Error> {
        self.read(path::OWN_SESSIONS, &()).await
    }

    /// Ends one of these.
    pub async fn end_own_session(&self, id: &str) -> Result<Ended, Error> {
        self.answer(Method::DELETE, &named(path::OWN_SESSION, id), Bytes::new()).await
    }

    /// The caller's own tokens.
    pub async fn own_tokens(&self) -> Result<Vec<Token>, Error> {
        self.read(path::OWN_TOKENS, &()).await
    }

    /// Makes one.
    pub async fn make_own_token(&self, new: &NewToken) -> Result<TokenMade, Error> {
        self.act(path::OWN_TOKENS, new).await
    }

    /// Takes one of these back.
    pub async fn revoke_own_token(&self, id: &str) -> Result<Ended, Error> {
        self.answer(Method::DELETE, &named(path::OWN_TOKEN, id), Bytes::new()).await
    }

    /// Users.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        self.read(path::USERS, &()).await
    }

    /// Adds a user.
    pub async fn add_user(&self, new: &NewUser) -> Result<UserPassword, Error> {
        self.act(path::USERS, new).await
    }

    /// Changes a user.
    pub async fn change_user(&self, name: &str, change: &UserChange) -> Result<User, Error> {
        self.answer(Method::PATCH, &named(path::USER, name), json(change)).await
    }

    /// Removes a user.
    pub async fn remove_user(&self, name: &str) -> Result<Ended, Error> {
        self.answer(Method::DELETE, &named(path::USER, name), Bytes::new()).await
    }

    /// Gives a user another password.
    pub async fn set_password(&self, name: &str, reset: &PasswordReset) -> Result<UserPassword, Error> {
        self.act(&named(path::USER_PASSWORD, name), reset).await
    }

    /// Everybody's sessions.
    pub async fn sessions(&self) -> Result<Vec<Session>, Error> {
        self.read(path::SESSIONS, &()).await
    }

    /// Ends all sessions of a user.
    pub async fn end_sessions_of(&self, name: &str) -> Result<Ended, Error> {
        self.answer(Method::DELETE, &named(path::USER_SESSIONS, name), Bytes::new()).await
    }

    /// Everybody's tokens.
    pub async fn tokens(&self) -> Result<Vec<Token>, Error> {
        self.read(path::TOKENS, &()).await
    }

    /// Makes a token.
    pub async fn make_token(&self, new: &NewToken) -> Result<TokenMade, Error> {
        self.act(path::TOKENS, new).await
    }

    /// Takes a token back.
    pub async fn revoke_token(&self, id: &str) -> Result<Ended, Error> {
        self.answer(Method::DELETE, &named(path::TOKEN, id), Bytes::new()).await
    }

    /// What was done by whom.
    pub async fn audit(&self, query: &AuditQuery) -> Result<AuditPage, Error> {
        self.read(path::AUDIT, query).await
    }

    /// Whether all of it is there.
    pub async fn check_audit(&self) -> Result<AuditCheck, Error> {
        self.read(path::AUDIT_CHECK, &()).await
    }
}

/// A path with a name in its place, whatever the name is made of (RFC 3986 2.1).
fn named(path: &str, name: &str) -> String {
    let mut encoded = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => encoded.push(char::from(byte)),
            // A dot alone would be taken for a step up.
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    match path.split_once('{') {
        Some((before, rest)) => format!("{before}{encoded}{}", rest.split_once('}').map_or("", |(_, after)| after)),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_paths() {
        for (path, name, expected) in [
            (path::USER, "hanako", "/api/v1/users/hanako"),
            (path::USER_PASSWORD, "a/b c", "/api/v1/users/a%2Fb%20c/password"),
            (path::USER, "..", "/api/v1/users/%2E%2E"),
            (path::TOKEN, "網", "/api/v1/tokens/%E7%B6%B2"),
        ] {
            assert_eq!(named(path, name), expected);
        }
    }
}
