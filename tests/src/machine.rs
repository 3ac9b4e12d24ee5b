//! A machine under Debian's kernel, in QEMU: for what the kernel of this machine lacks (VLAN and tunnel devices), and as
//! proof that the balancer runs on the oldest kernel it is for. `tests/vm/boot.sh` builds and boots it.

use crate::command::{self, words};
use crate::error::{Act, LabError, Result};
use crate::lab::{target_folder, tool};
use crate::suimon;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Time for a kernel to come from a mirror.
const FETCH_LIMIT: Duration = Duration::from_secs(300);
/// Time for all checks of a script, without hardware virtualization and beside other work.
const RUN_LIMIT: Duration = Duration::from_secs(420);
/// Modules of the kernel, as a box with VLANs has them, and the receiving ends of all tunnels.
const MODULES: [&str; 15] = [
    "8021q",
    "veth",
    "bridge",
    "sch_ingress",
    "cls_bpf",
    "act_bpf",
    "ipip",
    "ip6_tunnel",
    "sit",
    "ip_gre",
    "ip6_gre",
    "fou",
    "fou6",
    "virtio_pci",
    "virtio_net",
];
/// Programs of this machine that go along, with their libraries.
const PROGRAMS: [&str; 4] = ["/usr/sbin/ip", "/usr/sbin/tc", "/usr/bin/tcpdump", "/usr/bin/curl"];
/// Two processors, and two virtio NICs with a cable between them.
const HARDWARE: &str = "-smp 2 \
    -netdev hubport,id=near,hubid=0 -device virtio-net-pci,netdev=near,mac=52:54:00:00:00:01 \
    -netdev hubport,id=far,hubid=0 -device virtio-net-pci,netdev=far,mac=52:54:00:00:00:02";

/// What a script in the machine found, check by check.
#[derive(Debug)]
pub struct Findings {
    text: String,
}

impl Findings {
    /// Boots the machine and runs `script` of `tests/vm` in it.
    pub fn of(script: &str) -> Result<Self> {
        let mut boot = words(&boot_script().display().to_string(), [] as [&str; 0]);
        for module in MODULES {
            boot.args(["--module", module]);
        }
        for program in PROGRAMS {
            boot.args(["--program", program]);
        }
        let folder = target_folder().join("lab/machine");
        for (program, inside) in programs()? {
            let slim = slim(&program, &folder)?;
            boot.arg("--file").arg(format!("{}:{inside}", slim.display()));
        }
        for argument in HARDWARE.split_whitespace() {
            boot.args(["--qemu", argument]);
        }
        boot.args(["--memory", "1024", "--timeout", "400"]).arg(boot_script().with_file_name(script));
        let finished = command::run(&mut boot, RUN_LIMIT)?;
        let found = Self { text: finished.stdout };
        if found.lines().next().is_none() {
            return Err(LabError::Answer(format!("the machine said nothing: {}", finished.stderr.trim_end())));
        }
        print!("{}", found.text);
        Ok(found)
    }

    /// Checks by name, with what was seen; `Err` for those that failed.
    pub fn lines(&self) -> impl Iterator<Item = (&str, std::result::Result<&str, &str>)> {
        self.text.lines().filter_map(|line| {
            let (line, good) = match line.strip_prefix("not ok ") {
                Some(line) => (line, false),
                None => (line.strip_prefix("ok ")?, true),
            };
            let (name, seen) = line.split_once(": ")?;
            Some((name, if good { Ok(seen) } else { Err(seen) }))
        })
    }

    /// Whether the check `name` was made and passed.
    pub fn passed(&self, name: &str) -> Result<()> {
        match self.lines().find(|(line, _)| *line == name) {
            Some((_, Ok(_))) => Ok(()),
            Some((_, Err(seen))) => Err(LabError::Answer(seen.to_owned())),
            None => Err(LabError::Answer(format!("the machine did not come to it; its last lines: {}", self.end()))),
        }
    }

    fn end(&self) -> String {
        let lines: Vec<&str> = self.text.lines().collect();
        lines[lines.len().saturating_sub(5)..].join(" | ")
    }
}

/// Why no machine can be booted here; `None` when one can. Fetches the kernel.
pub fn obstacle() -> Option<String> {
    let needed = ["qemu-system-x86_64", "busybox", "cpio", "xz", "ip", "tc", "tcpdump", "curl", "strip"];
    let missing: Vec<&str> = needed.into_iter().filter(|program| !command::installed(program)).collect();
    if !missing.is_empty() {
        return Some(format!("not installed: {} (tests/setup.sh installs them)", missing.join(", ")));
    }
    let mut fetch = words(&boot_script().display().to_string(), ["--fetch"]);
    let fetched = command::run(&mut fetch, FETCH_LIMIT).and_then(command::Finished::success);
    fetched.err().map(|error| format!("no kernel for the machine: {error}"))
}

fn boot_script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vm/boot.sh")
}

/// Programs of this project that go along, and where.
fn programs() -> Result<Vec<(PathBuf, &'static str)>> {
    let binary = suimon::binary()
        .ok_or_else(|| LabError::Answer("suimon is not built: cargo build --release --bin suimon".into()))?;
    Ok(vec![
        (binary, "/bin/suimon"),
        // busybox has an echo of its own.
        (tool("echo")?, "/bin/echo-server"),
        (tool("connect")?, "/bin/connect"),
        (tool("datagrams")?, "/bin/datagrams"),
    ])
}

/// A copy without debugging information: most of a binary, and all of it would have to go through the initramfs.
fn slim(program: &Path, folder: &Path) -> Result<PathBuf> {
    let copy = folder.join(program.file_name().unwrap_or_default());
    fs::create_dir_all(folder).act(|| format!("make {}", folder.display()))?;
    let mut strip = words("strip", ["-o"]);
    strip.arg(&copy).arg(program);
    command::run(&mut strip, command::SHORT)?.success()?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_read_line_by_line() {
        let text = "# kernel 6.1\nok nat v4: 3 from s1\nnot ok gre v6: request 1 of 4 failed\nnoise\n".to_owned();
        let findings = Findings { text };
        let lines: Vec<_> = findings.lines().collect();
        assert_eq!(lines, [("nat v4", Ok("3 from s1")), ("gre v6", Err("request 1 of 4 failed"))]);
        assert!(findings.passed("nat v4").is_ok());
        let failed = |name| findings.passed(name).expect_err("it did not pass").to_string();
        assert_eq!(failed("gre v6"), "request 1 of 4 failed");
        assert!(failed("nat").contains("did not come to it"));
    }
}
