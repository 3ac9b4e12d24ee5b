use super::*;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &str, ending: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            match path.extension() {
                _ if path.is_dir() => folders.push(path),
                Some(extension) if extension == ending => found.push((path.clone(), fs::read_to_string(path).unwrap())),
                _ => {}
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// Quoted words that stand directly behind `before`.
fn quoted<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
    text.match_indices(before)
        .filter_map(|(at, _)| text[at + before.len()..].trim_start().strip_prefix('"')?.split('"').next())
        .collect()
}

/// What a person would read although it is in no catalogue.
fn bare(template: &str) -> Vec<String> {
    let mut text = template.to_owned();
    for (begin, end) in [("{{", "}}"), ("{%", "%}"), ("{#", "#}")] {
        while let Some(at) = text.find(begin) {
            let rest = text[at..].find(end).map_or(text.len(), |length| at + length + end.len());
            text.replace_range(at..rest, "\u{1}");
        }
    }
    let mut found = Vec::new();
    for attribute in ["placeholder=\"", "title=\"", "alt=\"", "aria-label=\""] {
        found.extend(text.match_indices(attribute).map(|(at, _)| &text[at + attribute.len()..]).filter_map(|rest| {
            let value = rest.split('"').next()?;
            value.chars().any(char::is_alphabetic).then(|| value.to_owned())
        }));
    }
    while let Some(at) = text.find('<') {
        let end = text[at..].find('>').map_or(text.len(), |length| at + length + 1);
        text.replace_range(at..end, "\u{1}");
    }
    let words = text.split('\u{1}').map(str::trim).filter(|word| word.chars().any(char::is_alphabetic));
    found.extend(words.map(str::to_owned));
    found
}

#[test]
fn both_catalogues_have_the_same_keys_and_places() {
    let keys = |catalogue: &Catalogue| catalogue.keys().cloned().collect::<BTreeSet<_>>();
    let (english, japanese) = (keys(&ENGLISH), keys(&JAPANESE));
    let difference: Vec<_> = english.symmetric_difference(&japanese).collect();
    assert!(difference.is_empty() && english.len() > 100, "in one language only: {difference:?}");
    for key in &english {
        for place in ["{0}", "{1}", "{2}"] {
            assert_eq!(ENGLISH[key].contains(place), JAPANESE[key].contains(place), "{key}: {place}");
        }
        assert!(!ENGLISH[key].is_empty() && !JAPANESE[key].is_empty(), "{key} says nothing");
    }
}

#[test]
fn what_is_said_is_in_the_catalogues_and_nothing_else_is() {
    let sources = [files("templates", "html"), files("src", "rs")].concat();
    let (mut used, mut kinds) =
        (BTreeSet::new(), BTreeSet::from(["done", "nav", "problem", "alert", "form", "hint", "choice"]));
    for (path, text) in sources.iter().filter(|(path, _)| !path.ends_with("language/tests.rs")) {
        for key in [quoted(text, "say("), quoted(text, "fill("), quoted(text, "fill_two("), quoted(text, "fill_three(")]
            .concat()
        {
            assert!(ENGLISH.contains_key(key), "{}: no text is called {key}", path.display());
            used.insert(key);
        }
        kinds.extend(quoted(text, ".word("));
        for key in [quoted(text, "done(")].concat() {
            assert!(ENGLISH.contains_key(&format!("done.{key}")), "{}: no text is called done.{key}", path.display());
        }
    }
    let unused: Vec<_> = ENGLISH
        .keys()
        .filter(|key| !used.contains(key.as_str()) && !kinds.contains(key.split('.').next().unwrap_or_default()))
        .collect();
    assert!(unused.is_empty(), "said nowhere: {unused:?}");
}

#[test]
fn every_refusal_can_be_said() {
    // The message of these says it all, or is the console's own.
    let untold = [api::Code::Other];
    for code in api::Code::ALL.iter().filter(|code| !untold.contains(code)) {
        assert!(ENGLISH.contains_key(&format!("problem.{}", code.name())), "no text for {code:?}");
    }
    let known = |key: &&String| {
        key.strip_prefix("problem.").is_some_and(|word| api::Code::ALL.iter().all(|code| code.name() != word))
    };
    assert_eq!(ENGLISH.keys().find(known), None, "no code is called so");
}

#[test]
fn templates_have_no_text_of_their_own() {
    assert_eq!(bare("<p title=\"Hi {{ a }}\">{{ t.say(\"x\") }} · <b>bold</b>{% if a %}</p>"), ["Hi \u{1}", "bold"]);
    for (path, text) in files("templates", "html") {
        assert!(bare(&text).is_empty(), "{}: {:?}", path.display(), bare(&text));
        for inline in [" style=", "<style", " onclick=", " onsubmit=", "javascript:"] {
            assert!(!text.contains(inline), "{}: {inline}", path.display());
        }
    }
}

#[test]
fn languages_of_a_browser() {
    for (list, language) in [
        ("ja,en;q=0.5", Some(Language::Japanese)),
        ("fr-FR, en-GB;q=0.8", Some(Language::English)),
        ("fr", None),
        ("日", None),
        ("", None),
    ] {
        assert_eq!(Language::accepted(list), language, "{list}");
    }
    assert_eq!(
        Text(Language::English).fill_two("overview.room", 1, 2),
        ENGLISH["overview.room"].replace("{0}", "1").replace("{1}", "2")
    );
}
