//! The rule about names: one word per thing, and not these.

use crate::source::{Source, blanked, words};
use crate::{keep, shows};

/// Words that say nothing, or that have another word here.
const FORBIDDEN: &[(&str, &str)] = &[
    ("real", "backend"),
    ("dest", "backend or destination"),
    ("session", "flow"),
    ("entry", "flow, or what it is an entry of"),
    ("ctx", "what it is"),
    ("mgr", "what it does"),
    ("manager", "what it does"),
    ("util", "what it does"),
    ("utils", "what it does"),
    ("common", "what it holds"),
    ("helper", "what it does"),
    ("helpers", "what it does"),
];

/// Where people log in, a session is a session.
const LOGIN: &[&str] = &["firmware/manage/", "firmware/api/", "webui/", "firmware/store/"];

/// Keywords that a name follows.
const BEFORE_NAMES: &[&str] = &["fn", "struct", "enum", "trait", "mod", "type", "const", "static"];

fn plain_names(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        let file = source.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
        complaints.extend(complaint(source, file).map(|why| format!("{}: {why}", source.path)));
        let code = blanked(source.product());
        let mut before = "";
        for (line, word) in words(&code) {
            if BEFORE_NAMES.contains(&before) {
                complaints.extend(complaint(source, word).map(|why| format!("{}: {why}", source.at(line))));
                if before == "fn" && word.starts_with("get_") {
                    complaints.push(format!("{}: {word}: without get_", source.at(line)));
                }
            }
            before = word;
        }
    }
    complaints
}

fn complaint(source: &Source, name: &str) -> Option<String> {
    let parts = parts(name);
    let login = LOGIN.iter().any(|place| source.path.starts_with(place));
    // "Common" is a fine word in the greatest common divisor, and a bad name for a module.
    let whole = |word: &str| word != "common" || parts.len() == 1;
    let (word, better) = FORBIDDEN
        .iter()
        .find(|(word, _)| parts.iter().any(|part| part == word && whole(word)) && !(login && *word == "session"))?;
    Some(format!("{name}: not {word} but {better}"))
}

/// The words of a name, in lower case: `snake_case` and `CamelCase`.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut lower_before = false;
    for c in name.chars() {
        if c == '_' || (c.is_uppercase() && lower_before) {
            parts.push(String::new());
        }
        if c != '_' {
            parts.last_mut().expect("begun with one").extend(c.to_lowercase());
        }
        lower_before = c.is_lowercase();
    }
    parts
}

#[test]
fn names_are_plain() {
    let path = "firmware/engine/src/a.rs";
    shows(plain_names, path, "struct RealServer;", "struct Backend; // real\nfn realign() {}");
    shows(plain_names, path, "fn get_flow() {}", "fn flow() { map.get_mut(1); map.entry(2) }");
    shows(plain_names, path, "struct Session;", "fn common_divisor() {}\n#[cfg(test)]\nmod tests { fn helper() {} }");
    assert!(!plain_names(&[Source::new("firmware/engine/src/util.rs", "")]).is_empty());
    assert!(plain_names(&[Source::new("firmware/manage/src/a.rs", "struct Session;")]).is_empty());
    assert_eq!(parts("TcpFlow_max"), ["tcp", "flow", "max"]);
    keep(plain_names);
}
