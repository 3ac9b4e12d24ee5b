//! Users, sessions and tokens as the API shows them.

use super::{Access, Caller, Via};
use crate::clock::Now;
use crate::tokens::Token;
use crate::users::User;

impl Caller {
    /// As the API shows it.
    pub fn me(&self) -> api::Me {
        api::Me {
            user: self.user.clone(),
            role: self.role,
            must_change_password: self.must_change_password,
            second_factor: self.second_factor,
            session: self.session().map(str::to_owned),
        }
    }

    /// The session, when it is one.
    pub fn session(&self) -> Option<&str> {
        match &self.via {
            Via::Session(id) => Some(id),
            Via::Root | Via::Token(_) => None,
        }
    }
}

impl From<&User> for api::User {
    fn from(user: &User) -> Self {
        Self {
            name: user.name.clone(),
            role: user.role,
            disabled: user.disabled,
            must_change_password: user.must_change_password,
            second_factor: user.second_factor.is_some(),
            created: user.created.to_string(),
            last_login: user.last_login.map(|at| at.to_string()),
        }
    }
}

impl From<&Token> for api::Token {
    fn from(token: &Token) -> Self {
        Self {
            id: token.id.clone(),
            name: token.name.clone(),
            user: token.user.clone(),
            role: token.role,
            prefix: token.prefix.clone(),
            created: token.created.to_string(),
            expires: token.expires.to_string(),
            last_use: token.last_use.map(|at| at.to_string()),
        }
    }
}

impl Access {
    /// All users, by name.
    pub fn users(&self) -> Vec<api::User> {
        self.users.iter().map(api::User::from).collect()
    }

    /// The user called `name`.
    pub fn user(&self, name: &str) -> Option<api::User> {
        self.users.find(name).map(api::User::from)
    }

    /// Sessions that live, the newest first; with `own`, those of that user.
    pub fn sessions(&self, now: Now, caller: &Caller, own: Option<&str>) -> Vec<api::Session> {
        let lifetime = self.settings.lifetime;
        let lives = self.sessions.iter().filter(|session| now.civil < session.ends(lifetime));
        let mut sessions: Vec<_> = lives.filter(|session| own.is_none_or(|user| session.user == user)).collect();
        sessions.sort_by(|a, b| (b.created, &a.id).cmp(&(a.created, &b.id)));
        let shown = |session: &crate::sessions::Session| api::Session {
            id: session.id.clone(),
            user: session.user.clone(),
            source: session.source.clone(),
            agent: session.agent.clone(),
            created: session.created.to_string(),
            last_use: session.last_use.to_string(),
            expires: session.ends(lifetime).to_string(),
            current: caller.session() == Some(session.id.as_str()),
        };
        sessions.into_iter().map(shown).collect()
    }

    /// Tokens, by owner and name; with `own`, those of that user.
    pub fn tokens(&self, own: Option<&str>) -> Vec<api::Token> {
        let mut tokens: Vec<_> = self.tokens.iter().filter(|token| own.is_none_or(|user| token.user == user)).collect();
        tokens.sort_by(|a, b| (&a.user, &a.name, &a.id).cmp(&(&b.user, &b.name, &b.id)));
        tokens.into_iter().map(api::Token::from).collect()
    }
}
