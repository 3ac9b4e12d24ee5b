//! Words of a line, and the names that stand for hardware addresses.

use std::collections::BTreeMap;
use std::str::FromStr;

/// A hardware address.
pub type Mac = [u8; 6];

/// Every host and NIC by its hardware address.
#[derive(Clone, Debug, Default)]
pub struct Names {
    by_name: BTreeMap<String, Mac>,
    by_mac: BTreeMap<Mac, String>,
}

impl Names {
    /// From now on `name` stands for `mac`.
    pub fn add(&mut self, name: &str, mac: Mac) {
        self.by_name.insert(name.to_owned(), mac);
        self.by_mac.insert(mac, name.to_owned());
    }

    /// The hardware address that is called or written so.
    pub fn mac(&self, text: &str) -> Result<Mac, String> {
        self.by_name.get(text).copied().map_or_else(|| mac(text), Ok)
    }

    /// Its name, or its digits.
    pub fn name(&self, mac: Mac) -> String {
        self.by_mac.get(&mac).cloned().unwrap_or_else(|| mac.map(|byte| format!("{byte:02x}")).join(":"))
    }
}

/// Six bytes in hexadecimal.
pub fn mac(text: &str) -> Result<Mac, String> {
    let bytes: Option<Vec<u8>> = text.split(':').map(|part| u8::from_str_radix(part, 16).ok()).collect();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| format!("{text} is no host, NIC or hardware address"))
}

/// The words of a line, one after the other. Text in quotes is one word, brackets stand alone.
#[derive(Debug)]
pub struct Words {
    words: Vec<String>,
    at: usize,
}

impl Words {
    pub fn of(line: &str) -> Self {
        let mut words = Vec::new();
        let mut word = String::new();
        let mut quoted = false;
        for c in line.chars() {
            match c {
                '"' => {
                    quoted = !quoted;
                    word.push(c);
                }
                // IPv6 addresses with ports have brackets without blanks.
                ' ' if !quoted => words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty())),
                _ => word.push(c),
            }
        }
        words.extend(Some(word).filter(|word| !word.is_empty()));
        Self { words, at: 0 }
    }

    pub fn peek(&self) -> Option<&str> {
        self.words.get(self.at).map(String::as_str)
    }

    pub fn next(&mut self) -> Result<String, String> {
        let word = self.words.get(self.at).cloned().ok_or("the line ends too early")?;
        self.at += 1;
        Ok(word)
    }

    /// Takes the next word when it is this one.
    pub fn take(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(word);
        self.at += usize::from(found);
        found
    }

    pub fn expect(&mut self, word: &str) -> Result<(), String> {
        if self.take(word) { Ok(()) } else { Err(format!("\"{word}\" is missing before {:?}", self.peek())) }
    }

    /// The next word as whatever is asked for.
    pub fn parsed<T: FromStr>(&mut self) -> Result<T, String> {
        let word = self.next()?;
        word.parse().map_err(|_| format!("{word} does not fit here"))
    }

    /// A number, decimal or 0x….
    pub fn number(&mut self) -> Result<u32, String> {
        let word = self.next()?;
        let number = match word.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => word.parse(),
        };
        number.map_err(|_| format!("{word} is no number"))
    }

    /// A number behind `word`, or `default` when the word is not there.
    pub fn number_of(&mut self, word: &str, default: u32) -> Result<u32, String> {
        if self.take(word) { self.number() } else { Ok(default) }
    }

    /// Nothing may be left.
    pub fn finish(&self) -> Result<(), String> {
        self.peek().map_or(Ok(()), |word| Err(format!("\"{word}\" is not understood")))
    }
}

/// Bytes from hexadecimal digits.
pub fn unhex(digits: &str) -> Result<Vec<u8>, String> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap_or("?"));
    let bytes: Option<Vec<u8>> = pairs.map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
    bytes.ok_or_else(|| format!("{digits} are no hexadecimal digits"))
}

/// Hexadecimal digits of bytes.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
