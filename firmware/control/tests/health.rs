//! The judgement of health, as talks: what happens, and what the machine says to it. `health/NAME.txt` holds
//! configurations and steps; behind each step stands what follows from it.
//!
//! `SUIMON_WRITE_GOLDEN=1 cargo test -p control --test health` rewrites what follows; then read the difference.
//!
//! | step | is |
//! |---|---|
//! | `> 1.5 take NAME` | at 1.5 s the configuration NAME is committed |
//! | `> 1.5 pass web/s1 [50%]` | the probes of a backend pass, with the weight that it asks for |
//! | `> 1.5 fail web/s1/page TEXT` | one of its probes fails |
//! | `> 1.5 traffic web/s1 10 flows 8 unanswered` | what clients met since the last such step |
//! | `> 1.5 offline web/s1`, `online` | the administrator takes it out, and back |
//! | `> 1.5 belated web/s1 1` | a failure of the first second arrives after later answers |
//! | `> 1.5 stray 7` | a pass arrives of a probe that was stopped |
//! | `> 1.5 lost` | the process of the probes is gone |
//! | `> 1.5 restart NAME` | the node starts anew with what it kept |
//! | `> 1.5 wait` | time passes |
//!
//! What follows: actions; `= web/s1 up 1000` and what else is known of each backend of which it changed; `tables` when
//! new ones are due. Time alone may do something before a step: `@ 1.2` stands above that.

use config::{Config, Named};
use control::Action;
use control::health::{Checked, Health, Kept, ProbeId, Seen};
use engine::BackendIndex;
use net::Now;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{fs, mem};

const HEAD: &str = "version = 1\n[[nic]]\nname = \"f0\"\naddresses = [\"10.2.0.1/16\"]\n";

/// A talk under way.
struct Talk {
    configs: BTreeMap<String, Config>,
    config: Config,
    health: Health,
    offline: BTreeSet<(String, String)>,
    seen: BTreeMap<String, Seen>,
    shown: BTreeMap<String, String>,
    now: Now,
}

impl Talk {
    fn step(&mut self, line: &str) -> String {
        let (time, rest) = line.split_once(' ').unwrap_or((line, "wait"));
        let at = Now((time.parse::<f64>().expect("seconds") * 1e3).round() as u64 * 1_000_000);
        assert!(at >= self.now, "time goes on: {line}");
        let mut text = self.pass_time(at);
        self.now = at;
        let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let mut actions = Vec::new();
        self.act(verb, rest, &mut actions);
        text += &self.follows(actions);
        text
    }

    fn act(&mut self, verb: &str, rest: &str, actions: &mut Vec<Action>) {
        let (who, what) = rest.split_once(' ').unwrap_or((rest, ""));
        let now = self.now;
        match verb {
            "take" => self.take(rest, actions),
            "restart" => {
                let kept = self.health.kept();
                self.health = Health::new(kept);
                self.shown.clear();
                self.take(rest, actions);
            }
            "pass" | "fail" => {
                let passed = verb == "pass";
                let weight = what.strip_suffix('%').map(|percent| percent.parse().expect("a number"));
                let text = if passed { String::new() } else { what.to_owned() };
                let checked = Checked { at: now, passed, weight, text };
                for probe in self.probes(who) {
                    self.health.hear(now, probe, checked.clone(), actions);
                }
            }
            "traffic" => {
                let seen = self.seen.entry(who.to_owned()).or_default();
                let words: Vec<&str> = what.split(' ').collect();
                for pair in words.chunks(2) {
                    let count: u64 = pair[0].parse().expect("a number");
                    match pair[1] {
                        "flows" => seen.flows += count,
                        "unanswered" => seen.unanswered += count,
                        "refused" => seen.refused += count,
                        "one-way" => seen.one_way += count,
                        word => panic!("{word} is nothing that is counted"),
                    }
                }
                let seen = *seen;
                let (service, backend) = who.split_once('/').expect("SERVICE/BACKEND");
                self.health.see(now, (service, backend), BackendIndex(0), seen, actions);
            }
            "offline" | "online" => {
                let (service, backend) = who.split_once('/').expect("SERVICE/BACKEND");
                let name = (service.to_owned(), backend.to_owned());
                let online = verb == "online";
                if online {
                    self.offline.remove(&name)
                } else {
                    self.offline.insert(name)
                };
                self.health.set_online(now, (service, backend), online, actions);
            }
            "stray" => {
                let checked = Checked { at: now, passed: true, ..Checked::default() };
                self.health.hear(now, ProbeId(who.parse().expect("a number")), checked, actions);
            }
            "belated" => {
                let at = Now::from_secs(what.parse().expect("seconds"));
                for probe in self.probes(who) {
                    self.health.hear(now, probe, Checked { at, ..Checked::default() }, actions);
                }
            }
            "lost" => self.health.lose_probes(now, actions),
            "wait" => {}
            verb => panic!("{verb} is no step"),
        }
    }

    fn take(&mut self, name: &str, actions: &mut Vec<Action>) {
        self.config = self.configs.get(name).unwrap_or_else(|| panic!("no config {name}")).clone();
        let offline = &self.offline;
        let online = |service: &config::Service, backend: &config::Backend| {
            !offline.contains(&(service.name.clone(), backend.name.clone()))
        };
        self.health.take(self.now, &self.config, online, actions);
    }

