use super::*;
use std::fs;
use std::path::Path;

const DOCUMENT: &str = r#"# Ours.
version = 1
[[nic]]
name = "f0"
role = "data"
addresses = ["10.0.0.9/8"]

[[service]]
name = "web" # the shop
vip = "10.0.0.100"
ports = "80"
method = "nat"
persistence = { timeout_s = 300, group = "shop" }
scheduler_flags = []

[[service.check]]
name = "page"
kind = "http"
path = "/healthz" # cheap
expect_body = ' ok\b'
headers = { Accept = "text/plain" }

[[service.backend]]
name = "s1"
address = "10.2.0.2"
weight = 3 # the large one
state = "drain"

[[service.backend]]
name = "s2"
address = "10.2.0.3"

# The other one.
[[service]]
name = "dns"
vip = ["10.0.0.101", "10.0.0.102"]
protocol = "udp"
ports = "53"
"#;

fn put_in(text: &str, was: &str, draft: &Draft) -> String {
    write(text, was, draft).unwrap().toml
}

fn set(row: &mut Row, values: &[(&str, &str)]) {
    values.iter().for_each(|(key, value)| row.set(key, value));
}

/// What differs, line by line.
fn changes(before: &str, after: &str) -> Vec<String> {
    let (before, after): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let gone = before.iter().filter(|line| !after.contains(line)).map(|line| format!("-{line}"));
    gone.chain(after.iter().filter(|line| !before.contains(line)).map(|line| format!("+{line}"))).collect()
}

#[test]
fn a_form_that_is_sent_as_it_came_changes_nothing() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware/config/tests/golden/good");
    let mut documents: Vec<String> =
        fs::read_dir(golden).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    documents.push(DOCUMENT.to_owned());
    let mut services = 0;
    for text in &documents {
        for service in config::parse(text, "test").unwrap().services {
            let draft = load(text, &service.name).unwrap();
            let as_posted = Draft::posted(&posted(&draft));
            assert_eq!(draft, as_posted, "{}", service.name);
            assert_eq!(put_in(text, &service.name, &draft), *text, "{}", service.name);
            services += 1;
        }
    }
    assert!(services > 5, "{services}");
}

/// The fields as a browser sends them.
fn posted(draft: &Draft) -> Vec<(String, String)> {
    let mut form = Vec::new();
    let mut add = |begin: &str, row: &Row| {
        form.push((format!("{begin}.was"), row.was.clone()));
        form.push((format!("{begin}.kept"), row.kept.iter().cloned().collect::<Vec<_>>().join(" ")));
        form.extend(row.values.iter().map(|(key, value)| (format!("{begin}.{key}"), value.replace('\n', "\r\n"))));
    };
    add("service", &draft.service);
    draft.checks.iter().enumerate().for_each(|(at, row)| add(&format!("check.{at}"), row));
    draft.backends.iter().enumerate().for_each(|(at, row)| add(&format!("backend.{at}"), row));
    form
}

#[test]
fn what_was_typed_is_all_that_changes() {
    let mut draft = load(DOCUMENT, "web").unwrap();
    set(&mut draft.service, &[("vip", "10.0.0.100,10.0.0.7"), ("persistence.timeout_s", "60"), ("quorum.up", "2")]);
    set(&mut draft.checks[0], &[("path", "/up"), ("interval_ms", "5000"), ("headers", "Accept: a\nX: b: c")]);
    set(&mut draft.backends[0], &[("weight", "5"), ("port", " 8080 ")]);
    let written = put_in(DOCUMENT, "web", &draft);
    let expected = [
        r#"-vip = "10.0.0.100""#,
        r#"-persistence = { timeout_s = 300, group = "shop" }"#,
        r#"-path = "/healthz" # cheap"#,
        r#"-headers = { Accept = "text/plain" }"#,
        r#"-weight = 3 # the large one"#,
        r#"+vip = ["10.0.0.100", "10.0.0.7"]"#,
        r#"+persistence = { timeout_s = 60, group = "shop" }"#,
        r#"+quorum = { up = 2 }"#,
        r#"+path = "/up" # cheap"#,
        r#"+headers = { Accept = "a", X = "b: c" }"#,
        r#"+interval_ms = 5000"#,
        r#"+weight = 5 # the large one"#,
        r#"+port = 8080"#,
    ];
    assert_eq!(changes(DOCUMENT, &written), expected, "{written}");
}

#[test]
fn rows_come_go_and_swap_names() {
    let mut draft = load(DOCUMENT, "web").unwrap();
    set(&mut draft.backends[0], &[("name", "s2")]);
    set(&mut draft.backends[1], &[("name", "s1")]);
    draft.add_backend();
    set(&mut draft.backends[2], &[("address", "10.2.0.4")]);
    draft.add_check();
    set(&mut draft.checks[1], &[("name", "alive"), ("kind", "ping"), ("count", "3"), ("path", "/of another kind")]);
    let written = put_in(DOCUMENT, "web", &draft);
    let service = config::parse(&written, "test").unwrap().services.swap_remove(0);
    let rows: Vec<_> = service.backends.iter().map(|backend| format!("{} {}", backend.name, backend.address)).collect();
    assert_eq!(rows, ["s2 10.2.0.2", "s1 10.2.0.3", "s3 10.2.0.4"]);
    assert_eq!(service.backends[0].state, config::BackendState::Drain, "what the form does not show");
    assert_eq!(service.checks.len(), 2);

    draft.backends.remove(0);
    draft.checks.remove(0);
    let written = put_in(DOCUMENT, "web", &draft);
    let service = config::parse(&written, "test").unwrap().services.swap_remove(0);
    assert_eq!(service.backends.iter().map(|backend| backend.name.as_str()).collect::<Vec<_>>(), ["s1", "s3"]);
    assert_eq!(service.checks[0].question.kind(), config::CheckKind::Ping);
    assert!(written.contains("# The other one.") && written.contains("# Ours."), "{written}");
}

