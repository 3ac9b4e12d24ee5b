//! `suimon ctl import`: another program's configuration as a document. Needs no running node, and applies nothing.

use super::answers::wrapped;
use super::words::counted;
use super::{Failure, TERMINAL_WIDTH, as_json, write};
use clap::Args;
use config::{Concern, Foreign, ForeignFile, IMPORT_BYTES_MAX, Imported, Named, NotCarried};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What to import.
#[derive(Args, Debug)]
pub(super) struct Request {
    /// Whose configuration it is: ldirectord, keepalived, ipvsadm (what `ipvsadm -S -n` prints) or haresources.
    #[arg(long, value_name = "KIND", value_parser = foreign)]
    from: Foreign,
    /// With haresources: heartbeat's ha.cf; by default the one beside it, if there is one.
    #[arg(long, value_name = "FILE")]
    ha_cf: Option<PathBuf>,
    /// The file; - is standard input.
    file: PathBuf,
}

fn foreign(text: &str) -> Result<Foreign, String> {
    let names = || Foreign::NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    Foreign::from_name(text).ok_or_else(|| format!("possible are {}", names()))
}

/// Prints the document on standard output, and on standard error what it could not carry over.
pub(super) fn run(json: bool, request: &Request) -> Result<(), Failure> {
    let Request { from, ha_cf, file } = request;
    let content = content(file)?;
    let beside = file.with_file_name("ha.cf");
    let ha_cf = match ha_cf {
        _ if *from != Foreign::Haresources => None,
        Some(path) => Some(path),
        None => Some(&beside).filter(|path| file != Path::new("-") && path.exists()),
    };
    let ha_cf = match ha_cf {
        Some(path) => Some((shown(path), self::content(path)?)),
        None => None,
    };
    let second = ha_cf.as_ref().map(|(name, content)| ForeignFile { name, content });
    let name = shown(file);
    let imported = config::import(*from, ForeignFile { name: &name, content: &content }, second);
    let imported = imported.map_err(|error| Failure::Import(Box::new(error)))?;
    if !json {
        eprint!("{}", list(&imported));
    }
    write(&if json { as_json(&imported) } else { imported.toml }).map_err(Failure::Output)
}

/// The name of a file as remarks have it: where it is does not matter to them.
fn shown(path: &Path) -> String {
    if path == Path::new("-") {
        return "standard input".to_owned();
    }
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// No more than is imported, and one byte by which a larger file is told.
fn content(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut content = Vec::new();
    let most = IMPORT_BYTES_MAX as u64 + 1;
    let read = if path == Path::new("-") {
        io::stdin().take(most).read_to_end(&mut content)
    } else {
        File::open(path).and_then(|file| file.take(most).read_to_end(&mut content))
    };
    match read {
        Ok(_) => Ok(content),
        Err(source) => Err(Failure::File { act: "read", path: path.to_owned(), source }),
    }
}

/// How much was carried over, and all remarks below headings.
pub(super) fn list(imported: &Imported) -> String {
    let carried = imported.carried;
    let counts = [
        (carried.services, "service"),
        (carried.backends, "backend"),
        (carried.checks, "check"),
        (carried.routers, "virtual router"),
        (carried.routes, "route"),
    ];
    let counts: Vec<_> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, one)| counted(*count as u64, one)).collect();
    let mut text = match counts.is_empty() {
        true => "Nothing could be carried over.\n".to_owned(),
        false => format!("Carried over: {}.\n", counts.join(", ")),
    };
    for (concern, heading) in [
        (Concern::FillIn, "To be completed by hand"),
        (Concern::Differs, "Carried over, but it works differently here"),
        (Concern::Left, "Not carried over"),
    ] {
        let mut notes = imported.not_carried.iter().filter(|note| note.concern == concern).peekable();
        if notes.peek().is_some() {
            text.push_str(&format!("\n{heading}:\n\n"));
        }
        for note in notes {
            text.push_str(&remark(note));
        }
    }
    if imported.more > 0 {
        text.push_str(&format!("\nand {} more\n", imported.more));
    }
    text
}

/// The place and the directive, and below it why it is in the list and what to do.
fn remark(note: &NotCarried) -> String {
    let mut text = String::new();
    let mut paragraph = |first: &str, further: &str, words: &str| {
        for (number, line) in wrapped(words, TERMINAL_WIDTH - further.len()).iter().enumerate() {
            text.push_str(&format!("{}{line}\n", if number == 0 { first } else { further }));
        }
    };
    paragraph("  ", "      ", &format!("{}: {}", note.place(), note.what));
    paragraph("      ", "      ", &note.why);
    if !note.instead.is_empty() {
        paragraph("      -> ", "         ", &note.instead);
    }
    text
}