    // The probes of `service/backend`, or one of `service/backend/check`.
    fn probes(&self, who: &str) -> BTreeSet<ProbeId> {
        let mut words = who.split('/');
        let (service, backend) = (words.next().expect("SERVICE"), words.next().expect("SERVICE/BACKEND"));
        let check = words.next();
        let probes = self.health.probes_of(service, backend);
        let probes: BTreeSet<_> =
            probes.filter(|(name, _)| check.is_none_or(|check| check == *name)).map(|(_, id)| id).collect();
        assert!(!probes.is_empty(), "{who} is not probed");
        probes
    }

    // What time alone does up to `until`.
    fn pass_time(&mut self, until: Now) -> String {
        let mut text = String::new();
        while let Some(at) = self.health.next_deadline().filter(|at| *at < until) {
            assert!(at >= self.now || self.now == Now::default(), "a deadline is in the past");
            self.now = at.max(self.now);
            let follows = self.follows(Vec::new());
            if !follows.is_empty() {
                let _ = writeln!(text, "@ {}\n{follows}", seconds(self.now));
                text.pop();
            }
        }
        text
    }

    fn follows(&mut self, mut actions: Vec<Action>) -> String {
        let due = self.health.tick(self.now, &mut actions);
        let mut text = String::new();
        for action in &actions {
            let _ = match action {
                Action::StartProbe { id, probe } => {
                    let (kind, every) = (probe.question.kind(), probe.question.interval_ms);
                    writeln!(text, "start {id}: {} {}:{} every {every} ms", kind.name(), probe.address, probe.port)
                }
                Action::StopProbe { id } => writeln!(text, "stop {id}"),
                Action::KeepHealth => writeln!(text, "keep"),
                Action::Info(line) => writeln!(text, "info: {line}"),
                Action::Tell(notice) if notice.warns() => writeln!(text, "warning: {notice}"),
                Action::Tell(notice) => writeln!(text, "info: {notice}"),
                Action::Warn(line) => writeln!(text, "warning: {line}"),
                other => panic!("{other:?} has nothing to do with health"),
            };
        }
        let shown = self.judgements();
        for (name, line) in &shown {
            if self.shown.get(name) != Some(line) {
                let _ = writeln!(text, "= {name} {line}");
            }
        }
        self.shown = shown;
        if due {
            text += "tables\n";
        }
        text
    }

    fn judgements(&self) -> BTreeMap<String, String> {
        let mut shown = BTreeMap::new();
        for service in &self.config.services {
            for backend in &service.backends {
                let known = self.health.judgement(&service.name, &backend.name).expect("taken");
                let mut line = format!("{} {}", if known.up { "up" } else { "down" }, known.per_mille);
                if let Some(standby) = known.standby {
                    let _ = write!(line, " standby for {}", format!("{standby:?}").to_lowercase());
                }
                if known.stale {
                    line += " stale";
                }
                let _ = write!(line, ", since {}: {}", seconds(known.since), known.reason);
                shown.insert(format!("{}/{}", service.name, backend.name), line);
            }
        }
        shown
    }
}

fn seconds(at: Now) -> String {
    format!("{}", at.0 as f64 / 1e9)
}

/// The text of a case with what really follows.
fn replay(text: &str) -> String {
    let mut talk = Talk {
        configs: BTreeMap::new(),
        config: Config::default(),
        health: Health::new(Kept::default()),
        offline: BTreeSet::new(),
        seen: BTreeMap::new(),
        shown: BTreeMap::new(),
        now: Now::default(),
    };
    let mut replayed = String::new();
    let mut document: Option<(String, String)> = None;
    for line in text.lines() {
        if let Some((name, toml)) = &mut document {
            if line == "end" {
                let config = config::parse(&format!("{HEAD}{toml}"), name).unwrap_or_else(|errors| panic!("{errors}"));
                talk.configs.insert(mem::take(name), config);
                document = None;
            } else {
                *toml += &format!("{line}\n");
            }
        } else if let Some(name) = line.strip_prefix("config ") {
            document = Some((name.to_owned(), String::new()));
        } else if let Some(step) = line.strip_prefix("> ") {
            let follows = talk.step(step);
            let _ = write!(replayed, "{line}\n{follows}");
            continue;
        } else if !(line.is_empty() || line.starts_with('#')) {
            // What followed when the file was written.
            continue;
        }
        replayed += &format!("{line}\n");
    }
    replayed
}

#[test]
fn talks_go_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/health");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("the folder is in git").map(|file| file.expect("readable").path()).collect();
    paths.sort();
    assert!(paths.len() >= 12, "{} cases", paths.len());
    let mut wrong = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).expect("readable");
        let replayed = replay(&text);
        if std::env::var_os("SUIMON_WRITE_GOLDEN").is_some() {
            fs::write(&path, &replayed).expect("writable");
        } else if text != replayed {
            wrong.push(format!("{}:\n{}", path.display(), difference(&text, &replayed)));
        }
    }
    assert!(wrong.is_empty(), "other than written:\n{}", wrong.join("\n"));
}

fn difference(expected: &str, found: &str) -> String {
    let at = expected.lines().zip(found.lines()).take_while(|(expected, found)| expected == found).count();
    let around = |text: &str| text.lines().skip(at.saturating_sub(2)).take(6).collect::<Vec<_>>().join("\n");
    format!("from line {}, expected\n{}\nfound\n{}", at + 1, around(expected), around(found))
}
