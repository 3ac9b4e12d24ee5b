//! Other names for NICs in the text of a document, for a box whose NICs are called otherwise. Only the names change: layout
//! and comments stay.

use crate::report::Report;
use crate::{Errors, read};
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Keys whose values name NICs, wherever they stand: text, a list of texts, or either by node.
const NIC_KEYS: &[&str] = &["nic", "nics"];
/// The tables that are NICs: there the `name` is one.
const NIC_TABLES: &str = "nic";

/// The document `text` with every NIC that `names` has called by its new name, all at once: two may swap their names.
/// The text must be a document without errors; the new one may not be (two NICs of one name), so it is checked as well.
pub fn rename_nics(text: &str, file_name: &str, names: &BTreeMap<String, String>) -> Result<String, Errors> {
    crate::parse(text, file_name)?;
    let mut found = Vec::new();
    let (table, _) = DeTable::parse_recoverable(text);
    for (key, value) in table.get_ref() {
        match value.get_ref() {
            DeValue::Array(items) if key.get_ref() == NIC_TABLES => {
                let nics = items.iter().filter_map(|item| item.get_ref().as_table());
                nics.filter_map(|nic| nic.get("name")).for_each(|name| collect(name, &mut found));
            }
            _ => search(value, &mut found),
        }
    }
    let mut changes: Vec<(Range<usize>, &String)> =
        found.into_iter().filter_map(|(span, name)| Some((span, names.get(&name)?))).collect();
    // From the end, so that places before it stay where they are.
    changes.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut renamed = text.to_owned();
    for (span, name) in changes {
        renamed.replace_range(span, &toml::Value::String(name.clone()).to_string());
    }
    let report = Report::new(file_name, &renamed);
    read::document(&report);
    match report.finish() {
        None => Ok(renamed),
        Some(errors) => Err(errors),
    }
}

/// Values below NIC keys, anywhere in `value`.
fn search(value: &Spanned<DeValue<'_>>, found: &mut Vec<(Range<usize>, String)>) {
    match value.get_ref() {
        DeValue::Array(items) => items.iter().for_each(|item| search(item, found)),
        DeValue::Table(table) => {
            for (key, value) in table {
                let key: &str = key.get_ref();
                if NIC_KEYS.contains(&key) { collect(value, found) } else { search(value, found) }
            }
        }
        _ => {}
    }
}

/// All texts in `value`, with their places.
fn collect(value: &Spanned<DeValue<'_>>, found: &mut Vec<(Range<usize>, String)>) {
    match value.get_ref() {
        DeValue::String(name) => found.push((value.span(), name.to_string())),
        DeValue::Array(items) => items.iter().for_each(|item| collect(item, found)),
        DeValue::Table(table) => table.iter().for_each(|(_, value)| collect(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every place of a document that names a NIC, and texts that only look like one.
    const DOCUMENT: &str = r#"version = 1
[[nic]] # f0 in a comment
name = "f0"
addresses = { a = ["10.1.0.1/16"], b = ["10.1.0.2/16"] }
[[nic]]
name = 'b0'
addresses = ["10.2.0.1/16"]
[[route]]
to = "0.0.0.0/0"
nic = "f0"
[[service]]
name = "f0"
vip = "10.1.0.100"
nic = "f0"
ports = "80"
method = "nat"
[[service.backend]]
name = "b0"
address = "10.2.0.2"
[[ha.router]]
id = 51
nic = "f0"
priority = { a = 200, b = 100 }
vips = ["10.1.0.100"]
track = [{ nic = "b0", weight = -50 }]
[web]
nics = ["b0", "management"]
"#;

    fn names(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned())).collect()
    }

    #[test]
    fn names_change_and_nothing_else() {
        let renamed = rename_nics(DOCUMENT, "test", &names(&[("f0", "enp1s0"), ("b0", "enp2s0")])).unwrap();
        let expected = DOCUMENT
            .replace("[[nic]] # f0 in a comment\nname = \"f0\"", "[[nic]] # f0 in a comment\nname = \"enp1s0\"")
            .replace("name = 'b0'", "name = \"enp2s0\"")
            .replace("nic = \"f0\"", "nic = \"enp1s0\"")
            .replace("nic = \"b0\"", "nic = \"enp2s0\"")
            .replace("nics = [\"b0\"", "nics = [\"enp2s0\"");
        assert_eq!(renamed, expected);
        let config = crate::parse(&renamed, "test").unwrap();
        assert_eq!((config.services[0].name.as_str(), config.services[0].backends[0].name.as_str()), ("f0", "b0"));
    }

    /// What the model itself calls a NIC is found: a key that is added later and forgotten here fails this.
    #[test]
    fn no_old_name_is_left_in_the_model() {
        let text = DOCUMENT
            .replace("name = \"f0\"\nvip", "name = \"web\"\nvip")
            .replace("\"b0\"\naddress = ", "\"s1\"\naddress = ");
        let renamed = rename_nics(&text, "test", &names(&[("f0", "x0"), ("b0", "x1")])).unwrap();
        let shown = crate::parse(&renamed, "test").unwrap().to_toml();
        assert!(!shown.contains("\"f0\"") && !shown.contains("\"b0\""), "{shown}");
    }

    #[test]
    fn two_may_swap_and_none_may_be_lost() {
        let swapped = rename_nics(DOCUMENT, "test", &names(&[("f0", "b0"), ("b0", "f0")])).unwrap();
        let config = crate::parse(&swapped, "test").unwrap();
        assert_eq!(config.nics.iter().map(|nic| nic.name.as_str()).collect::<Vec<_>>(), ["b0", "f0"]);
        let error = rename_nics(DOCUMENT, "test", &names(&[("f0", "b0")])).unwrap_err();
        assert!(error.to_string().contains("b0"), "{error}");
        assert!(rename_nics("version = 2\n", "test", &names(&[])).is_err());
        assert_eq!(rename_nics(DOCUMENT, "test", &names(&[])).unwrap(), DOCUMENT);
    }
}
