//! The web console: HTTPS, pages, forms. It decides nothing: every act is a call to core's API with the visitor's session,
//! and core says who may do what. All it keeps is in the visitor's cookies.

mod assets;
mod certificate;
mod draft;
mod guard;
mod hear_out;
mod language;
mod listen;
mod pager;
mod pages;
mod places;
mod qr;
mod rest;
mod serve;
mod show;
mod ticket;
mod visitor;

pub use certificate::{Identity, TermsError};
pub use hear_out::hear_out;
pub use listen::{ListenError, listen};
pub use places::{CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX};
pub use serve::serve;

use std::path::PathBuf;
use std::sync::Arc;
use ticket::Tickets;

/// What the pages are made from.
#[derive(Clone, Debug)]
pub struct Console {
    socket: Arc<PathBuf>,
    tickets: Tickets,
}

impl Console {
    /// Of the node whose core listens on `socket`.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: Arc::new(socket.into()), tickets: Tickets::new() }
    }

    fn client(&self) -> api::Client {
        api::Client::new(self.socket.as_path())
    }
}
