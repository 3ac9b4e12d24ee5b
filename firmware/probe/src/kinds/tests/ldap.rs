//! LDAP.

use crate::codecs::ber::{self, tag};
use crate::codecs::reader::Reader;
use crate::kinds::fake::{LONG_MS, Peer, ask, block_on, login, pattern, reason, tcp};
use config::{Ask, Ldap, LdapScope, Tls, TlsMode};

/// One request: its identifier, its operation, and what is in it.
async fn request(peer: &mut Peer) -> Option<(i64, u8, Vec<u8>)> {
    let head = peer.read(2).await;
    let content = peer.read(usize::from(*head.get(1)?)).await;
    let mut reader = Reader::new(&content);
    let id = ber::integer(&mut reader, tag::INTEGER).unwrap();
    let (operation, content) = ber::element(&mut reader).unwrap();
    Some((id, operation, content.to_vec()))
}

fn message(id: i64, operation: u8, fields: &[Vec<u8>]) -> Vec<u8> {
    let content = [ber::emit_integer(tag::INTEGER, id as i32), ber::emit(operation, &fields.concat())];
    ber::emit(tag::SEQUENCE, &content.concat())
}

fn outcome(id: i64, operation: u8, code: i32, words: &str) -> Vec<u8> {
    let texts = ["", words].map(|text| ber::emit(tag::OCTET_STRING, text.as_bytes()));
    message(id, operation, &[vec![ber::emit_integer(tag::ENUMERATED, code)], texts.to_vec()].concat())
}

fn found(id: i64, name: &str) -> Vec<u8> {
    message(id, 0x64, &[ber::emit(tag::OCTET_STRING, name.as_bytes()), ber::emit(tag::SEQUENCE, &[])])
}

/// A directory with one user and one object below dc=x. Nothing is found twice.
async fn directory(mut peer: Peer) {
    while let Some((id, operation, content)) = request(&mut peer).await {
        let has = |text: &str| content.windows(text.len()).any(|window| window == text.as_bytes());
        let answer = match operation {
            0x60 if content.ends_with(b"\x04\0\x80\0") || (has("cn=me") && has("secret")) => outcome(id, 0x61, 0, ""),
            0x60 => outcome(id, 0x61, 49, ""),
            0x63 if has("dc=x") && has("objectClass") => {
                let reference = message(id, 0x73, &[ber::emit(tag::OCTET_STRING, b"ldap://other/")]);
                [reference, found(id, "cn=a,dc=x"), found(id, "cn=b,dc=x"), outcome(id, 0x65, 0, "")].concat()
            }
            0x63 if has("dc=x") && has("many") => [found(id, "cn=a,dc=x"), outcome(id, 0x65, 4, "")].concat(),
            0x63 if has("dc=x") => outcome(id, 0x65, 0, ""),
            0x63 if has("dc=leave") => outcome(0, 0x78, 52, "going down"),
            0x63 if has("dc=other") => outcome(id + 1, 0x65, 0, ""),
            0x63 => outcome(id, 0x65, 32, "no such base"),
            0x77 => outcome(id, 0x78, 2, "unsupported extended operation"),
            _ => return,
        };
        peer.send(answer).await;
    }
}

#[test]
fn binds_and_searches() {
    let below = |base: &str| Ldap { login: login("cn=me", "secret"), base: Some(base.into()), ..Ldap::default() };
    let starttls =
        Tls { mode: TlsMode::Starttls, sni: None, tls_verify: false, tls_ca: None, certificate_warning_days: 0 };
    let cases = [
        (below("dc=x"), Ok(())),
        (Ldap { login: None, ..below("dc=x") }, Ok(())),
        (Ldap { scope: LdapScope::One, expect: pattern("^cn=b,"), ..below("dc=x") }, Ok(())),
        (Ldap { filter: Some("(cn=many)".into()), ..below("dc=x") }, Ok(())),
        (Ldap { login: login("cn=me", "wrong!"), ..below("dc=x") }, {
            Err("bind refused: result 49 (invalid credentials)")
        }),
        (Ldap { filter: Some("(cn=nobody)".into()), ..below("dc=x") }, Err("the search below \"dc=x\" found nothing")),
        (Ldap { expect: pattern("^cn=c,"), ..below("dc=x") }, {
            Err("expected a name that matches ^cn=c,, got \"cn=a,dc=x | cn=b,dc=x\"")
        }),
        (below("dc=y"), Err("search below \"dc=y\" refused: result 32 (no such object): no such base")),
        (below("dc=leave"), Err("the connection refused: result 52 (unavailable): going down")),
        (below("dc=other"), Err("an LDAP message answers nothing that was asked")),
        (Ldap { filter: Some("(n>=1)".into()), ..below("dc=x") }, {
            Err(
                "not asked: the filter cannot be read: only = and =* are understood, not >= <= ~= := or a * within a value",
            )
        }),
        (Ldap { tls: Some(starttls), ..below("dc=x") }, {
            Err("StartTLS refused: result 2 (protocol error): unsupported extended operation")
        }),
    ];
    block_on(async {
        let server = tcp(directory).await;
        for (options, expected) in cases {
            let outcome = ask(Ask::Ldap(options), server, LONG_MS).await;
            assert_eq!(expected.err().unwrap_or("passed"), reason(&outcome, expected.is_ok()));
            let transcript = outcome.transcript.to_string();
            assert!(!transcript.contains("secret") && !transcript.contains("wrong!"), "{transcript}");
        }
    });
}
