//! Secrets are taken out of whatever is written down: the audit log, alerts, support bundles.

use config::Diff;
use std::fmt::Write;

/// What stands where a secret stood.
pub const HIDDEN: &str = "(secret)";

/// Last words of keys whose values are secret. `send` and `expect` are steps of a dialogue: they may log in.
const SECRET_WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "key",
    "token",
    "community",
    "credentials",
    "authorization",
    "cookie",
    "code",
    "codes",
    "send",
    "expect",
];

/// Whether the value of a key called `name` is secret. A key's file is none: it has the name only.
pub fn is_secret(name: &str) -> bool {
    let last = name.rsplit(['.', '_', '-', ' ']).next().unwrap_or_default();
    SECRET_WORDS.iter().any(|word| last.eq_ignore_ascii_case(word))
}

/// TOML, JSON or `key: value` text without its secrets: the quoted values of secret keys, and of addresses all but scheme
/// and host, for some carry the secret in their path.
pub fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(['"', '\'']) {
        let (before, quoted) = rest.split_at(start);
        out.push_str(before);
        let (mark, inside, after) = unquote(quoted);
        let key = key_before(before, &out);
        if key.is_some_and(|key| is_secret(&key)) {
            write!(out, "{mark}{HIDDEN}{mark}").expect("writing to a string");
        } else if let Some(shown) = address(inside) {
            write!(out, "{mark}{shown}{mark}").expect("writing to a string");
        } else {
            out.push_str(&quoted[..quoted.len() - after.len()]);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The changes of a document, as people read them, without secrets.
pub fn diff(diff: &Diff) -> String {
    let mut shown = diff.clone();
    for field in shown.changes.iter_mut().flat_map(|change| &mut change.fields) {
        let secret = is_secret(&field.field);
        for value in [&mut field.before, &mut field.after].into_iter().flatten() {
            *value = if secret { HIDDEN.to_owned() } else { text(value) };
        }
    }
    shown.to_string()
}

/// The quotation mark, what is inside, and what follows. Text whose end is missing is all inside.
fn unquote(quoted: &str) -> (&str, &str, &str) {
    let one = &quoted[..1];
    let mark = if quoted.starts_with("\"\"\"") || quoted.starts_with("'''") { &quoted[..3] } else { one };
    let body = &quoted[mark.len()..];
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        if !escaped && body[at..].starts_with(mark) {
            return (mark, &body[..at], &body[at + mark.len()..]);
        }
        // TOML: no escapes between apostrophes.
        escaped = c == '\\' && !escaped && one == "\"";
    }
    (mark, body, "")
}

/// The key of a value: what stands before its `=` or `:`, quoted or not. `between` is the text since the last quoted one,
/// `so_far` all of it.
fn key_before(between: &str, so_far: &str) -> Option<String> {
    let before = between.trim_end();
    // A list belongs to the key before it, for each of its values.
    let before = before.trim_end_matches(['[', '(', ' ', '\n', '\t']);
    let Some(before) = before.strip_suffix(['=', ':']) else {
        return (before.trim() == ",").then(|| list_key(so_far)).flatten();
    };
    let before = before.trim_end();
    let name: String = if before.is_empty() {
        // The key was the quoted text before this one.
        let text = so_far.trim_end().trim_end_matches(['[', '(', ' ']).trim_end_matches(['=', ':']).trim_end();
        let text = text.trim_end_matches(['"', '\'']);
        text.rsplit(['"', '\'']).next().unwrap_or_default().to_owned()
    } else {
        let last = before.rsplit(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))).next();
        last.unwrap_or_default().to_owned()
    };
    Some(name)
}

/// The key of the list that the text ends in, if it ends in one.
fn list_key(so_far: &str) -> Option<String> {
    let open = so_far.rfind('[').filter(|open| !so_far[*open..].contains([']', '{']))?;
    let before = so_far[..open].trim_end().strip_suffix(['=', ':'])?.trim_end().trim_end_matches(['"', '\'']);
    let last = before.rsplit(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))).next()?;
    Some(last.to_owned())
}

