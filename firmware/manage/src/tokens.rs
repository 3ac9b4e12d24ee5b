//! Tokens for programs: a name, a role that is never above the owner's, and an end.

use crate::clock::{Now, later};
use crate::random::Random;
use crate::secret::{Hash, Kind, Secret, hash_of, new_id};
use crate::sessions::clean;
use api::Role;
use jiff::Timestamp;
use std::collections::HashMap;

/// Tokens of one user at most.
pub const TOKENS_PER_USER_MAX: usize = 32;
/// Days that a token lasts at most.
pub const TOKEN_DAYS_MAX: u32 = 3_660;
/// Characters of a token's name at most.
pub const TOKEN_NAME_LENGTH_MAX: usize = 64;
/// The last use is kept on disk when the kept one is older than this, seconds.
const LAST_USE_KEPT_S: i64 = 3_600;

/// A token, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Names it.
    pub id: String,
    /// SHA-256 of its secret.
    pub hash: Hash,
    /// What it is for.
    pub name: String,
    /// Whose it is.
    pub user: String,
    /// What it may do, as long as its owner may.
    pub role: Role,
    /// How it begins.
    pub prefix: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// When it was used last.
    pub last_use: Option<Timestamp>,
}

/// Why there is no such token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// More than its owner may.
    #[error("a token of a user who is {owner} cannot be {asked}")]
    Role {
        /// What was asked for.
        asked: Role,
        /// What the owner is.
        owner: Role,
    },
    /// The name is none.
    #[error("a token has a name of 1 to {TOKEN_NAME_LENGTH_MAX} characters that says what it is for")]
    Name,
    /// That long or that short.
    #[error("a token lasts 1 to {TOKEN_DAYS_MAX} days")]
    Days,
    /// The owner has as many as possible.
    #[error("the user has {TOKENS_PER_USER_MAX} tokens: revoke one first")]
    Full,
    /// There is none.
    #[error("there is no token \"{0}\"")]
    Missing(String),
}

/// All tokens.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    by_hash: HashMap<Hash, Token>,
    kept_last_use: HashMap<Hash, Timestamp>,
}

impl Tokens {
    /// As they were kept.
    pub fn from_kept(tokens: impl IntoIterator<Item = Token>) -> Self {
        let mut all = Self::default();
        tokens.into_iter().for_each(|token| all.adopt(token));
        all
    }

    /// A token of somebody who is `owner`: to be kept and adopted, and its secret.
    pub fn make(
        &self,
        now: Now,
        (user, owner): (&str, Role),
        (name, role, days): (&str, Role, u32),
        random: &mut impl Random,
    ) -> Result<(Token, String), TokenError> {
        let name = clean(name);
        if name.is_empty() || name.chars().count() > TOKEN_NAME_LENGTH_MAX {
            return Err(TokenError::Name);
        }
        if role > owner {
            return Err(TokenError::Role { asked: role, owner });
        }
        if !(1..=TOKEN_DAYS_MAX).contains(&days) {
            return Err(TokenError::Days);
        }
        if self.of(user).count() >= TOKENS_PER_USER_MAX {
            return Err(TokenError::Full);
        }
        let secret = Secret::new(Kind::Token, random);
        let token = Token {
            id: new_id(random),
            hash: secret.hash,
            name,
            user: user.to_owned(),
            role,
            prefix: secret.prefix,
            created: now.civil,
            expires: later(now.civil, u64::from(days) * 86_400),
            last_use: None,
        };
        Ok((token, secret.text))
    }

    /// The token of this secret, if it lives.
    pub fn find(&self, now: Now, secret: &str) -> Option<&Token> {
        self.by_hash.get(&hash_of(secret)).filter(|token| now.civil < token.expires)
    }

    /// Notes that it is used; the token when that is worth a write.
    pub fn touch(&mut self, now: Now, hash: Hash) -> Option<Token> {
        let token = self.by_hash.get_mut(&hash)?;
        let last_use = token.last_use.map_or(now.civil, |last| last.max(now.civil));
        token.last_use = Some(last_use);
        let kept = self.kept_last_use.get(&hash).copied().unwrap_or(Timestamp::MIN);
        (last_use.as_second().saturating_sub(kept.as_second()) >= LAST_USE_KEPT_S).then(|| token.clone())
    }

