//! The web console on the running program: `suimon run` and `suimon web` in a namespace, a browser's requests by curl.

mod services;
mod setup;
mod system;

use lab::command;
use lab::configuration::{Configuration, Method};
use lab::console::{Browser, Console, PASSWORD, Page, code, expect};
use lab::error::{Act, LabError};
use lab::plan::Family;
use lab::shape::Shape;
use lab::suimon::Suimon;
use lab::trials::{self, Needs, test};
use lab::{Lab, Result};
use serde_json::Value;
use socket2::{Domain, SockAddr, Socket, Type};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);
/// More than one address gets.
const CROWD: usize = 100;

fn main() -> ExitCode {
    trials::run(
        Needs::Suimon,
        Stage::build,
        vec![
            test("the fingerprint is told", fingerprint),
            test("headers forbid what pages do not need", headers),
            test("nobody gets in without a password", strangers),
            test("a first password must be changed, and lets in then", first_password),
            test("requests of other sites are refused", other_sites),
            test("a viewer looks and cannot act", viewer),
            test("an operator drains and puts online", operator),
            test("a document is checked, applied and confirmed", document),
            test("a form that is not right says so beside its fields", services::wrong),
            test("a new service is tried on its servers", services::tried),
            test("it is put in use, returned from, and confirmed", services::put_in_use),
            test("what a check met is on its server's page", services::watched),
            test("an edit keeps what others changed", services::edited),
            test("a service is removed", services::removed),
            test("a new box is set up step by step", setup::first_steps),
            test("an authority answers the box's request for a certificate", system::authority),
            test("who may connect is followed without a restart", system::allowed),
            test("a backup is looked into and restored", system::backup),
            test("tools look at the network and record packets", system::tools),
            test("every page opens, in both languages", pages),
            test("a second factor is set up, asked for and removed", second_factor),
            test("own sessions and tokens are listed and ended", own_affairs),
            test("whoever signs out is out", sign_out),
            test("a crowd from one address keeps nobody else out", crowd),
        ],
    )
}

/// The balancer, and its console.
struct Stage {
    console: Console,
    suimon: Suimon,
    lab: Lab,
}

impl Stage {
    fn build() -> Result<Self> {
        let lab = Lab::build(Shape::full())?;
        let suimon = Suimon::start(&lab, "a", &Configuration::new(1, Method::Nat, Family::V4).toml())?;
        let console = Console::start(&lab, "a", &suimon)?;
        Ok(Self { console, suimon, lab })
    }

    fn stranger(&self, name: &str) -> Browser {
        self.console.stranger(name)
    }

    fn newcomer(&mut self, role: &str) -> Result<(String, String)> {
        self.console.newcomer(&self.suimon, role)
    }

    fn signed_in(&mut self, role: &str) -> Result<Browser> {
        self.console.signed_in(&self.suimon, role)
    }
}

fn fingerprint(stage: &mut Stage) -> Result<()> {
    let said = stage.console.daemon().said();
    expect(said.contains("fingerprint"), || format!("the fingerprint is not told: {said}"))
}

fn headers(stage: &mut Stage) -> Result<()> {
    let browser = stage.stranger("headers");
    for path in ["/login", "/", "/assets/style.css", "/assets/live.js", "/nowhere"] {
        let page = browser.open(path)?;
        for header in [
            "content-security-policy: default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: same-origin",
        ] {
            expect(page.head.lines().any(|line| line == header), || format!("{path}: without {header}: {page:?}"))?;
        }
        expect(!page.head.contains("strict-transport-security"), || format!("{path}: {page:?}"))?;
    }
    Ok(())
}

fn strangers(stage: &mut Stage) -> Result<()> {
    let (name, _) = stage.newcomer("viewer")?;
    let browser = stage.stranger("stranger");
    browser.open("/")?.leads_to("/login")?;
    browser.open("/flows")?.leads_to("/login?next=%2fflows")?;
    let wrong = browser.send("/login", &[("user", &name), ("password", "guessed")])?;
    let wrong = wrong.is(401)?.says("User or password is wrong")?;
    expect(!wrong.head.contains("set-cookie: __host-session"), || format!("{wrong:?}"))?;
    browser.send("/confirm", &[])?.leads_to("/login?next=%2fconfirm").map(drop)
}

