//! Local users: who they are, and which changes are possible. A change is first kept and then adopted: what is only in
//! memory is never told to anybody.

use crate::passwords::PasswordHash;
use crate::second_factor::SecondFactor;
use api::Role;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Users at most.
pub const USERS_MAX: usize = 256;
/// Characters of a name at most.
pub const USER_NAME_LENGTH_MAX: usize = 32;
/// The user that a new box has.
pub const FIRST_USER: &str = "admin";
/// Names that mean something else in the audit log.
const RESERVED: &[&str] = &["root", "anonymous"];

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name to log in with, in lower case.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// What the password is compared with.
    pub password: PasswordHash,
    /// Whether the next log-in has to set a new password.
    pub must_change_password: bool,
    /// Whether the user may not log in.
    pub disabled: bool,
    /// What logging in takes besides the password.
    pub second_factor: Option<SecondFactor>,
    /// Since when.
    pub created: Timestamp,
    /// The last log-in.
    pub last_login: Option<Timestamp>,
}

/// Why a change of users is not possible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// The name is none.
    #[error("\"{0}\" is no user name: 1 to {USER_NAME_LENGTH_MAX} of a-z, 0-9, -, _ and ., a letter first")]
    Name(String),
    /// It means something else.
    #[error("\"{0}\" cannot be the name of a user: the audit log uses it")]
    Reserved(String),
    /// There is such a user.
    #[error("there is a user \"{0}\" already")]
    Exists(String),
    /// There is no such user.
    #[error("there is no user \"{0}\"")]
    Missing(String),
    /// Nobody would be left who can change users.
    #[error("\"{0}\" is the last administrator who can log in")]
    LastAdministrator(String),
    /// No more users.
    #[error("there are {USERS_MAX} users: no more are possible")]
    Full,
}

/// All users.
#[derive(Clone, Debug, Default)]
pub struct Users {
    by_name: BTreeMap<String, User>,
}

impl Users {
    /// As they were kept.
    pub fn from_kept(users: impl IntoIterator<Item = User>) -> Self {
        Self { by_name: users.into_iter().map(|user| (user.name.clone(), user)).collect() }
    }

    /// Whether there is nobody yet.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = &User> {
        self.by_name.values()
    }

    /// The user called `name`, however it is written.
    pub fn find(&self, name: &str) -> Option<&User> {
        self.by_name.get(&name.to_ascii_lowercase())
    }

    /// The user called `name`, or the error that says there is none.
    pub fn existing(&self, name: &str) -> Result<&User, UserError> {
        self.find(name).ok_or_else(|| UserError::Missing(name.to_owned()))
    }

    /// The name as it would be kept, if a user may be called that and nobody is.
    pub fn new_name(&self, name: &str) -> Result<String, UserError> {
        let lower = name.to_ascii_lowercase();
        let possible = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        let good = lower.starts_with(|c: char| c.is_ascii_lowercase())
            && lower.len() <= USER_NAME_LENGTH_MAX
            && lower.chars().all(possible);
        if !good {
            let shown = name.chars().filter(|c| !c.is_control()).take(USER_NAME_LENGTH_MAX).collect();
            return Err(UserError::Name(shown));
        }
        if RESERVED.contains(&lower.as_str()) {
            return Err(UserError::Reserved(lower));
        }
        if self.by_name.contains_key(&lower) {
            return Err(UserError::Exists(lower));
        }
        if self.by_name.len() >= USERS_MAX { Err(UserError::Full) } else { Ok(lower) }
    }

    /// Whether the user may be changed to `after`; `None`: removed.
    pub fn may_become(&self, name: &str, after: Option<&User>) -> Result<(), UserError> {
        let user = self.existing(name)?;
        let administers = |user: &User| user.role == Role::Administrator && !user.disabled;
        let others = self.iter().any(|other| other.name != user.name && administers(other));
        if administers(user) && !others && !after.is_some_and(administers) {
            return Err(UserError::LastAdministrator(user.name.clone()));
        }
        Ok(())
    }

    /// Takes a user in that was kept.
    pub fn adopt(&mut self, user: User) {
        self.by_name.insert(user.name.clone(), user);
    }

    /// Forgets a user that was removed.
    pub fn forget(&mut self, name: &str) {
        self.by_name.remove(name);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::clock::tests::at;

    pub(crate) fn user(name: &str, role: Role) -> User {
        User {
            name: name.to_owned(),
            role,
            password: PasswordHash::from_kept("none"),
            must_change_password: false,
            disabled: false,
            second_factor: None,
            created: at(0).civil,
            last_login: None,
        }
    }

    #[test]
    fn names() {
        let users = Users::from_kept([user("hanako", Role::Viewer)]);
        let long = "a".repeat(USER_NAME_LENGTH_MAX + 1);
        let bad = |name: &str| Err(UserError::Name(name.to_owned()));
        for (name, expected) in [
            ("taro", Ok("taro".to_owned())),
            ("Taro.Yamada-2_x", Ok("taro.yamada-2_x".to_owned())),
            ("Hanako", Err(UserError::Exists("hanako".to_owned()))),
            ("root", Err(UserError::Reserved("root".to_owned()))),
            ("", bad("")),
            ("2fast", bad("2fast")),
            ("-", bad("-")),
            ("a b", bad("a b")),
            ("花子", bad("花子")),
            ("a\n", bad("a")),
            (&long, bad(&long[1..])),
        ] {
            assert_eq!(users.new_name(name), expected, "{name}");
        }
        assert_eq!(users.find("HANAKO").map(|user| user.role), Some(Role::Viewer));
        let full = Users::from_kept((0..USERS_MAX).map(|number| user(&format!("u{number}"), Role::Viewer)));
        assert_eq!(full.new_name("more"), Err(UserError::Full));
    }

    #[test]
    fn an_administrator_is_always_left() {
        let (admin, viewer) = (user("admin", Role::Administrator), user("viewer", Role::Viewer));
        let last = Err(UserError::LastAdministrator("admin".to_owned()));
        let mut users = Users::from_kept([admin.clone(), viewer.clone()]);
        let disabled = User { disabled: true, ..admin.clone() };
        let lower = User { role: Role::Operator, ..admin.clone() };
        for after in [None, Some(&disabled), Some(&lower)] {
            assert_eq!(users.may_become("admin", after), last, "{after:?}");
        }
        assert_eq!(users.may_become("admin", Some(&User { must_change_password: true, ..admin })), Ok(()));
        assert_eq!(users.may_become("viewer", None), Ok(()));
        assert_eq!(users.may_become("nobody", None), Err(UserError::Missing("nobody".to_owned())));
        users.adopt(User { disabled: true, ..user("second", Role::Administrator) });
        assert_eq!(users.may_become("admin", None), last, "one who cannot log in does not count");
        users.adopt(user("second", Role::Administrator));
        assert_eq!(users.may_become("admin", None), Ok(()));
        users.forget("second");
        assert_eq!(users.iter().count(), 2);
    }
}
