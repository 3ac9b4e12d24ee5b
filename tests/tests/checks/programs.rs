//! Checks by programs of this box, in the process that may start them: their rights, their end.

use crate::cases::Case;
use crate::{Role, TIMEOUT_MS, asked_of, expect, stand_ask};
use lab::error::Act;
use lab::plan::Family;
use lab::stand::{Stand, address};
use lab::{LabError, Result};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Programs: what they do, whether that passes, and words of the reason or the transcript.
const PROGRAMS: &[(&str, &str, bool, &str)] = &[
    ("good", "echo \"all is well with $1 $2\"", true, "all is well with 10.2.0.11 80"),
    ("bad", "echo no gate >&2; exit 3", false, "ended with exit status: 3"),
    ("hangs", "sleep 71", false, "deadline"),
    ("nobody", "[ $(id -u) -ge 60000 ] && [ \"$(id -G)\" = \"$(id -g)\" ]", true, ""),
    ("incapable", "! grep ^Cap /proc/self/status | grep -v 0000000000000000", true, ""),
    ("for-good", "grep -q 'NoNewPrivs:.1' /proc/self/status", true, ""),
    ("secrets", "cat /etc/shadow", false, "exit status: 1"),
];

pub fn run(stand: &mut Stand) -> Result<()> {
    let folder = folder(stand)?;
    let done = each(stand, &folder);
    fs::remove_dir_all(&folder).act(|| format!("delete {}", folder.display()))?;
    done
}

fn each(stand: &Stand, folder: &Path) -> Result<()> {
    println!();
    for (name, does, passes, words) in PROGRAMS {
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{does}\n")).act(|| format!("write {name}"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).act(|| format!("open up {name}"))?;
        let options = format!("kind = \"external\"\ncommand = \"{}\"", path.display());
        let case = Case { name: "external", port: 80, layer: None, healthy: "", wrong: &[] };
        let asked = asked_of(stand, &case, &options, address(Family::V4), Some(folder))?;
        let outcome = stand_ask(stand, &asked, &Role::Programs(folder.into()))?;
        let said = outcome.transcript.lines.iter().any(|line| line.text.contains(words));
        let fits = outcome.passed == *passes && (outcome.reason.contains(words) || said);
        expect(&format!("{name}, which says {words:?}"), fits, &outcome)?;
        println!("{name:<11} passed {:<5} {}", outcome.passed, outcome.reason);
    }
    // Nothing outlives its deadline.
    let left = nobody_runs("sleep\u{0}71")?;
    if left { Ok(()) } else { Err(LabError::Answer(format!("a program runs on after {TIMEOUT_MS} ms"))) }
}

/// A folder that everybody may enter: programs run as nobody in particular.
fn folder(stand: &Stand) -> Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("{}programs", stand.lab.prefix()));
    fs::create_dir_all(&folder).act(|| format!("make {}", folder.display()))?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).act(|| "open up a folder".into())?;
    Ok(folder)
}

fn nobody_runs(line: &str) -> Result<bool> {
    let processes = fs::read_dir("/proc").act(|| "list processes".into())?;
    let runs = |path: &Path| fs::read(path.join("cmdline")).is_ok_and(|text| text.starts_with(line.as_bytes()));
    Ok(!processes.flatten().any(|process| runs(&process.path())))
}
