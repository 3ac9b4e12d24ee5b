//! The words about a revision: where its document came from, and what became of it.

use crate::names::named;

named! {
    /// Where the document of a revision came from.
    Origin {
        /// The empty document that every node begins with.
        #[default]
        Built => "built-in",
        /// A call of the API: the command line, the console, a script.
        Apply => "apply",
        /// The file that the node was started with.
        File => "file",
        /// A data directory of an earlier version.
        TakenOver => "taken over",
        /// An earlier revision, because somebody asked for it.
        Rollback => "rollback",
        /// An earlier revision, because nobody confirmed the later one in time.
        Return => "return",
        /// A backup.
        Restore => "restore",
    }
}

named! {
    /// What became of a revision.
    RevisionState {
        /// It is in use.
        #[default]
        Running => "running",
        /// It is in use until its time is over, unless somebody confirms it.
        Awaiting => "awaiting",
        /// It was in use; a later one took its place.
        Replaced => "replaced",
        /// Nobody confirmed it in time: the one before took its place again.
        Returned => "returned",
    }
}
