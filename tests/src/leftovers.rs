//! Namespaces and folders of labs whose process is gone. A lab's names begin with the id of the process that made it.

use crate::command::{self, SHORT};
use crate::error::{Act, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::Path;

/// How every name of a lab begins.
pub const MARK: &str = "suimonlab";

/// The beginning of all names of lab `number` of process `pid`.
pub fn prefix(pid: u32, number: u32) -> String {
    format!("{MARK}-{pid}-{number}-")
}

/// Deletes what dead processes left; the names of what was deleted.
pub fn sweep(folder: &Path) -> Result<Vec<String>> {
    let mut swept = Vec::new();
    for name in names_in(Path::new("/run/netns")) {
        if is_orphan(&name) {
            delete_namespace(&name)?;
            swept.push(name);
        }
    }
    for name in names_in(folder) {
        if is_orphan(&name) {
            let path = folder.join(&name);
            fs::remove_dir_all(&path).act(|| format!("delete {}", path.display()))?;
            swept.push(name);
        }
    }
    Ok(swept)
}

/// Ends what still runs in a namespace and deletes it.
pub fn delete_namespace(name: &str) -> Result<()> {
    let pids = command::run(&mut command::words("ip", ["netns", "pids", name]), SHORT)?;
    for pid in pids.stdout.split_whitespace().filter_map(|pid| pid.parse().ok()) {
        // A process that has just ended by itself is fine.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    command::run(&mut command::words("ip", ["netns", "delete", name]), SHORT)?.success().map(drop)
}

fn names_in(folder: &Path) -> Vec<String> {
    let read = fs::read_dir(folder).into_iter().flatten().flatten();
    read.filter_map(|file| file.file_name().into_string().ok()).collect()
}

fn is_orphan(name: &str) -> bool {
    owner(name).is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists())
}

/// The process that made the thing called `name`; `None`: no lab did.
fn owner(name: &str) -> Option<u32> {
    name.strip_prefix(MARK)?.strip_prefix('-')?.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_labs_have_an_owner() {
        assert_eq!(owner(&prefix(321, 4)), Some(321));
        assert_eq!(owner("suimonlab-77-0-router"), Some(77));
        for other in ["router", "suimonlab", "suimonlab-x-1-a", "suimon-7-1-a", ""] {
            assert_eq!(owner(other), None, "{other}");
        }
        assert!(!is_orphan(&prefix(std::process::id(), 0)), "its process lives");
        // Above the largest process id Linux gives out (2^22).
        assert!(is_orphan(&prefix(4_194_305, 0)));
    }
}
