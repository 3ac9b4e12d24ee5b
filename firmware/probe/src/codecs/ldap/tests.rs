use super::*;
use proptest::prelude::*;

fn content(message: &[u8]) -> &[u8] {
    let mut reader = Reader::new(message);
    let content = ber::content(&mut reader, tag::SEQUENCE).unwrap();
    assert!(reader.is_empty());
    content
}

#[test]
fn requests() {
    let everything = Filter::parse("(objectClass=*)").unwrap();
    let cases: [(Vec<u8>, &[u8]); 5] = [
        (bind(1, "", ""), b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00"),
        (bind(1, "cn=a", "pw"), b"\x30\x12\x02\x01\x01\x60\x0d\x02\x01\x03\x04\x04cn=a\x80\x02pw"),
        (
            search(2, "dc=x", Scope::Base, &everything, 2),
            b"\x30\x2e\x02\x01\x02\x63\x29\x04\x04dc=x\x0a\x01\x00\x0a\x01\x00\x02\x01\x02\x02\x01\x00\x01\x01\x00\
              \x87\x0bobjectClass\x30\x05\x04\x031.1",
        ),
        (start_tls(1), b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"),
        (unbind(3), b"\x30\x05\x02\x01\x03\x42\x00"),
    ];
    for (bytes, expected) in cases {
        assert_eq!(bytes, expected);
    }
}

#[test]
fn responses() {
    let outcome = |code, diagnostic: &str| Outcome { code, diagnostic: diagnostic.into() };
    let cases: [(&[u8], i64, Response); 7] = [
        // As slapd sends them.
        (b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00", 1, Response::Bind(outcome(0, ""))),
        (b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x31\x04\x00\x04\x00", 1, Response::Bind(outcome(49, ""))),
        (b"\x30\x0d\x02\x01\x02\x64\x08\x04\x04dc=x\x30\x00", 2, Response::Found("dc=x".into())),
        (b"\x30\x0f\x02\x01\x02\x73\x0a\x04\x08ldap://b", 2, Response::Reference),
        (b"\x30\x0e\x02\x01\x02\x65\x09\x0a\x01\x20\x04\x00\x04\x02no", 2, Response::Done(outcome(32, "no"))),
        (b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00", 1, Response::Extended(outcome(2, ""))),
        // Notice of disconnection, with lengths in the long form, which BER allows for short ones too.
        (
            b"\x30\x82\x00\x29\x02\x01\x00\x78\x82\x00\x22\x0a\x01\x34\x04\x00\x04\x03bye\x8a\x161.3.6.1.4.1.1466.20036",
            0,
            Response::Extended(outcome(52, "bye")),
        ),
    ];
    for (bytes, id, response) in cases {
        assert_eq!(parse(content(bytes)), Ok(Message { id, response }), "{bytes:02x?}");
    }
}

#[test]
fn what_is_no_response() {
    let cases: [(&[u8], Malformed); 4] = [
        (b"", Malformed::SHORT),
        (b"\x02\x01\x01", Malformed::SHORT),
        (b"\x02\x01\x01\x61\x02\x0a\x01", Malformed::SHORT),
        (b"\x02\x01\x01\x42\x00", Malformed("an LDAP message is of a type that was not asked for")),
    ];
    for (bytes, expected) in cases {
        assert_eq!(parse(bytes), Err(expected), "{bytes:02x?}");
    }
}

#[test]
fn outcomes_in_words() {
    let outcome = Outcome { code: 49, diagnostic: String::new() };
    assert_eq!(outcome.to_string(), "result 49 (invalid credentials)");
    let outcome = Outcome { code: 53, diagnostic: "unauthenticated bind disallowed".into() };
    assert_eq!(outcome.to_string(), "result 53 (unwilling to perform): unauthenticated bind disallowed");
}

proptest! {
    #[test]
    fn never_panics(bytes: Vec<u8>, operation in 0x60_u8..0x7a) {
        let _ = parse(&bytes);
        let _ = parse(&[&[2, 1, 1, operation, bytes.len() as u8], &bytes[..]].concat());
    }
}