fn first_password(stage: &mut Stage) -> Result<()> {
    let (name, first) = stage.newcomer("viewer")?;
    let browser = stage.stranger(&name);
    let page = browser.send("/login", &[("user", &name), ("password", &first), ("next", "//evil")])?;
    let cookie = page.head.lines().find(|line| line.starts_with("set-cookie: __host-session=")).unwrap_or_default();
    for part in ["; secure", "; httponly", "; samesite=strict", "; path=/"] {
        expect(cookie.contains(part), || format!("without {part}: {page:?}"))?;
    }
    page.leads_to("/password")?;
    browser.open("/services")?.leads_to("/password")?;
    let differ = [("old", first.as_str()), ("new", PASSWORD), ("again", "another one")];
    browser.send("/password", &differ)?.is(400)?.says("The two new passwords differ.")?;
    let change = [("old", first.as_str()), ("new", PASSWORD), ("again", PASSWORD)];
    browser.send("/password", &change)?.leads_to("/?done=password")?;
    browser.open("/?done=password")?.is(200)?.says("Your password is changed.").map(drop)
}

fn other_sites(stage: &mut Stage) -> Result<()> {
    let browser = stage.signed_in("operator")?;
    let drain = [("state", "drain")];
    let cases: [&[&str]; 4] = [
        &["-H", "Origin: https://evil.example"],
        &["-H", "Origin: https://127.0.0.1:8443", "-H", "Sec-Fetch-Site: cross-site"],
        &["-H", "Origin: null"],
        &[],
    ];
    for origin in cases {
        browser.send_from(origin, "/backends/web/s1", &drain)?.is(403)?.says("another site")?;
    }
    browser.open("/backends/web/s1")?.is(200)?.says_not("draining").map(drop)
}

fn viewer(stage: &mut Stage) -> Result<()> {
    let browser = stage.signed_in("viewer")?;
    for path in ["/", "/backends/web/s1", "/flows", "/history/1"] {
        let page = browser.open(path)?.is(200)?;
        for act in ["href=\"/configuration\"", "href=\"/people\"", "name=\"state\"", "/flows/kill", "confirm_within_s"]
        {
            expect(!page.body.contains(act), || format!("{path} offers {act}: {page:?}"))?;
        }
    }
    for (path, fields) in [
        ("/backends/web/s1", [("state", "disabled")].as_slice()),
        ("/flows/kill", &[("client", "10.9.0.7")]),
        ("/history/1", &[("comment", "mine")]),
        ("/configuration/apply", &[("toml", "version = 1"), ("base_revision", "1")]),
        ("/confirm", &[]),
        ("/alerts/test", &[("alert", "hook")]),
        ("/people/users", &[("name", "mallory"), ("role", "administrator")]),
    ] {
        browser.send(path, fields)?.is(403)?;
    }
    for path in ["/configuration", "/people", "/audit"] {
        browser.open(path)?.is(403)?;
    }
    Ok(())
}

fn operator(stage: &mut Stage) -> Result<()> {
    let browser = stage.signed_in("operator")?;
    let wrong = [("state", "drain"), ("deadline_s", "soon")];
    browser.send("/backends/web/s1", &wrong)?.is(400)?.says("must be a number of seconds")?;
    let drain = [("state", "drain"), ("deadline_s", "300"), ("then", "reset")];
    browser.send("/backends/web/s1", &drain)?.leads_to("/backends/web/s1?done=state")?;
    browser.open("/backends/web/s1?done=state")?.is(200)?.says("draining")?.says("until the deadline")?;
    browser.send("/backends/web/s1", &[("state", "online")])?.leads_to("/backends/web/s1?done=state")?;
    browser.open("/backends/web/s1")?.is(200)?.says_not("until the deadline")?;
    let audit = stage.suimon.ctl(&["--json", "audit"])?.success()?;
    let seen = audit.contains("backend-state") && audit.contains("127.0.0.1");
    expect(seen, || format!("the act and the address it came from are not in the log: {audit}"))
}

fn document(stage: &mut Stage) -> Result<()> {
    let toml = fs::read_to_string(stage.suimon.file()).act(|| "read suimon.toml".into())?;
    let history = stage.suimon.ctl(&["--json", "history"])?.success()?;
    let history: Value = serde_json::from_str(&history).map_err(|error| LabError::Answer(error.to_string()))?;
    let base = history["revisions"][0]["number"].to_string();
    let browser = stage.signed_in("operator")?;
    browser.open("/configuration")?.is(200)?.says("[[service]]")?;
    let broken = toml.replace("[[service]]", "[[servise]]");
    let broken = [("toml", broken.as_str()), ("base_revision", &base)];
    browser.send("/configuration/check", &broken)?.is(422)?.says("Line ")?.says(", column ")?.says("servise")?;
    let changed = toml.replace("scheduler = \"rr\"", "scheduler = \"wlc\"");
    expect(changed != toml, || format!("the scheduler is not where the test looks for it: {toml}"))?;
    let fields =
        [("toml", changed.as_str()), ("base_revision", &base), ("comment", "tried"), ("confirm_within_s", "120")];
    browser.send("/configuration/check", &fields)?.is(200)?.says("What would change")?.says("wlc")?;
    browser.open("/")?.is(200)?.says_not("waits for confirmation")?;
    browser.send("/configuration/apply", &fields)?.leads_to("/?done=applied")?;
    browser.open("/")?.is(200)?.says("waits for confirmation")?.says("Keep this revision")?;
    browser.send("/confirm", &[])?.leads_to("/?done=confirmed")?;
    browser.open("/")?.is(200)?.says_not("waits for confirmation")?;
    browser.send("/configuration/apply", &fields)?.is(409)?;
    browser.open("/history")?.is(200)?.says("tried").map(drop)
}

