//! Rules about lines: how many, and what may not be in them.

use crate::source::{Source, blanked, words};
use crate::{keep, shows};

/// Lines of a file without its tests.
const FILE_LINES_MAX: usize = 500;
/// How far above an unsafe block its reason may begin.
const SAFETY_LINES: usize = 8;
/// Where unsafe code may be: the drivers, and tests that need an allocator of their own.
const UNSAFE_ALLOWED: &[&str] = &["firmware/drivers/", "firmware/engine/tests/allocation"];

fn rust(sources: &[Source]) -> impl Iterator<Item = &Source> {
    sources.iter().filter(|source| source.is_rust())
}

fn short_files(sources: &[Source]) -> Vec<String> {
    rust(sources)
        .map(|source| (source, source.product().lines().count()))
        .filter(|(_, lines)| *lines > FILE_LINES_MAX)
        .map(|(source, lines)| format!("{}: {lines} lines, {FILE_LINES_MAX} are allowed", source.path))
        .collect()
}

/// The marks of unfinished work, in parts so that this file has none of them.
fn unfinished() -> [&'static str; 6] {
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), "todo", "unimplemented", "dbg"]
}

fn finished(sources: &[Source]) -> Vec<String> {
    let kinds = [".rs", ".sh", ".py", ".c", ".h", ".html", ".js", "Makefile", ".toml"];
    let mut complaints = Vec::new();
    for source in sources.iter().filter(|source| kinds.iter().any(|kind| source.path.ends_with(kind))) {
        for (number, line) in source.text.lines().enumerate() {
            let found =
                line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| unfinished()[..3].contains(&word));
            let called = unfinished()[3..].iter().any(|name| line.contains(&format!("{name}!(")));
            if found || called {
                complaints.push(format!("{}: unfinished: {}", source.at(number + 1), line.trim()));
            }
        }
    }
    complaints
}

fn unsafe_in_drivers_only(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in rust(sources).filter(|source| !UNSAFE_ALLOWED.iter().any(|place| source.path.starts_with(place))) {
        let code = blanked(&source.text);
        for (line, _) in words(&code).filter(|(_, word)| *word == "unsafe") {
            complaints.push(format!("{}: unsafe outside the drivers", source.at(line)));
        }
    }
    complaints
}

fn unsafe_has_a_reason(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in rust(sources) {
        let code = blanked(&source.text);
        let (code, lines): (Vec<&str>, Vec<&str>) = (code.lines().collect(), source.text.lines().collect());
        for (at, line) in code.iter().enumerate() {
            if !line.contains("unsafe {") && !line.contains("unsafe impl") {
                continue;
            }
            let above = &lines[at.saturating_sub(SAFETY_LINES)..=at];
            if !above.iter().any(|line| line.contains("// SAFETY: ")) {
                complaints.push(format!("{}: unsafe without a SAFETY comment above", source.at(at + 1)));
            }
        }
    }
    complaints
}

fn no_unwrap(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in rust(sources) {
        for (number, line) in blanked(source.product()).lines().enumerate() {
            if line.contains(".unwrap()") {
                complaints.push(format!("{}: unwrap outside tests", source.at(number + 1)));
            }
        }
    }
    complaints
}

/// Known gaps, as `place: GAP(source): what`.
pub fn gaps(sources: &[Source]) -> Vec<String> {
    let mut gaps = Vec::new();
    for source in rust(sources) {
        for (number, line) in source.text.lines().enumerate() {
            if let Some(gap) = line.trim_start().trim_start_matches(['/', '!', ' ']).strip_prefix("GAP(")
                && line.trim_start().starts_with("//")
            {
                gaps.push(format!("{}: GAP({gap}", source.at(number + 1)));
            }
        }
    }
    gaps
}

#[test]
fn files_are_short() {
    shows(
        short_files,
        "a.rs",
        &"x\n".repeat(501),
        &format!("{}#[cfg(test)]\nmod t {{}}\n{}", "x\n".repeat(500), "y\n".repeat(99)),
    );
    keep(short_files);
}

#[test]
fn nothing_is_unfinished() {
    for mark in &unfinished()[..3] {
        shows(finished, "a.rs", &format!("// {mark}: later"), "// what is to be done later");
    }
    for call in &unfinished()[3..] {
        shows(finished, "a.rs", &format!("{call}!(x)"), call);
    }
    keep(finished);
}

#[test]
fn unsafe_is_in_the_drivers() {
    shows(
        unsafe_in_drivers_only,
        "firmware/net/src/a.rs",
        "unsafe { f() }",
        "// unsafe\n#![forbid(unsafe_code)]\n\"unsafe\"",
    );
    shows(unsafe_in_drivers_only, "tests/src/a.rs", "unsafe impl A for B {}", "safe()");
    assert!(unsafe_in_drivers_only(&[Source::new("firmware/drivers/src/a.rs", "unsafe { f() }")]).is_empty());
    keep(unsafe_in_drivers_only);
}

#[test]
fn unsafe_says_why() {
    let path = "firmware/drivers/src/a.rs";
    shows(
        unsafe_has_a_reason,
        path,
        "// SAFE\nlet a = unsafe { f() };",
        "// SAFETY: f is pure.\nlet a = unsafe { f() };",
    );
    shows(unsafe_has_a_reason, path, "unsafe impl Send for A {}", "// SAFETY: no data.\nunsafe impl Send for A {}");
    keep(unsafe_has_a_reason);
}

#[test]
fn nothing_is_unwrapped() {
    shows(
        no_unwrap,
        "firmware/net/src/a.rs",
        "a.unwrap();",
        "a.unwrap_or(b); // .unwrap()\n#[cfg(test)]\nmod tests { a.unwrap() }",
    );
    keep(no_unwrap);
}
