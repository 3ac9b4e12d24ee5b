//! The rule about counters: a drop reason or total that nothing adds to, or that no test looks at, is a lie in the
//! status page.

use crate::source::{Source, blanked, words};
use crate::{keep, shows};

const REASONS: &str = "firmware/engine/src/verdict.rs";
const TOTALS: &str = "firmware/engine/src/counters.rs";

/// The lines inside `name! { … }`.
fn table<'a>(sources: &'a [Source], path: &str, name: &str) -> Vec<&'a str> {
    let text = sources.iter().find(|source| source.path == path).map_or("", |source| &source.text);
    let begin = format!("\n{name}! {{\n");
    let inside =
        text.split_once(&begin).map_or("", |(_, rest)| rest.split_once("\n}").map_or(rest, |(inside, _)| inside));
    inside.lines().map(str::trim).filter(|line| !line.starts_with("//") && !line.is_empty()).collect()
}

/// Reasons as the variant and the text that is shown.
fn reasons(sources: &[Source]) -> Vec<(&str, &str)> {
    table(sources, REASONS, "drop_reasons")
        .into_iter()
        .filter_map(|line| line.trim_end_matches(',').split_once(" => "))
        .map(|(variant, text)| (variant, text.trim_matches('"')))
        .collect()
}

fn totals(sources: &[Source]) -> Vec<&str> {
    table(sources, TOTALS, "counters").into_iter().map(|line| line.trim_end_matches(',')).collect()
}

fn reasons_are_given(sources: &[Source]) -> Vec<String> {
    let product = product(sources);
    reasons(sources)
        .into_iter()
        .filter(|(variant, _)| {
            ![format!("DropReason::{variant}"), format!("Self::{variant}")]
                .iter()
                .any(|use_of| has_word(&product, use_of))
        })
        .map(|(variant, _)| format!("{REASONS}: nothing is dropped for {variant}"))
        .collect()
}

fn reasons_are_tested(sources: &[Source]) -> Vec<String> {
    let tests = tests(sources);
    reasons(sources)
        .into_iter()
        .filter(|(variant, text)| !has_word(&tests, &format!("DropReason::{variant}")) && !has_word(&tests, text))
        .map(|(variant, _)| format!("{REASONS}: no test sees a drop for {variant}"))
        .collect()
}

fn totals_are_counted(sources: &[Source]) -> Vec<String> {
    let product: String = product(sources).split_whitespace().collect();
    totals(sources)
        .into_iter()
        .filter(|name| !["add(", "set("].iter().any(|verb| product.contains(&format!(".{name}.{verb}"))))
        .map(|name| format!("{TOTALS}: nothing counts {name}"))
        .collect()
}

fn totals_are_tested(sources: &[Source]) -> Vec<String> {
    let tests = tests(sources);
    let absent = |name: &&str| !has_word(&tests, name);
    totals(sources).into_iter().filter(absent).map(|name| format!("{TOTALS}: no test looks at {name}")).collect()
}

/// All product code without comments and literals.
fn product(sources: &[Source]) -> String {
    sources.iter().filter(|source| source.is_rust()).map(|source| blanked(source.product())).collect()
}

/// All tests, and the golden files.
fn tests(sources: &[Source]) -> String {
    sources
        .iter()
        .filter(|source| source.is_rust() || source.path.contains("golden"))
        .map(|source| if source.is_rust() { source.tests().to_string() } else { source.text.clone() })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Whether `what` stands in `text` with nothing of a name directly before or behind it.
fn has_word(text: &str, what: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(what)
        .any(|(at, _)| !text[..at].ends_with(part_of_name) && !text[at + what.len()..].starts_with(part_of_name))
}

#[test]
fn every_drop_reason_is_given_and_tested() {
    let table = "\ndrop_reasons! {\n    /// Why.\n    NoRoute => \"no_route\",\n}\n";
    let unused = format!("{table}// DropReason::NoRoute");
    let used = format!("{table}fn f() {{ DropReason::NoRoute }}\n#[cfg(test)]\nmod tests {{ \"no_route\" }}");
    shows(reasons_are_given, REASONS, &unused, &used);
    shows(reasons_are_tested, REASONS, &unused, &used);
    assert!(reasons(&crate::source::all()).len() > 30, "the table of reasons is not found");
    keep(|sources| [reasons_are_given(sources), reasons_are_tested(sources)].concat());
}

#[test]
fn every_total_is_counted_and_tested() {
    let table = "\ncounters! {\n    /// What.\n    turns,\n}\n";
    let unused = format!("{table}fn f() {{ totals.turns.value() }}");
    let used = format!("{table}fn f() {{ totals\n.turns\n.add(1) }}\n#[cfg(test)]\nmod tests {{ totals.turns }}");
    shows(totals_are_counted, TOTALS, &unused, &used);
    shows(totals_are_tested, TOTALS, &unused, &used);
    assert!(totals(&crate::source::all()).len() > 30, "the table of totals is not found");
    keep(|sources| [totals_are_counted(sources), totals_are_tested(sources)].concat());
}

#[test]
fn words_are_whole() {
    assert!(has_word("a.no_flow,", "no_flow") && !has_word("no_flows", "no_flow") && !has_word("x_no_flow", "no_flow"));
    assert_eq!(words("a::b_c(d)").map(|(_, word)| word).collect::<Vec<_>>(), ["a", "b_c", "d"]);
}
