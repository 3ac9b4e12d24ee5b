//! LDAP version 3 (RFC 4511): simple bind, search, unbind, and the request that begins TLS.

pub mod filter;

use super::Malformed;
use super::ber::{self, tag};
use super::reader::{Reader, text};
use filter::Filter;

/// Identifier of the message that a server sends unasked before it closes (RFC 4511 4.4).
pub const UNSOLICITED: i64 = 0;

const VERSION: i32 = 3;
/// "Not even one attribute" (RFC 4511 4.5.1.8): only the names are wanted.
const NO_ATTRIBUTES: &[u8] = b"1.1";
/// StartTLS (RFC 4511 4.14.1).
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

/// Operations (RFC 4511 4.2 to 4.12): their tags.
mod operation {
    pub const BIND_REQUEST: u8 = 0x60;
    pub const BIND_RESPONSE: u8 = 0x61;
    pub const UNBIND_REQUEST: u8 = 0x42;
    pub const SEARCH_REQUEST: u8 = 0x63;
    pub const SEARCH_RESULT: u8 = 0x64;
    pub const SEARCH_DONE: u8 = 0x65;
    pub const SEARCH_REFERENCE: u8 = 0x73;
    pub const EXTENDED_REQUEST: u8 = 0x77;
    pub const EXTENDED_RESPONSE: u8 = 0x78;
}

/// Context tags of simple authentication and of an extended request's name.
const CONTEXT_0: u8 = 0x80;

/// Result codes (RFC 4511 appendix A) that are decided on.
pub mod code {
    /// It was done.
    pub const SUCCESS: i64 = 0;
    /// There is more than was asked for; what came is good.
    pub const SIZE_LIMIT_EXCEEDED: i64 = 4;
}

/// How far below its base a search looks (RFC 4511 4.5.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The base alone.
    Base = 0,
    /// What is directly below it.
    One = 1,
    /// The base and everything below it.
    Subtree = 2,
}

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The request it answers, or [`UNSOLICITED`].
    pub id: i64,
    /// Its operation.
    pub response: Response,
}

/// The operations of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// The end of a bind.
    Bind(Outcome),
    /// The distinguished name of something found.
    Found(String),
    /// Something that may be found elsewhere.
    Reference,
    /// The end of a search.
    Done(Outcome),
    /// The answer to StartTLS, or the notice of disconnection.
    Extended(Outcome),
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its result code.
    pub code: i64,
    /// What the server adds for people.
    pub diagnostic: String,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "result {} ({})", self.code, words(self.code))?;
        if self.diagnostic.is_empty() { Ok(()) } else { write!(f, ": {}", self.diagnostic) }
    }
}

/// Proves who asks. An empty name and password is the anonymous bind (RFC 4513 5.1.1).
pub fn bind(id: i32, name: &str, password: &str) -> Vec<u8> {
    let fields = [
        ber::emit_integer(tag::INTEGER, VERSION),
        ber::emit(tag::OCTET_STRING, name.as_bytes()),
        ber::emit(CONTEXT_0, password.as_bytes()),
    ];
    message(id, operation::BIND_REQUEST, &fields.concat())
}

/// Asks for the names of at most `found_max` objects.
pub fn search(id: i32, base: &str, scope: Scope, filter: &Filter, found_max: i32) -> Vec<u8> {
    const NEVER_DEREFERENCE: i32 = 0;
    const NO_TIME_LIMIT: i32 = 0;
    let types_only = [0];
    let fields = [
        ber::emit(tag::OCTET_STRING, base.as_bytes()),
        ber::emit_integer(tag::ENUMERATED, scope as i32),
        ber::emit_integer(tag::ENUMERATED, NEVER_DEREFERENCE),
        ber::emit_integer(tag::INTEGER, found_max),
        ber::emit_integer(tag::INTEGER, NO_TIME_LIMIT),
        ber::emit(tag::BOOLEAN, &types_only),
        filter.emit(),
        ber::emit(tag::SEQUENCE, &ber::emit(tag::OCTET_STRING, NO_ATTRIBUTES)),
    ];
    message(id, operation::SEARCH_REQUEST, &fields.concat())
}

/// Asks for TLS on this connection.
pub fn start_tls(id: i32) -> Vec<u8> {
    message(id, operation::EXTENDED_REQUEST, &ber::emit(CONTEXT_0, START_TLS))
}

/// Says goodbye; it has no answer.
pub fn unbind(id: i32) -> Vec<u8> {
    message(id, operation::UNBIND_REQUEST, &[])
}

fn message(id: i32, operation: u8, content: &[u8]) -> Vec<u8> {
    let fields = [ber::emit_integer(tag::INTEGER, id), ber::emit(operation, content)];
    ber::emit(tag::SEQUENCE, &fields.concat())
}

/// Reads the content of a message: what stands behind the tag and length of its SEQUENCE.
pub fn parse(content: &[u8]) -> Result<Message, Malformed> {
    let mut reader = Reader::new(content);
    let id = ber::integer(&mut reader, tag::INTEGER)?;
    // Controls may follow; none was asked for.
    let (operation, content) = ber::element(&mut reader)?;
    let mut reader = Reader::new(content);
    let response = match operation {
        operation::BIND_RESPONSE => Response::Bind(outcome(&mut reader)?),
        operation::SEARCH_RESULT => Response::Found(text(ber::content(&mut reader, tag::OCTET_STRING)?)),
        operation::SEARCH_REFERENCE => Response::Reference,
        operation::SEARCH_DONE => Response::Done(outcome(&mut reader)?),
        operation::EXTENDED_RESPONSE => Response::Extended(outcome(&mut reader)?),
        _ => return Err(Malformed("an LDAP message is of a type that was not asked for")),
    };
    Ok(Message { id, response })
}

// LDAPResult (RFC 4511 4.1.9). A referral may follow and is not gone after: this server is the one to be checked.
fn outcome(reader: &mut Reader<'_>) -> Result<Outcome, Malformed> {
    let code = ber::integer(reader, tag::ENUMERATED)?;
    let _matched = ber::content(reader, tag::OCTET_STRING)?;
    let diagnostic = text(ber::content(reader, tag::OCTET_STRING)?);
    Ok(Outcome { code, diagnostic })
}

/// A result code as RFC 4511 appendix A names it.
pub fn words(code: i64) -> &'static str {
    match code {
        0 => "success",
        1 => "operations error",
        2 => "protocol error",
        3 => "time limit exceeded",
        4 => "size limit exceeded",
        7 => "authentication method not supported",
        8 => "stronger authentication required",
        10 => "referral",
        11 => "administrative limit exceeded",
        13 => "confidentiality required",
        16 => "no such attribute",
        17 => "undefined attribute type",
        18 => "inappropriate matching",
        21 => "invalid attribute syntax",
        32 => "no such object",
        33 => "alias problem",
        34 => "invalid DN syntax",
        36 => "alias dereferencing problem",
        48 => "inappropriate authentication",
        49 => "invalid credentials",
        50 => "insufficient access rights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwilling to perform",
        54 => "loop detected",
        80 => "other",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests;
