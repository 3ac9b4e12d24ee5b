//! The whole balancer under Debian's kernel in QEMU, on VLAN devices: the script `tests/vm/vlan.sh` makes the network and
//! the checks in the machine, each of them is a test here.

use lab::machine::Findings;
use lab::trials::{self, Needs, test};
use lab::{LabError, Result};
use std::process::ExitCode;

/// The script's checks, in its order.
const CHECKS: &[&str] = &[
    "suimon starts",
    "the shield is the program",
    "nat v4",
    "nat download v4",
    "nat v6",
    "nat download v6",
    "tags are on the wire",
    "super-frames pass",
    "nat connections v4",
    "udp nat v4",
    "udp direct v4",
    "direct v4",
    "direct download v4",
    "fullnat v4",
    "fullnat download v4",
    "ipip v4",
    "ipip download v4",
    "gre v4",
    "gre download v4",
    "gue v4",
    "gue download v4",
    "nat connections v6",
    "udp nat v6",
    "udp direct v6",
    "direct v6",
    "direct download v6",
    "fullnat v6",
    "fullnat download v6",
    "ipip v6",
    "ipip download v6",
    "gre v6",
    "gre download v6",
    "gue v6",
    "gue download v6",
    "ipip across families v4",
    "ipip across families v6",
    "tunnels end in the kernel",
    "virtio-net v4",
    "virtio-net download v4",
    "virtio-net v6",
    "virtio-net download v6",
    "a vlan device returns",
    "nothing leaves the dead, program",
    "a restart serves, program",
    "a clean stop leaves nothing, program",
    "suimon starts, classic",
    "the shield is classic",
    "nat v4, classic",
    "nat download v4, classic",
    "nat connections v4, classic",
    "udp nat v4, classic",
    "fullnat v4, classic",
    "direct v4, classic",
    "nat v6, classic",
    "nat download v6, classic",
    "nat connections v6, classic",
    "udp nat v6, classic",
    "fullnat v6, classic",
    "direct v6, classic",
    "nothing leaves the dead, classic",
    "a restart serves, classic",
    "a clean stop leaves nothing, classic",
];

fn main() -> ExitCode {
    let mut tests: Vec<_> =
        CHECKS.iter().map(|check| test(*check, |found: &mut Findings| found.passed(check))).collect();
    tests.push(test("every check of the machine is a test", every_check_is_a_test));
    trials::run(Needs::Machine, || Findings::of("vlan.sh"), tests)
}

fn every_check_is_a_test(found: &mut Findings) -> Result<()> {
    let unknown: Vec<&str> = found.lines().map(|(name, _)| name).filter(|name| !CHECKS.contains(name)).collect();
    if unknown.is_empty() { Ok(()) } else { Err(LabError::Answer(format!("not listed: {unknown:?}"))) }
}
