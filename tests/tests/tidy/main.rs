//! The style of the project, kept by tests. A rule is a function from sources to complaints; each is also shown a source
//! that it has to complain about, and one that it must not.

mod counted;
mod functions;
mod names;
mod secrets;
mod source;
mod text;
mod workspace;

use source::Source;

/// A rule: what it finds wrong, one line each, beginning with the place.
type Rule = fn(&[Source]) -> Vec<String>;

/// Fails with all complaints at once.
fn keep(rule: Rule) {
    let complaints = rule(&source::all());
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

/// Shows that `rule` can fail: it complains about `bad` in the file `path`, and not about `good`.
fn shows(rule: Rule, path: &str, bad: &str, good: &str) {
    let one = |text: &str| vec![Source::new(path, text)];
    assert!(!rule(&one(bad)).is_empty(), "no complaint about:\n{bad}");
    let complaints = rule(&one(good));
    assert!(complaints.is_empty(), "complaints about what is good:\n{}", complaints.join("\n"));
}

#[test]
fn known_gaps_are_listed() {
    let sources = source::all();
    for gap in text::gaps(&sources) {
        println!("{gap}");
    }
    let sample = [Source::new("a.rs", "// GAP(RFC 9568 8.2.3): no\nlet gap = 1;")];
    assert_eq!(text::gaps(&sample), ["a.rs:1: GAP(RFC 9568 8.2.3): no"]);
}
