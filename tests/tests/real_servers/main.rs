//! The real servers that health checks are tried against, by themselves: each is asked by the distribution's own client,
//! so that a check which fails later is wrong itself.

use lab::fault_proxy::{Fault, Layer};
use lab::stand::Stand;
use lab::trials::{self, Needs, test};
use lab::{LabError, Result};
use std::process::ExitCode;

mod dialogues;
mod faults;

fn main() -> ExitCode {
    let mut tests: Vec<_> = dialogues::ALL
        .iter()
        .map(|dialogue| test(dialogue.name, move |stand: &mut Stand| dialogue.check(stand)))
        .collect();
    tests.extend([
        test("the proxy does to plain answers what it is told", faults::plain),
        test("the proxy does it inside tls", faults::inside_tls),
        test("the proxy does it behind starttls", faults::behind_starttls),
        test("the proxy does it to datagrams", faults::datagrams),
        test("a server that is stopped leaves nobody", nothing_is_left),
    ]);
    trials::run(Needs::Lab, Stand::build, tests)
}

/// dovecot and its helpers are processes of their own, and all are gone when it is stopped.
fn nothing_is_left(stand: &mut Stand) -> Result<()> {
    stand.stop("dovecot");
    let left = stand.lab.node("s1").output("ss", &["-ltnH", "sport", "=", ":143"], lab::command::SHORT)?;
    assert_eq!(left.trim(), "");
    let refused = stand.ask(&["curl", "-sS", "imap://10.2.0.11/"])?;
    assert!(refused.contains("Failed to connect"), "{refused}");
    Ok(())
}

/// Fails unless `answer` contains `expected`.
fn contains(answer: &str, expected: &str) -> Result<()> {
    if answer.contains(expected) {
        Ok(())
    } else {
        Err(LabError::Answer(format!("no {expected:?} in: {}", answer.trim())))
    }
}
