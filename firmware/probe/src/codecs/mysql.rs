//! The client/server protocol of MySQL and MariaDB: handshake version 10, a query, its rows.

pub mod password;

use super::Malformed;
use super::reader::{Reader, text};
pub use password::Plugin;

/// Bytes of a packet's header: three of length, one of sequence.
pub const HEADER: usize = 4;
/// Bytes of the random number that a password is hashed with.
pub const NONCE: usize = 20;

/// The only handshake that is spoken; MySQL has had it since 1998.
const PROTOCOL: u8 = 10;
/// utf8mb4_general_ci, which both know.
const CHARACTER_SET: u8 = 45;
/// Bytes of a packet that this client takes.
const PACKET_MAX: u32 = 1 << 24;

/// Capabilities: those this client has.
mod capability {
    pub const LONG_PASSWORD: u32 = 1;
    pub const CONNECT_WITH_DB: u32 = 1 << 3;
    pub const PROTOCOL_41: u32 = 1 << 9;
    pub const TLS: u32 = 1 << 11;
    pub const TRANSACTIONS: u32 = 1 << 13;
    pub const SECURE_CONNECTION: u32 = 1 << 15;
    pub const PLUGIN_AUTH: u32 = 1 << 19;
    /// What a server has to have too.
    pub const REQUIRED: u32 = PROTOCOL_41 | SECURE_CONNECTION;
}

/// The first byte of a packet.
mod mark {
    pub const OK: u8 = 0x00;
    pub const MORE: u8 = 0x01;
    pub const NULL: u8 = 0xfb;
    pub const LOCAL_FILE: u8 = 0xfb;
    pub const END: u8 = 0xfe;
    pub const ERROR: u8 = 0xff;
}

/// Why a server's packet ends the dialogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is none.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The server says so.
    #[error("server error {code}{state}: {message}", state = state.as_ref().map(|state| format!(" ({state})")).unwrap_or_default())]
    Server {
        /// Its number.
        code: u16,
        /// Its SQLSTATE.
        state: Option<String>,
        /// Its words.
        message: String,
    },
    /// The user's password is checked in a way that is not spoken here.
    #[error("the server wants the authentication plugin {0:?}, which is not supported")]
    Plugin(String),
}

/// What a server says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Its version.
    pub version: String,
    /// The random number of this connection.
    pub nonce: [u8; NONCE],
    /// How it checks passwords if the user's account says nothing else.
    pub plugin: String,
    capabilities: u32,
}

/// What a server says to a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It was right.
    Welcome,
    /// This account's is checked in another way, with another random number.
    Switch(Plugin, [u8; NONCE]),
    /// Something of the plugin's.
    More(Vec<u8>),
}

/// What a server says to a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queried {
    /// It was carried out and has no rows.
    Done,
    /// So many descriptions of columns follow, an end, rows, and an end.
    Columns(u64),
}

/// A packet behind the descriptions of columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A row: its values, without those that are NULL.
    Values(Vec<String>),
    /// There are no more.
    End,
}

/// The length and the sequence number in a header.
pub fn parse_header([a, b, c, sequence]: [u8; HEADER]) -> (usize, u8) {
    (usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16, sequence)
}

/// A packet around `payload`, which is shorter than 16 MiB.
pub fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = (payload.len() as u32).to_le_bytes();
    [&[a, b, c, sequence], payload].concat()
}

/// Reads a server's first packet.
pub fn parse_greeting(payload: &[u8]) -> Result<Greeting, Refused> {
    let mut reader = opened(payload)?;
    if reader.byte()? != PROTOCOL {
        return Err(Malformed("a MySQL greeting is not of protocol version 10").into());
    }
    let version = text(reader.until_nul()?);
    let _thread = reader.u32()?;
    let first: [u8; 8] = reader.array()?;
    reader.take(1)?;
    let low = reader.u16_le()?;
    let _character_set = reader.byte()?;
    let _status = reader.u16_le()?;
    let capabilities = u32::from(low) | u32::from(reader.u16_le()?) << 16;
    if capabilities & capability::REQUIRED != capability::REQUIRED {
        return Err(Malformed("a MySQL server is older than version 4.1").into());
    }
    // The length of the random number, then ten bytes that are reserved (MariaDB has more capabilities in them).
    reader.take(11)?;
    let second: [u8; NONCE - 8] = reader.array()?;
    reader.take(1)?;
    let plugin = if capabilities & capability::PLUGIN_AUTH == 0 {
        Plugin::Native.name().into()
    } else {
        // Early versions of 5.5 leave out the NUL at the end.
        text(reader.until_nul().unwrap_or(reader.rest()))
    };
    let mut nonce = [0; NONCE];
    nonce[..8].copy_from_slice(&first);
    nonce[8..].copy_from_slice(&second);
    Ok(Greeting { version, nonce, plugin, capabilities })
}

impl Greeting {
    /// Whether the server has TLS.
    pub const fn has_tls(&self) -> bool {
        self.capabilities & capability::TLS != 0
    }

    /// Asks for TLS; the answer is the server's part of the TLS handshake.
    pub fn tls_request(&self, database: &str) -> Vec<u8> {
        self.response_head(database, true)
    }

