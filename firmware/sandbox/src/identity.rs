//! A user of its own, and no capability but the one needed.

use crate::SandboxError;
use caps::{CapSet, Capability};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid, chdir, setgroups, setresgid, setresuid};

/// Users of the roles. They own nothing and have no entry in `/etc/passwd`. Their numbers are of the range that no
/// distribution gives to people or, by itself, to packages (Debian Policy 9.2.2: 60000 to 64999).
pub const PROBE_USER: u32 = 64_801;
/// See [`PROBE_USER`].
pub const WEB_USER: u32 = 64_802;
/// See [`PROBE_USER`].
pub const EXTERNAL_USER: u32 = 64_803;

pub(crate) fn become_user(user: u32, net_raw: bool) -> Result<(), SandboxError> {
    let told = |act, result: nix::Result<()>| result.map_err(|error| SandboxError::refused(act)(&error));
    told("change to /", chdir("/"))?;
    told("forbid core files", setrlimit(Resource::RLIMIT_CORE, 0, 0))?;
    // First, while the right to do it is there: what is not in the bounding set never comes back, not by a program with
    // file capabilities either.
    capabilities(CapSet::Bounding, net_raw)?;
    told("keep capabilities over the change of user", prctl::set_keepcaps(true))?;
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
    told("leave all groups", setgroups(&[]))?;
    told("change the group", setresgid(gid, gid, gid))?;
    told("change the user", setresuid(uid, uid, uid))?;
    for set in [CapSet::Ambient, CapSet::Inheritable] {
        capabilities(set, false)?;
    }
    capabilities(CapSet::Effective, net_raw)?;
    capabilities(CapSet::Permitted, net_raw)?;
    // Nobody but root reads its memory, and no program that it runs gains rights.
    told("hide the process's memory", prctl::set_dumpable(false))?;
    told("forbid new privileges", prctl::set_no_new_privs())
}

fn capabilities(set: CapSet, net_raw: bool) -> Result<(), SandboxError> {
    let refused = SandboxError::refused("give up capabilities");
    let result = match set {
        CapSet::Bounding => caps::all()
            .into_iter()
            .filter(|capability| !(net_raw && *capability == Capability::CAP_NET_RAW))
            // The kernel may be older than the list.
            .filter(|capability| caps::has_cap(None, set, *capability).unwrap_or(false))
            .try_for_each(|capability| caps::drop(None, set, capability)),
        _ if net_raw => caps::set(None, set, &[Capability::CAP_NET_RAW].into_iter().collect()),
        _ => caps::clear(None, set),
    };
    result.map_err(|error| refused(&error))
}
