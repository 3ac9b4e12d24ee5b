use super::*;
use crate::run::bell::Bell;
use crate::run::telling;
use crate::server::{Core, Server};
use crate::worker::Shared;
use arc_swap::ArcSwap;
use axum::http::HeaderValue;
use engine::Tables;
use serde_json::{Value, json};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::AtomicU32;
use store::Store;
use store::history::History;

const ROOT: u32 = 0;
/// Nobody: a user with no rights of its own.
const NOBODY: u32 = 65_534;

/// The API of a node whose control loop is gone: what passes the guard is answered with 503.
struct Node {
    folder: PathBuf,
    server: Option<Server>,
    first: String,
}

impl Node {
    /// `None` without root: only root can be two users.
    fn start(name: &str) -> Option<Self> {
        if !nix::unistd::Uid::effective().is_root() {
            println!("skipped: needs root");
            return None;
        }
        let folder = std::env::temp_dir().join(format!("suimon-access-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder in the temporary one");
        let store = Store::open(&folder).expect("a new store");
        let rules = Arc::new(ArcSwap::from_pointee(config::Api::default()));
        let (teller, _) = telling::queues();
        let (gate, first) = Gate::open(store.clone(), rules, [7; 32], "a", teller.clone()).expect("nothing kept yet");
        let bell = Bell::new().expect("an event");
        let shared = Shared {
            tables: ArcSwap::new(Arc::new(Tables::default())),
            counters: Arc::new([]),
            wires: Vec::new(),
            adopted: Vec::new(),
            spin_us: AtomicU32::new(0),
            bell: bell.clone(),
        };
        let core = Core {
            jobs: std::sync::mpsc::sync_channel(1).0,
            bell,
            shared: Arc::new(shared),
            workers: Arc::new([]),
            capturing: Arc::default(),
            store,
            history: History::open(&folder).expect("a new history"),
            gate,
            teller,
            console: tokio::sync::watch::channel(Arc::new(api::ConsoleTerms {
                key: "a key".into(),
                ..Default::default()
            }))
            .1,
        };
        let server = Some(Server::start(&folder.join("core.sock"), core).expect("a new socket"));
        Some(Self { folder, server, first: first.expect("a new box").0 })
    }

    /// One call as a process of `uid`: status and body.
    fn call(&self, uid: u32, method: &str, path: &str, headers: &[&str], body: Value) -> (u16, Value) {
        let mut curl = Command::new("curl");
        // The answer about events goes on and on; its status is there at once.
        let limit = if path == api::path::EVENTS { "1" } else { "20" };
        curl.args(["-s", "--max-time", limit, "-w", "\n%{http_code}", "-X", method, "--unix-socket"]);
        curl.arg(self.folder.join("core.sock")).arg(format!("http://localhost{path}"));
        for header in headers {
            curl.args(["-H", header]);
        }
        if !body.is_null() {
            curl.args(["-H", "content-type: application/json", "-d", &body.to_string()]);
        }
        let output = curl.uid(uid).gid(uid).output().expect("curl runs");
        let text = String::from_utf8(output.stdout).expect("text");
        let (body, status) = text.rsplit_once('\n').expect("a status");
        (status.parse().expect("a number"), serde_json::from_str(body).unwrap_or_else(|_| json!(body)))
    }

    fn bearer(&self, secret: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.call(NOBODY, method, path, &[&format!("authorization: Bearer {secret}")], body)
    }

    fn root(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.call(ROOT, method, path, &[], body)
    }

    /// A user of this role, and a token of the user's.
    fn token(&self, name: &str, role: &str) -> String {
        let (status, _) = self.root("POST", "/api/v1/users", json!({"name": name, "role": role}));
        assert_eq!(status, 200);
        let new = json!({"name": "test", "role": role, "days": 1, "user": name});
        let (status, made) = self.root("POST", "/api/v1/tokens", new);
        assert_eq!(status, 200, "{made}");
        text(&made["secret"])
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Every route that takes somebody who is known, with its method, its act, and a path that means something.
fn routes() -> Vec<(&'static str, String, Act)> {
    let rules = Arc::new(ArcSwap::from_pointee(config::Api::default()));
    let (teller, _) = telling::queues();
    let gate = Gate::open(Store::in_memory().expect("memory"), rules, [1; 32], "a", teller);
    let (gate, _) = gate.expect("nothing kept yet");
    let (_, listed, _) = crate::server::routes::routes(gate);
    let path = |path: &str| path.replace("{name}", "nobody-here").replace("{id}", "0a").replace("{number}", "1");
    listed.iter().filter_map(|route| Some((route.method(), path(route.path), route.act?))).collect()
}

#[test]
fn nobody_gets_anything_without_saying_who() {
    let Some(node) = Node::start("anonymous") else { return };
    let routes = routes();
    assert!(routes.len() > 40, "{} routes", routes.len());
    for (method, path, _) in &routes {
        let (status, body) = node.call(NOBODY, method, path, &[], json!({}));
        assert_eq!(status, 401, "{method} {path}: {body}");
        let told = json!({"code": "login-first", "message": Refusal::Anonymous.to_string()});
        assert_eq!(body, told, "{method} {path}");
    }
    let headers: [&[&str]; 5] = [
        &["authorization: Bearer suimon_s_0000000000000000000000000000000000000000000"],
        &["authorization: Bearer"],
        &["authorization: Basic cm9vdDpyb290"],
        &["suimon-client: 127.0.0.1"],
        &["suimon-client: nonsense", "x-forwarded-for: 127.0.0.1"],
    ];
    for headers in headers {
        assert_eq!(node.call(NOBODY, "GET", "/api/v1/status", headers, Value::Null).0, 401, "{headers:?}");
    }
    for (method, path) in
        [("GET", "/"), ("GET", "/api/v1/nothing"), ("PUT", "/api/v1/status"), ("OPTIONS", "/api/v1/users")]
    {
        assert_eq!(node.call(NOBODY, method, path, &[], Value::Null).0, 401, "{method} {path}: not even what there is");
    }
    for (method, path) in [("PUT", "/api/v1/status"), ("GET", "/api/v1/login"), ("POST", "/metrics")] {
        let (status, body) = node.root(method, path, Value::Null);
        assert_eq!((status, body["message"].is_string()), (405, true), "{method} {path}: {body}");
    }
    let told = json!({"code": "not-found", "message": "there is no such call"});
    assert_eq!(node.root("GET", "/api/v1/nothing", Value::Null), (404, told));
    let plain = node.call(ROOT, "POST", "/api/v1/explain", &["content-type: text/plain"], Value::Null);
    assert_eq!((plain.0, plain.1["message"].is_string()), (415, true), "{plain:?}");
    // Root that calls for a client of the network is that client, and not root.
    assert_eq!(node.call(ROOT, "GET", "/api/v1/me", &["suimon-client: 192.0.2.1"], Value::Null).0, 401);
    assert_eq!(node.call(ROOT, "GET", "/api/v1/me", &["suimon-client: x"], Value::Null).0, 401);
    assert_eq!(node.root("GET", "/api/v1/me", Value::Null).1["role"], "administrator");
}

/// Every route for every role: refused with 403 exactly below the role that its act takes.
#[test]
fn roles_are_kept_on_every_route() {
    let Some(node) = Node::start("roles") else { return };
    for role in api::Role::ALL {
        let token = node.token(&format!("a-{role}"), role.name());
        for (method, path, act) in routes() {
            // Nothing that would end the token or what it is about.
            let (status, body) = node.bearer(&token, method, &path, json!({}));
            assert_ne!(status, 401, "{role} {method} {path}: {body}");
            let refused = status == 403 && text(&body["message"]).contains(" takes the role ");
            assert_eq!(refused, act.least_role() > role, "{role} {method} {path}: {status} {body}");
        }
    }
    let (_, page) = node.root("GET", "/api/v1/audit?user=a-viewer", Value::Null);
    let refused = page["records"].as_array().expect("records").iter().filter(|record| record["outcome"] == "refused");
    assert!(refused.count() > 20, "refusals are written down");
    let (_, check) = node.root("GET", "/api/v1/audit/check", Value::Null);
    assert!(check["records"].as_u64().expect("a number") > 50 && check["broken"].is_null(), "{check}");
}

#[test]
fn a_first_log_in() {
    let Some(node) = Node::start("first") else { return };
    let login = |password: &str| {
        node.call(NOBODY, "POST", "/api/v1/login", &[], json!({"user": "admin", "password": password}))
    };
    let (status, refused) = login("wrong password");
    assert_eq!((status, &refused["token"]), (401, &Value::Null));
    let (status, welcome) = login(&node.first);
    assert_eq!((status, &welcome["me"]["must_change_password"]), (200, &json!(true)), "{welcome}");
    let secret = text(&welcome["token"]);
    assert_eq!(node.bearer(&secret, "GET", "/api/v1/users", Value::Null).0, 403, "the password first");
    let change =
        |old: &str, new: &str| node.bearer(&secret, "POST", "/api/v1/me/password", json!({"old": old, "new": new}));
    assert_eq!(change("wrong password", "a better password").0, 401);
    assert_eq!(change(&node.first, "password123").0, 400);
    assert_eq!(change(&node.first, &node.first).0, 400);
    assert_eq!(change(&node.first, "a better password").0, 200);
    let (status, users) = node.bearer(&secret, "GET", "/api/v1/users", Value::Null);
    assert_eq!((status, &users[0]["name"], &users[0]["must_change_password"]), (200, &json!("admin"), &json!(false)));
    let (_, logins) = node.bearer(&secret, "GET", "/api/v1/me/sessions", Value::Null);
    assert_eq!((&logins[0]["current"], text(&logins[0]["agent"]).contains("curl")), (&json!(true), true), "{logins}");
    assert_eq!(node.bearer(&secret, "POST", "/api/v1/logout", Value::Null).0, 200);
    assert_eq!(node.bearer(&secret, "GET", "/api/v1/me", Value::Null).0, 401);
    // What was done is in the log, and no password.
    let (status, lines) = node.root("GET", "/api/v1/audit/export", Value::Null);
    let lines = text(&lines);
    assert_eq!(status, 200);
    for part in [
        "\"act\":\"login\",\"outcome\":\"failed\"",
        "\"act\":\"own-password\",\"outcome\":\"done\"",
        "socket, uid 65534",
    ] {
        assert!(lines.contains(part), "{part} in\n{lines}");
    }
    for secret in [node.first.as_str(), "a better password", "wrong password", &secret] {
        assert!(!lines.contains(secret), "{secret}");
    }
}

#[test]
fn guessing_is_slowed_and_locked() {
    let Some(node) = Node::start("guess") else { return };
    let guess = |client: &str| {
        let headers = [format!("suimon-client: {client}")];
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        node.call(ROOT, "POST", "/api/v1/login", &headers, json!({"user": "admin", "password": "guess"})).0
    };
    let answers: Vec<u16> = (0..8).map(|_| guess("192.0.2.1")).collect();
    assert_eq!(answers, [401, 401, 401, 401, 429, 429, 429, 429]);
    assert_eq!(guess("198.51.100.1"), 429, "the user waits, wherever it is tried from");
    // Root on the socket is not locked out, and can let the user in again.
    let login = json!({"user": "admin", "password": node.first});
    assert_eq!(node.root("POST", "/api/v1/login", login).0, 200);
}

/// Users and tokens over their whole life.
#[test]
fn users_and_tokens() {
    let Some(node) = Node::start("users") else { return };
    let (status, made) = node.root("POST", "/api/v1/users", json!({"name": "Olga", "role": "operator"}));
    assert_eq!((status, &made["user"]["name"]), (200, &json!("olga")));
    let password = text(&made["password"]);
    let login = json!({"user": "olga", "password": password, "agent": "console"});
    assert_eq!(node.call(NOBODY, "POST", "/api/v1/login", &[], login.clone()).0, 200);
    for (body, expected) in [
        (json!({"name": "olga", "role": "viewer"}), 409),
        (json!({"name": "root", "role": "viewer"}), 400),
        (json!({"name": "x y", "role": "viewer"}), 400),
        (json!({"name": "vera", "role": "king"}), 400),
        (json!({"name": "vera", "role": "viewer", "password": "short"}), 400),
        (json!({"name": "vera", "role": "viewer", "extra": 1}), 400),
        (json!({"name": "vera", "role": "viewer", "password": "long enough now"}), 200),
    ] {
        assert_eq!(node.root("POST", "/api/v1/users", body.clone()).0, expected, "{body}");
    }
    let new = |role: &str| json!({"name": "script", "role": role, "days": 1, "user": "olga"});
    assert_eq!(node.root("POST", "/api/v1/tokens", new("administrator")).0, 403);
    let (_, made) = node.root("POST", "/api/v1/tokens", new("operator"));
    let (secret, id) = (text(&made["secret"]), text(&made["token"]["id"]));
    assert_eq!(node.bearer(&secret, "GET", "/api/v1/me", Value::Null).1["role"], "operator");
    assert_eq!(node.root("PATCH", "/api/v1/users/olga", json!({"role": "viewer"})).0, 200);
    assert_eq!(node.bearer(&secret, "GET", "/api/v1/me", Value::Null).1["role"], "viewer");
    assert_eq!(node.root("PATCH", "/api/v1/users/olga", json!({"disabled": true})).0, 200);
    assert_eq!(node.bearer(&secret, "GET", "/api/v1/me", Value::Null).0, 401);
    assert_eq!(node.call(NOBODY, "POST", "/api/v1/login", &[], login).0, 401);
    assert_eq!(node.root("DELETE", &format!("/api/v1/tokens/{id}"), Value::Null).0, 200);
    assert_eq!(node.root("DELETE", &format!("/api/v1/tokens/{id}"), Value::Null).0, 404);
    assert_eq!(node.root("DELETE", "/api/v1/users/admin", Value::Null).0, 409, "the last administrator");
    assert_eq!(node.root("DELETE", "/api/v1/users/olga", Value::Null).0, 200);
    assert_eq!(node.root("POST", "/api/v1/users/olga/password", json!({})).0, 404);
    let (_, reset) = node.root("POST", "/api/v1/users/vera/password", json!({}));
    assert_eq!(reset["user"]["must_change_password"], true);
    let (_, lines) = node.root("GET", "/api/v1/audit/export", Value::Null);
    assert!(!text(&lines).contains(&text(&reset["password"])) && !text(&lines).contains(&secret));
}

/// The key of the console goes to the web role itself, and to nobody whom it calls for.
#[test]
fn a_key_is_told_to_the_web_role_alone() {
    let Some(node) = Node::start("key") else { return };
    let token = node.token("boss", "administrator");
    let bearer = format!("Authorization: Bearer {token}");
    let behalf = format!("{CLIENT_HEADER}: 192.0.2.1");
    for (uid, headers, status) in [
        (WEB_USER, &[][..], 200),
        (0, &[], 200),
        (WEB_USER, &[&*behalf][..], 403),
        (WEB_USER, &[&*behalf, &*bearer], 403),
        (0, &[&*behalf], 403),
        (1_000, &[], 403),
        (1_000, &[&*bearer], 403),
        (sandbox::PROBE_USER, &[], 403),
    ] {
        let (found, body) = node.call(uid, "GET", api::path::CONSOLE, headers, Value::Null);
        assert_eq!((found, body.to_string().contains("a key")), (status, status == 200), "uid {uid} {headers:?}");
    }
}

#[test]
fn whose_word_is_taken_for_the_client() {
    let client: IpAddr = "192.0.2.7".parse().unwrap();
    let headers = |value| HeaderMap::from_iter([(CLIENT_HEADER.parse().unwrap(), HeaderValue::from_static(value))]);
    for (uid, value, source) in [
        (ROOT, "192.0.2.7", Source::Network(client)),
        (WEB_USER, "192.0.2.7", Source::Network(client)),
        (NOBODY, "192.0.2.7", Source::Socket { uid: NOBODY }),
        (WEB_USER, "nonsense", Source::Socket { uid: UID_UNKNOWN }),
    ] {
        assert_eq!(Peer { uid }.source(&headers(value)), source, "{uid}: {value}");
    }
}
