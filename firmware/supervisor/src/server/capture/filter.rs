//! Which frames a capture takes: some of tcpdump's words (pcap-filter(7)), all of which must hold.
//!
//! `ip`, `ip6`, `tcp`, `udp`, `icmp`, `icmp6`, `host ADDRESS`, `src host ADDRESS`, `dst host ADDRESS`, `port NUMBER`,
//! `tcp port NUMBER`, `udp port NUMBER`, joined by `and`.

use net::ip::protocol;
use net::{Address, Family, Parsed, parse};
use std::net::IpAddr;

/// A parsed expression.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter(Vec<Word>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Family(Family),
    Protocol(u8),
    Host { source: bool, destination: bool, address: Address },
    Port(u16),
}

impl Filter {
    /// Reads an expression; an empty one takes everything.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut filter = Self::default();
        let mut words = text.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let both = Word::Host { source: true, destination: true, address: Address::UNSPECIFIED };
            let parsed = match word {
                "and" if !filter.0.is_empty() && words.peek().is_some() => continue,
                "ip" => Word::Family(Family::V4),
                "ip6" => Word::Family(Family::V6),
                "tcp" => Word::Protocol(protocol::TCP),
                "udp" => Word::Protocol(protocol::UDP),
                "icmp" => Word::Protocol(protocol::ICMP),
                "icmp6" => Word::Protocol(protocol::ICMPV6),
                "host" => host(both, words.next())?,
                "src" | "dst" if words.next_if_eq(&"host").is_some() => {
                    let (source, destination) = (word == "src", word == "dst");
                    host(Word::Host { source, destination, address: Address::UNSPECIFIED }, words.next())?
                }
                "port" => {
                    let number = words.next().unwrap_or_default();
                    Word::Port(number.parse().map_err(|_| format!("\"{number}\" is no port"))?)
                }
                _ => {
                    return Err(format!(
                        "\"{word}\" is not understood: ip, ip6, tcp, udp, icmp, icmp6, host, src host, dst host, port, \
                         joined by and"
                    ));
                }
            };
            filter.0.push(parsed);
        }
        Ok(filter)
    }

    /// Whether it takes a frame.
    pub(super) fn takes(&self, frame: &[u8]) -> bool {
        if self.0.is_empty() {
            return true;
        }
        // Longer than an IP packet may be by its own length field: not for super-frames.
        let Ok(parsed) = parse(frame, true).or_else(|_| parse(frame, false)) else { return false };
        self.0.iter().all(|word| word.holds(&parsed))
    }
}

impl Word {
    fn holds(self, parsed: &Parsed) -> bool {
        match self {
            Self::Family(family) => parsed.family == family,
            Self::Protocol(protocol) => parsed.protocol == protocol,
            Self::Host { source, destination, address } => {
                (source && parsed.source == address) || (destination && parsed.destination == address)
            }
            Self::Port(port) => {
                matches!(parsed.protocol, protocol::TCP | protocol::UDP)
                    && (parsed.source_port == port || parsed.destination_port == port)
            }
        }
    }
}

fn host(word: Word, text: Option<&str>) -> Result<Word, String> {
    let text = text.unwrap_or_default();
    let found: IpAddr = text.parse().map_err(|_| format!("\"{text}\" is no IP address"))?;
    match word {
        Word::Host { source, destination, .. } => Ok(Word::Host { source, destination, address: found.into() }),
        other => Ok(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // UDP from 10.1.0.9:4660 to 10.1.0.100:53, no payload.
    fn frame() -> Vec<u8> {
        let mut frame = vec![0; 42];
        frame[12..14].copy_from_slice(&[0x08, 0x00]);
        frame[14..34].copy_from_slice(&[0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 1, 0, 9, 10, 1, 0, 100]);
        frame[34..42].copy_from_slice(&[0x12, 0x34, 0, 53, 0, 8, 0, 0]);
        net::ip::write_v4_checksum(&mut frame, 14, 20);
        frame
    }

    #[test]
    fn words_hold_or_do_not() {
        for (text, taken) in [
            ("", true),
            ("ip", true),
            ("ip6", false),
            ("udp", true),
            ("tcp", false),
            ("host 10.1.0.9", true),
            ("host 10.1.0.100 and udp port 53", true),
            ("src host 10.1.0.9", true),
            ("dst host 10.1.0.9", false),
            ("port 4660", true),
            ("port 54", false),
            ("tcp port 53", false),
        ] {
            assert_eq!(Filter::parse(text).unwrap().takes(&frame()), taken, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in ["or", "host", "host x", "port", "port 70000", "and", "tcp and", "src 10.0.0.1", "not tcp"] {
            assert!(Filter::parse(text).is_err(), "{text}");
        }
    }
}
