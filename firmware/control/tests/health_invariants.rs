//! The judgement of health under everything at once, from a seed: whatever comes in whatever order, these hold.

use config::Config;
use control::Action;
use control::health::{Checked, Health, Kept, ProbeId, Seen};
use engine::BackendIndex;
use engine::tables::Standby;
use net::Now;
use std::collections::BTreeSet;
use std::time::Duration;

/// Seeds tried.
const SEEDS: u64 = 40;
/// Steps of each.
const STEPS: usize = 600;
const BACKENDS: u64 = 6;

/// xorshift64*: the same numbers from the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }
}

/// A document with one to three services over the same servers.
fn document(random: &mut Random) -> Config {
    let mut text = "version = 1\n[[nic]]\nname = \"f0\"\naddresses = [\"10.2.0.1/16\"]\n".to_owned();
    for service in 0..=random.below(3) {
        text += &format!("[[service]]\nname = \"v{service}\"\nvip = \"10.2.1.{}\"\nports = \"80\"\n", 100 + service);
        let keys = [
            "slow_start_s = 7",
            "start_state = \"up\"",
            "flap = { changes_max = 2, window_s = 20, hold_s = 9 }",
            "passive = { unanswered_max = 2, window_s = 4, hold_s = 6 }",
            "backends_min = 2",
            "quorum = { up = 2, down = 1 }",
            "feedback = \"ignore\"",
            "checks_required = \"any\"",
            "fallback = { address = \"10.2.0.99\" }",
        ];
        for key in keys {
            if random.below(2) == 0 {
                text += &format!("{key}\n");
            }
        }
        for check in ["page", "load"].iter().take(1 + random.below(2) as usize) {
            let (rise, fall) = (1 + random.below(2), 1 + random.below(2));
            let path = random.one_of(&["/", "/a"]);
            text += &format!("[[service.check]]\nname = \"{check}\"\nkind = \"http\"\npath = \"{path}{check}\"\n");
            text += &format!("rise = {rise}\nfall = {fall}\n");
        }
        for backend in 0..2 + random.below(BACKENDS - 1) {
            let (last, priority) = (2 + backend + 10 * random.below(2), random.below(3) * 10);
            text += &format!("[[service.backend]]\nname = \"s{backend}\"\naddress = \"10.2.0.{last}\"\n");
            text += &format!("priority = {priority}\n");
        }
    }
    config::parse(&text, "random").unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

struct World {
    random: Random,
    health: Health,
    config: Config,
    offline: BTreeSet<(String, String)>,
    running: BTreeSet<ProbeId>,
    now: Now,
    faults: u64,
}

impl World {
    fn step(&mut self) {
        let mut actions = Vec::new();
        let now = self.now;
        match self.random.below(40) {
            0 => {
                self.config = document(&mut self.random);
                self.take(&mut actions);
            }
            1 => {
                self.health = Health::new(self.health.kept());
                self.running.clear();
                self.take(&mut actions);
            }
            2 => self.health.lose_probes(now, &mut actions),
            3..=5 => {
                let name = self.somebody();
                let online = self.offline.remove(&name);
                if !online {
                    self.offline.insert(name.clone());
                }
                self.health.set_online(now, (&name.0, &name.1), online, &mut actions);
            }
            6..=12 => {
                let name = self.somebody();
                self.faults += self.random.below(3);
                let seen = Seen { flows: self.faults, unanswered: self.faults, ..Seen::default() };
                self.health.see(now, (&name.0, &name.1), BackendIndex(0), seen, &mut actions);
            }
            _ => {
                let number = self.random.below(self.running.len() as u64 + 1) as usize;
                let probe = self.running.iter().nth(number).copied().unwrap_or(ProbeId(u64::MAX));
                let weight = (self.random.below(3) == 0).then(|| self.random.below(120) as u32);
                let (passed, text) = (self.random.below(3) > 0, "é".repeat(150));
                self.health.hear(now, probe, Checked { at: now, passed, weight, text }, &mut actions);
            }
        }
        self.tick(actions);
        self.check();
        let ms = self.random.below(900);
        self.pass_time(self.now + Duration::from_millis(ms));
    }

    fn take(&mut self, actions: &mut Vec<Action>) {
        let offline = &self.offline;
        let online = |service: &config::Service, backend: &config::Backend| {
            !offline.contains(&(service.name.clone(), backend.name.clone()))
        };
        self.health.take(self.now, &self.config, online, actions);
    }

    fn somebody(&mut self) -> (String, String) {
        let service = self.random.below(3);
        (format!("v{service}"), format!("s{}", self.random.below(BACKENDS)))
    }

    fn tick(&mut self, mut actions: Vec<Action>) {
        self.health.tick(self.now, &mut actions);
        for action in actions {
            match action {
                Action::StartProbe { id, .. } => {
                    self.running.insert(id);
                }
                Action::StopProbe { id } => assert!(self.running.remove(&id), "{id} was not started"),
                Action::KeepHealth | Action::Tell(_) | Action::Info(_) | Action::Warn(_) => {}
                other => panic!("{other:?} has nothing to do with health"),
            }
        }
        assert!(self.health.next_deadline().is_none_or(|at| at > self.now), "something due was not done");
    }

    fn pass_time(&mut self, until: Now) {
        while let Some(at) = self.health.next_deadline().filter(|at| *at <= until) {
            self.now = at;
            self.tick(Vec::new());
        }
        self.now = until;
    }

    fn check(&mut self) {
        let known: BTreeSet<ProbeId> = self.health.probes().map(|(id, _)| id).collect();
        assert_eq!(known, self.running);
        for service in &self.config.services {
            self.check_service(service);
        }
        // The same configuration once more says and changes nothing.
        let before = self.judgements();
        let mut actions = Vec::new();
        self.take(&mut actions);
        assert_eq!(actions, [], "an unchanged configuration");
        assert_eq!(self.judgements(), before);
        self.tick(Vec::new());
    }

    fn check_service(&self, service: &config::Service) {
        let told = self.health.service(&service.name).expect("taken");
        let quorum = service.health.quorum;
        assert!(told.up || told.available < quorum.up as usize, "{told:?}");
        assert!(!told.up || told.available >= quorum.down as usize, "{told:?}");
        let mut taking = 0;
        for backend in &service.backends {
            let judged = self.health.judgement(&service.name, &backend.name).expect("taken");
            assert!(judged.per_mille <= 1_000, "{judged:?}");
            assert!(judged.up || judged.standby.is_none(), "{judged:?}");
            assert_eq!(judged.standby == Some(Standby::Quorum), judged.up && !told.up && service.fallback.is_some());
            let online = !self.offline.contains(&(service.name.clone(), backend.name.clone()));
            taking += usize::from(judged.up && online && judged.standby.is_none());
        }
        if told.up || service.fallback.is_none() {
            let wanted = told.available.min(service.health.backends_min as usize);
            assert!(taking >= wanted, "{taking} take flows, {wanted} could and should");
        }
    }

    fn judgements(&self) -> Vec<String> {
        let judged = |service: &config::Service, backend: &config::Backend| {
            format!("{:?}", self.health.judgement(&service.name, &backend.name))
        };
        let services = self.config.services.iter();
        services.flat_map(|service| service.backends.iter().map(move |backend| judged(service, backend))).collect()
    }
}

#[test]
fn whatever_happens_the_judgement_is_sound() {
    for seed in 1..=SEEDS {
        let mut random = Random(seed);
        let config = document(&mut random);
        let mut world = World {
            random,
            health: Health::new(Kept::default()),
            config,
            offline: BTreeSet::new(),
            running: BTreeSet::new(),
            now: Now::from_secs(1),
            faults: 0,
        };
        let mut actions = Vec::new();
        world.take(&mut actions);
        world.tick(actions);
        for step in 0..STEPS {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.step()));
            assert!(outcome.is_ok(), "seed {seed}, step {step}");
        }
    }
}
