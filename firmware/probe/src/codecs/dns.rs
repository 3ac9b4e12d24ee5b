//! DNS (RFC 1035): one question, and the records that answer it as text.

mod name;
mod record;

pub use name::Name;

use super::Malformed;
use super::reader::Reader;
use std::net::IpAddr;

/// Bytes of a header.
const HEADER: usize = 12;
/// Records of an answer that are read.
const RECORDS_MAX: usize = 256;
/// IN, the Internet.
const CLASS: u16 = 1;

/// The second word of a header.
mod flag {
    pub const RESPONSE: u16 = 0x8000;
    pub const OPCODE: u16 = 0x7800;
    pub const TRUNCATED: u16 = 0x0200;
    pub const RECURSION_DESIRED: u16 = 0x0100;
    pub const RCODE: u16 = 0x000f;
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// An IPv4 address.
    A = 1,
    /// The name servers of a zone.
    Ns = 2,
    /// The parameters of a zone.
    Soa = 6,
    /// The name of an address.
    Ptr = 12,
    /// Where mail goes.
    Mx = 15,
    /// Text.
    Txt = 16,
    /// An IPv6 address.
    Aaaa = 28,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// About which name.
    pub name: Name,
    /// Which records.
    pub kind: Type,
}

/// A response to the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// It did not fit: the question has to be asked again over TCP.
    pub is_truncated: bool,
    /// 0, or why there is no answer; see [`rcode_words`].
    pub rcode: u8,
    /// The records of the type asked for, as text.
    pub answers: Vec<String>,
}

impl Question {
    /// The name of an address, below `in-addr.arpa` or `ip6.arpa` (RFC 1035 3.5, RFC 3596 2.5).
    pub fn reverse(address: IpAddr) -> Name {
        let text = match address {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                format!("{d}.{c}.{b}.{a}.in-addr.arpa")
            }
            IpAddr::V6(address) => {
                let nibbles =
                    address.octets().into_iter().rev().map(|byte| format!("{:x}.{:x}.", byte & 15, byte >> 4));
                format!("{}ip6.arpa", nibbles.collect::<String>())
            }
        };
        Name::parse(&text).expect("at most 32 labels of one digit and two short words are a name")
    }

    /// The question as a message.
    pub fn emit(&self, id: u16) -> Vec<u8> {
        let words = [id, flag::RECURSION_DESIRED, 1, 0, 0, 0];
        let mut bytes: Vec<u8> = words.into_iter().flat_map(u16::to_be_bytes).collect();
        bytes.extend(self.name.wire());
        bytes.extend((self.kind as u16).to_be_bytes());
        bytes.extend(CLASS.to_be_bytes());
        bytes
    }

    /// Reads a response; `None`: it is well-formed and not to this question, so a late or a forged one.
    pub fn parse(&self, id: u16, message: &[u8]) -> Result<Option<Response>, Malformed> {
        let mut reader = Reader::new(message);
        let (its_id, flags) = (reader.u16()?, reader.u16()?);
        let (questions, records) = (reader.u16()?, reader.u16()?);
        reader.take(HEADER - 8)?;
        if its_id != id || flags & flag::RESPONSE == 0 || flags & flag::OPCODE != 0 {
            return Ok(None);
        }
        let rcode = (flags & flag::RCODE) as u8;
        let mut response = Response { is_truncated: flags & flag::TRUNCATED != 0, rcode, answers: Vec::new() };
        // A server that could not read the question does not repeat it (format error).
        if questions == 0 && rcode != 0 {
            return Ok(Some(response));
        }
        if questions != 1 {
            return Err(Malformed("a DNS response does not repeat the one question"));
        }
        let name = Name::read(message, &mut reader)?;
        if (reader.u16()?, reader.u16()?) != (self.kind as u16, CLASS) || name != self.name {
            return Ok(None);
        }
        // What was cut off is asked for again.
        if !response.is_truncated {
            response.answers = self.answers(message, &mut reader, usize::from(records).min(RECORDS_MAX))?;
        }
        Ok(Some(response))
    }

    // Records of other types are aliases on the way to the answer (RFC 1034 3.6.2), or signatures.
    fn answers<'m>(
        &self,
        message: &'m [u8],
        reader: &mut Reader<'m>,
        records: usize,
    ) -> Result<Vec<String>, Malformed> {
        let mut answers = Vec::new();
        for _ in 0..records {
            Name::read(message, reader)?;
            let (kind, class) = (reader.u16()?, reader.u16()?);
            let _time_to_live = reader.u32()?;
            let length = usize::from(reader.u16()?);
            let start = message.len() - reader.rest().len();
            reader.take(length)?;
            if (kind, class) == (self.kind as u16, CLASS) {
                answers.push(record::text(self.kind, message, start..start + length)?);
            }
        }
        Ok(answers)
    }
}

/// A response code as RFC 1035 4.1.1 and RFC 2136 2.2 name it.
pub fn rcode_words(rcode: u8) -> &'static str {
    match rcode {
        0 => "no error",
        1 => "FORMERR, format error",
        2 => "SERVFAIL, server failure",
        3 => "NXDOMAIN, no such name",
        4 => "NOTIMP, not implemented",
        5 => "REFUSED",
        9 => "NOTAUTH, not authoritative",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests;
