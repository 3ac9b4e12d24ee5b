//! Passwords are tried as fast as answers come.

use super::{Answer, FAILURES_MAX, LOCK_S, Stage, expect};
use lab::Result;
use lab::command::wait_until;
use lab::console::PASSWORD;
use serde_json::json;
use std::time::{Duration, Instant};

/// Who guesses, and who belongs here.
const ATTACKER: &str = "127.3.0.1";
const OTHER_ATTACKER: &str = "127.3.0.2";
const OWNER: &str = "127.3.0.9";
/// Longer than the delays before the lock.
const GUESSING: Duration = Duration::from_secs(6);
/// Failures of one source that bear no delay.
const SOURCE_FREE: usize = 9;

fn login(stage: &Stage, source: &str, user: &str, password: &str) -> Result<Answer> {
    let login = json!({ "user": user, "password": password }).to_string();
    stage.call(source, "/api/v1/login", &["-H", "Content-Type: application/json", "-d", &login])
}

/// How many tries were looked at; all others were told to wait, and for how long.
fn looked_at(answers: &[Answer]) -> Result<usize> {
    for answer in answers {
        let told = answer.status == 401 || answer.status == 429 && answer.head.contains("\nretry-after: ");
        expect(told, || format!("a guess is answered with {answer:?}"))?;
    }
    Ok(answers.iter().filter(|answer| answer.status == 401).count())
}

/// One name, from one place.
pub fn one_name(stage: &mut Stage) -> Result<()> {
    drop(stage.console.signed_in(&stage.suimon, "operator")?);
    let (name, began) = ("user1", Instant::now());
    let (failed, locks) =
        (stage.metric("suimon_logins_failed_attempts_total")?, stage.metric("suimon_login_locks_locks_total")?);
    let (delayed, locked) =
        (stage.metric("suimon_logins_delayed_attempts_total")?, stage.metric("suimon_logins_locked_attempts_total")?);
    let mut answers = Vec::new();
    while began.elapsed() < GUESSING {
        answers.push(login(stage, ATTACKER, name, &format!("guess number {}", answers.len()))?);
    }
    let looked = looked_at(&answers)?;
    println!("{} guesses in {} s, {looked} of them looked at", answers.len(), GUESSING.as_secs());
    expect(looked == FAILURES_MAX, || format!("{looked} guesses were looked at"))?;
    // The right password is no way to find out that it is right.
    for source in [ATTACKER, OWNER] {
        let right = login(stage, source, name, PASSWORD)?;
        expect(right.status == 429, || format!("from {source}, while the user is locked: {right:?}"))?;
    }
    expect(stage.suimon.ctl(&["users", "list"])?.success()?.contains(name), || "root is locked out too".into())?;
    let counted = |name: &str, before: u64| Ok::<_, lab::error::LabError>(stage.metric(name)? - before);
    let refused = counted("suimon_logins_delayed_attempts_total", delayed)?
        + counted("suimon_logins_locked_attempts_total", locked)?;
    let all = [
        counted("suimon_logins_failed_attempts_total", failed)?,
        refused,
        counted("suimon_login_locks_locks_total", locks)?,
    ];
    let expected = [looked as u64, (answers.len() - looked) as u64 + 2, 1];
    expect(all == expected, || format!("failed, refused, locks: {all:?}, expected {expected:?}"))?;
    let audit = stage.suimon.ctl(&["--json", "audit"])?.success()?;
    expect(audit.contains("locked from now on") && audit.contains(ATTACKER), || audit.clone())?;
    let opens = || login(stage, OWNER, name, PASSWORD).is_ok_and(|answer| answer.status == 200);
    wait_until("the lock ends", Duration::from_secs(LOCK_S + 5), opens)
}

/// Many names, from one place.
pub fn many_names(stage: &mut Stage) -> Result<()> {
    drop(stage.console.signed_in(&stage.suimon, "viewer")?);
    let answers: Vec<Answer> = (0..2 * SOURCE_FREE)
        .map(|number| login(stage, OTHER_ATTACKER, &format!("name{number}"), PASSWORD))
        .collect::<Result<_>>()?;
    let looked = looked_at(&answers)?;
    println!("{} names, {looked} of them looked at", answers.len());
    expect((SOURCE_FREE..=SOURCE_FREE + 2).contains(&looked), || format!("{looked} of {} names", answers.len()))?;
    let elsewhere = login(stage, OWNER, "user2", PASSWORD)?;
    expect(elsewhere.status == 200, || format!("somebody else is kept out: {elsewhere:?}"))
}
