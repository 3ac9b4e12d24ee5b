//! What the processes hold that strangers' bytes reach.

use super::{Stage, expect};
use lab::Result;
use lab::error::{Act, LabError};
use std::fs;

/// Users of the roles, as `sandbox` has them.
const PROBE_UID: &str = "64801";
const WEB_UID: &str = "64802";
/// capabilities(7): CAP_NET_RAW is bit 13.
const NET_RAW: u64 = 1 << 13;

/// Every thread of both; `firmware/sandbox/tests` tries what that keeps them from.
pub fn confined(stage: &mut Stage) -> Result<()> {
    let web = stage.console.daemon().pid();
    let probe = child(stage.suimon.daemon().pid(), "probe")?;
    for (role, process, uid, capabilities) in [("web", web, WEB_UID, 0), ("probe", probe, PROBE_UID, NET_RAW)] {
        let tasks = format!("/proc/{process}/task");
        let mut threads = 0;
        for task in fs::read_dir(&tasks).act(|| format!("list {tasks}"))? {
            let path = task.act(|| format!("list {tasks}"))?.path().join("status");
            let status = fs::read_to_string(&path).act(|| format!("read {}", path.display()))?;
            expect(keeps(&status, uid, capabilities), || format!("{role}: {status}"))?;
            threads += 1;
        }
        println!("{role}: {threads} threads");
        expect(threads > 0, || format!("no thread of {role} was looked at"))?;
    }
    Ok(())
}

fn keeps(status: &str, uid: &str, capabilities: u64) -> bool {
    let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    let own = ["Uid:", "Gid:"].iter().all(|ids| value(ids).split_whitespace().all(|id| id == uid));
    let sets = ["CapPrm:", "CapEff:", "CapBnd:", "CapInh:", "CapAmb:"];
    // None can be inherited: whatever it would start has nothing.
    let few = sets.iter().zip([capabilities, capabilities, capabilities, 0, 0]);
    let few = few.into_iter().all(|(set, most)| u64::from_str_radix(value(set), 16) == Ok(most));
    own && few && value("Groups:").is_empty() && value("Seccomp:") == "2" && value("NoNewPrivs:") == "1"
}

/// The process below `parent` that was started with this word.
fn child(parent: u32, word: &str) -> Result<u32> {
    let path = format!("/proc/{parent}/task");
    for task in fs::read_dir(&path).act(|| format!("list {path}"))?.flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|child| child.parse().ok()) {
            let line = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
            if line.split(|byte| *byte == 0).any(|part| part == word.as_bytes()) {
                return Ok(child);
            }
        }
    }
    Err(LabError::Answer(format!("process {parent} has no child {word}")))
}
