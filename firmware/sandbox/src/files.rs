//! No path of the file system but those named, by Landlock.

use crate::{Calls, Confinement, SandboxError, Shortfalls};
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use std::path::PathBuf;

/// The newest rules that are asked for; an older kernel takes those it knows. Linux 6.12 has them all.
const NEWEST: ABI = ABI::V6;

pub(crate) fn confine(confinement: &Confinement) -> Result<Shortfalls, SandboxError> {
    let restricted = restrict(confinement).map_err(|error| SandboxError::refused("restrict files by Landlock")(&error));
    Ok(match restricted? {
        RulesetStatus::FullyEnforced => Vec::new(),
        RulesetStatus::PartiallyEnforced => {
            vec!["this kernel knows some of Landlock's rules only: Linux 6.12 knows all of them".to_owned()]
        }
        RulesetStatus::NotEnforced => {
            vec!["this kernel has no Landlock: files are kept by users and seccomp".to_owned()]
        }
    })
}

fn restrict(confinement: &Confinement) -> Result<RulesetStatus, RulesetError> {
    let mut ruleset =
        Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(AccessFs::from_all(NEWEST))?;
    if confinement.calls == Calls::Server {
        // No rule allows a port: what listens does so already, and it connects to unix sockets only.
        ruleset = ruleset.handle_access(AccessNet::from_all(NEWEST))?;
    }
    if confinement.calls != Calls::Programs {
        ruleset = ruleset.scope(Scope::from_all(NEWEST))?;
    }
    let mut created = ruleset.create()?;
    let read = AccessFs::from_read(NEWEST) & !AccessFs::Execute;
    created = allow(created, &confinement.readable, read)?;
    created = allow(created, &confinement.executable, AccessFs::from_read(NEWEST))?;
    created = allow(created, &confinement.writable, AccessFs::from_file(NEWEST) & !AccessFs::Execute)?;
    Ok(created.restrict_self()?.ruleset)
}

// What is not there needs no rule.
fn allow(
    mut created: RulesetCreated,
    paths: &[PathBuf],
    access: landlock::BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    for path in paths {
        let Ok(opened) = PathFd::new(path) else { continue };
        let of_files = access & AccessFs::from_file(NEWEST);
        let access = if path.is_dir() { access } else { of_files };
        created = created.add_rule(PathBeneath::new(opened, access))?;
    }
    Ok(created)
}
