//! `ctl backup` and `ctl restore`: all that a node is, in one encrypted file.

use super::configuration::Terms;
use super::history::time;
use super::words::{bytes, counted};
use super::{Failure, answers, say, secret_of, write_new};
use api::{BackupLook, BackupRequest, BackupView, Client, FileBytes};
use clap::Args;
use serde::Serialize;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

/// `ctl backup`.
#[derive(Args, Debug)]
pub(super) struct Backup {
    /// The file to write; it must not be there yet.
    file: PathBuf,
    /// Read the pass phrase from this file; - is standard input. Without it, it is asked for.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// `ctl restore`.
#[derive(Args, Debug)]
pub(super) struct Restore {
    /// The backup.
    file: PathBuf,
    /// Read the pass phrase from this file; - is standard input. Without it, it is asked for.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Only say what is in it, and how it fits this box.
    #[arg(long)]
    look: bool,
    /// This box's NIC that stands for one of the backup; may be repeated.
    #[arg(long, value_name = "BACKUP=HERE", value_parser = renamed)]
    nic: Vec<(String, String)>,
    #[command(flatten)]
    terms: Terms,
}

#[derive(Serialize)]
struct Written {
    file: PathBuf,
    bytes: u64,
}

pub(super) async fn make(client: &Client, json: bool, backup: Backup) -> Result<(), Failure> {
    let Backup { file, passphrase_file } = backup;
    let passphrase = passphrase(passphrase_file.as_deref(), true)?;
    let content = client.backup(&BackupRequest { passphrase }).await?;
    // An older backup is never written over: it may be the only one that opens.
    write_new(&file, &content)?;
    let written = Written { bytes: content.len() as u64, file };
    say(json, &written, |written| format!("{} written to {}\n", bytes(written.bytes), written.file.display()))
}

pub(super) async fn restore(client: &Client, json: bool, restore: Restore) -> Result<(), Failure> {
    let Restore { file, passphrase_file, look, nic, terms } = restore;
    let failed = |source| Failure::File { act: "read", path: file.clone(), source };
    let content = FileBytes(std::fs::read(&file).map_err(failed)?);
    let passphrase = passphrase(passphrase_file.as_deref(), false)?;
    if look {
        return say(json, &client.look_into_backup(&BackupLook { file: content, passphrase }).await?, view);
    }
    let nics = nic.into_iter().collect();
    let restore = api::Restore { file: content, passphrase, nics, terms: terms.into() };
    say(json, &client.restore(&restore).await?, answers::applied)
}

/// What is in a backup.
fn view(view: &BackupView) -> String {
    let nics = view.nics.iter().map(|nic| {
        let here = if nic.is_here { "" } else { ", not on this box" };
        format!("{} ({}{here})", nic.name, nic.role)
    });
    let lines = [
        ("Of node", format!("{}, version {}", view.node, view.program)),
        ("Made", format!("{} UTC", time(view.made_s))),
        ("Revision", format!("{}, and {} before it", view.revision, view.earlier)),
        ("Users", format!("{}; {}", view.users.join(", "), counted(view.tokens, "token"))),
        ("Files", view.files.join(", ")),
        ("NICs", nics.collect::<Vec<_>>().join(", ")),
        ("NICs here", view.nics_here.join(", ")),
    ];
    let mut text: String = lines.iter().map(|(title, value)| format!("{title:<10}{value}\n")).collect();
    for nic in view.nics.iter().filter(|nic| !nic.is_here) {
        text.push_str(&format!("Say which NIC of this box stands for {}: --nic {}=NAME\n", nic.name, nic.name));
    }
    text
}

/// The pass phrase, from a file or from whoever sits at the terminal; asked for twice when nobody could check it.
fn passphrase(file: Option<&Path>, twice: bool) -> Result<String, Failure> {
    if let Some(file) = file {
        return secret_of(file);
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage("--passphrase-file is needed where there is no terminal to ask at"));
    }
    let given = asked("Pass phrase: ")?;
    if twice && asked("Once more: ")? != given {
        return Err(Failure::Usage("the two pass phrases differ"));
    }
    Ok(given)
}

fn asked(prompt: &str) -> Result<String, Failure> {
    let failed = |source| Failure::File { act: "read", path: "/dev/tty".into(), source };
    rpassword::prompt_password(prompt).map_err(failed)
}

fn renamed(text: &str) -> Result<(String, String), String> {
    let names = text.split_once('=').filter(|(old, new)| !old.is_empty() && !new.is_empty());
    let (old, new) = names.ok_or("expected the backup's NIC, =, and this box's, as in eth0=enp1s0")?;
    Ok((old.to_owned(), new.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::BackupNic;

    #[test]
    fn nics_are_renamed_in_pairs() {
        assert_eq!(renamed("eth0=f0"), Ok(("eth0".to_owned(), "f0".to_owned())));
        for wrong in ["eth0", "=f0", "eth0="] {
            assert!(renamed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_backup_says_what_it_asks_for() {
        let nic = |name: &str, is_here| BackupNic { name: name.to_owned(), role: "data".to_owned(), is_here };
        let of = BackupView {
            node: "a".into(),
            users: vec!["admin".into()],
            nics: vec![nic("f0", true), nic("eth9", false)],
            nics_here: vec!["f0".into(), "b1".into()],
            ..BackupView::default()
        };
        let text = view(&of);
        assert!(text.contains("NICs      f0 (data), eth9 (data, not on this box)\n"), "{text}");
        assert!(text.ends_with("stands for eth9: --nic eth9=NAME\n"), "{text}");
    }
}
