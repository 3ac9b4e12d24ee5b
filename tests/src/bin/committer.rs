//! Commits revisions to a store and says so: `committer DIRECTORY SEED LAST`. Made to be killed.

use lab::commits;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use store::Store;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, directory, seed, last] = &arguments[..] else {
        eprintln!("usage: committer DIRECTORY SEED LAST");
        return ExitCode::from(2);
    };
    let (Ok(seed), Ok(last)) = (seed.parse(), last.parse()) else {
        eprintln!("committer: SEED and LAST are numbers");
        return ExitCode::from(2);
    };
    let committed = Store::open(Path::new(directory)).and_then(|store| {
        commits::commit(&store, seed, last, |acknowledged| {
            // One write for one line: it is said as a whole or not at all. Nobody listening is no reason to stop.
            let _ = io::stdout().write_all(acknowledged.line().as_bytes());
        })
    });
    match committed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("committer: {error}");
            ExitCode::FAILURE
        }
    }
}