    /// Says who logs in, with the answer that `plugin` makes from the password.
    pub fn response(&self, user: &str, answer: &[u8], database: &str, plugin: Plugin, is_tls: bool) -> Vec<u8> {
        let mut payload = self.response_head(database, is_tls);
        push_text(&mut payload, user);
        payload.push(answer.len() as u8);
        payload.extend(answer);
        if !database.is_empty() {
            push_text(&mut payload, database);
        }
        if self.capabilities & capability::PLUGIN_AUTH != 0 {
            push_text(&mut payload, plugin.name());
        }
        payload
    }

    fn response_head(&self, database: &str, is_tls: bool) -> Vec<u8> {
        use capability::*;
        let mut wanted = LONG_PASSWORD | PROTOCOL_41 | TRANSACTIONS | SECURE_CONNECTION | PLUGIN_AUTH;
        if !database.is_empty() {
            wanted |= CONNECT_WITH_DB;
        }
        if is_tls {
            wanted |= TLS;
        }
        // The first bit has two meanings: MariaDB leaves it out of what it has, and expects it of a client.
        let both = wanted & (self.capabilities | LONG_PASSWORD);
        let mut payload = both.to_le_bytes().to_vec();
        payload.extend(PACKET_MAX.to_le_bytes());
        payload.push(CHARACTER_SET);
        payload.extend([0; 23]);
        payload
    }
}

// A NUL would end the text in any case.
fn push_text(payload: &mut Vec<u8>, text: &str) {
    payload.extend(text.bytes().take_while(|byte| *byte != 0));
    payload.push(0);
}

/// Reads the answer to a password.
pub fn parse_reply(payload: &[u8]) -> Result<Reply, Refused> {
    let mut reader = opened(payload)?;
    match reader.byte()? {
        mark::OK => Ok(Reply::Welcome),
        mark::MORE => Ok(Reply::More(reader.rest().to_vec())),
        // Alone it asks for the hash of before version 4.1, which gives the password away.
        mark::END if reader.is_empty() => Err(Refused::Plugin("mysql_old_password".into())),
        mark::END => {
            let name = text(reader.until_nul()?);
            let plugin = Plugin::from_name(&name).ok_or(Refused::Plugin(name))?;
            Ok(Reply::Switch(plugin, reader.array()?))
        }
        _ => Err(Malformed("a MySQL packet is no answer to a login").into()),
    }
}

/// A query.
pub fn query(sql: &str) -> Vec<u8> {
    const COM_QUERY: u8 = 3;
    [&[COM_QUERY], sql.as_bytes()].concat()
}

/// Says goodbye; it has no answer.
pub fn quit() -> [u8; 1] {
    [1]
}

/// Reads the answer to a query.
pub fn parse_queried(payload: &[u8]) -> Result<Queried, Refused> {
    let mut reader = opened(payload)?;
    match payload.first() {
        Some(&mark::OK) => Ok(Queried::Done),
        Some(&mark::LOCAL_FILE) => Err(Malformed("a MySQL server asks for a file of this machine").into()),
        _ => Ok(Queried::Columns(number(&mut reader)?)),
    }
}

/// Whether a packet ends a list: a short one that begins as a row with a value of 16 MiB would.
pub fn is_end(payload: &[u8]) -> bool {
    payload.first() == Some(&mark::END) && payload.len() < 9
}

/// Reads a row.
pub fn parse_row(payload: &[u8]) -> Result<Row, Refused> {
    let mut reader = opened(payload)?;
    if is_end(payload) {
        return Ok(Row::End);
    }
    let mut values = Vec::new();
    while let Some(first) = reader.rest().first() {
        if *first == mark::NULL {
            reader.take(1)?;
        } else {
            let length = usize::try_from(number(&mut reader)?).map_err(|_| Malformed::SHORT)?;
            values.push(text(reader.take(length)?));
        }
    }
    Ok(Row::Values(values))
}

// A number of one to nine bytes, the first of which says how many.
fn number(reader: &mut Reader<'_>) -> Result<u64, Malformed> {
    let length = match reader.byte()? {
        small @ 0..=0xfa => return Ok(u64::from(small)),
        0xfc => 2,
        0xfd => 3,
        0xfe => 8,
        _ => return Err(Malformed("a MySQL number is none")),
    };
    Ok(reader.take(length)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

// A reader of the payload, unless that is an error.
fn opened(payload: &[u8]) -> Result<Reader<'_>, Refused> {
    let mut reader = Reader::new(payload);
    if payload.first() != Some(&mark::ERROR) {
        return Ok(reader);
    }
    reader.take(1)?;
    let code = reader.u16_le()?;
    // Before the login there is no state.
    let state = match reader.rest().strip_prefix(b"#").and_then(|rest| rest.split_at_checked(5)) {
        Some((state, rest)) => {
            reader = Reader::new(rest);
            Some(text(state))
        }
        None => None,
    };
    Err(Refused::Server { code, state, message: text(reader.rest()) })
}

#[cfg(test)]
mod tests;
