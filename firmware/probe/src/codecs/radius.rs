//! RADIUS (RFC 2865): Access-Request with a PAP password, signed by Message-Authenticator (RFC 3579 3.2), and the answer,
//! whose authenticators have to prove that its sender knows the secret.

use super::Malformed;
use super::reader::{Reader, text};
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};

/// Bytes of the longest packet (RFC 2865 3).
pub const PACKET_MAX: usize = 4096;
/// Bytes of the longest user name: the value of one attribute.
pub const USER_MAX: usize = 253;
/// Bytes of the longest password (RFC 2865 5.2).
pub const PASSWORD_MAX: usize = 128;
/// Bytes of the random number in a request.
pub const AUTHENTICATOR: usize = 16;

const HEADER: usize = 20;

/// Codes of packets (RFC 2865 3).
mod code {
    pub const REQUEST: u8 = 1;
    pub const ACCEPT: u8 = 2;
    pub const REJECT: u8 = 3;
    pub const CHALLENGE: u8 = 11;
}

/// Types of attributes (RFC 2865 5, RFC 3579 3.2).
mod attribute {
    pub const USER_NAME: u8 = 1;
    pub const USER_PASSWORD: u8 = 2;
    pub const REPLY_MESSAGE: u8 = 18;
    pub const NAS_IDENTIFIER: u8 = 32;
    pub const MESSAGE_AUTHENTICATOR: u8 = 80;
}

/// An Access-Request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Tells it from other requests of the same socket.
    pub id: u8,
    /// Random: it hides the password and makes the answer unforgeable.
    pub authenticator: [u8; AUTHENTICATOR],
    /// What client and server share.
    pub secret: &'a [u8],
    /// Who logs in; at most [`USER_MAX`] bytes.
    pub user: &'a [u8],
    /// With which password; at most [`PASSWORD_MAX`] bytes.
    pub password: &'a [u8],
    /// The name of this client.
    pub identifier: &'a [u8],
}

/// What the server decided, and what it says to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Let the user in.
    Accept(String),
    /// Do not.
    Reject(String),
    /// Ask the user something more.
    Challenge(String),
}

/// Why an answer was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no packet.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The Response Authenticator or the Message-Authenticator is wrong.
    #[error("it was made with another secret, or changed on its way: its {0} is wrong")]
    Forged(&'static str),
}

impl Request<'_> {
    /// The request as a packet. What is too long is cut: callers check.
    pub fn emit(&self) -> Vec<u8> {
        let mut attributes = Vec::new();
        // In front, so that nothing chosen by a stranger can precede it (draft-ietf-radext-deprecating-radius, "Blast-RADIUS").
        push(&mut attributes, attribute::MESSAGE_AUTHENTICATOR, &[0; 16]);
        push(&mut attributes, attribute::USER_NAME, self.user);
        push(&mut attributes, attribute::USER_PASSWORD, &self.hidden_password());
        push(&mut attributes, attribute::NAS_IDENTIFIER, self.identifier);
        let length = (HEADER + attributes.len()) as u16;
        let mut packet = vec![code::REQUEST, self.id];
        packet.extend(length.to_be_bytes());
        packet.extend(self.authenticator);
        packet.extend(attributes);
        let signature = self.sign(&packet);
        packet[HEADER + 2..HEADER + 18].copy_from_slice(&signature);
        packet
    }

    // RFC 2865 5.2: blocks of 16 bytes, each hidden by a hash of the secret and the hidden block before it.
    fn hidden_password(&self) -> Vec<u8> {
        let mut plain = self.password[..self.password.len().min(PASSWORD_MAX)].to_vec();
        plain.resize(plain.len().max(1).next_multiple_of(16), 0);
        let mut before = self.authenticator;
        let mut hidden = Vec::new();
        for block in plain.chunks_exact(16) {
            let mask = Md5::new().chain_update(self.secret).chain_update(before).finalize();
            for ((out, byte), mask) in before.iter_mut().zip(block).zip(mask) {
                *out = byte ^ mask;
            }
            hidden.extend(before);
        }
        hidden
    }

    // RFC 3579 3.2: over the whole packet, the signature itself as zeros.
    fn sign(&self, packet: &[u8]) -> [u8; 16] {
        self.mac(packet).finalize().into_bytes().into()
    }

    fn mac(&self, packet: &[u8]) -> Hmac<Md5> {
        let key = Hmac::<Md5>::new_from_slice(self.secret).expect("HMAC takes keys of any length");
        key.chain_update(packet)
    }

    /// Reads the answer; `None`: it is to another request.
    pub fn parse(&self, packet: &[u8]) -> Result<Option<Answer>, Refused> {
        let mut reader = Reader::new(packet);
        let (code, id, length) = (reader.byte()?, reader.byte()?, usize::from(reader.u16()?));
        if id != self.id {
            return Ok(None);
        }
        if length > PACKET_MAX {
            return Err(Malformed("a RADIUS packet is too long").into());
        }
        let authenticator: [u8; AUTHENTICATOR] = reader.array()?;
        // RFC 2865 3: what is behind the length is padding, and a packet that is shorter is dropped.
        let attributes = reader.take(length.checked_sub(HEADER).ok_or(Malformed::SHORT)?)?;
        let expected = Md5::new()
            .chain_update(&packet[..4])
            .chain_update(self.authenticator)
            .chain_update(attributes)
            .chain_update(self.secret)
            .finalize();
        if expected.as_slice() != authenticator {
            return Err(Refused::Forged("Response Authenticator"));
        }
        let message = self.check_attributes(&packet[..4], attributes)?;
        match code {
            code::ACCEPT => Ok(Some(Answer::Accept(message))),
            code::REJECT => Ok(Some(Answer::Reject(message))),
            code::CHALLENGE => Ok(Some(Answer::Challenge(message))),
            _ => Err(Malformed("a RADIUS packet is no answer to an Access-Request").into()),
        }
    }

    // Checks the signature if there is one, which older servers leave out; gives the message to the user.
    fn check_attributes(&self, head: &[u8], attributes: &[u8]) -> Result<String, Refused> {
        let mut unsigned = [head, &self.authenticator, attributes].concat();
        let mut signature = None;
        let mut message = Vec::new();
        let mut reader = Reader::new(attributes);
        while !reader.is_empty() {
            let (kind, length) = (reader.byte()?, usize::from(reader.byte()?));
            let value = reader.take(length.checked_sub(2).ok_or(Malformed::SHORT)?)?;
            match kind {
                attribute::REPLY_MESSAGE => message.extend(value),
                attribute::MESSAGE_AUTHENTICATOR if value.len() == 16 && signature.is_none() => {
                    signature = Some(value);
                    let end = unsigned.len() - reader.rest().len();
                    unsigned[end - 16..end].fill(0);
                }
                attribute::MESSAGE_AUTHENTICATOR => {
                    return Err(Malformed("a Message-Authenticator is not one of 16 bytes").into());
                }
                _ => {}
            }
        }
        match signature {
            Some(signature) if self.mac(&unsigned).verify_slice(signature).is_err() => {
                Err(Refused::Forged("Message-Authenticator"))
            }
            _ => Ok(text(&message)),
        }
    }
}

fn push(attributes: &mut Vec<u8>, kind: u8, value: &[u8]) {
    let value = &value[..value.len().min(USER_MAX)];
    attributes.extend([kind, value.len() as u8 + 2]);
    attributes.extend(value);
}

#[cfg(test)]
mod tests;
