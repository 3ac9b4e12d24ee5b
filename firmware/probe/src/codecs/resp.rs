//! RESP2, the protocol of Redis: commands as arrays of strings, replies of one line or one string.

use super::Malformed;
use super::reader::text;

/// A reply's first line, without what ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `+`: done, or a short text.
    Simple(String),
    /// `-`: refused.
    Error(String),
    /// `:`: a number.
    Integer(i64),
    /// `$`: so many bytes follow, and CR LF behind them.
    Bulk(usize),
    /// `$-1`: no value.
    Null,
    /// `*`: so many replies follow.
    Array(usize),
}

/// A command with its arguments.
pub fn command(words: &[&str]) -> Vec<u8> {
    let head = format!("*{}\r\n", words.len());
    let words = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
    [head].into_iter().chain(words).collect::<String>().into_bytes()
}

/// Reads a line.
pub fn parse(line: &[u8]) -> Result<Reply, Malformed> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (kind, rest) = line.split_first().ok_or(Malformed("a reply is empty"))?;
    let number = || {
        let digits = str::from_utf8(rest).ok();
        digits.and_then(|digits| digits.parse::<i64>().ok()).ok_or(Malformed("a reply's number is none"))
    };
    let length = || match number()? {
        -1 => Ok(None),
        length => usize::try_from(length).map(Some).map_err(|_| Malformed("a reply's length is negative")),
    };
    match kind {
        b'+' => Ok(Reply::Simple(text(rest))),
        b'-' => Ok(Reply::Error(text(rest))),
        b':' => Ok(Reply::Integer(number()?)),
        b'$' => Ok(length()?.map_or(Reply::Null, Reply::Bulk)),
        b'*' => Ok(length()?.map_or(Reply::Null, Reply::Array)),
        _ => Err(Malformed("a reply is of an unknown type")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands() {
        assert_eq!(command(&["PING"]), b"*1\r\n$4\r\nPING\r\n");
        assert_eq!(command(&["AUTH", "us er", "pé"]), "*3\r\n$4\r\nAUTH\r\n$5\r\nus er\r\n$3\r\npé\r\n".as_bytes());
    }

    #[test]
    fn replies() {
        let cases = [
            ("+PONG\r\n", Ok(Reply::Simple("PONG".into()))),
            ("+", Ok(Reply::Simple("".into()))),
            ("-WRONGPASS no\r\n", Ok(Reply::Error("WRONGPASS no".into()))),
            (":-7\r\n", Ok(Reply::Integer(-7))),
            ("$0\r\n", Ok(Reply::Bulk(0))),
            ("$512\r\n", Ok(Reply::Bulk(512))),
            ("$-1\r\n", Ok(Reply::Null)),
            ("*2\r\n", Ok(Reply::Array(2))),
            ("$-2\r\n", Err(Malformed("a reply's length is negative"))),
            ("$a\r\n", Err(Malformed("a reply's number is none"))),
            ("$\r\n", Err(Malformed("a reply's number is none"))),
            ("$99999999999999999999\r\n", Err(Malformed("a reply's number is none"))),
            ("\r\n", Err(Malformed("a reply is empty"))),
            ("HTTP/1.1 400 Bad Request\r\n", Err(Malformed("a reply is of an unknown type"))),
        ];
        for (line, expected) in cases {
            assert_eq!(parse(line.as_bytes()), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(line: Vec<u8>, kind in "[+:$*-]") {
            let _ = parse(&line);
            let _ = parse(&[kind.as_bytes(), &line].concat());
        }
    }
}
