//! `make bench`: plain forwarding, nftables, HAProxy, nginx and the balancer, one after the other in the same lab, three
//! rounds, medians. `ONLY=nftables,suimon`, `ROUNDS=1`, `SECONDS_EACH=1`, `MEASURES=udp,connections` make it shorter.

use lab::bench::{Contender, Measure, Plan, run};
use lab::lab::{obstacle, target_folder};
use lab::suimon;
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(obstacle) = obstacle() {
        eprintln!("bench: {obstacle}");
        return ExitCode::FAILURE;
    }
    let plan = match plan() {
        Ok(plan) => plan,
        Err(error) => {
            eprintln!("bench: {error}");
            return ExitCode::from(2);
        }
    };
    let report = run(&plan, |round, contender, figures| {
        println!("round {} of {}: {}", round + 1, plan.rounds, contender.name());
        match figures {
            Ok(figures) => figures.iter().for_each(|(name, value)| println!("  {name} {value:.3}")),
            Err(error) => println!("  {error}"),
        }
    });
    let folder = target_folder().join("bench");
    match report.and_then(|report| report.write(&folder).map(|()| report)) {
        Ok(report) => {
            println!("\n{}\nThe report is in {}.", report.markdown(), folder.display());
            if report.has_failures() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn plan() -> Result<Plan, String> {
    let mut contenders = Contender::ALL.to_vec();
    if let Some(only) = variable("ONLY") {
        contenders = named(&only, &contenders, |contender| contender.name())?;
    } else if suimon::binary().is_none() {
        eprintln!("bench: suimon is not built, its peers run without it");
        contenders.retain(|contender| *contender != Contender::Suimon);
    }
    let measures = match variable("MEASURES") {
        Some(names) => named(&names, &Measure::ALL, |measure| measure.name())?,
        None => Measure::ALL.to_vec(),
    };
    Ok(Plan { contenders, measures, rounds: number("ROUNDS", 3.0)? as usize, seconds: number("SECONDS_EACH", 3.0)? })
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn number(name: &str, otherwise: f64) -> Result<f64, String> {
    let text = variable(name).unwrap_or_else(|| otherwise.to_string());
    text.parse()
        .ok()
        .filter(|number| *number >= 1.0)
        .ok_or_else(|| format!("{name}={text}: a number from 1 on is wanted"))
}

fn named<T: Copy>(names: &str, all: &[T], name_of: impl Fn(T) -> &'static str) -> Result<Vec<T>, String> {
    names
        .split(',')
        .map(|name| all.iter().copied().find(|one| name_of(*one) == name).ok_or_else(|| format!("{name}: unknown")))
        .collect()
}
