//! A backup of one node is put in use on another one, whose NICs have other names: it takes the dead one's place. What
//! cannot be opened or does not fit changes nothing, and what nobody confirms goes, users included.

use lab::client::requests;
use lab::command::{self, Finished};
use lab::configuration::{Configuration, Method};
use lab::console::expect;
use lab::error::Act;
use lab::lab::Answers;
use lab::plan::{self, Family};
use lab::suimon::Suimon;
use lab::trials::{self, Needs, test};
use lab::{Lab, Result};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Time that a return has after its moment.
const NOTICE_LIMIT: Duration = Duration::from_secs(10);
const PHRASE: &str = "five boats wait at the gate";

fn main() -> ExitCode {
    trials::run(
        Needs::Suimon,
        trials::full_lab,
        vec![test("a node comes back on other hardware, from its backup", other_hardware)],
    )
}

fn answers(lab: &Lab) -> bool {
    let vip = SocketAddr::new(plan::vip(Family::V4), 80);
    requests(lab, plan::client(Family::V4, 1, 1), vip, 3).is_ok()
}

fn says(finished: Result<Finished>, words: &[&str]) -> Result<String> {
    let text = finished?.success()?;
    expect(words.iter().all(|word| text.contains(word)), || format!("no {words:?} in {text}"))?;
    Ok(text)
}

fn refuses(finished: Result<Finished>, words: &str) -> Result<()> {
    let finished = finished?;
    let refused = finished.status.code() == Some(1) && finished.stderr.contains(words);
    expect(refused && finished.stderr.lines().count() == 1, || format!("expected {words}: {finished:?}"))
}

fn file(lab: &Lab, name: &str, content: &[u8]) -> Result<String> {
    let path = lab.folder().join(name);
    fs::write(&path, content).act(|| format!("write {name}"))?;
    Ok(path.display().to_string())
}

/// The backup of a node with a user, a token, a history and a drain; the node is gone then.
fn lost_node(lab: &Lab, phrase: &str) -> Result<PathBuf> {
    let toml = Configuration::new(2, Method::Nat, Family::V4).toml();
    let data = lab.folder().join("a-suimon/data");
    fs::create_dir_all(&data).and_then(|()| fs::write(data.join("node"), "east\n")).act(|| "name the node".into())?;
    let mut first = Suimon::start(lab, "a", &toml)?;
    first
        .ctl(&[
            "apply",
            &file(lab, "more.toml", toml.replace("scheduler = \"rr\"", "scheduler = \"wrr\"").as_bytes())?,
        ])?
        .success()?;
    first.ctl(&["users", "add", "hanako", "operator"])?.success()?;
    first.ctl(&["token", "make", "graphs", "--role", "viewer", "--days", "9", "--user", "hanako"])?.success()?;
    first.ctl(&["drain", "web/s3"])?.success()?;
    expect(answers(lab), || "nobody answers at first".into())?;
    let backup = lab.folder().join("a.backup");
    let shown = backup.display().to_string();
    let short = file(lab, "short", b"too short")?;
    refuses(first.ctl(&["backup", &shown, "--passphrase-file", &short]), "a pass phrase has 12 to 256 characters")?;
    says(first.ctl(&["backup", &shown, "--passphrase-file", phrase]), &["written to"])?;
    refuses(first.ctl(&["backup", &shown, "--passphrase-file", phrase]), "File exists")?;
    let sealed = fs::read(&backup).act(|| "read the backup".into())?;
    expect(!sealed.windows(6).any(|part| part == b"hanako"), || "the backup can be read by anybody".into())?;
    first.stop()?;
    Ok(backup)
}

