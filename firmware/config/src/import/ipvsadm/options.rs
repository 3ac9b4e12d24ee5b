//! The options of ipvsadm 1.31, short and long.

use crate::import::text::Line;
use crate::report::Error;
use std::iter::Peekable;

/// Commands. Those that no saved table has share a letter.
const COMMANDS: &[(char, &[&str])] = &[
    ('A', &["-A", "--add-service"]),
    ('a', &["-a", "--add-server"]),
    ('C', &["-C", "--clear", "-Z", "--zero"]),
    ('s', &["--set"]),
    ('m', &["--start-daemon"]),
    ('x', &["-E", "--edit-service", "-D", "--delete-service", "-e", "--edit-server", "-d", "--delete-server"]),
    ('x', &["-L", "-l", "--list", "-R", "--restore", "-S", "--save", "--stop-daemon", "-h", "--help"]),
];

/// Whether a value follows an option.
#[derive(Clone, Copy)]
enum Follows {
    Nothing,
    Value,
    /// A value that may be missing: then an option follows, or nothing.
    Perhaps,
}

/// Options: the letter they have here, their names, and whether a value follows.
const OPTIONS: &[(char, &[&str], Follows)] = &[
    ('t', &["-t", "--tcp-service"], Follows::Value),
    ('u', &["-u", "--udp-service"], Follows::Value),
    ('S', &["--sctp-service"], Follows::Value),
    ('f', &["-f", "--fwmark-service"], Follows::Value),
    ('6', &["-6", "--ipv6"], Follows::Nothing),
    ('4', &["-4", "--ipv4"], Follows::Nothing),
    ('s', &["-s", "--scheduler"], Follows::Value),
    ('p', &["-p", "--persistent"], Follows::Perhaps),
    ('M', &["-M", "--netmask"], Follows::Value),
    ('b', &["-b", "--sched-flags"], Follows::Value),
    ('o', &["-o", "--ops"], Follows::Nothing),
    ('P', &["--pe"], Follows::Value),
    ('r', &["-r", "--real-server"], Follows::Value),
    ('g', &["-g", "--gatewaying"], Follows::Nothing),
    ('i', &["-i", "--ipip"], Follows::Nothing),
    ('m', &["-m", "--masquerading"], Follows::Nothing),
    ('T', &["--tun-type"], Follows::Value),
    ('U', &["--tun-port"], Follows::Value),
    ('N', &["--tun-nocsum"], Follows::Nothing),
    ('K', &["--tun-csum"], Follows::Nothing),
    ('Q', &["--tun-remcsum"], Follows::Nothing),
    ('w', &["-w", "--weight"], Follows::Value),
    ('x', &["-x", "--u-threshold"], Follows::Value),
    ('y', &["-y", "--l-threshold"], Follows::Value),
    ('n', &["-n", "--numeric", "--exact", "--sort", "--nosort"], Follows::Nothing),
    ('d', &["--syncid", "--sync-maxlen", "--mcast-interface"], Follows::Value),
    ('d', &["--mcast-group", "--mcast-port", "--mcast-ttl"], Follows::Value),
];

/// One option of a line.
#[derive(Clone, Copy)]
pub(super) struct Given<'l> {
    pub(super) letter: char,
    /// Empty where none follows.
    pub(super) value: &'l str,
}

/// The options of a line.
pub(super) struct Options<'l> {
    pub(super) command: char,
    /// Words that are no options.
    pub(super) operands: Vec<&'l str>,
    given: Vec<Given<'l>>,
}

impl<'l> Options<'l> {
    pub(super) fn parse(line: &Line<'l>, words: impl Iterator<Item = &'l str>) -> Result<Self, Error> {
        let mut options = Self { command: ' ', operands: Vec::new(), given: Vec::new() };
        let mut words = words.peekable();
        while let Some(word) = words.next() {
            if !word.starts_with('-') {
                options.operands.push(word);
            } else if let Some((letter, _)) = COMMANDS.iter().find(|(_, names)| names.contains(&word)) {
                if options.command != ' ' {
                    return Err(line.error_at(word, "two commands in one line"));
                }
                options.command = *letter;
            } else {
                options.given.push(option(line, word, &mut words)?);
            }
        }
        if options.command == ' ' {
            return Err(line.error(0, "no command of ipvsadm: lines begin with -A or -a, as `ipvsadm -S` writes them"));
        }
        Ok(options)
    }

    /// The value of an option; empty when it has none.
    pub(super) fn value(&self, letter: char) -> Option<&'l str> {
        self.given.iter().find(|given| given.letter == letter).map(|given| given.value)
    }

    pub(super) fn has(&self, letter: char) -> bool {
        self.value(letter).is_some()
    }

    /// The first of some options that is given.
    pub(super) fn first(&self, letters: &str) -> Option<Given<'l>> {
        self.given.iter().copied().find(|given| letters.contains(given.letter))
    }
}

fn option<'l>(
    line: &Line<'l>,
    word: &'l str,
    words: &mut Peekable<impl Iterator<Item = &'l str>>,
) -> Result<Given<'l>, Error> {
    // `--weight=5`, and `-w5`.
    let (name, attached) = match word.split_once('=') {
        Some((name, value)) if name.starts_with("--") => (name, Some(value)),
        _ if !word.starts_with("--") && word.len() > 2 && word.is_char_boundary(2) => {
            let (name, value) = word.split_at(2);
            (name, Some(value))
        }
        _ => (word, None),
    };
    let Some((letter, _, follows)) = OPTIONS.iter().find(|(_, names, _)| names.contains(&name)) else {
        return Err(line.error_at(word, format!("ipvsadm has no option {word}")));
    };
    let value = match (follows, attached) {
        (Follows::Nothing, None) => "",
        (Follows::Nothing, Some(_)) => return Err(line.error_at(word, format!("{name} takes no value"))),
        (_, Some(value)) => value,
        (Follows::Value, None) => {
            words.next().ok_or_else(|| line.error_at(word, format!("a value is missing after {name}")))?
        }
        (Follows::Perhaps, None) => words.next_if(|next| !next.starts_with('-')).unwrap_or_default(),
    };
    Ok(Given { letter: *letter, value })
}