fn pages(stage: &mut Stage) -> Result<()> {
    let browser = stage.signed_in("administrator")?;
    let explain = "/flows/explain?client=10.9.0.7:40000&vip=10.1.0.100:80&protocol=tcp";
    let list = [
        ("/", "Overview", "概要"),
        ("/services", "Services", "サービス"),
        ("/services/web", "Backends", "バックエンド"),
        ("/setup", "Set up this box", "この装置の最初の設定"),
        ("/backends?from=0", "Backends", "バックエンド"),
        ("/services/new", "Add a server", "サーバーを追加"),
        ("/services/web/edit", "Edit web", "web を編集"),
        ("/services/web/remove", "Remove web now", "web を今すぐ削除"),
        ("/backends", "Backends", "バックエンド"),
        ("/backends/web/s1", "Remaining flows", "残りのフロー"),
        ("/flows?client=10.9.0.7", "No flow matches", "一致するフローはありません"),
        ("/flows?client=x", "Not an address", "のようなアドレスを入力してください"),
        (explain, "It goes to web/", "へ送られます"),
        ("/graphs?of=backend/web/s1&span=day", "The whole node", "ノード全体"),
        ("/history", "History", "履歴"),
        ("/history/1", "Revision 1", "第 1 版"),
        ("/configuration", "Document (TOML)", "設定（TOML）"),
        ("/people", "Tokens for programs", "プログラム用のトークン"),
        ("/audit", "Outcome", "結果"),
        ("/alerts", "Who gets alerts", "アラートの送り先"),
        ("/log", "What happened", "できごと"),
        ("/password", "New password", "新しいパスワード"),
        ("/account", "Where you are signed in", "ログイン中の場所"),
    ];
    for (path, english, _) in list {
        browser.open(path)?.is(200)?.says(english)?.says("lang=\"en\"")?;
    }
    browser.send("/language", &[("code", "ja"), ("next", "/services")])?.leads_to("/services")?;
    for (path, _, japanese) in list {
        browser.open(path)?.is(200)?.says(japanese)?.says("lang=\"ja\"")?;
    }
    browser.open("/services/none")?.is(404)?;
    browser.open("/backends/web/none")?.is(404)?;
    browser.open("/history/999999")?.is(404)?;
    let made = browser.send("/people/users", &[("name", "hanako"), ("role", "viewer")])?.is(200)?;
    made.says("class=\"secret\"")?.says("hanako").map(drop)
}

/// What stands in a hidden field of a page.
fn hidden(page: &Page, name: &str) -> Result<String> {
    let begin = format!("name=\"{name}\" value=\"");
    let found = page.body.split(&begin).nth(1).and_then(|rest| rest.split('"').next());
    // Only what a query needs is escaped in it.
    found.map(|value| value.replace("&#38;", "&")).ok_or_else(|| LabError::Answer(format!("no field {name}: {page:?}")))
}