fn other_hardware(lab: &mut Lab) -> Result<()> {
    lab.answers(&plan::SERVERS, Answers::ThroughBalancer)?;
    let phrase = file(lab, "phrase", PHRASE.as_bytes())?;
    let backup = lost_node(lab, &phrase)?;
    let shown = backup.display().to_string();
    expect(!answers(lab), || "the lost node answers".into())?;

    lab.node("b").ip("link set f0 down\nlink set f0 name e0\nlink set e0 up\n")?;
    lab.node("b").ip("link set b0 down\nlink set b0 name e1\nlink set e1 up\n")?;
    let mut box_b = Suimon::start(lab, "b", "version = 1\n")?;
    box_b.ctl(&["users", "add", "taro", "viewer"])?.success()?;
    let restore = |more: &[&str]| box_b.ctl(&[&["restore", &shown, "--passphrase-file", &phrase], more].concat());
    says(restore(&["--look"]), &["Of node   east", "hanako", "1 token", "NICs here e0, e1", "--nic f0=NAME"])?;

    let before = says(box_b.ctl(&["history"]), &["1"])?;
    nothing_is_changed_by_nonsense(lab, &box_b, &shown, &phrase)?;
    let users = says(box_b.ctl(&["users", "list"]), &["taro"])?;
    let history = says(box_b.ctl(&["history"]), &["1"])?;
    expect(history == before && !users.contains("hanako"), || format!("{history}{users}"))?;

    let fits = ["--nic", "f0=e0", "--nic", "b0=e1"];
    says(restore(&[&fits[..], &["--confirm", "3s"]].concat()), &["everybody has to log in again"])?;
    says(box_b.ctl(&["users", "list"]), &["hanako"])?;
    command::wait_until("the box is what it was, with its users", NOTICE_LIMIT, || {
        let users = box_b.ctl(&["users", "list"]).and_then(Finished::success).unwrap_or_default();
        users.contains("taro") && !users.contains("hanako")
    })?;
    expect(!answers(lab), || "services of the backup are still there".into())?;

    says(restore(&fits), &["is called east from the next start on"])?;
    expect(answers(lab), || "nobody answers after the restore".into())?;
    is_the_lost_node(&box_b)?;
    // A crash right behind it: nothing of it is lost.
    box_b.kill()?;
    box_b.start_again(lab, "b")?;
    expect(answers(lab), || "nobody answers after the start".into())?;
    says(box_b.ctl(&["status"]), &["east"])?;
    is_the_lost_node(&box_b)
}

fn nothing_is_changed_by_nonsense(lab: &Lab, box_b: &Suimon, backup: &str, phrase: &str) -> Result<()> {
    let sealed = fs::read(backup).act(|| "read the backup".into())?;
    let torn = file(lab, "torn", &sealed[..sealed.len() - 9])?;
    let mut flipped = sealed.clone();
    flipped[sealed.len() / 2] ^= 1;
    let flipped = file(lab, "flipped", &flipped)?;
    let other = file(lab, "other", b"not the phrase")?;
    let restore = |file: &str, phrase: &str, nics: &[&str]| {
        box_b.ctl(&[&["restore", file, "--passphrase-file", phrase], nics].concat())
    };
    let fits = ["--nic", "f0=e0", "--nic", "b0=e1"];
    refuses(restore(backup, &other, &fits), "the pass phrase is wrong")?;
    refuses(restore(&torn, phrase, &fits), "the backup is incomplete")?;
    refuses(restore(&flipped, phrase, &fits), "the backup is damaged")?;
    refuses(restore(phrase, phrase, &fits), "this is no backup of a Suimon")?;
    refuses(restore(backup, phrase, &[]), "this box has no NIC b0, f0: say which of its NICs (e0, e1) stands for it")?;
    refuses(restore(backup, phrase, &["--nic", "f0=e0", "--nic", "b0=e7"]), "this box has no NIC e7")?;
    refuses(restore(backup, phrase, &["--nic", "f0=e0", "--nic", "b0=e0"]), "e0")
}

/// Users, wishes, history and the record of how they came.
fn is_the_lost_node(box_b: &Suimon) -> Result<()> {
    let users = says(box_b.ctl(&["users", "list"]), &["hanako", "admin"])?;
    expect(!users.contains("taro"), || users)?;
    let backends = says(box_b.ctl(&["backends", "--service", "web"]), &["web/s3"])?;
    let drained = backends.lines().find(|line| line.starts_with("web/s3")).unwrap_or_default();
    expect(drained.contains("draining"), || backends.clone())?;
    says(box_b.ctl(&["history"]), &["+ nic e0", "a-suimon/suimon.toml", "in use"])?;
    says(box_b.ctl(&["audit"]), &["restore", "root"])?;
    says(box_b.ctl(&["audit", "--check"]), &[]).map(drop)
}
