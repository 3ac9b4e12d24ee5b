//! One line of syslog (RFC 5424).

use config::SyslogFacility;
use jiff::Timestamp;
use std::io::Write;

/// Bytes of a line: what every receiver should take (RFC 5424 6.1).
pub const LINE_BYTES_MAX: usize = 2_048;
/// The longest host name of a line (RFC 5424 6).
const HOST_LENGTH_MAX: usize = 255;
/// The longest name of a kind of message (RFC 5424 6).
const KIND_LENGTH_MAX: usize = 32;
/// What stands where there is nothing to say (RFC 5424 6).
const NOTHING: &str = "-";
/// Says that the text is UTF-8 (RFC 5424 6.4).
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// How bad it is, by the numbers of RFC 5424 6.2.1: the smaller the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Severity {
    /// Something failed.
    Error = 3,
    /// Something is not as it should be.
    Warning = 4,
    /// What the box does.
    Info = 6,
    /// Everything else.
    Debug = 7,
}

/// Something worth a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub at: Timestamp,
    /// How bad.
    pub severity: Severity,
    /// Which part of the program says so: `audit`, `health`.
    pub kind: String,
    /// What.
    pub text: String,
}

/// The line of a record from `host`, without the counting or the end that the transport adds. Whatever is in the record,
/// it is one line of at most [`LINE_BYTES_MAX`].
pub fn line(record: &Record, facility: SyslogFacility, host: &str, process: u32) -> Vec<u8> {
    let priority = facility_number(facility) * 8 + record.severity as u8;
    let mut line = Vec::with_capacity(256);
    write!(
        line,
        "<{priority}>1 {:.6} {} suimon {process} {} - {BYTE_ORDER_MARK}",
        record.at,
        printable(host, HOST_LENGTH_MAX),
        printable(&record.kind, KIND_LENGTH_MAX),
    )
    .expect("writing to memory");
    for c in record.text.trim_end().chars() {
        // One message is one line everywhere, and a terminal that shows it is not steered by it.
        let c = if c.is_control() { ' ' } else { c };
        if line.len() + c.len_utf8() > LINE_BYTES_MAX {
            break;
        }
        line.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    line
}

/// A field of the header: printable US-ASCII without blanks, or nothing.
fn printable(text: &str, length_max: usize) -> String {
    let text: String = text.chars().filter(char::is_ascii_graphic).take(length_max).collect();
    if text.is_empty() { NOTHING.to_owned() } else { text }
}

fn facility_number(facility: SyslogFacility) -> u8 {
    match facility {
        SyslogFacility::Local0 => 16,
        SyslogFacility::Local1 => 17,
        SyslogFacility::Local2 => 18,
        SyslogFacility::Local3 => 19,
        SyslogFacility::Local4 => 20,
        SyslogFacility::Local5 => 21,
        SyslogFacility::Local6 => 22,
        SyslogFacility::Local7 => 23,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::tests::at;
    use proptest::prelude::*;

    fn record(severity: Severity, kind: &str, text: &str) -> Record {
        Record { at: at(0).civil, severity, kind: kind.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn lines() {
        for (severity, kind, text, host, expected) in [
            (
                Severity::Error,
                "health",
                "backend web/s1 is down",
                "suimon-a",
                "<131>1 2026-01-01T00:00:00.000000Z suimon-a suimon 7 health - \u{feff}backend web/s1 is down",
            ),
            (
                Severity::Debug,
                "",
                "two\nlines\u{1b}[31m\n",
                "",
                "<135>1 2026-01-01T00:00:00.000000Z - suimon 7 - - \u{feff}two lines [31m",
            ),
            (
                Severity::Info,
                "a b\u{e9}",
                "水門",
                "two words",
                "<134>1 2026-01-01T00:00:00.000000Z twowords suimon 7 ab - \u{feff}水門",
            ),
        ] {
            let line = line(&record(severity, kind, text), SyslogFacility::Local0, host, 7);
            assert_eq!(String::from_utf8(line).expect("UTF-8"), expected);
        }
        let local7 = line(&record(Severity::Warning, "x", "y"), SyslogFacility::Local7, "h", 1);
        assert!(local7.starts_with(b"<188>1 "));
    }

    proptest! {
        /// Whatever is said, it is one bounded line of UTF-8 whose header has its six fields.
        #[test]
        fn any_record_is_one_line(kind in "\\PC{0,50}", text in "(?s).{0,3000}", host in "\\PC{0,300}") {
            let line = line(&record(Severity::Info, &kind, &text), SyslogFacility::Local1, &host, 1);
            prop_assert!(line.len() <= LINE_BYTES_MAX);
            let line = String::from_utf8(line).expect("UTF-8");
            prop_assert!(!line.contains(['\n', '\r', '\0']));
            let (header, _) = line.split_once(" - \u{feff}").expect("structured data and text");
            prop_assert_eq!(header.split(' ').count(), 6);
            prop_assert!(header.is_ascii());
        }
    }
}
