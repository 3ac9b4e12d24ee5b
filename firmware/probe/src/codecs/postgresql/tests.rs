use super::*;
use proptest::prelude::*;

#[test]
fn requests() {
    let cases: [(Vec<u8>, &[u8]); 8] = [
        (tls_request(), b"\0\0\0\x08\x04\xd2\x16\x2f"),
        (startup("me", Some("shop")), b"\0\0\0\x37\0\x03\0\0user\0me\0database\0shop\0application_name\0suimon\0\0"),
        (startup("me", None), b"\0\0\0\x29\0\x03\0\0user\0me\0application_name\0suimon\0\0"),
        (password("se\0cret"), b"p\0\0\0\x07se\0"),
        (sasl_initial("SCRAM-SHA-256", "n,,"), b"p\0\0\0\x19SCRAM-SHA-256\0\0\0\0\x03n,,"),
        (sasl_response("c=biws"), b"p\0\0\0\x0ac=biws"),
        (query("SELECT 1"), b"Q\0\0\0\x0dSELECT 1\0"),
        (terminate(), b"X\0\0\0\x04"),
    ];
    for (bytes, expected) in cases {
        assert_eq!(bytes, expected);
    }
}

#[test]
fn a_hash() {
    // md5(md5("secret" "me") salt), computed with md5sum.
    assert_eq!(md5("me", "secret", *b"salt"), "md541c83370953958037c7298c50b238bda");
}

#[test]
fn headers() {
    let strange = Err(Malformed("a header is none of PostgreSQL's"));
    let cases = [
        (*b"R\0\0\0\x08", Ok((b'R', 4))),
        (*b"Z\0\0\0\x04", Ok((b'Z', 0))),
        (*b"D\x40\0\0\0", Ok((b'D', 0x3fff_fffc))),
        (*b"Z\0\0\0\x03", strange),
        (*b"-ERR ", Err(Malformed("a header is none of PostgreSQL's"))),
    ];
    for (header, expected) in cases {
        assert_eq!(parse_header(header), expected, "{header:?}");
    }
}

#[test]
fn messages() {
    let step = |step| Ok(Message::Authentication(step));
    let cases: [(u8, &[u8], Result<Message, Malformed>); 19] = [
        (b'R', b"\0\0\0\0", step(Step::Welcome)),
        (b'R', b"\0\0\0\x03", step(Step::Cleartext)),
        (b'R', b"\0\0\0\x05salt", step(Step::Md5(*b"salt"))),
        (b'R', b"\0\0\0\x07", step(Step::Unsupported(7))),
        (b'R', b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0", {
            step(Step::Sasl(vec!["SCRAM-SHA-256-PLUS".into(), "SCRAM-SHA-256".into()]))
        }),
        (b'R', b"\0\0\0\x0br=1", step(Step::SaslContinue(b"r=1".to_vec()))),
        (b'R', b"\0\0\0\x0cv=1", step(Step::SaslFinal(b"v=1".to_vec()))),
        (b'R', b"\0\0\0", Err(Malformed::SHORT)),
        (b'R', b"\0\0\0\x05sal", Err(Malformed::SHORT)),
        (b'R', b"\0\0\0\x0aSCRAM-SHA-256\0", Err(Malformed::SHORT)),
        (b'Z', b"I", Ok(Message::Ready)),
        (b'S', b"server_version\x0015.5\0", Ok(Message::Other)),
        (b'D', b"\0\x02\0\0\0\x011\xff\xff\xff\xff", Ok(Message::Row(vec!["1".into()]))),
        (b'D', b"\0\x01\xff\xff\xff\xff", Ok(Message::Row(vec![]))),
        (b'D', b"\0\0", Ok(Message::Row(vec![]))),
        (b'D', b"\0\x01\0\0\0\x021", Err(Malformed::SHORT)),
        (b'D', b"\0\x01\xff\xff\xff\xfe", Err(Malformed::SHORT)),
        (b'E', b"SFATAL\0", Err(Malformed::SHORT)),
        (b'W', b"", Err(Malformed("a message is of a type that was not asked for"))),
    ];
    for (kind, body, expected) in cases {
        assert_eq!(parse(kind, body), expected, "{} {body:02x?}", char::from(kind));
    }
}

#[test]
fn errors_in_words() {
    let body = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user \"me\"\0Fauth.c\0\0";
    let Ok(Message::Error(error)) = parse(b'E', body) else { panic!("no error") };
    assert_eq!(error.to_string(), "FATAL 28P01: password authentication failed for user \"me\"");
}

proptest! {
    #[test]
    fn never_panics(kind in prop_oneof![Just(b'R'), Just(b'E'), Just(b'D'), any::<u8>()], body: Vec<u8>, step in 0..13_u8) {
        let _ = parse(kind, &body);
        let _ = parse(b'R', &[&[0, 0, 0, step], &body[..]].concat());
        if let Ok(header) = body.as_slice().try_into() {
            let _ = parse_header(header);
        }
    }
}
