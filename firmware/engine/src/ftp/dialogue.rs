//! What clients and servers say about data connections: PORT, PASV (RFC 959 4.1.2), EPRT, EPSV (RFC 2428).

use net::Address;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// Longest text of [`host_port`]: six numbers of three digits and five commas.
pub(super) const HOST_PORT_MAX: usize = 23;
/// Longest address as text (RFC 4291 2.2).
const ADDRESS_TEXT_MAX: usize = 45;

/// An address and a port that somebody named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub address: Address,
    pub port: u16,
}

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// PORT or EPRT: the server is to connect there.
    Active(Endpoint),
    /// PASV or EPSV: the server is to say where it listens.
    Passive,
    /// Anything else, what the server will refuse to understand included.
    Other,
}

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// 227: it listens there. `text` is the place of the six numbers in the line.
    Passive { endpoint: Endpoint, text: Range<usize> },
    /// 229: it listens on this port.
    ExtendedPassive { port: u16 },
    /// Anything else.
    Other,
}

/// Reads one line of a client.
pub(super) fn command(line: &[u8]) -> Command {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let split = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let (verb, argument) = (&line[..split], line[split..].trim_ascii());
    let is = |name: &[u8]| verb.eq_ignore_ascii_case(name);
    if is(b"PASV") || (is(b"EPSV") && !argument.eq_ignore_ascii_case(b"ALL")) {
        return Command::Passive;
    }
    let endpoint = match () {
        () if is(b"PORT") => read_host_port(argument).map(|(endpoint, _)| endpoint),
        () if is(b"EPRT") => read_extended(argument),
        () => None,
    };
    endpoint.map_or(Command::Other, Command::Active)
}

/// Reads one line of a server.
pub(super) fn reply(line: &[u8]) -> Reply {
    match line.get(..4) {
        // RFC 1123 4.1.2.6: the text around the numbers is not fixed; they start with the first digit.
        Some(b"227 ") => (4..line.len())
            .find(|at| line[*at].is_ascii_digit())
            .and_then(|start| {
                let (endpoint, length) = read_host_port(&line[start..])?;
                Some(Reply::Passive { endpoint, text: start..start + length })
            })
            .unwrap_or(Reply::Other),
        // RFC 2428 3: (<d><d><d><tcp-port><d>).
        Some(b"229 ") => line
            .iter()
            .position(|byte| *byte == b'(')
            .and_then(|open| match &line[open + 1..] {
                [a, b, c, rest @ ..] if a == b && b == c => read_number(rest, *a),
                _ => None,
            })
            .map_or(Reply::Other, |port| Reply::ExtendedPassive { port }),
        _ => Reply::Other,
    }
}

/// The six numbers of an IPv4 address and a port, and how many bytes of the array they take.
pub(super) fn host_port(address: Address, port: u16) -> ([u8; HOST_PORT_MAX], usize) {
    let mut text = [0; HOST_PORT_MAX];
    let ([a, b, c, d], [high, low]) = (address.octets_v4(), port.to_be_bytes());
    let mut rest = &mut text[..];
    write!(rest, "{a},{b},{c},{d},{high},{low}").expect("six bytes never take more than 23");
    let length = HOST_PORT_MAX - rest.len();
    (text, length)
}

// "h1,h2,h3,h4,p1,p2", and how long it is. Spaces before a number are let pass, as servers do.
fn read_host_port(text: &[u8]) -> Option<(Endpoint, usize)> {
    let mut numbers = [0; 6];
    let mut at = 0;
    for (index, number) in numbers.iter_mut().enumerate() {
        if index > 0 {
            if text.get(at) != Some(&b',') {
                return None;
            }
            at += 1;
            at += text[at..].iter().take_while(|byte| **byte == b' ').count();
        }
        let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        *number = str::from_utf8(&text[at..at + digits]).ok()?.parse::<u8>().ok()?;
        at += digits;
    }
    let [a, b, c, d, high, low] = numbers;
    Some((Endpoint { address: Address::v4([a, b, c, d]), port: u16::from_be_bytes([high, low]) }, at))
}

