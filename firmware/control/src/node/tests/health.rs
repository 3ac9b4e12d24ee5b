//! The judgement of health as it reaches the tables.

use super::*;
use crate::health::{Checked, ProbeId, Seen};
use engine::tables::Standby;

const CHECK: &str = "[[service.check]]\nname = \"page\"\nkind = \"http\"\nrise = 1\nfall = 1\n[[service.backend]]\n";

// TWO_ARMS with a check, and more keys of the service.
fn checked(keys: &str) -> String {
    TWO_ARMS.replacen("[[service.backend]]\n", &format!("{keys}\n{CHECK}"), 1)
}

fn answer(passed: bool) -> Checked {
    Checked { at: at(0), passed, weight: None, text: "connection refused".into() }
}

impl Case {
    fn answers(&mut self, backend: &str, passed: bool) -> Vec<String> {
        let probe = self.node.health().probes_of("web", backend).map(|(_, id)| id).next().unwrap();
        let checked = Checked { at: self.now, ..answer(passed) };
        shown(&self.handle(Event::Checked { probe, checked }))
    }

    // One word per backend: its weight, and what keeps flows away.
    fn taking(&self) -> Vec<String> {
        let backends = self.node.tables().backends.iter().flatten();
        let word = |backend: &engine::tables::Backend| match (backend.healthy, backend.standby) {
            (false, _) => "down".to_owned(),
            (true, Some(standby)) => format!("{standby:?}"),
            (true, None) if backend.takes_flows() => backend.weight.to_string(),
            (true, None) => format!("{:?}", backend.state),
        };
        backends.map(word).collect()
    }
}

#[test]
fn a_backend_takes_flows_from_its_first_pass_on_until_it_fails() {
    let mut case = Case::new();
    case.handle(Event::Kernel(kernel()));
    let actions = shown(&case.commit(&checked("")));
    assert_eq!(actions[..2], ["start probe 0 of 10.2.0.2:8080", "start probe 1 of 10.2.0.3:8080"]);
    assert_eq!(case.taking(), ["down", "down"]);
    case.now = at(1_000);
    let actions = case.answers("s1", true);
    let up = ["web/s1 is up: 1 of 1 checks pass", "web is up: 1 of 2 backends are available", "keep health"];
    assert_eq!(actions[..3], up);
    assert!(actions.contains(&"publish 2".to_owned()));
    assert_eq!(case.taking(), ["1", "down"]);
    case.now = at(2_000);
    let actions = case.answers("s1", false);
    assert_eq!(actions[0], "web/s1 is down: page: connection refused");
    assert_eq!(case.taking(), ["down", "down"]);

    let moved = checked("").replace("10.2.0.3", "10.2.0.9");
    let actions = shown(&case.commit(&moved));
    assert_eq!(actions[..2], ["stop probe 1", "start probe 2 of 10.2.0.9:8080"]);
    let actions = shown(&case.handle(Event::Checked { probe: ProbeId(1), checked: answer(true) }));
    assert_eq!(actions, Vec::<String>::new(), "nobody waits for that answer");
}

#[test]
fn many_changes_at_once_are_one_publication() {
    let mut case = Case::running(&checked(""));
    case.now = at(1_000);
    assert!(case.answers("s1", true).contains(&"publish 2".to_owned()));
    case.now = at(1_010);
    assert_eq!(case.answers("s2", true), ["web/s2 is up: 1 of 1 checks pass"]);
    let due = case.node.next_deadline().unwrap();
    assert_eq!(due, at(1_050));
    case.now = due;
    assert_eq!(shown(&case.handle(Event::Tick)), ["publish 3"]);
    assert_eq!(case.taking(), ["1", "1"]);
}

#[test]
fn weights_grow_after_a_backend_came_up() {
    let mut case = Case::running(&checked("slow_start_s = 20"));
    case.now = at(1_000);
    case.answers("s1", true);
    case.now = at(30_000);
    case.handle(Event::Tick);
    case.now = at(30_100);
    case.answers("s2", true);
    assert_eq!(case.taking(), ["20", "1"]);
    let mut seen = Vec::new();
    while let Some(due) = case.node.next_deadline().filter(|due| *due <= at(51_100)) {
        case.now = due;
        if shown(&case.handle(Event::Tick)).iter().any(|action| action.starts_with("publish")) {
            seen.push(case.taking().join(":"));
        }
    }
    assert_eq!(seen.len(), 19, "{seen:?}");
    assert_eq!((seen[0].as_str(), seen[3].as_str(), seen[18].as_str()), ("10:1", "4:1", "1:1"));
}

#[test]
fn a_drained_backend_calls_the_next_group() {
    let second = |text: String| text.replace("address = \"10.2.0.3\"", "address = \"10.2.0.3\"\npriority = 0");
    let text = second(checked("")).replace("address = \"10.2.0.2\"", "address = \"10.2.0.2\"\npriority = 9");
    let mut case = Case::running(&text);
    case.answers("s1", true);
    case.now = at(100);
    case.answers("s2", true);
    assert_eq!(case.taking(), ["1", "Priority"]);
    assert_eq!(case.node.tables().backends[1].as_ref().unwrap().standby, Some(Standby::Priority));
    case.wish("s1", Wish::Drain { deadline: None, then: Then::Keep });
    assert_eq!(case.taking(), ["Drain", "1"]);
    // It stays that way over another configuration, and a restart of the judgement knows of the wish.
    case.commit(&text.replace("ports = \"80\"", "ports = \"81\""));
    assert_eq!(case.taking(), ["Drain", "1"]);
    case.wish("s1", Wish::Online);
    assert_eq!(case.taking(), ["1", "Priority"]);
}

#[test]
fn clients_without_an_answer_speak_against_a_backend() {
    let mut case = Case::running(&TWO_ARMS.replacen(
        "[[service.backend]]",
        "passive = { unanswered_max = 5 }\n[[service.backend]]",
        1,
    ));
    assert!(case.node.health().looks_at_traffic());
    let seen = |unanswered| vec![(BackendIndex(0), Seen { flows: unanswered, unanswered, ..Seen::default() })];
    case.handle(Event::Traffic { backends: seen(0) });
    case.now = at(2_000);
    let actions = shown(&case.handle(Event::Traffic { backends: seen(5) }));
    assert_eq!(actions[0], "web/s1 is down: 5 clients had no answer, 5 came");
    assert_eq!(case.taking(), ["down", "1"]);
    let nobody = vec![(BackendIndex(77), Seen::default())];
    assert_eq!(shown(&case.handle(Event::Traffic { backends: nobody })), Vec::<String>::new());
}

#[test]
fn a_node_that_starts_again_goes_on_with_what_was_kept() {
    let mut before = Case::running(&checked(""));
    before.answers("s1", true);
    let mut case = Case::started(before.node.health().kept());
    case.handle(Event::Kernel(kernel()));
    case.commit(&checked(""));
    assert_eq!(case.taking(), ["1", "down"]);
    let actions = shown(&case.handle(Event::ProbesLost));
    assert_eq!(actions[1..], ["start probe 0 of 10.2.0.2:8080", "start probe 1 of 10.2.0.3:8080"]);
    assert!(case.node.health().judgement("web", "s1").unwrap().stale);
    assert_eq!(case.taking(), ["1", "down"]);
    case.now = at(3_000);
    case.handle(Event::Tick);
    assert_eq!(case.taking(), ["down", "down"], "one interval and timeout without an answer");
}
