//! Lists of numbers and ranges, as in `"80,443,8000-8099"`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Numbers from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Range {
    /// First number.
    pub first: u16,
    /// Last number.
    pub last: u16,
}

/// Ranges in the order they were written; they do not overlap.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ranges(Vec<Range>);

impl Ranges {
    /// One number.
    pub fn one(number: u16) -> Self {
        Self(vec![Range { first: number, last: number }])
    }

    /// All ports; written `"*"`.
    pub fn all_ports() -> Self {
        Self(vec![Range { first: 1, last: u16::MAX }])
    }

    /// Whether these are all ports.
    pub fn is_all_ports(&self) -> bool {
        *self == Self::all_ports()
    }

    /// The only number, when there is only one.
    pub fn only(&self) -> Option<u16> {
        match self.0[..] {
            [Range { first, last }] if first == last => Some(first),
            _ => None,
        }
    }

    /// The ranges.
    pub fn iter(&self) -> impl Iterator<Item = Range> {
        self.0.iter().copied()
    }

    /// Whether `number` is in one of them.
    pub fn contains(&self, number: u16) -> bool {
        self.0.iter().any(|range| range.first <= number && number <= range.last)
    }

    /// How many ranges.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Reads a list of ports, ranges of ports, or `*`.
    pub(crate) fn parse_ports(text: &str) -> Result<Self, String> {
        if text.trim() == "*" {
            return Ok(Self::all_ports());
        }
        Self::parse(text, 1, u16::MAX, "a port", "\"80\", \"80,443\", \"8000-8099\" or \"*\"")
    }

    /// Reads a list of HTTP status codes and ranges of them.
    pub(crate) fn parse_statuses(text: &str) -> Result<Self, String> {
        Self::parse(text, 100, 599, "an HTTP status", "\"200\", \"200,204\" or \"200-399\"")
    }

    fn parse(text: &str, min: u16, max: u16, what: &str, examples: &str) -> Result<Self, String> {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u16>()
                .ok()
                .filter(|number| digits && (min..=max).contains(number))
                .ok_or_else(|| format!("\"{text}\" is not {what} ({min} to {max}); write {examples}"))
        };
        let mut ranges: Vec<Range> = Vec::new();
        for part in text.split(',') {
            let part = part.trim();
            let (first, last) = match part.split_once('-') {
                Some((first, last)) => (number(first.trim())?, number(last.trim())?),
                None => (number(part)?, number(part)?),
            };
            if first > last {
                return Err(format!("the range {part} is empty: write {last}-{first}"));
            }
            if let Some(twice) = ranges.iter().find(|range| range.first <= last && first <= range.last) {
                return Err(format!("{} is listed twice", twice.first.max(first)));
            }
            ranges.push(Range { first, last });
        }
        Ok(Self(ranges))
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all_ports() {
            return f.write_str("*");
        }
        for (index, range) in self.0.iter().enumerate() {
            write!(f, "{}{range}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl Serialize for Ranges {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ranges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Statuses are numbers of ports too: what was checked when the document was read is not checked again.
        Self::parse_ports(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
