//! The importers on the configurations that Debian ships with the programs themselves. Their packages are fetched once,
//! unpacked below `target/lab/samples` and never installed; their files are not ours to keep in git.

use config::{Foreign, ForeignFile, Imported, Named};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::{env, fs};

/// Packages, whose configuration they ship, and where in the package it is.
const SAMPLES: &[(&str, Foreign, &[&str])] = &[
    ("ldirectord", Foreign::Ldirectord, &["etc/ha.d/ldirectord.cf", "usr/share/doc/ldirectord/examples"]),
    ("keepalived", Foreign::Keepalived, &["etc/keepalived", "usr/share/doc/keepalived/samples"]),
    ("heartbeat", Foreign::Haresources, &["usr/share/doc/heartbeat/haresources.gz"]),
    ("ipvsadm", Foreign::Ipvsadm, &["etc/ipvsadm.rules"]),
];

/// Fetched once, whichever test comes first.
static SHIPPED: LazyLock<Vec<Sample>> = LazyLock::new(samples);

/// A sample as it is in its package, and the same with all that is commented out put in force.
struct Sample {
    name: String,
    from: Foreign,
    content: Vec<u8>,
}

fn folder() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are in the project").join("target"),
        PathBuf::from,
    );
    target.join("lab/samples")
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> Vec<u8> {
    let output = Command::new(program).args(arguments).current_dir(folder).output().expect("Debian has it");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    output.stdout
}

/// Fetches and unpacks a package, unless it is there.
fn unpacked(package: &str) -> PathBuf {
    let folder = folder();
    let place = folder.join(package);
    if !place.exists() {
        fs::create_dir_all(&folder).expect("the target folder can be written");
        run("apt-get", &["-q", "-o", "Acquire::Retries=3", "download", package], &folder);
        let files = fs::read_dir(&folder).expect("it was just made").map(|file| file.expect("readable").path());
        let is_it = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&format!("{package}_")) && name.ends_with(".deb")
        };
        let archive = files.into_iter().find(is_it).expect("apt-get has just written it");
        // In one step, so that an unpacking that was broken off is not taken for a whole one.
        let half = folder.join(format!("{package}.half"));
        let _ = fs::remove_dir_all(&half);
        run("dpkg-deb", &["-x", &archive.to_string_lossy(), &half.to_string_lossy()], &folder);
        fs::rename(&half, &place).expect("both are in one folder");
    }
    place
}

fn files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let mut files: Vec<_> = fs::read_dir(path).expect("readable").map(|file| file.expect("readable").path()).collect();
    files.sort();
    files
}

fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    for (package, from, places) in SAMPLES {
        let root = unpacked(package);
        for path in places.iter().flat_map(|place| files(&root.join(place))) {
            let name = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().into_owned();
            // Scripts lie beside keepalived's samples.
            if name.contains(".sh") {
                continue;
            }
            let content = match name.ends_with(".gz") {
                true => run("zcat", &[&path.to_string_lossy()], &root),
                false => fs::read(&path).expect("readable"),
            };
            let bare = uncommented(&content);
            if bare != content {
                samples.push(Sample { name: format!("{name}, uncommented"), from: *from, content: bare });
            }
            samples.push(Sample { name, from: *from, content });
        }
    }
    samples
}

/// Most of ldirectord's and heartbeat's samples are comments. Lines of prose among them are left as they are.
fn uncommented(content: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(content);
    let line = |line: &str| {
        if !line.trim_start().starts_with('#') {
            return line.to_owned();
        }
        let bare = line.trim_start().trim_start_matches('#');
        let is_directive = bare.contains('=') && bare.trim_start().split(['=', ' ']).next() != Some("");
        let resource = bare.contains("linux-ha.org") || bare.starts_with("node1");
        let indent = &line[..line.len() - line.trim_start().len()];
        if is_directive || resource { format!("{indent}{bare}") } else { line.to_owned() }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n").into_bytes()
}

#[test]
fn samples_of_debian_are_imported() {
    println!(
        "{:<70} {:>8} {:>8} {:>6} {:>7} {:>7} {:>7}",
        "sample", "services", "backends", "checks", "routers", "routes", "remarks"
    );
    let samples = &*SHIPPED;
    assert!(samples.len() >= 30, "{} samples", samples.len());
    let (mut imported, mut refused) = (BTreeSet::new(), Vec::new());
    for Sample { name, from, content } in samples {
        let file = ForeignFile { name, content };
        match config::import(*from, file, None) {
            Ok(Imported { toml, carried, not_carried, more }) => {
                config::parse(&toml, name).unwrap_or_else(|errors| panic!("{name}: {errors}\n{toml}"));
                println!(
                    "{name:<70} {:>8} {:>8} {:>6} {:>7} {:>7} {:>7}",
                    carried.services,
                    carried.backends,
                    carried.checks,
                    carried.routers,
                    carried.routes,
                    not_carried.len() + more
                );
                imported.insert(from.name());
            }
            Err(error) => {
                assert!(error.line > 0, "{name}: {error}");
                println!("{name:<70} {error}");
                refused.push(name);
            }
        }
    }
    assert_eq!(imported.len(), SAMPLES.len(), "a source of which no sample could be imported: {imported:?}");
    // As they are shipped, all samples are read; uncommented by a rule of thumb, some are not what anybody would write.
    let shipped: Vec<_> = refused.into_iter().filter(|name| !name.ends_with("uncommented")).collect();
    assert!(shipped.is_empty(), "not imported: {shipped:?}");
}

/// The counts of samples whose content can be counted by hand.
#[test]
fn samples_become_what_they_hold() {
    for (name, services, backends, checks, routers, routes) in [
        ("usr/share/doc/ldirectord/examples/ldirectord.cf", 1, 3, 1, 0, 0),
        ("usr/share/doc/keepalived/samples/keepalived.conf.SSL_GET", 2, 2, 4, 1, 0),
        ("usr/share/doc/keepalived/samples/keepalived.conf.quorum", 1, 10, 1, 0, 0),
        ("usr/share/doc/keepalived/samples/keepalived.conf.track_interface", 0, 0, 0, 1, 4),
        ("usr/share/doc/keepalived/samples/keepalived.conf.vrrp", 0, 0, 0, 4, 0),
    ] {
        let sample = SHIPPED.iter().find(|sample| sample.name == name).expect("Debian ships it");
        let file = ForeignFile { name, content: &sample.content };
        let carried = config::import(sample.from, file, None).expect("it is shipped as an example").carried;
        let found = [carried.services, carried.backends, carried.checks, carried.routers, carried.routes];
        assert_eq!(found, [services, backends, checks, routers, routes], "{name}");
    }
}
