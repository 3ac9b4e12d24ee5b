//! SCRAM-SHA-256 (RFC 5802, RFC 7677), the client's side, without channel binding.
// GAP(RFC 5802 2.2): passwords are not normalised by SASLprep; those in ASCII need none.

use super::Malformed;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use pbkdf2::pbkdf2_hmac;
use sha2::{Digest, Sha256};

/// The mechanism's name.
pub const NAME: &str = "SCRAM-SHA-256";
/// Rounds of hashing that a server may ask for. PostgreSQL asks for 4,096; a hundred times more would cost this side a
/// second of a core.
pub const ROUNDS_MAX: u32 = 50_000;

/// "n": this client does not bind to a channel; "c=" repeats it in base 64.
const HEADER: &str = "n,,";

/// A login that was begun.
#[derive(Clone, Debug)]
pub struct Login {
    first_bare: String,
    nonce: String,
}

/// A login that waits for the server's proof.
#[derive(Clone, Debug)]
pub struct Proof {
    /// What the client says to prove that it knows the password.
    pub message: String,
    signature: [u8; 32],
}

/// Why a login cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no SCRAM message.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It asks for more than [`ROUNDS_MAX`].
    #[error("it asks for {0} rounds of hashing, {ROUNDS_MAX} are allowed")]
    Rounds(u32),
    /// It did not repeat the client's nonce.
    #[error("it does not repeat this login's nonce")]
    Nonce,
    /// The server says why.
    #[error("the server refuses: {0}")]
    Server(String),
    /// It does not know the password either.
    #[error("the server does not know the password: its proof is wrong")]
    Proof,
}

impl Login {
    /// Begins a login. The nonce is random and without commas.
    pub fn new(user: &str, nonce: &str) -> Self {
        // RFC 5802 5.1: the two characters with a meaning are written differently in a name.
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Self { first_bare: format!("n={user},r={nonce}"), nonce: nonce.into() }
    }

    /// What the client says first.
    pub fn first(&self) -> String {
        format!("{HEADER}{}", self.first_bare)
    }

    /// Answers what the server said first.
    pub fn prove(&self, password: &str, server_first: &[u8]) -> Result<Proof, Refused> {
        let server_first = str::from_utf8(server_first).map_err(|_| Malformed("a SCRAM message is not UTF-8"))?;
        let mut fields = server_first.split(',');
        let mut field = |name| fields.next().and_then(|field| field.strip_prefix(name)).ok_or(MISSING);
        let (nonce, salt, rounds) = (field("r=")?, field("s=")?, field("i=")?);
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(Refused::Nonce);
        }
        let salt = decode(salt)?;
        let rounds: u32 = rounds.parse().map_err(|_| MISSING)?;
        if rounds == 0 || rounds > ROUNDS_MAX {
            return Err(Refused::Rounds(rounds));
        }
        let mut salted = [0; 32];
        pbkdf2_hmac::<Sha256>(password.as_bytes(), &salt, rounds, &mut salted);
        let without_proof = format!("c={},r={nonce}", STANDARD.encode(HEADER));
        let spoken = format!("{},{server_first},{without_proof}", self.first_bare);
        let client_key = hmac(&salted, "Client Key");
        let mut proof = hmac(&Sha256::digest(client_key).into(), &spoken);
        for (byte, key) in proof.iter_mut().zip(client_key) {
            *byte ^= key;
        }
        Ok(Proof {
            message: format!("{without_proof},p={}", STANDARD.encode(proof)),
            signature: hmac(&hmac(&salted, "Server Key"), &spoken),
        })
    }
}

impl Proof {
    /// Checks what the server said last: that it knows the password too.
    pub fn check(&self, server_final: &[u8]) -> Result<(), Refused> {
        let server_final = str::from_utf8(server_final).map_err(|_| Malformed("a SCRAM message is not UTF-8"))?;
        let field = server_final.split(',').next().unwrap_or_default();
        if let Some(why) = field.strip_prefix("e=") {
            return Err(Refused::Server(why.into()));
        }
        let signature = decode(field.strip_prefix("v=").ok_or(MISSING)?)?;
        if signature == self.signature { Ok(()) } else { Err(Refused::Proof) }
    }
}

const MISSING: Malformed = Malformed("a SCRAM message lacks a field");

fn decode(text: &str) -> Result<Vec<u8>, Malformed> {
    STANDARD.decode(text).map_err(|_| Malformed("a SCRAM field is not base 64"))
}

fn hmac(key: &[u8; 32], text: &str) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.chain_update(text).finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // RFC 7677 3.
    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const SERVER_FIRST: &[u8] =
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const SERVER_FINAL: &[u8] = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    #[test]
    fn the_login_of_rfc_7677() {
        let login = Login::new("user", NONCE);
        assert_eq!(login.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let proof = login.prove("pencil", SERVER_FIRST).unwrap();
        assert_eq!(
            proof.message,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert_eq!(proof.check(SERVER_FINAL), Ok(()));
        assert_eq!(login.prove("pen", SERVER_FIRST).unwrap().check(SERVER_FINAL), Err(Refused::Proof));
        assert_eq!(Login::new("a,b=c", "x").first(), "n,,n=a=2Cb=3Dc,r=x");
    }

    #[test]
    fn what_is_refused() {
        let login = Login::new("user", "abc");
        let cases: [(&str, Refused); 10] = [
            ("", MISSING.into()),
            ("r=abcd", MISSING.into()),
            ("r=abcd,s=AAAA", MISSING.into()),
            ("r=abcd,s=AAAA,i=many", MISSING.into()),
            ("m=ext,r=abcd,s=AAAA,i=4096", MISSING.into()),
            ("r=abcd,s=%,i=4096", Malformed("a SCRAM field is not base 64").into()),
            ("r=xbcd,s=AAAA,i=4096", Refused::Nonce),
            ("r=abc,s=AAAA,i=4096", Refused::Nonce),
            ("r=abcd,s=AAAA,i=0", Refused::Rounds(0)),
            ("r=abcd,s=AAAA,i=4000000000", Refused::Rounds(4_000_000_000)),
        ];
        for (message, expected) in cases {
            assert_eq!(login.prove("pw", message.as_bytes()).err(), Some(expected), "{message}");
        }
        let proof = login.prove("pw", b"r=abcd,s=AAAA,i=1").unwrap();
        assert_eq!(proof.check(b"e=other-error"), Err(Refused::Server("other-error".into())));
        assert_eq!(proof.check(b"v=AAAA"), Err(Refused::Proof));
        assert_eq!(proof.check(b""), Err(MISSING.into()));
    }

    proptest! {
        #[test]
        fn never_panics(message: Vec<u8>) {
            let login = Login::new("user", "abc");
            let _ = login.prove("pw", &message);
            let _ = login.prove("pw", &[b"r=abcd,s=", &message[..], b",i=1"].concat());
            let _ = login.prove("pw", b"r=abcd,s=AAAA,i=1").unwrap().check(&message);
        }
    }
}
