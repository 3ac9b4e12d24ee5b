//! Search filters as people write them (RFC 4515) and as they travel (RFC 4511 4.5.1.7).
// GAP(RFC 4515): substrings, orderings, approximate and extensible matches are refused by name.

use crate::codecs::ber::{self, tag};

/// Brackets within brackets. The parser calls itself for each.
pub const DEPTH_MAX: usize = 16;

/// Tags of the choices.
mod choice {
    pub const AND: u8 = 0xa0;
    pub const OR: u8 = 0xa1;
    pub const NOT: u8 = 0xa2;
    pub const EQUALITY: u8 = 0xa3;
    pub const PRESENT: u8 = 0x87;
}

/// What has to be true of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All of these.
    And(Vec<Filter>),
    /// One of these.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// The attribute has this value.
    Equality(String, Vec<u8>),
    /// The attribute is there.
    Present(String),
}

/// Why a text is no filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFilter {
    /// An opening bracket has to stand here.
    #[error("a filter or a part of it does not begin with (")]
    Open,
    /// A closing bracket has to stand here.
    #[error("a ( has no )")]
    Close,
    /// Something follows the filter.
    #[error("something stands behind the last )")]
    Trailing,
    /// No attribute, or a name that none can have.
    #[error("an attribute's name is missing or has a character that none may have")]
    Attribute,
    /// Nothing that compares.
    #[error("a comparison without =")]
    NoEquals,
    /// Two hexadecimal digits have to follow a backslash.
    #[error("a \\ without two hexadecimal digits")]
    Escape,
    /// A match that is not spoken here.
    #[error("only = and =* are understood, not >= <= ~= := or a * within a value")]
    Unsupported,
    /// More than [`DEPTH_MAX`].
    #[error("more than {DEPTH_MAX} brackets within each other")]
    Deep,
}

impl Filter {
    /// Reads a filter: `(&(objectClass=person)(!(uid=guest)))`.
    pub fn parse(text: &str) -> Result<Self, BadFilter> {
        let mut rest = text.trim();
        let filter = parse(&mut rest, 0)?;
        if rest.is_empty() { Ok(filter) } else { Err(BadFilter::Trailing) }
    }

    /// As an element of a search request.
    pub fn emit(&self) -> Vec<u8> {
        let set = |filters: &[Self]| filters.iter().flat_map(Self::emit).collect::<Vec<u8>>();
        match self {
            Self::And(filters) => ber::emit(choice::AND, &set(filters)),
            Self::Or(filters) => ber::emit(choice::OR, &set(filters)),
            Self::Not(filter) => ber::emit(choice::NOT, &filter.emit()),
            Self::Equality(attribute, value) => {
                let fields = [ber::emit(tag::OCTET_STRING, attribute.as_bytes()), ber::emit(tag::OCTET_STRING, value)];
                ber::emit(choice::EQUALITY, &fields.concat())
            }
            Self::Present(attribute) => ber::emit(choice::PRESENT, attribute.as_bytes()),
        }
    }
}

fn parse(rest: &mut &str, depth: usize) -> Result<Filter, BadFilter> {
    if depth >= DEPTH_MAX {
        return Err(BadFilter::Deep);
    }
    *rest = rest.strip_prefix('(').ok_or(BadFilter::Open)?;
    let filter = if let Some(inner) = rest.strip_prefix('&') {
        *rest = inner;
        Filter::And(parse_set(rest, depth)?)
    } else if let Some(inner) = rest.strip_prefix('|') {
        *rest = inner;
        Filter::Or(parse_set(rest, depth)?)
    } else if let Some(inner) = rest.strip_prefix('!') {
        *rest = inner;
        Filter::Not(Box::new(parse(rest, depth + 1)?))
    } else {
        let end = rest.find(['(', ')']).unwrap_or(rest.len());
        let (comparison, behind) = rest.split_at(end);
        *rest = behind;
        parse_comparison(comparison)?
    };
    *rest = rest.strip_prefix(')').ok_or(BadFilter::Close)?;
    Ok(filter)
}

// An empty set is allowed: (&) is true, (|) is false (RFC 4526).
fn parse_set(rest: &mut &str, depth: usize) -> Result<Vec<Filter>, BadFilter> {
    let mut filters = Vec::new();
    while !rest.starts_with(')') && !rest.is_empty() {
        filters.push(parse(rest, depth + 1)?);
    }
    Ok(filters)
}

fn parse_comparison(text: &str) -> Result<Filter, BadFilter> {
    let (attribute, value) = text.split_once('=').ok_or(BadFilter::NoEquals)?;
    if attribute.ends_with(['>', '<', '~', ':']) {
        return Err(BadFilter::Unsupported);
    }
    // RFC 4512 2.5: names or numbers, and options behind semicolons.
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-.;".contains(&byte);
    if attribute.is_empty() || !attribute.bytes().all(is_allowed) {
        return Err(BadFilter::Attribute);
    }
    match value {
        "*" => Ok(Filter::Present(attribute.into())),
        _ if value.contains('*') => Err(BadFilter::Unsupported),
        _ => Ok(Filter::Equality(attribute.into(), unescape(value)?)),
    }
}