// "<d>1<d>10.1.0.7<d>40000<d>" or "<d>2<d>2001:db8::7<d>40000<d>".
fn read_extended(text: &[u8]) -> Option<Endpoint> {
    let (delimiter, rest) = text.split_first()?;
    let mut fields = rest.split(|byte| byte == delimiter);
    let (family, address, port) = (fields.next()?, fields.next()?, fields.next()?);
    let address = Some(address).filter(|text| text.len() <= ADDRESS_TEXT_MAX)?;
    let address = str::from_utf8(address).ok()?;
    let address: IpAddr = match family {
        b"1" => address.parse::<Ipv4Addr>().ok()?.into(),
        b"2" => address.parse::<Ipv6Addr>().ok()?.into(),
        _ => return None,
    };
    // The delimiter must end the port too.
    fields.next()?;
    Some(Endpoint { address: address.into(), port: str::from_utf8(port).ok()?.parse().ok()? })
}

// A number that ends with `delimiter`.
fn read_number(text: &[u8], delimiter: u8) -> Option<u16> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if text.get(digits) != Some(&delimiter) {
        return None;
    }
    str::from_utf8(&text[..digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(address: &str, port: u16) -> Endpoint {
        Endpoint { address: address.parse::<IpAddr>().unwrap().into(), port }
    }

    #[test]
    fn commands() {
        let v4 = Command::Active(endpoint("10.1.0.7", 40000));
        let v6 = Command::Active(endpoint("1080::8:800:200c:417a", 5282));
        let cases: [(&str, Command); 17] = [
            ("PORT 10,1,0,7,156,64\r", v4),
            ("port 10,1,0,7,156,64", v4),
            ("PORT  10, 1, 0, 7, 156, 64 \r", v4),
            ("EPRT |1|10.1.0.7|40000|\r", v4),
            ("eprt !1!10.1.0.7!40000!\r", v4),
            ("EPRT |2|1080::8:800:200C:417A|5282|\r", v6),
            ("PASV\r", Command::Passive),
            ("epsv\r", Command::Passive),
            ("EPSV 2\r", Command::Passive),
            ("EPSV ALL\r", Command::Other),
            ("PORT 10,1,0,7,156\r", Command::Other),
            ("PORT 10,1,0,256,156,64\r", Command::Other),
            ("PORT\r", Command::Other),
            ("EPRT |1|2001:db8::7|40000|\r", Command::Other),
            ("EPRT |1|10.1.0.7|70000|\r", Command::Other),
            ("EPRT |1|10.1.0.7|40000\r", Command::Other),
            ("RETR PASV\r", Command::Other),
        ];
        for (line, expected) in cases {
            assert_eq!(command(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn replies() {
        let passive = |text| Reply::Passive { endpoint: endpoint("10.2.0.2", 50210), text };
        let cases: [(&str, Reply); 11] = [
            ("227 Entering Passive Mode (10,2,0,2,196,34).\r", passive(27..42)),
            ("227 Entering Passive Mode 10,2,0,2,196,34\r", passive(26..41)),
            ("227 =10,2,0,2,196,34\r", passive(5..20)),
            ("229 Entering Extended Passive Mode (|||6446|)\r", Reply::ExtendedPassive { port: 6446 }),
            ("229 ok (!!!6446!)\r", Reply::ExtendedPassive { port: 6446 }),
            ("229 ok (|||6446)\r", Reply::Other),
            ("229 ok (|1|10.2.0.2|6446|)\r", Reply::Other),
            ("227-Entering (10,2,0,2,196,34)\r", Reply::Other),
            ("227 Entering (10,2,0,2,196)\r", Reply::Other),
            ("227\r", Reply::Other),
            ("200 (10,2,0,2,196,34)\r", Reply::Other),
        ];
        for (line, expected) in cases {
            assert_eq!(reply(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn six_numbers_are_written_as_they_are_read() {
        for (address, port, expected) in
            [("1.2.3.4", 1024, "1,2,3,4,4,0"), ("255.255.255.255", 65535, "255,255,255,255,255,255")]
        {
            let (text, length) = host_port(endpoint(address, port).address, port);
            assert_eq!(str::from_utf8(&text[..length]).unwrap(), expected);
            assert_eq!(read_host_port(&text[..length]), Some((endpoint(address, port), length)));
        }
    }
}