/// An address of the web without user, path and query; `None`: it is none.
fn address(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    let more = if rest.len() > host.len() { "/…" } else { "" };
    Some(format!("{scheme}://{host}{more}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::{Action, Change, FieldChange, Thing};
    use proptest::prelude::*;

    #[test]
    fn keys() {
        for (name, secret) in [
            ("password", true),
            ("smtp_password", true),
            ("alerts.mail.password", true),
            ("Secret", true),
            ("ha.key", true),
            ("key_file", false),
            ("tokens_max", false),
            ("send", true),
            ("path", false),
            ("monkey", false),
            ("", false),
        ] {
            assert_eq!(is_secret(name), secret, "{name}");
        }
    }

    #[test]
    fn texts() {
        for (before, after) in [
            ("password = \"x\"", "password = \"(secret)\""),
            ("password=\"a\\\"b\" # c", "password=\"(secret)\" # c"),
            ("password = 'a\\'", "password = '(secret)'"),
            ("password = \"\"\"a\n\"b\"\n\"\"\"\nname = \"n\"", "password = \"\"\"(secret)\"\"\"\nname = \"n\""),
            ("{ user = \"u\", password = \"p\" }", "{ user = \"u\", password = \"(secret)\" }"),
            ("{\"password\":\"p\",\"user\":\"u\"}", "{\"password\":\"(secret)\",\"user\":\"u\"}"),
            ("{\"password\" : \"p\"}", "{\"password\" : \"(secret)\"}"),
            ("send = [\"LOGIN a b\\r\\n\", \"QUIT\"]", "send = [\"(secret)\", \"(secret)\"]"),
            ("names = [\"a\", \"b\"]", "names = [\"a\", \"b\"]"),
            ("url = \"https://u:p@hooks.example/x/y?z\"", "url = \"https://hooks.example/…\""),
            ("url = \"http://hooks.example:80\"", "url = \"http://hooks.example:80\""),
            ("path = \"/healthz\"", "path = \"/healthz\""),
            ("password = \"never closed", "password = \"(secret)\""),
            ("no quotes", "no quotes"),
            ("", ""),
        ] {
            assert_eq!(text(before), after, "{before}");
        }
    }

    #[test]
    fn differences() {
        let field = |field: &str, before: &str, after: &str| FieldChange {
            field: field.to_owned(),
            before: Some(before.to_owned()),
            after: Some(after.to_owned()),
        };
        let fields = vec![
            field("password", "\"old\"", "\"new\""),
            field("mail", "[{ server = \"a\", password = \"old\" }]", "[{ server = \"b\", password = \"new\" }]"),
        ];
        let change = Change { thing: Thing::Web, name: String::new(), action: Action::Changed, fields };
        let shown = diff(&Diff { changes: vec![change] });
        assert!(shown.contains("password: (secret) -> (secret)"), "{shown}");
        assert!(shown.contains("server = \"b\"") && !shown.contains("old") && !shown.contains("new"), "{shown}");
    }

    proptest! {
        /// Whatever a secret is made of, as JSON and as TOML it does not come through.
        #[test]
        fn no_secret_comes_through(secret in "[ -~\n\t\u{e0}-\u{ff}]{4,40}", other in "[a-z]{1,8}") {
            let json = serde_json::json!({ "user": other, "password": secret, "list": [{ "token": secret }] }).to_string();
            let toml = format!("user = \"{other}\"\nsecret = {}\nnext = \"x\"", toml_text(&secret));
            for shown in [text(&json), text(&toml)] {
                let found = shown.matches(HIDDEN).count();
                prop_assert!(found == 1 || found == 2, "{}", shown);
                prop_assert!(!shown.contains(&json_text(&secret)), "{}", shown);
                prop_assert!(shown.contains(&other));
            }
        }

        #[test]
        fn any_text_is_answered(any in "\\PC{0,80}", quotes in "[\"'=:\\[\\]{},\\\\ a]{0,40}") {
            let _ = (text(&any), text(&quotes));
        }
    }

    fn json_text(secret: &str) -> String {
        let quoted = serde_json::to_string(secret).expect("text");
        quoted[1..quoted.len() - 1].to_owned()
    }

    fn toml_text(secret: &str) -> String {
        serde_json::to_string(secret).expect("JSON's escapes are TOML's too")
    }
}
