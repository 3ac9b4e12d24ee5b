//! A backup on its way into a box: NICs get the names that this box has, and everything is looked at before anything is
//! changed.

use super::content::{Content, ContentError, Document, files_of};
use crate::keep::{self, KeepError};
use crate::users::User;
use api::{BackupNic, BackupView, Role};
use config::{Config, Errors};
use std::collections::{BTreeMap, BTreeSet};
use store::{KeptFile, People, Revision};

/// Why a backup is not put in use here.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It cannot be read.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// Its document has errors: this version has other rules, or two NICs got one name.
    #[error(transparent)]
    Document(#[from] Errors),
    /// Nobody said which NIC stands for one.
    #[error("this box has no NIC {}: say which of its NICs ({here}) stands for it", .missing.join(", "))]
    Missing {
        /// Those that are missing.
        missing: Vec<String>,
        /// Those that this box has.
        here: String,
    },
    /// A name that no NIC of the backup has.
    #[error("the backup has no NIC {0}")]
    NotThere(String),
    /// A name that no NIC of this box has.
    #[error("this box has no NIC {0}: it has {1}")]
    NotHere(String, String),
    /// Users or tokens make no sense.
    #[error("the backup was opened, but its users make no sense: {0}")]
    People(#[from] KeepError),
    /// Nobody could manage the box any more.
    #[error("the backup has no administrator who may log in: nobody could manage this box afterwards")]
    NoAdministrator,
    /// A file that no backup has.
    #[error("the backup was opened, but what is inside makes no sense: it has a file {0}")]
    File(String),
}

/// A backup that fits this box.
#[derive(Debug)]
pub struct Fitted {
    /// The node that it is of.
    pub node: String,
    /// The document, with this box's NICs.
    pub document: String,
    /// What the document says.
    pub config: Config,
    /// Earlier revisions, oldest first.
    pub history: Vec<(Revision, String)>,
    /// Who may call, and what is wished.
    pub people: People,
    /// Files of the data directory.
    pub files: Vec<KeptFile>,
}

/// What is in a backup, for a box that has the NICs `here`.
pub fn view(content: &Content, here: &[String]) -> Result<BackupView, RestoreError> {
    let config = config::parse(&content.in_use.toml, "the backup")?;
    let nics = config.nics.iter().map(|nic| BackupNic {
        name: nic.name.clone(),
        role: nic.role.to_string(),
        is_here: here.contains(&nic.name),
    });
    Ok(BackupView {
        made_s: content.made_s,
        program: content.program.clone(),
        node: content.node.clone(),
        revision: content.in_use.revision.number,
        earlier: content.history.len() as u64,
        users: content.people.users.iter().map(|user| user.name.clone()).collect(),
        tokens: content.people.tokens.len() as u64,
        files: content.files.keys().cloned().collect(),
        nics: nics.collect(),
        nics_here: here.to_vec(),
    })
}

/// Fits a backup to a box that has the NICs `here`; `names` says which of them stands for which of the backup.
pub fn fit(content: Content, names: &BTreeMap<String, String>, here: &[String]) -> Result<Fitted, RestoreError> {
    let config = config::parse(&content.in_use.toml, "the backup")?;
    check_names(&config, names, here)?;
    let document = config::rename_nics(&content.in_use.toml, "the backup", names)?;
    let config = config::parse(&document, "the backup")?;
    let administers = |user: &User| user.role == Role::Administrator && !user.disabled;
    if !keep::users_of(&content.people)?.iter().any(administers) {
        return Err(RestoreError::NoAdministrator);
    }
    let known = files_of(&config);
    let mut files = Vec::new();
    for (name, bytes) in content.files()? {
        if !known.contains(&name) {
            return Err(RestoreError::File(name));
        }
        files.push(KeptFile { name, content: Some(bytes) });
    }
    // Earlier documents are of use here only with names of this box; one that has become invalid stays as it was.
    let renamed = |Document { revision, toml }: Document| {
        let text = config::rename_nics(&toml, "", names).unwrap_or(toml);
        (Revision { bytes: text.len() as u64, ..revision }, text)
    };
    let history = content.history.into_iter().map(renamed).collect();
    Ok(Fitted { node: content.node, document, config, history, people: content.people, files })
}

fn check_names(config: &Config, names: &BTreeMap<String, String>, here: &[String]) -> Result<(), RestoreError> {
    let there: BTreeSet<&String> = config.nics.iter().map(|nic| &nic.name).collect();
    for (old, new) in names {
        if !there.contains(old) {
            return Err(RestoreError::NotThere(old.clone()));
        }
        if !here.contains(new) {
            return Err(RestoreError::NotHere(new.clone(), here.join(", ")));
        }
    }
    let stands = |name: &&String| names.contains_key(*name) || here.contains(name);
    let missing: Vec<String> = there.into_iter().filter(|name| !stands(name)).cloned().collect();
    if missing.is_empty() { Ok(()) } else { Err(RestoreError::Missing { missing, here: here.join(", ") }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::BASE64;
    use store::users::KeptUser;

    const DOCUMENT: &str = "version = 1\n[[nic]]\nname = \"f0\"\nrole = \"data\"\naddresses = [\"10.1.0.1/16\"]\n\
                            [[nic]]\nname = \"b0\"\nrole = \"data\"\naddresses = [\"10.2.0.1/16\"]\n";

    fn content() -> Content {
        let user = KeptUser {
            name: "admin".to_owned(),
            role: "administrator".to_owned(),
            password: "a hash".to_owned(),
            must_change_password: false,
            disabled: false,
            created_ms: 0,
            last_login_ms: None,
            factor: None,
        };
        let document = |toml: &str| Document { revision: Revision::default(), toml: toml.to_owned() };
        Content {
            made_s: 5,
            program: "0.1.0".to_owned(),
            node: "a".to_owned(),
            in_use: document(DOCUMENT),
            history: vec![document("version = 1\n"), document(DOCUMENT), document("of another version")],
            people: People { users: vec![user], ..People::default() },
            files: BTreeMap::from([("web.key".to_owned(), BASE64.encode(b"key"))]),
        }
    }

    fn names(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned())).collect()
    }

    fn here() -> Vec<String> {
        ["b0", "x0", "x1"].map(str::to_owned).to_vec()
    }

    #[test]
    fn nics_get_the_names_of_this_box() {
        let fitted = fit(content(), &names(&[("f0", "x0")]), &here()).unwrap();
        assert_eq!(fitted.document, DOCUMENT.replace("f0", "x0"));
        let texts: Vec<&str> = fitted.history.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["version = 1\n", &fitted.document, "of another version"]);
        assert_eq!(fitted.files, [KeptFile { name: "web.key".to_owned(), content: Some(b"key".to_vec()) }]);
        let view = view(&content(), &here()).unwrap();
        assert_eq!(view.nics.iter().map(|nic| nic.is_here).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        for (pairs, expected) in [
            (&[][..], "this box has no NIC f0: say which of its NICs (b0, x0, x1) stands for it"),
            (&[("f1", "x0")], "the backup has no NIC f1"),
            (&[("f0", "x9")], "this box has no NIC x9: it has b0, x0, x1"),
        ] {
            assert_eq!(fit(content(), &names(pairs), &here()).unwrap_err().to_string(), expected);
        }
        let twice = fit(content(), &names(&[("f0", "b0")]), &here()).unwrap_err();
        assert!(matches!(twice, RestoreError::Document(_)), "{twice}");
    }

    #[test]
    fn what_would_harm_is_refused() {
        let nics = names(&[("f0", "x0")]);
        for name in ["../config.db", "config.db", "/etc/shadow", ""] {
            let mut evil = content();
            evil.files.insert(name.to_owned(), String::new());
            let error = fit(evil, &nics, &here()).unwrap_err();
            assert!(matches!(error, RestoreError::File(_)), "{error}");
        }
        let mut nobody = content();
        nobody.people.users[0].disabled = true;
        assert!(matches!(fit(nobody, &nics, &here()), Err(RestoreError::NoAdministrator)));
        let mut odd = content();
        odd.people.users[0].role = "emperor".to_owned();
        assert!(matches!(fit(odd, &nics, &here()), Err(RestoreError::People(_))));
    }
}
