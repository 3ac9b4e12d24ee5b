//! Rules about crates: who may depend on whom, and what may not come in from outside.

use crate::source::top;
use serde_json::Value;
use std::process::Command;

/// Crate, and which crates of the project it may use. A crate that is not here may use none.
const DIRECTION: &[(&str, &[&str])] = &[
    ("net", &[]),
    ("engine", &["net"]),
    ("drivers", &["net", "engine"]),
    ("config", &[]),
    ("store", &["config"]),
    ("api", &["config"]),
    ("control", &["net", "engine", "config"]),
    ("probe", &["config"]),
    ("platform", &[]),
    ("sandbox", &[]),
    ("manage", &["api", "store", "config"]),
    ("webui", &["api", "config"]),
    (
        "suimon",
        &[
            "net", "engine", "drivers", "config", "store", "api", "control", "probe", "platform", "sandbox", "manage",
            "webui",
        ],
    ),
    ("lab", &["net", "engine", "drivers", "config", "store", "api", "control"]),
];

/// Other names that a crate of the table may have.
const ALIASES: &[(&str, &str)] = &[("supervisor", "suimon")];

/// C libraries that default features smuggle in.
const SMUGGLED: &[&str] = &["openssl-sys", "aws-lc-sys", "zstd-sys"];

/// Dependencies as `(crate, uses)`, tests' own ones aside.
fn edges(metadata: &Value) -> Vec<(String, String)> {
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let names: Vec<String> =
        packages.iter().filter_map(|package| Some(package["name"].as_str()?.to_string())).collect();
    let mut edges = Vec::new();
    for package in &packages {
        let from = package["name"].as_str().unwrap_or_default();
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let to = dependency["name"].as_str().unwrap_or_default();
            if dependency["kind"].as_str() != Some("dev") && names.iter().any(|name| name == to) {
                edges.push((from.to_string(), to.to_string()));
            }
        }
    }
    edges
}

fn wrong_way(edges: &[(String, String)]) -> Vec<String> {
    let name = |name: &str| {
        ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name.to_string(), |(_, name)| name.to_string())
    };
    edges
        .iter()
        .filter(|(from, to)| {
            let allowed = DIRECTION.iter().find(|(of, _)| *of == name(from)).map_or(&[][..], |(_, allowed)| allowed);
            !allowed.contains(&name(to).as_str())
        })
        .map(|(from, to)| format!("{from} must not depend on {to}"))
        .collect()
}

fn smuggled(tree: &str) -> Vec<&str> {
    tree.lines().filter(|line| SMUGGLED.contains(&line.split_whitespace().next().unwrap_or_default())).collect()
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(top()).output().expect("cargo runs");
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn crates_depend_in_one_direction() {
    let edge = |from: &str, to: &str| (from.to_string(), to.to_string());
    assert_eq!(wrong_way(&[edge("net", "engine")]), ["net must not depend on engine"]);
    assert_eq!(wrong_way(&[edge("webui", "engine"), edge("engine", "config"), edge("new", "net")]).len(), 3);
    assert_eq!(wrong_way(&[edge("manage", "supervisor")]).len(), 1);
    assert!(wrong_way(&[edge("engine", "net"), edge("supervisor", "drivers")]).is_empty());
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).expect("cargo writes JSON");
    let edges = edges(&metadata);
    assert!(edges.contains(&edge("engine", "net")), "the edges are not found: {edges:?}");
    let complaints = wrong_way(&edges);
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn no_c_library_is_smuggled_in() {
    assert_eq!(smuggled("lab v0.1.0\nopenssl-sys v0.9.1\nring v0.17"), ["openssl-sys v0.9.1"]);
    let tree = cargo(&["tree", "--workspace", "--prefix", "none", "--edges", "normal,build,dev"]);
    assert!(tree.contains("zerocopy") || tree.contains("siphasher"), "this is no tree of the project");
    assert!(smuggled(&tree).is_empty(), "{:?}", smuggled(&tree));
}
