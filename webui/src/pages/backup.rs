//! Backups: everything that makes the node what it is as one encrypted file, and back.

use crate::language::Text;
use crate::show;
use crate::visitor::{Answer, Frame, Problem, SignedIn, page, set_session};
use api::{BackupLook, BackupNic, BackupRequest, BackupView, FileBytes, Restore, Role, Terms};
use askama::Template;
use axum::Form;
use axum::extract::Multipart;
use axum::extract::multipart::MultipartRejection;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use data_encoding::BASE64;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Bytes of a backup that a page takes: it comes back once as text in a form, four characters for three bytes.
pub(crate) const BACKUP_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Seconds to confirm a restored backup, unless somebody asks for another time.
const CONFIRM_WITHIN_S: u32 = 300;

#[derive(Template)]
#[template(path = "backup.html")]
struct Backup {
    frame: Frame,
    t: Text,
    looked: Option<Looked>,
    /// Which form the problem is of.
    form: &'static str,
}

/// A backup that was looked into.
struct Looked {
    view: BackupView,
    /// The file, base64.
    file: String,
    /// By the backup's name of a NIC, this box's.
    nics: BTreeMap<String, String>,
    confirm_within_s: String,
}

impl Looked {
    /// Whether this box's NIC `here` stands for `nic`.
    fn stands_for(&self, nic: &BackupNic, here: &str) -> bool {
        let chosen = self.nics.get(&nic.name).map_or(nic.name.as_str(), String::as_str);
        chosen == here
    }
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    passphrase: String,
    again: String,
}

pub(crate) async fn get(signed: SignedIn) -> Answer {
    show(&signed, None, "", None)
}

/// The file.
pub(crate) async fn make(signed: SignedIn, Form(Wanted { passphrase, again }): Form<Wanted>) -> Answer {
    signed.needs(Role::Administrator)?;
    if passphrase != again {
        return show(&signed, None, "make", Some(Problem::refuse(signed.t.say("backup.differ"))));
    }
    match signed.client.backup(&BackupRequest { passphrase }).await {
        Ok(file) => {
            let name = format!("suimon-{}.backup", Timestamp::now().strftime("%Y%m%d-%H%M%S"));
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
                (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
            ];
            Ok((headers, file).into_response())
        }
        Err(error) => show(&signed, None, "make", Some(signed.told(error)?)),
    }
}

/// Shows what is in a file that was chosen, and changes nothing.
pub(crate) async fn look(signed: SignedIn, form: Result<Multipart, MultipartRejection>) -> Answer {
    signed.needs(Role::Administrator)?;
    let Ok(mut form) = form else {
        return show(&signed, None, "look", Some(Problem::refuse(signed.t.say("backup.no_file"))));
    };
    let (mut file, mut passphrase) = (Vec::new(), String::new());
    loop {
        let field = match form.next_field().await {
            Ok(Some(field)) => field,
            Ok(None) => break,
            Err(_) => return show(&signed, None, "look", Some(Problem::refuse(signed.t.say("backup.broken_off")))),
        };
        let name = field.name().unwrap_or_default().to_owned();
        let Ok(bytes) = field.bytes().await else {
            return show(&signed, None, "look", Some(Problem::refuse(signed.t.say("backup.broken_off"))));
        };
        match name.as_str() {
            "file" => file = bytes.to_vec(),
            "passphrase" => passphrase = String::from_utf8_lossy(&bytes).into_owned(),
            _ => {}
        }
    }
    if file.is_empty() {
        return show(&signed, None, "look", Some(Problem::refuse(signed.t.say("backup.no_file"))));
    }
    if file.len() > BACKUP_BYTES_MAX {
        let most = show::bytes(&(BACKUP_BYTES_MAX as u64));
        return show(&signed, None, "look", Some(Problem::refuse(&signed.t.fill("backup.too_large", most))));
    }
    match signed.client.look_into_backup(&BackupLook { file: FileBytes(file.clone()), passphrase }).await {
        Ok(view) => {
            let confirm_within_s = CONFIRM_WITHIN_S.to_string();
            let looked = Looked { view, file: BASE64.encode(&file), nics: BTreeMap::new(), confirm_within_s };
            show(&signed, Some(looked), "", None)
        }
        Err(error) => show(&signed, None, "look", Some(signed.told(error)?)),
    }
}

/// Puts the backup in use that was looked into.
pub(crate) async fn restore(signed: SignedIn, Form(form): Form<Vec<(String, String)>>) -> Answer {
    signed.needs(Role::Administrator)?;
    let value = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let (encoded, passphrase) = (value("file").unwrap_or_default(), value("passphrase").unwrap_or_default());
    let Ok(file) = BASE64.decode(encoded.as_bytes()) else {
        return show(&signed, None, "look", Some(Problem::refuse(signed.t.say("backup.no_file"))));
    };
    let nics: BTreeMap<String, String> = form
        .iter()
        .filter_map(|(key, here)| Some((key.strip_prefix("nic.")?.to_owned(), here.clone())))
        .filter(|(name, here)| !here.is_empty() && name != here)
        .collect();
    let within = value("confirm_within_s").unwrap_or_default();
    let Ok(confirm_within_s) = super::configuration::seconds(&within) else {
        let problem = Problem::refuse(signed.t.say("configuration.seconds_wrong"));
        return again(&signed, file, passphrase, (nics, within), problem).await;
    };
    let terms = Terms { confirm_within_s, ..Terms::default() };
    let wanted = Restore { file: FileBytes(file.clone()), passphrase: passphrase.clone(), nics: nics.clone(), terms };
    match signed.client.restore(&wanted).await {
        // Sessions are those of the backup's users now: nobody is signed in.
        Ok(_) => {
            let mut response = Redirect::to("/login").into_response();
            set_session(&mut response, None);
            Ok(response)
        }
        Err(error) => {
            let problem = signed.told(error)?;
            again(&signed, file, passphrase, (nics, within), problem).await
        }
    }
}

/// The second step once more; the first, when the pass phrase does not open the file.
async fn again(
    signed: &SignedIn,
    file: Vec<u8>,
    passphrase: String,
    (nics, confirm_within_s): (BTreeMap<String, String>, String),
    problem: Problem,
) -> Answer {
    let encoded = BASE64.encode(&file);
    match signed.client.look_into_backup(&BackupLook { file: FileBytes(file), passphrase }).await {
        Ok(view) => {
            let looked = Looked { view, file: encoded, nics, confirm_within_s };
            show(signed, Some(looked), "restore", Some(problem))
        }
        Err(_) => show(signed, None, "look", Some(problem)),
    }
}

fn show(signed: &SignedIn, looked: Option<Looked>, form: &'static str, problem: Option<Problem>) -> Answer {
    signed.needs(Role::Administrator)?;
    let code = problem.as_ref().map(|problem| problem.status);
    let page: Response = page(&Backup { frame: signed.frame("system", problem), t: signed.t, looked, form }, code);
    Ok(page)
}
