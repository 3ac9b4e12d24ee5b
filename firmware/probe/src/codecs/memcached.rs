//! The text protocol of memcached: what a line of a server says.

use super::Malformed;
use super::reader::text;

/// Asks for the version.
pub const VERSION: &str = "version";
/// Says goodbye; it has no answer.
pub const QUIT: &[u8] = b"quit\r\n";

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Which version runs.
    Version(String),
    /// One of several lines, the last of which is [`Line::End`].
    Part(String),
    /// The same, and so many bytes of a value follow, and CR LF behind them.
    Value(String, usize),
    /// The last line of several.
    End,
    /// The server refuses, and says why.
    Error(String),
    /// Another line that stands alone.
    Single(String),
}

/// Reads a line.
pub fn parse(line: &[u8]) -> Result<Line, Malformed> {
    let line = line.trim_ascii_end();
    let split = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let (word, rest) = (&line[..split], text(line[split..].trim_ascii()));
    match word {
        b"VERSION" if !rest.is_empty() => Ok(Line::Version(rest)),
        b"STAT" | b"ITEM" | b"PREFIX" => Ok(Line::Part(text(line))),
        b"VALUE" => {
            // A key, flags, and the length.
            let length = rest.split(' ').nth(2).and_then(|digits| digits.parse().ok());
            Ok(Line::Value(text(line), length.ok_or(Malformed("a value of memcached has no length"))?))
        }
        b"END" => Ok(Line::End),
        b"ERROR" | b"CLIENT_ERROR" | b"SERVER_ERROR" => Ok(Line::Error(text(line))),
        // All of its words are in capitals; the rest are numbers that were counted up or down.
        _ if !word.is_empty() && word.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_') => {
            Ok(Line::Single(text(line)))
        }
        _ if rest.is_empty() && !word.is_empty() && word.iter().all(u8::is_ascii_digit) => Ok(Line::Single(text(line))),
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
            ("STAT pid 17\r\n", Ok(Line::Part("STAT pid 17".into()))),
            ("VALUE a 0 5\r\n", Ok(Line::Value("VALUE a 0 5".into(), 5))),
            ("END\r\n", Ok(Line::End)),
            ("ERROR\r\n", Ok(Line::Error("ERROR".into()))),
            ("SERVER_ERROR out of memory\r\n", Ok(Line::Error("SERVER_ERROR out of memory".into()))),
            ("CLIENT_ERROR bad\n", Ok(Line::Error("CLIENT_ERROR bad".into()))),
            ("NOT_FOUND\r\n", Ok(Line::Single("NOT_FOUND".into()))),
            ("17\r\n", Ok(Line::Single("17".into()))),
            ("VALUE a 0 x\r\n", Err(Malformed("a value of memcached has no length"))),
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
            let _ = parse(&[b"VALUE ", &line[..]].concat());
        }
    }
}
