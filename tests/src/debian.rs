//! A Debian 12 tree with the real servers in it, built once under `target/lab/debian`. Nothing of it is installed or
//! started on this machine: the programs run [inside](crate::servers) the tree.

use crate::command::{self, words};
use crate::error::{Act, LabError, Result};
use crate::lab::target_folder;
use crate::servers::inn;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The release that the tests are written for.
const RELEASE: &str = "bookworm";
/// The servers, and the clients that show that they are healthy. apt brings what these need.
const PACKAGES: &[&str] = &[
    "bind9",
    "bind9-dnsutils",
    "chrony",
    "curl",
    "dovecot-imapd",
    "dovecot-lmtpd",
    "dovecot-pop3d",
    "freeradius",
    "freeradius-utils",
    "inn2",
    "kamailio",
    "ldap-utils",
    "ldirectord",
    "mariadb-client",
    "mariadb-server",
    "memcached",
    "nginx-light",
    "postfix",
    "postgresql",
    "redis-server",
    "rsyslog",
    "rsyslog-gnutls",
    "sipsak",
    "slapd",
    "tinyproxy-bin",
    "vsftpd",
];
/// What is not unpacked.
const LEFT_OUT: &[&str] = &["/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*"];
/// Files that must be there before the packages: no server may start, and inn2 cannot be configured on a machine whose
/// name has no domain.
const FILES_BEFORE: &[(&str, &str)] = &[("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n"), (inn::CONF_PATH, inn::CONF)];
/// Settings of apt on this machine that are needed to reach its mirror and to believe it.
const APT_SETTINGS: &[&str] = &[
    "Acquire::http::",
    "Acquire::https::",
    "Acquire::Check-",
    "Acquire::ForceIPv4",
    "Acquire::ForceIPv6",
    "Acquire::Retries",
];
/// Time the building may take. Most of it is the download.
const BUILD_LIMIT: Duration = Duration::from_secs(1_200);
/// Time that apt's own tools may take.
const ASK_LIMIT: Duration = Duration::from_secs(10);

/// The folder of the tree; the first caller builds it. Tests read it only.
pub fn tree() -> Result<PathBuf> {
    let folder = target_folder().join("lab");
    fs::create_dir_all(&folder).act(|| format!("make {}", folder.display()))?;
    let lock_path = folder.join("debian.lock");
    let lock = File::create(&lock_path).act(|| format!("open {}", lock_path.display()))?;
    lock.lock().act(|| format!("lock {}", lock_path.display()))?;
    let (tree, stamp) = (folder.join("debian"), folder.join("debian.stamp"));
    let wanted = stamp_text();
    if fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) && tree.is_dir() {
        return Ok(tree);
    }
    // Without its stamp a tree is half built, or an old one.
    remove(&stamp)?;
    remove(&tree)?;
    build(&folder, &tree)?;
    fs::write(&stamp, wanted).act(|| format!("write {}", stamp.display()))?;
    Ok(tree)
}

/// What a tree depends on: another text means another tree.
fn stamp_text() -> String {
    format!("{RELEASE}\n{PACKAGES:?}\n{LEFT_OUT:?}\n{FILES_BEFORE:?}\n")
}

fn build(folder: &Path, tree: &Path) -> Result<()> {
    if !command::installed("mmdebstrap") {
        return Err(LabError::Answer("mmdebstrap is not installed: tests/setup.sh test".into()));
    }
    let sources = sources(Path::new("/etc/apt"));
    if sources.is_empty() {
        return Err(LabError::Answer("/etc/apt names no source of packages".into()));
    }
    let before = folder.join("debian.before");
    remove(&before)?;
    for (path, text) in FILES_BEFORE {
        write_executable(&before.join(path), text)?;
    }
    let settings = folder.join("debian.apt.conf");
    fs::write(&settings, apt_settings()?).act(|| format!("write {}", settings.display()))?;
    let mut line = vec!["--mode=root".to_string(), "--variant=essential".into()];
    line.push(format!("--include={}", PACKAGES.join(",")));
    line.push(format!("--aptopt={}", settings.display()));
    line.push("--aptopt=APT::Install-Recommends \"false\"".into());
    // A crash of the machine in these minutes costs the tree, which is built again.
    line.extend(["force-unsafe-io", "force-confold"].map(|option| format!("--dpkgopt={option}")));
    line.extend(LEFT_OUT.iter().map(|path| format!("--dpkgopt=path-exclude={path}")));
    line.push(format!("--essential-hook=cp -r '{}/.' \"$1\"", before.display()));
    line.extend([RELEASE.to_string(), tree.display().to_string()]);
    line.extend(sources.iter().map(|path| path.display().to_string()));
    eprintln!("building {} with mmdebstrap, once", tree.display());
    let built = command::run(&mut words("mmdebstrap", &line), BUILD_LIMIT).and_then(command::Finished::success);
    if let Err(error) = built {
        remove(tree)?;
        return Err(error);
    }
    Ok(())
}

/// The files that tell this machine's apt where packages come from: one-line and deb822 style.
fn sources(apt: &Path) -> Vec<PathBuf> {
    let parts = fs::read_dir(apt.join("sources.list.d")).into_iter().flatten().flatten().map(|file| file.path());
    let mut files: Vec<PathBuf> = parts
        .filter(|path| path.extension().is_some_and(|kind| kind == "list" || kind == "sources"))
        .chain([apt.join("sources.list")])
        .filter(|path| fs::read_to_string(path).is_ok_and(|text| names_a_source(&text)))
        .collect();
    files.sort();
    files
}

/// Whether anything but comments stands in it: mmdebstrap does not take an empty file.
fn names_a_source(text: &str) -> bool {
    text.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
}

fn apt_settings() -> Result<String> {
    let all = command::run(&mut words("apt-config", ["dump"]), ASK_LIMIT)?.success()?;
    let needed = all.lines().filter(|line| APT_SETTINGS.iter().any(|name| line.starts_with(name)));
    Ok(needed.map(|line| format!("{line}\n")).collect())
}

fn write_executable(path: &Path, text: &str) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).act(|| format!("make {}", folder.display()))?;
    fs::write(path, text).act(|| format!("write {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).act(|| format!("open up {}", path.display()))
}

/// Deletes a file or a folder, if there is one.
fn remove(path: &Path) -> Result<()> {
    let done = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match done {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).act(|| format!("delete {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_line_that_is_no_comment() {
        for (text, expected) in [
            ("", false),
            ("# deb http://a b c\n\n", false),
            ("deb http://a b c\n", true),
            ("Types: deb\nURIs: http://a\n", true),
        ] {
            assert_eq!(names_a_source(text), expected, "{text:?}");
        }
    }
}