    /// Those of `user`.
    pub fn of(&self, user: &str) -> impl Iterator<Item = &Token> {
        self.by_hash.values().filter(move |token| token.user == user)
    }

    /// All.
    pub fn iter(&self) -> impl Iterator<Item = &Token> {
        self.by_hash.values()
    }

    /// The one called `id`.
    pub fn named(&self, id: &str) -> Result<&Token, TokenError> {
        let found = self.by_hash.values().find(|token| token.id == id);
        found.ok_or_else(|| TokenError::Missing(clean(id)))
    }

    /// Takes a token in that was kept.
    pub fn adopt(&mut self, token: Token) {
        if let Some(last_use) = token.last_use {
            self.kept_last_use.insert(token.hash, last_use);
        }
        self.by_hash.insert(token.hash, token);
    }

    /// Forgets tokens that were revoked.
    pub fn forget(&mut self, ids: &[String]) {
        self.by_hash.retain(|_, token| !ids.contains(&token.id));
        self.kept_last_use.retain(|hash, _| self.by_hash.contains_key(hash));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::tests::at;
    use crate::random::tests::seeded;
    use api::Role::{Administrator, Operator, Viewer};

    #[test]
    fn what_can_be_made() {
        let tokens = Tokens::default();
        let long = "x".repeat(TOKEN_NAME_LENGTH_MAX + 1);
        for (owner, name, role, days, expected) in [
            (Operator, "prometheus", Viewer, 1, Ok(())),
            (Operator, "ansible", Operator, TOKEN_DAYS_MAX, Ok(())),
            (Operator, "ansible", Administrator, 1, Err(TokenError::Role { asked: Administrator, owner: Operator })),
            (Viewer, "", Viewer, 1, Err(TokenError::Name)),
            (Viewer, "\n", Viewer, 1, Err(TokenError::Name)),
            (Viewer, &long, Viewer, 1, Err(TokenError::Name)),
            (Viewer, "x", Viewer, 0, Err(TokenError::Days)),
            (Viewer, "x", Viewer, TOKEN_DAYS_MAX + 1, Err(TokenError::Days)),
        ] {
            let made = tokens.make(at(0), ("hanako", owner), (name, role, days), &mut seeded(1)).map(|_| ());
            assert_eq!(made, expected, "{name} {role} {days}");
        }
    }

    #[test]
    fn tokens_live_until_their_day() {
        let mut tokens = Tokens::default();
        let (token, secret) =
            tokens.make(at(0), ("hanako", Viewer), ("metrics", Viewer, 2), &mut seeded(1)).expect("possible");
        assert!(secret.starts_with(&token.prefix) && token.prefix.len() < secret.len() / 2);
        let id = token.id.clone();
        tokens.adopt(token);
        assert!(tokens.find(at(2 * 86_400 - 1), &secret).is_some());
        assert!(tokens.find(at(2 * 86_400), &secret).is_none());
        assert!(tokens.find(at(0), &secret[1..]).is_none());
        let hash = hash_of(&secret);
        assert!(tokens.touch(at(10), hash).map(|token| tokens.adopt(token)).is_some(), "the first use is written");
        assert!(tokens.touch(at(20), hash).is_none());
        assert_eq!(tokens.named(&id).map(|token| token.last_use), Ok(Some(at(20).civil)));
        tokens.forget(std::slice::from_ref(&id));
        assert!(tokens.find(at(1), &secret).is_none());
        assert_eq!(tokens.named(&id), Err(TokenError::Missing(id)));
    }

    #[test]
    fn there_are_only_so_many() {
        let mut tokens = Tokens::default();
        for seed in 0..TOKENS_PER_USER_MAX {
            let made = tokens.make(at(0), ("hanako", Viewer), ("x", Viewer, 1), &mut seeded(seed as u8));
            tokens.adopt(made.expect("possible").0);
        }
        let make = |user| tokens.make(at(0), (user, Viewer), ("x", Viewer, 1), &mut seeded(99)).map(|_| ());
        assert_eq!(make("hanako"), Err(TokenError::Full));
        assert_eq!(make("taro"), Ok(()));
        assert_eq!((tokens.of("hanako").count(), tokens.iter().count()), (TOKENS_PER_USER_MAX, TOKENS_PER_USER_MAX));
    }
}