// RFC 4515 3: a backslash and two hexadecimal digits are a byte.
fn unescape(value: &str) -> Result<Vec<u8>, BadFilter> {
    let mut bytes = value.bytes();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16)).ok_or(BadFilter::Escape);
        let (high, low) = (digit()?, digit()?);
        plain.push((high << 4 | low) as u8);
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn equality(attribute: &str, value: &[u8]) -> Filter {
        Filter::Equality(attribute.into(), value.into())
    }

    #[test]
    fn filters_of_rfc_4515() {
        let cases = [
            ("(objectClass=*)", Filter::Present("objectClass".into())),
            ("(cn=Babs Jensen)", equality("cn", b"Babs Jensen")),
            ("(!(cn=Tim Howes))", Filter::Not(Box::new(equality("cn", b"Tim Howes")))),
            (
                "(&(objectClass=Person)(|(sn=Jensen)(cn=Babs)))",
                Filter::And(vec![
                    equality("objectClass", b"Person"),
                    Filter::Or(vec![equality("sn", b"Jensen"), equality("cn", b"Babs")]),
                ]),
            ),
            ("(seeAlso=)", equality("seeAlso", b"")),
            ("(o=Parens R Us \\28for all your parenthetical needs\\29)", {
                equality("o", b"Parens R Us (for all your parenthetical needs)")
            }),
            ("(filename=C:\\5cMyFile)", equality("filename", b"C:\\MyFile")),
            ("(bin=\\00\\00\\00\\04)", equality("bin", &[0, 0, 0, 4])),
            ("(sn=Lu\\c4\\8di\\c4\\87)", equality("sn", "Lučić".as_bytes())),
            ("(1.3.6.1.4.1.1466.0=\\04\\02\\48\\69)", equality("1.3.6.1.4.1.1466.0", &[4, 2, 0x48, 0x69])),
            ("(cn;lang-de=a=b)", equality("cn;lang-de", b"a=b")),
            ("(&)", Filter::And(vec![])),
            (" (|) ", Filter::Or(vec![])),
        ];
        for (text, expected) in cases {
            assert_eq!(Filter::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_filter() {
        let cases = [
            ("", BadFilter::Open),
            ("cn=a", BadFilter::Open),
            ("(cn=a", BadFilter::Close),
            ("(cn=a(b)", BadFilter::Close),
            ("(&(cn=a)", BadFilter::Close),
            ("(!(cn=a)(cn=b))", BadFilter::Close),
            ("(!)", BadFilter::Open),
            ("(&cn=a)", BadFilter::Open),
            ("(cn=a))", BadFilter::Trailing),
            ("(cn=a)(cn=b)", BadFilter::Trailing),
            ("()", BadFilter::NoEquals),
            ("(cn)", BadFilter::NoEquals),
            ("(=a)", BadFilter::Attribute),
            ("(c n=a)", BadFilter::Attribute),
            ("(cn=\\2)", BadFilter::Escape),
            ("(cn=\\zz)", BadFilter::Escape),
            ("(cn=a*)", BadFilter::Unsupported),
            ("(n>=1)", BadFilter::Unsupported),
            ("(n~=1)", BadFilter::Unsupported),
            ("(cn:=a)", BadFilter::Unsupported),
        ];
        for (text, expected) in cases {
            assert_eq!(Filter::parse(text), Err(expected), "{text}");
        }
        let nested = |depth: usize| format!("{}(cn=a){}", "(!".repeat(depth - 1), ")".repeat(depth - 1));
        assert!(Filter::parse(&nested(DEPTH_MAX)).is_ok());
        assert_eq!(Filter::parse(&nested(DEPTH_MAX + 1)), Err(BadFilter::Deep));
        assert_eq!(Filter::parse(&nested(100_000)), Err(BadFilter::Deep));
    }

    #[test]
    fn bytes() {
        let cases: [(&str, &[u8]); 3] = [
            ("(cn=*)", b"\x87\x02cn"),
            ("(cn=a)", b"\xa3\x07\x04\x02cn\x04\x01a"),
            ("(&(cn=*)(!(b=)))", b"\xa0\x0d\x87\x02cn\xa2\x07\xa3\x05\x04\x01b\x04\x00"),
        ];
        for (text, expected) in cases {
            assert_eq!(Filter::parse(text).unwrap().emit(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[()&|!=*\\\\a-cé]{0,40}") {
            if let Ok(filter) = Filter::parse(&text) {
                filter.emit();
            }
        }
    }
}
