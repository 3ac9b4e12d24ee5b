//! Texts in which no secret of the given documents is left, however it is written.

use aho_corasick::{AhoCorasick, BuildError, MatchKind};
use config::{Config, HIDDEN};
use data_encoding::{BASE64, HEXLOWER, HEXUPPER};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Shorter secrets are not searched for: hiding every "a" tells the password "a".
const SECRET_BYTES_MIN: usize = 4;
/// Shorter parts of secrets are not searched for by themselves: "Bearer" is none.
const PART_BYTES_MIN: usize = 8;
/// Longer than this, small letters alone are no word of a language.
const WORD_BYTES_MAX: usize = 16;
/// Fewer characters of base64 say nothing for certain.
const BASE64_CHARS_MIN: usize = 6;

/// Takes secrets out of texts.
#[derive(Debug)]
pub struct Cleaner {
    search: AhoCorasick,
    patterns: usize,
}

impl Cleaner {
    /// Of all secrets of these documents.
    ///
    /// # Errors
    /// When there are more than can be searched for.
    pub fn new<'a>(documents: impl IntoIterator<Item = &'a Config>) -> Result<Self, BuildError> {
        let mut patterns = BTreeSet::new();
        for secret in documents.into_iter().flat_map(Config::secrets) {
            forms(secret.trim(), SECRET_BYTES_MIN, &mut patterns);
            parts(&secret).for_each(|part| forms(part, PART_BYTES_MIN, &mut patterns));
        }
        let found = patterns.len();
        // Where one secret is part of another, the longer one is hidden whole.
        let search = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(patterns)?;
        Ok(Self { search, patterns: found })
    }

    /// The same text, with `***` wherever a secret stood.
    pub fn clean(&self, text: &str) -> String {
        let mut cleaned = String::with_capacity(text.len());
        self.search.replace_all_with(text, &mut cleaned, |_, _, cleaned| {
            cleaned.push_str(HIDDEN);
            true
        });
        cleaned
    }

    /// How many ways of writing secrets are searched for.
    pub fn patterns(&self) -> usize {
        self.patterns
    }
}

/// Parts that are secret by themselves: a header is "Bearer" and a token, and an address of the web has its secret before the
/// host or somewhere behind it. The host is none, nor are words of a language.
fn parts(secret: &str) -> impl Iterator<Item = &str> {
    let (before, behind) = match secret.split_once("://") {
        Some((_, rest)) => {
            let (authority, behind) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
            (authority.rsplit_once('@').map_or("", |(before, _)| before), behind)
        }
        None => ("", secret),
    };
    let ends = |c: char| c.is_whitespace() || matches!(c, '/' | '?' | '&' | '=' | ':' | '@' | '#');
    let is_word = |part: &str| part.len() < WORD_BYTES_MAX && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let parts = before.split(ends).chain(behind.split(ends));
    parts.filter(move |part| part.len() >= PART_BYTES_MIN && !is_word(part))
}

/// The ways in which a secret may be written.
fn forms(secret: &str, bytes_min: usize, into: &mut BTreeSet<String>) {
    if secret.len() < bytes_min {
        return;
    }
    let bytes = secret.as_bytes();
    let json = serde_json::to_string(secret).expect("text");
    into.insert(secret.to_owned());
    into.insert(json[1..json.len() - 1].to_owned());
    // A transcript inside JSON is escaped by both.
    let twice = serde_json::to_string(&json[1..json.len() - 1]).expect("text");
    into.insert(twice[1..twice.len() - 1].to_owned());
    into.insert(HEXLOWER.encode(bytes));
    into.insert(HEXUPPER.encode(bytes));
    into.insert(in_urls(bytes));
    into.extend((0..3).filter_map(|before| within_base64(bytes, before)));
}

/// RFC 3986 2.3: everything but unreserved characters is escaped.
fn in_urls(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        match byte {
            b'-' | b'.' | b'_' | b'~' => text.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => text.push(char::from(*byte)),
            byte => write!(text, "%{byte:02X}").expect("writing to a string"),
        }
    }
    text
}

/// The characters of base64 that say the same whatever stands around `bytes`, which begin `before` bytes after a multiple of
/// three: in SMTP and HTTP the name stands before the password.
fn within_base64(bytes: &[u8], before: usize) -> Option<String> {
    let encoded = BASE64.encode(&[&vec![0; before], bytes].concat());
    let (from, to) = ((before * 8).div_ceil(6), (before + bytes.len()) * 8 / 6);
    (to - from >= BASE64_CHARS_MIN).then(|| encoded[from..to].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DOCUMENT: &str = "version = 1\n[[alerts.webhook]]\nname = \"hook\"\nsecret = \"signs \\\"all\\\" of it\"\n\
                            url = \"https://hooks.example/services/T0000plantedpath\"\n";

    fn cleaner() -> Cleaner {
        Cleaner::new([&config::parse(DOCUMENT, "test").unwrap()]).unwrap()
    }

    #[test]
    fn secrets_go_and_the_rest_stays() {
        let cleaner = cleaner();
        for (text, cleaned) in [
            ("nothing to hide: hooks.example", "nothing to hide: hooks.example"),
            ("said signs \"all\" of it.", "said ***."),
            ("{\"said\":\"signs \\\"all\\\" of it\"}", "{\"said\":\"***\"}"),
            ("signs%20%22all%22%20of%20it", "***"),
            ("POST /services/T0000plantedpath HTTP/1.1", "POST /services/*** HTTP/1.1"),
            ("https://hooks.example/services/T0000plantedpath", "***"),
        ] {
            assert_eq!(cleaner.clean(text), cleaned, "{text}");
        }
        assert!(cleaner.patterns() > 10);
    }

    proptest! {
        /// Base64 with whatever else around it, and hex, has no way through.
        #[test]
        fn encoded_with_others(before in "\\PC{0,7}", after in "\\PC{0,7}") {
            let cleaner = cleaner();
            let text = format!("{before}signs \"all\" of it{after}");
            for encoded in [BASE64.encode(text.as_bytes()), HEXLOWER.encode(text.as_bytes())] {
                prop_assert!(cleaner.clean(&encoded).contains(HIDDEN), "{encoded}");
            }
        }
    }
}
