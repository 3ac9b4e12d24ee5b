//! The frontend/backend protocol of PostgreSQL, version 3.0: login, a simple query, its rows.

use super::Malformed;
use super::reader::{Reader, text};
use md5::{Digest, Md5};

/// Bytes of a message's header: its type and its length.
pub const HEADER: usize = 5;

/// Bytes of the length, which counts itself.
const LENGTH: usize = 4;
const VERSION: u32 = 3 << 16;
/// What stands where the version does to ask for TLS: 1234 and 5679.
const TLS_CODE: u32 = 1234 << 16 | 5679;
/// What the server shows in its list of connections.
const APPLICATION: &str = "suimon";

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A step of the login.
    Authentication(Step),
    /// Something failed.
    Error(ServerError),
    /// It waits for a query.
    Ready,
    /// A row: its values, without those that are NULL.
    Row(Vec<String>),
    /// Anything that needs no answer: parameters, notices, descriptions, ends.
    Other,
}

/// What a server wants to know before it lets somebody in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing more.
    Welcome,
    /// The password itself.
    Cleartext,
    /// Its hash with this salt.
    Md5([u8; 4]),
    /// A login by one of these mechanisms.
    Sasl(Vec<String>),
    /// The server's turn in it.
    SaslContinue(Vec<u8>),
    /// Its last turn.
    SaslFinal(Vec<u8>),
    /// Something that is not spoken here: Kerberos (2), GSSAPI (7), SSPI (9).
    Unsupported(u32),
}

/// An error in the server's words.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{severity} {code}: {message}")]
pub struct ServerError {
    /// ERROR, FATAL or PANIC; in the server's language before version 9.6.
    pub severity: String,
    /// Its SQLSTATE.
    pub code: String,
    /// Its words.
    pub message: String,
}

/// Asks for TLS. The answer is one byte: `S` for yes, `N` for no.
pub fn tls_request() -> Vec<u8> {
    untyped(&TLS_CODE.to_be_bytes())
}

/// Says who logs in and to which database; `None`: the one with the user's name.
pub fn startup(user: &str, database: Option<&str>) -> Vec<u8> {
    let mut body = VERSION.to_be_bytes().to_vec();
    let parameters = [("user", Some(user)), ("database", database), ("application_name", Some(APPLICATION))];
    for (name, value) in parameters.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        push_text(&mut body, name);
        push_text(&mut body, value);
    }
    body.push(0);
    untyped(&body)
}

/// A password, or its hash.
pub fn password(text: &str) -> Vec<u8> {
    let mut body = Vec::new();
    push_text(&mut body, text);
    typed(b'p', &body)
}

/// The hash of a password with the server's salt.
pub fn md5(user: &str, password: &str, salt: [u8; 4]) -> String {
    let stored = hex(&Md5::new().chain_update(password).chain_update(user).finalize());
    format!("md5{}", hex(&Md5::new().chain_update(stored).chain_update(salt).finalize()))
}

/// Chooses a mechanism and says the first words in it.
pub fn sasl_initial(mechanism: &str, words: &str) -> Vec<u8> {
    let mut body = Vec::new();
    push_text(&mut body, mechanism);
    body.extend((words.len() as u32).to_be_bytes());
    body.extend(words.bytes());
    typed(b'p', &body)
}

/// Goes on with it.
pub fn sasl_response(words: &str) -> Vec<u8> {
    typed(b'p', words.as_bytes())
}

/// A query.
pub fn query(sql: &str) -> Vec<u8> {
    let mut body = Vec::new();
    push_text(&mut body, sql);
    typed(b'Q', &body)
}

/// Says goodbye; it has no answer.
pub fn terminate() -> Vec<u8> {
    typed(b'X', &[])
}

fn typed(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind], &untyped(body)[..]].concat()
}

fn untyped(body: &[u8]) -> Vec<u8> {
    [&((body.len() + LENGTH) as u32).to_be_bytes(), body].concat()
}

// A NUL would end the text in any case.
fn push_text(body: &mut Vec<u8>, text: &str) {
    body.extend(text.bytes().take_while(|byte| *byte != 0));
    body.push(0);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The type of a message and the length of the body that follows its header.
pub fn parse_header([kind, length @ ..]: [u8; HEADER]) -> Result<(u8, usize), Malformed> {
    let length = u32::from_be_bytes(length) as usize;
    match length.checked_sub(LENGTH) {
        Some(length) if kind.is_ascii_alphanumeric() => Ok((kind, length)),
        _ => Err(Malformed("a header is none of PostgreSQL's")),
    }
}

/// Reads a message.
pub fn parse(kind: u8, body: &[u8]) -> Result<Message, Malformed> {
    let mut reader = Reader::new(body);
    match kind {
        b'R' => step(&mut reader).map(Message::Authentication),
        b'E' => error(&mut reader).map(Message::Error),
        b'Z' => Ok(Message::Ready),
        b'D' => values(&mut reader).map(Message::Row),
        b'C' | b'I' | b'K' | b'N' | b'S' | b'T' | b'v' => Ok(Message::Other),
        _ => Err(Malformed("a message is of a type that was not asked for")),
    }
}

fn step(reader: &mut Reader<'_>) -> Result<Step, Malformed> {
    Ok(match reader.u32()? {
        0 => Step::Welcome,
        3 => Step::Cleartext,
        5 => Step::Md5(reader.array()?),
        10 => {
            let mut mechanisms = Vec::new();
            loop {
                match reader.until_nul()? {
                    [] => break Step::Sasl(mechanisms),
                    mechanism => mechanisms.push(text(mechanism)),
                }
            }
        }
        11 => Step::SaslContinue(reader.rest().to_vec()),
        12 => Step::SaslFinal(reader.rest().to_vec()),
        other => Step::Unsupported(other),
    })
}

// Fields, each a letter and a text; a NUL ends them.
fn error(reader: &mut Reader<'_>) -> Result<ServerError, Malformed> {
    let mut error = ServerError::default();
    loop {
        let field = match reader.byte()? {
            0 => return Ok(error),
            b'S' => &mut error.severity,
            b'C' => &mut error.code,
            b'M' => &mut error.message,
            _ => {
                reader.until_nul()?;
                continue;
            }
        };
        *field = text(reader.until_nul()?);
    }
}

fn values(reader: &mut Reader<'_>) -> Result<Vec<String>, Malformed> {
    const NULL: u32 = u32::MAX;
    let mut values = Vec::new();
    for _ in 0..reader.u16()? {
        match reader.u32()? {
            NULL => {}
            length => values.push(text(reader.take(length as usize)?)),
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests;
