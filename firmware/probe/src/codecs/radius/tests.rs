use super::*;
use proptest::prelude::*;

// RFC 2865 7.1: nemo with the password arctangent, secret xyzzy5461.
const NEMO: Request<'_> = Request {
    id: 0,
    authenticator: [0x0f, 0x40, 0x3f, 0x94, 0x73, 0x97, 0x80, 0x57, 0xbd, 0x83, 0xd5, 0xcb, 0x98, 0xf4, 0x22, 0x7a],
    secret: b"xyzzy5461",
    user: b"nemo",
    password: b"arctangent",
    identifier: b"suimon",
};

// An answer as a server makes it, signed if `is_signed`.
fn answer(request: &Request<'_>, code: u8, message: &[u8], is_signed: bool) -> Vec<u8> {
    let mut attributes = Vec::new();
    push(&mut attributes, attribute::REPLY_MESSAGE, message);
    if is_signed {
        push(&mut attributes, attribute::MESSAGE_AUTHENTICATOR, &[0; 16]);
    }
    let head = [code, request.id, 0, (HEADER + attributes.len()) as u8];
    if is_signed {
        let signature = request.sign(&[&head[..], &request.authenticator, &attributes].concat());
        let at = attributes.len() - 16;
        attributes[at..].copy_from_slice(&signature);
    }
    let hashed = [&head[..], &request.authenticator, &attributes, request.secret].concat();
    [&head[..], &Md5::digest(hashed), &attributes].concat()
}

#[test]
fn the_password_of_rfc_2865() {
    let hidden = [0x0d, 0xbe, 0x70, 0x8d, 0x93, 0xd4, 0x13, 0xce, 0x31, 0x96, 0xe4, 0x3f, 0x78, 0x2a, 0x0a, 0xee];
    assert_eq!(NEMO.hidden_password(), hidden);
    for (length, expected) in [(0, 16), (1, 16), (16, 16), (17, 32), (128, 128), (200, 128)] {
        let password = vec![b'a'; length];
        assert_eq!(Request { password: &password, ..NEMO }.hidden_password().len(), expected, "{length}");
    }
}

#[test]
fn the_answer_of_rfc_2865() {
    let packet = [
        0x02, 0x00, 0x00, 0x26, 0x86, 0xfe, 0x22, 0x0e, 0x76, 0x24, 0xba, 0x2a, 0x10, 0x05, 0xf6, 0xbf, 0x9b, 0x55,
        0xe0, 0xb2, 0x06, 0x06, 0x00, 0x00, 0x00, 0x01, 0x0f, 0x06, 0x00, 0x00, 0x00, 0x00, 0x0e, 0x06, 0xc0, 0xa8,
        0x01, 0x03,
    ];
    assert_eq!(NEMO.parse(&packet), Ok(Some(Answer::Accept(String::new()))));
}

#[test]
fn a_request() {
    let packet = NEMO.emit();
    assert_eq!(packet[..4], [1, 0, 0, 20 + 18 + 6 + 18 + 8]);
    assert_eq!(packet[4..20], NEMO.authenticator);
    assert_eq!(packet[20..22], [80, 18]);
    assert_eq!(packet[38..44], *b"\x01\x06nemo");
    assert_eq!(packet[44..46], [2, 18]);
    assert_eq!(packet[62..], *b"\x20\x08suimon");
    let mut unsigned = packet.clone();
    unsigned[22..38].fill(0);
    assert_eq!(packet[22..38], NEMO.sign(&unsigned));
}

#[test]
fn answers() {
    let cases = [
        (code::ACCEPT, "welcome", Answer::Accept("welcome".into())),
        (code::REJECT, "no", Answer::Reject("no".into())),
        (code::CHALLENGE, "token?", Answer::Challenge("token?".into())),
    ];
    for (code, message, expected) in cases {
        for is_signed in [true, false] {
            let packet = answer(&NEMO, code, message.as_bytes(), is_signed);
            assert_eq!(NEMO.parse(&packet), Ok(Some(expected.clone())), "{message} {is_signed}");
            let padded = [&packet[..], b"padding"].concat();
            assert_eq!(NEMO.parse(&padded), Ok(Some(expected.clone())), "{message} {is_signed}");
        }
    }
}

#[test]
fn what_is_not_believed() {
    let good = answer(&NEMO, code::ACCEPT, b"hello", true);
    assert_eq!(Request { id: 7, ..NEMO }.parse(&good), Ok(None));
    let other_secret = answer(&Request { secret: b"other", ..NEMO }, code::ACCEPT, b"hello", true);
    assert_eq!(NEMO.parse(&other_secret), Err(Refused::Forged("Response Authenticator")));
    let other_request = answer(&Request { authenticator: [7; 16], ..NEMO }, code::ACCEPT, b"hello", true);
    assert_eq!(NEMO.parse(&other_request), Err(Refused::Forged("Response Authenticator")));
    let changed = [&[code::REJECT], &good[1..]].concat();
    assert_eq!(NEMO.parse(&changed), Err(Refused::Forged("Response Authenticator")));

    // A right Response Authenticator over a wrong signature.
    let mut attributes = good[HEADER..].to_vec();
    *attributes.last_mut().unwrap() ^= 1;
    let hashed = [&good[..4], &NEMO.authenticator, &attributes, NEMO.secret].concat();
    let forged = [&good[..4], &Md5::digest(hashed), &attributes].concat();
    assert_eq!(NEMO.parse(&forged), Err(Refused::Forged("Message-Authenticator")));

    assert!(matches!(NEMO.parse(&answer(&NEMO, 5, b"", true)), Err(Refused::Malformed(_))));
    let long = [&[2, 0, 0x10, 1], &[0; 4093][..]].concat();
    assert_eq!(NEMO.parse(&long), Err(Malformed("a RADIUS packet is too long").into()));
    for length in 0..good.len() {
        assert_eq!(NEMO.parse(&good[..length]), Err(Malformed::SHORT.into()), "{length}");
    }
}

proptest! {
    #[test]
    fn never_panics(packet: Vec<u8>, attributes: Vec<u8>) {
        let _ = NEMO.parse(&packet);
        let head = [2, 0, ((HEADER + attributes.len()) >> 8) as u8, (HEADER + attributes.len()) as u8];
        let hashed = [&head[..], &NEMO.authenticator, &attributes, NEMO.secret].concat();
        let _ = NEMO.parse(&[&head[..], &Md5::digest(hashed), &attributes].concat());
    }
}
