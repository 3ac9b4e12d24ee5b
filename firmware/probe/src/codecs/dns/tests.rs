use super::*;
use proptest::prelude::*;

const ID: u16 = 0x1234;

fn question(name: &str, kind: Type) -> Question {
    Question { name: Name::parse(name).unwrap(), kind }
}

// A response to `question` with these flags and records; a record is its type and its data, its name a pointer.
fn response(question: &Question, flags: u16, records: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = question.emit(ID);
    bytes[2..4].copy_from_slice(&flags.to_be_bytes());
    bytes[7] = records.len() as u8;
    for (kind, data) in records {
        bytes.extend([0xc0, 12]);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1, 0, 0, 0, 60]);
        bytes.extend((data.len() as u16).to_be_bytes());
        bytes.extend(*data);
    }
    bytes
}

#[test]
fn a_question() {
    let expected = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x00\x00\x1c\x00\x01";
    assert_eq!(question("www.example", Type::Aaaa).emit(ID), expected);
}

#[test]
fn names_of_addresses() {
    let cases = [
        ("192.0.2.7", "7.2.0.192.in-addr.arpa"),
        ("2001:db8::567:89ab", "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"),
    ];
    for (address, expected) in cases {
        assert_eq!(Question::reverse(address.parse().unwrap()).to_string(), expected);
    }
}

#[test]
fn answers_as_text() {
    let numbers = b"\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x04\x00\x00\x00\x05";
    let soa = [b"\x02ns\xc0\x0c\x04root\xc0\x0c", &numbers[..]].concat();
    let cases: [(Type, &[u8], &str); 8] = [
        (Type::A, &[192, 0, 2, 7], "192.0.2.7"),
        (Type::Aaaa, b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07", "2001:db8::7"),
        (Type::Ptr, b"\x03www\xc0\x0c", "www.example"),
        (Type::Ns, b"\x02ns\x07example\x00", "ns.example"),
        (Type::Mx, b"\x00\x0a\x04mail\xc0\x0c", "10 mail.example"),
        (Type::Soa, &soa, "ns.example root.example 1 2 3 4 5"),
        (Type::Txt, b"\x05v=spf\x02 -", "v=spf -"),
        (Type::Txt, b"", ""),
    ];
    for (kind, data, expected) in cases {
        let question = question("example", kind);
        // An alias before it, and something behind it.
        let bytes = response(&question, 0x8180, &[(5, b"\x01a\xc0\x0c"), (kind as u16, data), (46, b"signature")]);
        let answer = question.parse(ID, &bytes).unwrap().unwrap();
        assert_eq!(answer, Response { is_truncated: false, rcode: 0, answers: vec![expected.into()] });
    }
}

#[test]
fn responses_without_an_answer() {
    let asked = question("example", Type::A);
    let cases = [(0x8180, false, 0), (0x8183, false, 3), (0x8182, false, 2), (0x8005, false, 5), (0x8380, true, 0)];
    for (flags, is_truncated, rcode) in cases {
        let expected = Response { is_truncated, rcode, answers: Vec::new() };
        assert_eq!(asked.parse(ID, &response(&asked, flags, &[])), Ok(Some(expected)), "{flags:04x}");
    }
    // The question was not understood, so it is not repeated.
    let expected = Response { is_truncated: false, rcode: 1, answers: Vec::new() };
    let formerr = b"\x12\x34\x80\x01\x00\x00\x00\x00\x00\x00\x00\x00";
    assert_eq!(asked.parse(ID, formerr), Ok(Some(expected)));
}

#[test]
fn what_answers_something_else() {
    let asked = question("example", Type::A);
    let records: &[(u16, &[u8])] = &[(1, &[192, 0, 2, 7])];
    let good = response(&asked, 0x8180, records);
    assert_eq!(question("EXAMPLE", Type::A).parse(ID, &good).unwrap().unwrap().answers, ["192.0.2.7"]);
    let cases = [
        ("another id", asked.parse(ID + 1, &good)),
        ("a question", asked.parse(ID, &response(&asked, 0x0100, records))),
        ("an update", asked.parse(ID, &response(&asked, 0xa800, records))),
        ("another name", asked.parse(ID, &response(&question("example2", Type::A), 0x8180, records))),
        ("another type", asked.parse(ID, &response(&question("example", Type::Ns), 0x8180, records))),
    ];
    for (why, result) in cases {
        assert_eq!(result, Ok(None), "{why}");
    }
}

#[test]
fn what_is_no_response() {
    let asked = question("example", Type::A);
    let good = response(&asked, 0x8180, &[(1, &[192, 0, 2, 7])]);
    for length in 0..good.len() {
        assert_eq!(asked.parse(ID, &good[..length]), Err(Malformed::SHORT), "{length}");
    }
    for data in [&[192, 0, 2][..], &[192, 0, 2, 7, 0]] {
        assert!(asked.parse(ID, &response(&asked, 0x8180, &[(1, data)])).is_err(), "{data:?}");
    }
}

proptest! {
    #[test]
    fn never_panics(tail: Vec<u8>, cut: usize, kind in 0..7_usize) {
        let kind = [Type::A, Type::Ns, Type::Soa, Type::Ptr, Type::Mx, Type::Txt, Type::Aaaa][kind];
        let asked = question("example", kind);
        let _ = asked.parse(ID, &tail);
        let bytes = response(&asked, 0x8180, &[(kind as u16, &tail), (kind as u16, &tail)]);
        let _ = asked.parse(ID, &bytes[..cut % (bytes.len() + 1)]);
    }
}
