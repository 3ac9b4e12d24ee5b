//! Lab tests as cargo shows them: named, one after the other on one lab, skipped with a reason where none can be built.

use crate::error::Result;
use crate::lab::obstacle;
use crate::{Lab, machine, suimon};
use libtest_mimic::{Arguments, Failed, Trial};
use std::io::Write;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

/// What a file of lab tests needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Namespaces and programs.
    Lab,
    /// The balancer's binary too.
    Suimon,
    /// The balancer's binary and a machine in QEMU.
    Machine,
}

/// What a test does with the `State` that all tests of its file share.
pub type Test<State> = Box<dyn FnOnce(&mut State) -> Result<()> + Send>;

/// Runs the tests in order. The first one builds the state by `build`; its end takes it down. With `LAB_REQUIRED` set
/// (`make test` as root), a lab that cannot be built is a failure.
pub fn run<State: Send + 'static>(
    needs: Needs,
    build: fn() -> Result<State>,
    tests: Vec<(String, Test<State>)>,
) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let missing = if arguments.list { None } else { missing(needs) };
    let required = std::env::var_os("LAB_REQUIRED").is_some_and(|value| !value.is_empty());
    if let Some(missing) = &missing {
        let _ = writeln!(std::io::stderr(), "skipped: {missing}");
    }
    let state: Arc<Mutex<Option<State>>> = Arc::default();
    let trials = tests
        .into_iter()
        .map(|(name, test)| {
            let (state, obstacle) = (state.clone(), missing.clone());
            Trial::test(name, move || match obstacle {
                Some(obstacle) => Err(Failed::from(obstacle)),
                None => {
                    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                    if state.is_none() {
                        *state = Some(build()?);
                    }
                    Ok(test(state.as_mut().expect("built above"))?)
                }
            })
            .with_ignored_flag(missing.is_some() && !required)
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if conclusion.has_failed() {
        crate::lab::keep_logs();
    }
    drop(state.lock().unwrap_or_else(PoisonError::into_inner).take());
    if conclusion.has_failed() { ExitCode::from(101) } else { ExitCode::SUCCESS }
}

fn missing(needs: Needs) -> Option<String> {
    let unbuilt = needs != Needs::Lab && suimon::binary().is_none();
    let unbuilt = unbuilt.then(|| "suimon is not built: cargo build --release --bin suimon".into());
    unbuilt.or_else(if needs == Needs::Machine { machine::obstacle } else { obstacle })
}

/// A test under a name.
pub fn test<State>(
    name: impl Into<String>,
    body: impl FnOnce(&mut State) -> Result<()> + Send + 'static,
) -> (String, Test<State>) {
    (name.into(), Box::new(body))
}

/// The full lab with all its servers running.
pub fn full_lab() -> Result<Lab> {
    let mut lab = Lab::build(crate::shape::Shape::full())?;
    crate::programs::all(&mut lab)?;
    Ok(lab)
}
