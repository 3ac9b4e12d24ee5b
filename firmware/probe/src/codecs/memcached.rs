//! The text protocol of memcached: what a line of a server says.

use super::Malformed;
use super::reader::text;

/// Asks for the version.
pub const VERSION: &[u8] = b"version\r\n";
/// Asks for the general counters.
pub const STATS: &[u8] = b"stats\r\n";
/// Says goodbye; it has no answer.
pub const QUIT: &[u8] = b"quit\r\n";

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Which version runs.
    Version(String),
    /// A counter: its name and its value.
    Stat(String),
    /// The last line of several.
    End,
    /// The server refuses, and says why.
    Error(String),
}

/// Reads a line.
pub fn parse(line: &[u8]) -> Result<Line, Malformed> {
    let line = line.trim_ascii_end();
    let split = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let (word, rest) = (&line[..split], text(line[split..].trim_ascii()));
    match word {
        b"VERSION" if !rest.is_empty() => Ok(Line::Version(rest)),
        b"STAT" if !rest.is_empty() => Ok(Line::Stat(rest)),
        b"END" => Ok(Line::End),
        b"ERROR" | b"CLIENT_ERROR" | b"SERVER_ERROR" => Ok(Line::Error(text(line))),
        _ => Err(Malformed("a line is none of memcached's")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines() {
        let strange = Err(Malformed("a line is none of memcached's"));
        let cases = [
            ("VERSION 1.6.18\r\n", Ok(Line::Version("1.6.18".into()))),
            ("STAT pid 17\r\n", Ok(Line::Stat("pid 17".into()))),
            ("END\r\n", Ok(Line::End)),
            ("ERROR\r\n", Ok(Line::Error("ERROR".into()))),
            ("SERVER_ERROR out of memory\r\n", Ok(Line::Error("SERVER_ERROR out of memory".into()))),
            ("CLIENT_ERROR bad\n", Ok(Line::Error("CLIENT_ERROR bad".into()))),
            ("VERSION\r\n", strange.clone()),
            ("version 1\r\n", strange.clone()),
            ("220 mail\r\n", strange.clone()),
            ("\r\n", strange),
        ];
        for (line, expected) in cases {
            assert_eq!(parse(line.as_bytes()), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(line: Vec<u8>) {
            let _ = parse(&line);
            let _ = parse(&[b"STAT ", &line[..]].concat());
        }
    }
}
