use super::password::{Cached, KEY_MAX, KeyError, encrypted, plain};
use super::*;
use proptest::prelude::*;

const NONCE_TEXT: &[u8; NONCE] = b"abcdefghijklmnopqrst";

// A greeting with these capabilities and this plugin.
fn greeting(capabilities: u32, plugin: &str) -> Vec<u8> {
    let [a, b, c, d] = capabilities.to_le_bytes();
    let mut payload = b"\x0a8.0.36\0\x07\0\0\0abcdefgh\0".to_vec();
    payload.extend([a, b, 45, 2, 0, c, d, 21]);
    payload.extend([0; 10]);
    payload.extend(b"ijklmnopqrst\0");
    payload.extend(plugin.bytes());
    payload.push(0);
    payload
}

#[test]
fn headers() {
    assert_eq!(parse_header([1, 2, 3, 4]), (0x03_0201, 4));
    assert_eq!(packet(2, b"abc"), b"\x03\0\0\x02abc");
}

#[test]
fn greetings() {
    let parsed = parse_greeting(&greeting(0xffff_ffff, "caching_sha2_password")).unwrap();
    assert_eq!((parsed.version.as_str(), &parsed.nonce), ("8.0.36", NONCE_TEXT));
    assert_eq!((parsed.plugin.as_str(), parsed.has_tls()), ("caching_sha2_password", true));
    // MariaDB's, without TLS and without the first bit.
    let parsed = parse_greeting(&greeting(0x81be_f7fe, "mysql_native_password")).unwrap();
    assert_eq!((parsed.plugin.as_str(), parsed.has_tls()), ("mysql_native_password", false));
    // A server without plugins ends its greeting with the random number.
    let whole = greeting(0x8200, "");
    assert_eq!(parse_greeting(&whole[..whole.len() - 1]).unwrap().plugin, "mysql_native_password");
}

#[test]
fn what_is_no_greeting() {
    let blocked = b"\xff\x6a\x04Host '192.0.2.1' is not allowed to connect to this MariaDB server";
    let error = parse_greeting(blocked).unwrap_err();
    assert_eq!(
        error.to_string(),
        "server error 1130: Host '192.0.2.1' is not allowed to connect to this MariaDB server"
    );
    let cases: [(&[u8], Malformed); 3] = [
        (b"", Malformed::SHORT),
        (b"\x09old\0", Malformed("a MySQL greeting is not of protocol version 10")),
        (&greeting(0x0001, ""), Malformed("a MySQL server is older than version 4.1")),
    ];
    for (payload, expected) in cases {
        assert_eq!(parse_greeting(payload), Err(expected.into()), "{payload:02x?}");
    }
    let whole = greeting(0xffff_ffff, "");
    for length in 0..whole.len() - 1 {
        assert_eq!(parse_greeting(&whole[..length]), Err(Malformed::SHORT.into()), "{length}");
    }
}

#[test]
fn responses() {
    let new = parse_greeting(&greeting(0xffff_ffff, "caching_sha2_password")).unwrap();
    let head = |flags: [u8; 4]| [&flags[..], b"\0\0\0\x01\x2d", &[0; 23]].concat();
    assert_eq!(new.tls_request("shop"), head([0x09, 0xaa, 0x08, 0]));
    assert_eq!(
        new.response("me", b"1234", "shop", Plugin::Sha2, true),
        [&head([0x09, 0xaa, 0x08, 0])[..], b"me\0\x041234shop\0caching_sha2_password\0"].concat()
    );
    assert_eq!(
        new.response("me", b"", "", Plugin::Native, false),
        [&head([0x01, 0xa2, 0x08, 0])[..], b"me\0\x00mysql_native_password\0"].concat()
    );
    let whole = greeting(0xa200, "");
    let old = parse_greeting(&whole[..whole.len() - 1]).unwrap();
    assert_eq!(
        old.response("m\0e", b"1", "", Plugin::Native, false),
        [&head([0x01, 0xa2, 0, 0])[..], b"m\0\x011"].concat()
    );
}

#[test]
fn replies() {
    let switch = |name: &str| [b"\xfe", name.as_bytes(), b"\0abcdefghijklmnopqrst\0"].concat();
    let denied = b"\xff\x15\x04#28000Access denied for user 'me'@'localhost' (using password: YES)";
    let cases: [(Vec<u8>, Result<Reply, String>); 7] = [
        (b"\0\0\0\x02\0\0\0".to_vec(), Ok(Reply::Welcome)),
        (b"\x01\x04".to_vec(), Ok(Reply::More(vec![4]))),
        (switch("mysql_native_password"), Ok(Reply::Switch(Plugin::Native, *NONCE_TEXT))),
        (switch("client_ed25519"), {
            Err("the server wants the authentication plugin \"client_ed25519\", which is not supported".into())
        }),
        (b"\xfe".to_vec(), {
            Err("the server wants the authentication plugin \"mysql_old_password\", which is not supported".into())
        }),
        (denied.to_vec(), {
            Err("server error 1045 (28000): Access denied for user 'me'@'localhost' (using password: YES)".into())
        }),
        (b"\x07".to_vec(), Err("a MySQL packet is no answer to a login".into())),
    ];
    for (payload, expected) in cases {
        assert_eq!(parse_reply(&payload).map_err(|why| why.to_string()), expected);
    }
    assert_eq!(Cached::parse(&[3]), Some(Cached::Right));
    assert_eq!(Cached::parse(&[4]), Some(Cached::Unknown));
    assert_eq!(Cached::parse(&[5]), None);
}