#[test]
fn tables_of_their_own_come_and_go() {
    let mut draft = load(DOCUMENT, "dns").unwrap();
    set(&mut draft.service, &[("fallback.address", "10.2.0.9"), ("fallback.method", "direct"), ("vip", "10.0.0.101")]);
    let written = put_in(DOCUMENT, "dns", &draft);
    let expected = [
        r#"-vip = ["10.0.0.101", "10.0.0.102"]"#,
        r#"+vip = "10.0.0.101""#,
        r#"+fallback = { address = "10.2.0.9", method = "direct" }"#,
    ];
    assert_eq!(changes(DOCUMENT, &written), expected);
    set(&mut draft.service, &[("fallback.address", ""), ("vip", "10.0.0.101, 10.0.0.102")]);
    assert_eq!(put_in(&written, "dns", &draft), DOCUMENT);
}

#[test]
fn a_new_service_is_what_was_typed() {
    let mut draft = Draft::fresh();
    set(
        &mut draft.service,
        &[("name", "mail"), ("vip", "10.0.0.110"), ("ports", "25"), ("persistence.timeout_s", "60")],
    );
    set(&mut draft.checks[0], &[("kind", "send-expect"), ("steps", "expect ^220\nsend QUIT\\r\\n\nexpect ^221")]);
    for (row, address) in draft.backends.iter_mut().zip(["10.2.0.2", "10.2.0.3"]) {
        row.set("address", address);
    }
    let written = put_in(DOCUMENT, "", &draft);
    assert!(written.starts_with(DOCUMENT), "{written}");
    let config = config::parse(&written, "test").unwrap();
    let made = config.service("mail").unwrap();
    let config::Ask::SendExpect(dialogue) = &made.checks[0].question.ask else { panic!("{made:?}") };
    assert_eq!(dialogue.steps.len(), 2);
    assert_eq!((made.backends.len(), made.persistence.as_ref().map(|kept| kept.timeout_s)), (2, Some(60)));
    let only = "version = 1\n";
    let written = put_in(only, "", &draft);
    assert_eq!(load(&written, "mail").unwrap().backends.len(), 2, "{written}");
    assert_eq!(remove(&written, "mail").unwrap().trim(), only.trim());
    assert_eq!(remove(DOCUMENT, "none"), None);
    let without = remove(DOCUMENT, "web").unwrap();
    assert_eq!(config::parse(&without, "test").unwrap().services.len(), 1);
    assert!(without.contains("# The other one."), "{without}");
}

#[test]
fn errors_stand_beside_their_fields() {
    let mut draft = load(DOCUMENT, "web").unwrap();
    set(&mut draft.service, &[("vip", "10.0.0"), ("persistence.timeout_s", "soon"), ("quorum.up", "9"), ("ports", "")]);
    set(&mut draft.checks[0], &[("path", "up"), ("interval_ms", "1"), ("headers", "A b: c"), ("rise", "0")]);
    draft.add_backend();
    set(&mut draft.backends[0], &[("weight", "-1")]);
    set(&mut draft.backends[1], &[("address", ""), ("name", "")]);
    draft.add_check();
    set(&mut draft.checks[1], &[("kind", "radius"), ("login", "probe")]);
    let mut written = put_in(DOCUMENT, "web", &draft);
    written.push_str("[engine]\nworkers = 99\n");
    let errors = config::parse(&written, "test").unwrap_err();
    let (found, others) = beside_fields(&draft, 0, &errors.errors);
    let named: Vec<_> = found.keys().map(String::as_str).collect();
    let expected = [
        "backend.0.weight",
        "backend.1.address",
        "backend.1.name",
        "backend.2.address",
        "check.0.headers",
        "check.0.interval_ms",
        "check.0.path",
        "check.0.rise",
        "check.1.password",
        "check.1.secret",
        "service.persistence.timeout_s",
        "service.ports",
        "service.vip",
    ];
    assert_eq!(named, expected, "{errors}");
    assert_eq!(others.iter().map(|error| error.path.as_str()).collect::<Vec<_>>(), ["engine: workers"]);
}

#[test]
fn a_new_service_says_what_its_check_asks() {
    let mut draft = Draft::fresh();
    set(&mut draft.service, &[("name", "web"), ("vip", "10.0.0.100")]);
    for (row, address) in draft.backends.iter_mut().zip(["10.2.0.2", "10.2.0.3"]) {
        set(row, &[("address", address)]);
    }
    let toml = put_in("version = 1\n", "", &draft);
    assert!(toml.contains("kind = \"connect\""), "{toml}");
}