fn second_factor(stage: &mut Stage) -> Result<()> {
    let browser = stage.signed_in("operator")?;
    let name = browser.jar().file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let offered = browser.send("/account/second-factor", &[])?.is(200)?.says("<svg class=\"qr\"")?;
    let [secret, url, recovery] = ["secret", "url", "recovery"].map(|name| hidden(&offered, name));
    let (secret, url, recovery) = (secret?, url?, recovery?);
    expect(url.starts_with("otpauth://totp/") && url.contains(&secret), || format!("{url}, {secret}"))?;
    let fields = [("secret", secret.as_str()), ("url", &url), ("recovery", &recovery)];
    let with = |code: &str| {
        fields.iter().copied().chain([("code", code)]).map(|(a, b)| (a.to_owned(), b.to_owned())).collect::<Vec<_>>()
    };
    let confirm = |code: &str| {
        let fields = with(code);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        browser.send("/account/second-factor/confirm", &fields)
    };
    confirm("000000")?.is(401)?.says("The code is wrong")?.says(&secret)?;
    confirm(&code(&secret, 0)?)?.leads_to("/account?done=factor_on")?;
    browser.send("/logout", &[])?.leads_to("/login")?;

    let password = [("user", name.as_str()), ("password", PASSWORD), ("next", "/flows")];
    let step = browser.send("/login", &password)?.is(200)?.says("your password is right")?.says_not(PASSWORD)?;
    let ticket = hidden(&step, "ticket")?;
    let enter = |code: &str| browser.send("/login/code", &[("ticket", &ticket), ("code", code), ("next", "/flows")]);
    enter("000000")?.is(401)?.says("The code is wrong")?.says(&ticket)?;
    browser.send("/login/code", &[("ticket", "forged"), ("code", "000000")])?.is(401)?.says("Sign in again")?;
    browser.open("/flows")?.leads_to("/login?next=%2fflows")?;
    // The next code: the one before served already.
    enter(&code(&secret, 30)?)?.leads_to("/flows")?;

    let codes: Vec<&str> = recovery.split(' ').collect();
    let remove = |password: &str, code: &str| {
        browser.send("/account/second-factor/remove", &[("password", password), ("code", code)])
    };
    remove("guessed", codes[0])?.is(401)?.says("User or password is wrong")?;
    remove(PASSWORD, "000000")?.is(401)?.says("The code is wrong")?;
    remove(PASSWORD, codes[0])?.leads_to("/account?done=factor_off")?;
    browser.send("/logout", &[])?.leads_to("/login")?;
    browser.send("/login", &password)?.leads_to("/flows").map(drop)
}

fn own_affairs(stage: &mut Stage) -> Result<()> {
    let (name, first) = stage.newcomer("operator")?;
    let (here, there) = (stage.stranger("here"), stage.stranger("there"));
    here.send("/login", &[("user", &name), ("password", &first)])?.leads_to("/password")?;
    here.send("/password", &[("old", &first), ("new", PASSWORD), ("again", PASSWORD)])?.leads_to("/?done=password")?;
    there.send("/login", &[("user", &name), ("password", PASSWORD)])?.leads_to("/")?;
    let page = here.open("/account")?.is(200)?.says("this one")?;
    let id = page.body.split("name=\"id\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let id = id.ok_or_else(|| LabError::Answer(format!("no session to end: {page:?}")))?;
    here.send("/account/sessions/end", &[("id", id)])?.leads_to("/account?done=session_ended")?;
    there.open("/")?.leads_to("/login")?;
    here.send("/account/sessions/end", &[("id", "none")])?.is(404)?.says("There is no such session")?;

    let token = |role| here.send("/account/tokens", &[("name", "nightly"), ("role", role), ("days", "7")]);
    token("administrator")?.is(403)?;
    let made = token("viewer")?.is(200)?.says("class=\"secret\"")?;
    let id = made.body.split("name=\"id\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    here.open("/account")?.is(200)?.says("nightly")?.says_not("class=\"secret\"")?;
    here.send("/account/tokens/revoke", &[("id", id)])?.leads_to("/account?done=token_revoked")?;
    here.open("/account")?.is(200)?.says_not("nightly").map(drop)
}

fn sign_out(stage: &mut Stage) -> Result<()> {
    let browser = stage.signed_in("viewer")?;
    let kept = fs::read(browser.jar()).act(|| "read the cookies".into())?;
    browser.send("/logout", &[])?.leads_to("/login")?;
    browser.open("/")?.leads_to("/login")?;
    fs::write(browser.jar(), kept).act(|| "put the old cookies back".into())?;
    browser.open("/")?.leads_to("/login").map(drop)
}

fn crowd(stage: &mut Stage) -> Result<()> {
    let silent = || -> io::Result<Socket> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SockAddr::from(SocketAddr::from(([127, 0, 0, 2], 0))))?;
        socket.connect(&SockAddr::from(SocketAddr::from(([127, 0, 0, 1], 8443))))?;
        Ok(socket)
    };
    let node = stage.lab.node("a");
    let crowd = node.enter(|| (0..CROWD).map(|_| silent()).collect::<io::Result<Vec<_>>>())?;
    let crowd = crowd.act(|| format!("connect {CROWD} times"))?;
    stage.stranger("late").open("/login")?.is(200)?;
    command::wait_until("it is told", LIMIT, || stage.console.daemon().said().contains("too many connections"))?;
    drop(crowd);
    Ok(())
}
