//! The model of checks as others use it: probes that are shared, JSON between processes, secrets that stay hidden.

use config::{CheckKind, Config, Diff, Named, Probe};
use std::collections::HashSet;
use std::net::IpAddr;

const EVERY_OPTION: &str = include_str!("golden/good/checks.toml");

fn every_option() -> Config {
    config::parse(EVERY_OPTION, "checks.toml").unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn every_kind_is_in_the_document() {
    let config = every_option();
    let checks = || config.services.iter().flat_map(|service| &service.checks);
    let kinds: HashSet<CheckKind> = checks().map(|check| check.question.kind()).collect();
    for (name, kind) in CheckKind::NAMES {
        assert!(kinds.contains(kind), "{name}");
    }
    for check in checks() {
        let json = serde_json::to_value(check).unwrap();
        assert_eq!(json["kind"], check.question.kind().name(), "the name of the kind and that of its options differ");
    }
}

#[test]
fn probes_travel_as_json() {
    let config = every_option();
    let mut count = 0;
    for service in &config.services {
        let address: IpAddr = "10.1.0.7".parse().unwrap();
        let backend = config::parse(EVERY_OPTION, "").unwrap().services[0].backends[0].clone();
        let backend = config::Backend { address, ..backend };
        for check in &service.checks {
            let Some(probe) = Probe::of(service, &backend, check) else {
                assert_eq!(check.question.kind(), CheckKind::None);
                continue;
            };
            let line = serde_json::to_string(&probe).unwrap();
            assert!(!line.contains('\n'));
            assert_eq!(serde_json::from_str::<Probe>(&line).unwrap(), probe, "{line}");
            count += 1;
        }
    }
    assert!(count > 25);
}

/// Services that differ, and the port and VIP that are asked.
#[test]
fn probes_are_settled() {
    // Keys of the service, of the check, of the backend -> port and VIP.
    let cases = [
        ("ports = \"80\"", "kind = \"http\"", "", 80, None),
        ("ports = \"80\"", "kind = \"http\"", "port = 8080", 8080, None),
        ("ports = \"80\"", "kind = \"http\"\nport = 9", "port = 8080", 9, None),
        ("ports = \"8000-8099,80\"", "kind = \"http\"", "", 8000, None),
        ("ports = \"*\"", "kind = \"https\"", "", 443, None),
        ("ports = \"80\"", "kind = \"ping\"", "port = 8080", 0, None),
        ("ports = \"80\"\nmethod = \"direct\"", "kind = \"http\"", "", 80, None),
        ("ports = \"80\"\nmethod = \"direct\"", "kind = \"http\"\naddress = \"vip\"", "", 80, Some("10.1.0.100")),
    ];
    for (service, check, backend, port, vip) in cases {
        let text = document(service, check, backend);
        let config = config::parse(&text, "case").unwrap_or_else(|errors| panic!("{errors}\n{text}"));
        let service = &config.services[0];
        let probe = Probe::of(service, &service.backends[0], &service.checks[0]).unwrap();
        assert_eq!((probe.port, probe.vip), (port, vip.map(|vip| vip.parse().unwrap())), "{text}");
    }
}

#[test]
fn equal_use_is_one_probe() {
    let probe = |service: &str, check: &str, backend: &str| {
        let config = config::parse(&document(service, check, backend), "case").unwrap();
        let service = &config.services[0];
        Probe::of(service, &service.backends[0], &service.checks[0]).unwrap()
    };
    let first = probe("ports = \"80\"", "kind = \"http\"\nport = 8080", "");
    let same = probe("ports = \"443\"\nscheduler = \"rr\"", "kind = \"http\"\nrise = 9", "port = 8080\nweight = 3");
    assert_eq!(HashSet::from([first.clone(), same]).len(), 1);
    for other in ["path = \"/a\"", "timeout_ms = 999", "interval_ms = 999", "password = \"a\"\nlogin = \"b\""] {
        assert_ne!(probe("ports = \"80\"", &format!("kind = \"http\"\nport = 8080\n{other}"), ""), first, "{other}");
    }
}

fn document(service: &str, check: &str, backend: &str) -> String {
    format!(
        "version = 1\n[[nic]]\nname = \"f0\"\naddresses = [\"10.1.0.1/16\"]\n[[service]]\nname = \"web\"\n\
         vip = \"10.1.0.100\"\n{service}\n[[service.check]]\nname = \"c\"\n{check}\n\
         [[service.backend]]\nname = \"s1\"\naddress = \"10.1.0.2\"\n{backend}\n"
    )
}

/// The document has a secret wherever one can be; each begins with "planted".
#[test]
fn secrets_are_hidden() {
    let config = every_option();
    assert!(config.to_toml().matches("planted").count() >= 12);
    let hidden = config.to_toml_without_secrets();
    assert!(!hidden.contains("planted"), "{hidden}");
    assert!(hidden.contains("password = \"***\""));
    let (all, taken) = (config.to_toml(), config.secrets());
    assert!(taken.iter().all(|secret| !secret.is_empty()), "{taken:?}");
    // Counted in what was taken: nothing that was hidden is forgotten by whoever searches for it elsewhere.
    assert_eq!(taken.join("\n").matches("planted").count(), all.matches("planted").count());
    // Headers are a table without a type of its own: only their key says that they are secret.
    let headers = ["planted-header", "planted-token"];
    let debugged = headers.iter().fold(format!("{config:?}"), |text, header| text.replace(header, ""));
    assert!(!debugged.contains("planted"), "{debugged}");
    let other = config::parse(&EVERY_OPTION.replace("planted", "plowed"), "other").unwrap();
    let diff = Diff::between(&config, &other).to_string();
    assert!(diff.contains("    password: *** -> ***") && diff.contains("    headers: *** -> ***"), "{diff}");
    assert!(!diff.contains("planted") && !diff.contains("plowed"), "{diff}");
}