#[test]
fn rows() {
    assert_eq!(query("SELECT 1"), b"\x03SELECT 1");
    let cases: [(&[u8], Result<Queried, Refused>); 5] = [
        (b"\0\0\0\x02\0\0\0", Ok(Queried::Done)),
        (b"\x01", Ok(Queried::Columns(1))),
        (b"\xfc\x2c\x01", Ok(Queried::Columns(300))),
        (b"\xfb/etc/passwd", Err(Malformed("a MySQL server asks for a file of this machine").into())),
        (b"\xfd\x01", Err(Malformed::SHORT.into())),
    ];
    for (payload, expected) in cases {
        assert_eq!(parse_queried(payload), expected);
    }
    let cases: [(&[u8], Result<Row, Refused>); 6] = [
        (b"\x011\x012", Ok(Row::Values(vec!["1".into(), "2".into()]))),
        (b"\x00", Ok(Row::Values(vec![String::new()]))),
        (b"\xfb\x012", Ok(Row::Values(vec!["2".into()]))),
        (b"\xfe\0\0\x02\0", Ok(Row::End)),
        (b"\x051", Err(Malformed::SHORT.into())),
        (b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff", Err(Malformed::SHORT.into())),
    ];
    for (payload, expected) in cases {
        assert_eq!(parse_row(payload), expected, "{payload:02x?}");
    }
}

// Checked as a server does: it has the hash of the hash, and takes the hash out of the answer.
#[test]
fn a_server_accepts_the_answers() {
    use sha1::{Digest, Sha1};
    use sha2::Sha256;
    let unmasked = |answer: &[u8], mask: &[u8]| answer.iter().zip(mask).map(|(a, b)| a ^ b).collect::<Vec<u8>>();

    let stored = Sha1::digest(Sha1::digest("secret"));
    // PASSWORD('secret') of MariaDB.
    assert_eq!(stored[..4], [0x14, 0xe6, 0x55, 0x67]);
    let answer = Plugin::Native.answer("secret", NONCE_TEXT);
    let mask = Sha1::new().chain_update(NONCE_TEXT).chain_update(stored).finalize();
    assert_eq!(Sha1::digest(unmasked(&answer, &mask)), stored);

    let stored = Sha256::digest(Sha256::digest("secret"));
    let answer = Plugin::Sha2.answer("secret", NONCE_TEXT);
    let mask = Sha256::new().chain_update(stored).chain_update(NONCE_TEXT).finalize();
    assert_eq!(Sha256::digest(unmasked(&answer, &mask)), stored);

    for plugin in [Plugin::Native, Plugin::Sha2] {
        assert!(plugin.answer("", NONCE_TEXT).is_empty());
    }
}

#[test]
fn an_encrypted_password() {
    use rsa::pkcs8::EncodePublicKey;
    use rsa::{Oaep, PrivateKey};
    let mut random = getrandom::SysRng;
    let mut random = rsa::rand_core::UnwrapErr(&mut random);
    let key = PrivateKey::new(&mut random, 1024).unwrap();
    let pem = key.to_public_key().to_public_key_pem(Default::default()).unwrap();
    let password = "longer than the random number of the server";
    let sent = encrypted(password, NONCE_TEXT, pem.as_bytes(), &mut random).unwrap();
    let masked = key.decrypt(Oaep::<sha1::Sha1>::new(), &sent).unwrap();
    let received: Vec<u8> = masked.iter().zip(NONCE_TEXT.iter().cycle()).map(|(a, b)| a ^ b).collect();
    assert_eq!(received, plain(password));

    assert_eq!(encrypted(&"a".repeat(100), NONCE_TEXT, pem.as_bytes(), &mut random), Err(KeyError::Short));
    let padded = format!("{pem}{}", "\n".repeat(KEY_MAX));
    for bad in ["", "key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", &padded] {
        assert_eq!(encrypted("a", NONCE_TEXT, bad.as_bytes(), &mut random), Err(KeyError::Unreadable), "{bad}");
    }
}

proptest! {
    #[test]
    fn never_panics(payload: Vec<u8>, cut: usize, mark in prop_oneof![Just(0_u8), Just(1), Just(10), 0xfa_u8..]) {
        let marked = [&[mark], &payload[..]].concat();
        for payload in [&payload, &marked] {
            let _ = parse_greeting(payload);
            let _ = parse_reply(payload);
            let _ = parse_queried(payload);
            let _ = parse_row(payload);
            is_end(payload);
            let _ = encrypted("a", NONCE_TEXT, payload, &mut rsa::rand_core::UnwrapErr(getrandom::SysRng));
        }
        let whole = greeting(0xffff_ffff, "a");
        let _ = parse_greeting(&whole[..cut % whole.len()]);
    }
}
