//! The writes and flushes of a process, as strace saw them.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};

/// System calls that change files or what they are called, that flush, and that speak.
const CALLS: &str = "trace=openat,write,pwrite64,ftruncate,fsync,fdatasync,unlink,rename";
/// Longest write that is recorded whole.
const WRITE_BYTES_MAX: usize = 1 << 20;

/// Something that happened to the files in a directory. Names are relative to it; the empty name is the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A file is opened and made if it is not there.
    Make { name: String },
    /// Bytes are written.
    Write { name: String, at: usize, bytes: Vec<u8> },
    /// A file gets another length.
    Truncate { name: String, length: usize },
    /// A file, or the directory, is on the disk when this is over.
    Flush { name: String },
    /// A name goes.
    Remove { name: String },
    /// A file gets another name.
    Rename { from: String, to: String },
    /// Something is said on standard output.
    Say { text: String },
}

impl Operation {
    /// What it says.
    pub fn said(&self) -> Option<&str> {
        match self {
            Self::Say { text } => Some(text),
            _ => None,
        }
    }
}

/// `command` under strace, which writes to `log`.
pub fn command(command: &Command, log: &Path) -> Command {
    let mut traced = Command::new("strace");
    traced.args(["-f", "-y", "-xx", "-s", &WRITE_BYTES_MAX.to_string(), "-e", CALLS, "-o"]).arg(log);
    traced.arg(command.get_program()).args(command.get_args()).stdout(Stdio::piped());
    traced
}

/// The operations of a log that concern `directory`.
pub fn read(log: &str, directory: &Path) -> Vec<Operation> {
    let mut begun: HashMap<&str, String> = HashMap::new();
    let mut operations = Vec::new();
    for line in log.lines() {
        let (process, call) = line.split_once(' ').expect("a process and what it did");
        let call = call.trim_start();
        // Calls of two threads at once are told in two parts.
        if let Some(begin) = call.strip_suffix("<unfinished ...>") {
            begun.insert(process, begin.to_owned());
        } else if let Some((_, end)) = call.strip_prefix("<... ").and_then(|call| call.split_once(" resumed>")) {
            let whole = begun.remove(process).expect("begun before") + end;
            operations.extend(operation(&whole, directory));
        } else {
            operations.extend(operation(call, directory));
        }
    }
    assert!(begun.is_empty(), "never ended: {begun:?}");
    operations
}

fn operation(call: &str, directory: &Path) -> Option<Operation> {
    let (name, rest) = call.split_once('(')?;
    // A call that failed did nothing; signals and ends have no parenthesis.
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let arguments = arguments.trim_end().strip_suffix(')')?.trim_end();
    let result: usize = result.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    let arguments: Vec<&str> = arguments.split(", ").collect();
    let within = |path: Vec<u8>| {
        let path = String::from_utf8(path).ok()?;
        let name = Path::new(&path).strip_prefix(directory).ok()?.to_str()?.to_owned();
        // Memory that processes share: nothing of it is needed after a crash, and nothing is flushed.
        (!name.ends_with("-shm")).then_some(name)
    };
    let opened = |argument: &str| within(unescaped(argument.split_once('<')?.1.strip_suffix('>')?));
    let quoted = |argument: &str| unescaped(argument.trim_matches('"'));
    let number = |argument: &str| argument.parse::<usize>().expect("a number");
    match (name, &arguments[..]) {
        ("openat", [_, path, flags, ..]) if flags.contains("O_CREAT") => {
            Some(Operation::Make { name: within(quoted(path))? })
        }
        ("write", [target, text, _]) if target.starts_with("1<") => {
            Some(Operation::Say { text: String::from_utf8(quoted(text)).expect("text") })
        }
        ("write", [target, ..]) => {
            assert_eq!(opened(target), None, "writes without a place are not expected: {call:.200}");
            None
        }
        ("pwrite64", [target, bytes, length, at]) => {
            let (name, bytes) = (opened(target)?, quoted(bytes));
            assert_eq!((bytes.len(), result), (number(length), number(length)), "a write is recorded whole");
            Some(Operation::Write { name, at: number(at), bytes })
        }
        ("ftruncate", [target, length]) => Some(Operation::Truncate { name: opened(target)?, length: number(length) }),
        ("fsync" | "fdatasync", [target]) => Some(Operation::Flush { name: opened(target)? }),
        ("unlink", [path]) => Some(Operation::Remove { name: within(quoted(path))? }),
        ("rename", [from, to]) => Some(Operation::Rename { from: within(quoted(from))?, to: within(quoted(to))? }),
        _ => None,
    }
}

/// `\x2f\x74` as bytes.
fn unescaped(text: &str) -> Vec<u8> {
    let bytes = text.split("\\x").skip(1);
    bytes.map(|byte| u8::from_str_radix(byte, 16).expect("two hexadecimal digits")).collect()
}

#[test]
fn lines_are_read() {
    let escaped = |text: &str| text.bytes().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
    let (a, b, outside) = (escaped("/d/a"), escaped("/d/b"), escaped("/e/a"));
    let log = format!(
        "7  openat(AT_FDCWD<{d}>, \"{a}\", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 3<{a}>\n\
         7  openat(AT_FDCWD<{d}>, \"{a}\", O_RDWR|O_CLOEXEC) = 3<{a}>\n\
         7  pwrite64(3<{a}>, \"\\x2c\\x20\", 2, 512) = 2\n\
         8  fdatasync(3<{a}> <unfinished ...>\n\
         7  write(1<{pipe}>, \"\\x6f\\x6b\", 2) = 2\n\
         8  <... fdatasync resumed>)             = 0\n\
         7  fsync(4<{d}>) = 0\n\
         7  pwrite64(3<{outside}>, \"\\x2c\", 1, 0) = 1\n\
         7  rename(\"{a}\", \"{b}\") = 0\n\
         7  unlink(\"{a}\") = -1 ENOENT (No such file or directory)\n\
         7  ftruncate(3<{b}>, 9) = 0\n\
         7  unlink(\"{b}\") = 0\n\
         7  +++ exited with 0 +++\n",
        d = escaped("/d"),
        pipe = escaped("pipe:[1]"),
    );
    let name = |name: &str| name.to_owned();
    let expected = [
        Operation::Make { name: name("a") },
        Operation::Write { name: name("a"), at: 512, bytes: b", ".to_vec() },
        Operation::Say { text: name("ok") },
        Operation::Flush { name: name("a") },
        Operation::Flush { name: name("") },
        Operation::Rename { from: name("a"), to: name("b") },
        Operation::Truncate { name: name("b"), length: 9 },
        Operation::Remove { name: name("b") },
    ];
    assert_eq!(read(&log, Path::new("/d")), expected);
}
