//! Importers: what other programs' configurations say, as our document, and a list of what it could not say.
//!
//! [`import`] reads a text as its own program would and gives TOML that [`crate::parse`] accepts. What cannot be
//! accepted as it stands (a host name, a firewall mark) is written as a comment, so that it can be completed by hand.
//! Nothing is dropped silently: every line is carried over, makes no difference, or is in the list.
//!
//! The way through: a source (`ldirectord`, `keepalived`, `ipvsadm`, `heartbeat`) becomes IPVS's terms (`ipvs`), these
//! become tables of the document (`service`, `draft`), and `write` makes the text. No I/O, no recursion over the input.

mod address;
mod check;
mod draft;
mod heartbeat;
mod ipvs;
mod ipvsadm;
mod keepalived;
mod ldirectord;
mod names;
mod notes;
mod service;
mod text;
mod write;

pub use notes::{Concern, NotCarried};

use crate::names::named;
use crate::report::Error;
use draft::Draft;
use serde::Serialize;
use text::Text;

named! {
    /// Whose configuration is imported.
    Foreign {
        /// `ldirectord.cf`.
        #[default]
        Ldirectord => "ldirectord",
        /// `keepalived.conf`.
        Keepalived => "keepalived",
        /// The output of `ipvsadm -S`, with or without `-n`.
        Ipvsadm => "ipvsadm",
        /// Heartbeat's `haresources`, and its `ha.cf` where there is one.
        Haresources => "haresources",
    }
}

/// A file of another program.
#[derive(Clone, Copy, Debug)]
pub struct ForeignFile<'a> {
    /// Its name, for errors and the list.
    pub name: &'a str,
    /// Its content. What is not UTF-8 is read as Latin-1.
    pub content: &'a [u8],
}

/// How much was carried over: what is a comment in the TOML does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Carried {
    /// Services.
    pub services: usize,
    /// Backends.
    pub backends: usize,
    /// Checks.
    pub checks: usize,
    /// Virtual routers.
    pub routers: usize,
    /// Static routes.
    pub routes: usize,
}

/// The result of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// The document, with comments. [`crate::parse`] accepts it.
    pub toml: String,
    /// How much it holds.
    pub carried: Carried,
    /// What it does not hold or says differently: at most [`crate::IMPORT_NOTES_MAX`], in the order of [`Concern`].
    pub not_carried: Vec<NotCarried>,
    /// How many more there were.
    pub more: usize,
}

/// Imports a configuration. `ha_cf` is heartbeat's second file and of no meaning to the other sources.
///
/// An error is one of the other program's syntax, or a limit: see [`crate::IMPORT_BYTES_MAX`] and those beside it.
pub fn import(from: Foreign, file: ForeignFile<'_>, ha_cf: Option<ForeignFile<'_>>) -> Result<Imported, Error> {
    let text = Text::decode(file)?;
    let mut draft = Draft::new(file.name);
    match from {
        Foreign::Ldirectord => ldirectord::read(&text, &mut draft)?,
        Foreign::Keepalived => keepalived::read(&text, &mut draft)?,
        Foreign::Ipvsadm => ipvsadm::read(&text, &mut draft)?,
        Foreign::Haresources => {
            let ha_cf = ha_cf.map(Text::decode).transpose()?;
            heartbeat::read(&text, ha_cf.as_ref(), &mut draft)?;
        }
    }
    Ok(write::finish(draft))
}
