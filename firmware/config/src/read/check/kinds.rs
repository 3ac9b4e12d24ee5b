//! The options of each kind.

use super::options::Options;
use super::texts::*;
use crate::check::CheckKind;
use crate::limits::*;
use crate::payload::Payload;
use crate::question::*;
use crate::ranges::Ranges;
use crate::reader::Reader;
use std::collections::BTreeMap;

/// Reads what the kind asks, with all its options.
pub(super) fn ask(options: &mut Options<'_, '_>) -> Option<Ask> {
    let ask = match options.kind {
        CheckKind::Connect => Ask::Connect(TlsConnect { tls: options.tls() }),
        CheckKind::Http => Ask::Http(page(options, parse_url_path)?),
        CheckKind::Https => Ask::Https(page(options, parse_url_path)?),
        CheckKind::HttpProxy => Ask::HttpProxy(page(options, parse_url)?),
        CheckKind::Ftp => Ask::Ftp(ftp(options)),
        CheckKind::Smtp => Ask::Smtp(smtp(options)),
        CheckKind::Submission => Ask::Submission(smtp(options)),
        CheckKind::Pop3 => Ask::Pop3(mail(options)),
        CheckKind::Pop3s => Ask::Pop3s(mail(options)),
        CheckKind::Imap => Ask::Imap(mail(options)),
        CheckKind::Imaps => Ask::Imaps(mail(options)),
        CheckKind::Nntp => Ask::Nntp(nntp(options)),
        CheckKind::Ldap => Ask::Ldap(ldap(options)),
        CheckKind::Ldaps => Ask::Ldaps(ldap(options)),
        CheckKind::Dns => Ask::Dns(dns(options)?),
        CheckKind::Mysql => Ask::Mysql(sql(options)),
        CheckKind::Postgresql => Ask::Postgresql(sql(options)),
        CheckKind::Redis => Ask::Redis(redis(options)),
        CheckKind::Memcached => Ask::Memcached(memcached(options)),
        CheckKind::Radius => Ask::Radius(radius(options)?),
        CheckKind::Sip => Ask::Sip(sip(options)),
        CheckKind::Ntp => Ask::Ntp(ntp(options)),
        CheckKind::Udp => Ask::Udp(udp(options)?),
        CheckKind::Ping => Ask::Ping(ping(options)),
        CheckKind::SendExpect => Ask::SendExpect(send_expect(options)),
        CheckKind::Feedback => Ask::Feedback(Feedback { send: options.payload("send") }),
        CheckKind::External => Ask::External(external(options)?),
        CheckKind::None => Ask::None,
    };
    Some(ask)
}

fn page(options: &mut Options<'_, '_>, parse_path: fn(&str) -> Result<String, String>) -> Option<Page> {
    let page = Page {
        path: options.parsed("path", parse_path),
        host: options.parsed("host", parse_host),
        http_method: options.named("http_method"),
        headers: headers(options),
        expect_status: options.parsed("expect_status", Ranges::parse_statuses),
        expect_body: options.pattern("expect_body"),
        login: options.login(),
        tls: options.tls(),
    };
    if page.http_method == HttpMethod::Head
        && let Some(value) = options.value("expect_body")
    {
        value.error("the answer to HEAD has no body: use http_method = \"GET\"");
    }
    if page.login.is_some()
        && page.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization"))
        && let Some(value) = options.value("headers")
    {
        value.error("login and an Authorization header: one of them");
    }
    Some(page)
}

fn headers(options: &mut Options<'_, '_>) -> BTreeMap<String, String> {
    let Some(value) = options.value("headers") else { return BTreeMap::new() };
    let Some(pairs) = value.pairs() else {
        value.error("expected a table, as in { Accept = \"text/plain\" }");
        return BTreeMap::new();
    };
    if pairs.len() > CHECK_LIST_MAX {
        value.error(format!("{} headers: at most {CHECK_LIST_MAX} are possible", pairs.len()));
    }
    let mut headers = BTreeMap::new();
    for (name, value) in pairs {
        if let Err(message) = parse_header_name(name) {
            value.error(message);
        }
        if let Some(text) = value.parsed(parse_password) {
            headers.insert(name.to_owned(), text);
        }
    }
    headers
}

fn ftp(options: &mut Options<'_, '_>) -> Ftp {
    let ftp = Ftp {
        login: options.login(),
        folder: options.line("folder"),
        file: options.line("file"),
        expect: options.pattern("expect"),
    };
    if ftp.file.is_none()
        && let Some(value) = options.value("expect")
    {
        value.error("expect without file: there is nothing to match");
    }
    ftp
}

fn smtp(options: &mut Options<'_, '_>) -> Smtp {
    Smtp { ehlo: options.parsed("ehlo", parse_host), login: options.login(), tls: options.tls() }
}

fn mail(options: &mut Options<'_, '_>) -> Mail {
    Mail { login: options.login(), tls: options.tls() }
}

fn nntp(options: &mut Options<'_, '_>) -> Nntp {
    Nntp { newsgroup: options.parsed("newsgroup", parse_word), login: options.login(), tls: options.tls() }
}

fn ldap(options: &mut Options<'_, '_>) -> Ldap {
    let login = options.login();
    if login.as_ref().is_some_and(|login| login.password.is_none())
        && let Some(value) = options.value("login")
    {
        // RFC 4513 5.1.2: the server takes a bind without password as anonymous, whatever the name.
        value.error("a login without password: LDAP would take it as anonymous");
    }
    Ldap {
        login,
        base: options.line("base"),
        scope: options.named("scope"),
        filter: options.parsed("filter", parse_filter),
        expect: options.pattern("expect"),
        tls: options.tls(),
    }
}

/// A filter (RFC 4515) as far as its parentheses tell; the rest is found when it is sent.
fn parse_filter(text: &str) -> Result<String, String> {
    let mut depth = 0_i32;
    for (at, c) in text.char_indices() {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        let ends_early = depth == 0 && at + c.len_utf8() < text.len();
        if depth <= 0 && (depth < 0 || ends_early || !text.starts_with('(')) {
            return Err(format!("\"{text}\" is not a filter: it stands in one pair of parentheses, as in (uid=probe)"));
        }
    }
    if depth != 0 {
        return Err(format!("\"{text}\" is not a filter: {depth} parentheses are not closed"));
    }
    parse_line(text)
}

fn dns(options: &mut Options<'_, '_>) -> Option<Dns> {
    let query = options.parsed("query", parse_word);
    let dns = Dns {
        query: options.needed("query", "the name to ask for, as in \"www.example.com\"", query).unwrap_or_default(),
        record: options.named("record"),
        expect: options.pattern("expect"),
        transport: options.named("transport"),
    };
    Some(dns)
}

fn sql(options: &mut Options<'_, '_>) -> Sql {
    let sql = Sql {
        login: options.login(),
        database: options.line("database"),
        query: options.parsed("query", parse_query),
        expect: options.pattern("expect"),
        tls: options.tls(),
    };
    for (key, needs, missing) in [
        ("database", "login", sql.login.is_none()),
        ("query", "login", sql.login.is_none()),
        ("expect", "query", sql.query.is_none()),
    ] {
        if missing
            && !options.reader.has(needs)
            && let Some(value) = options.value(key)
        {
            value.error(format!("{key} without {needs}: it would not be used"));
        }
    }
    sql
}

fn redis(options: &mut Options<'_, '_>) -> Redis {
    let (login, password) = (options.parsed("login", parse_word), options.secret("password"));
    if password.is_none()
        && !options.reader.has("password")
        && let Some(value) = options.value("login")
    {
        value.error("a login without password: Redis asks for both");
    }
    Redis { login, password, command: options.line("command"), expect: options.pattern("expect"), tls: options.tls() }
}

fn memcached(options: &mut Options<'_, '_>) -> Memcached {
    Memcached { command: options.line("command"), expect: options.pattern("expect"), tls: options.tls() }
}

fn radius(options: &mut Options<'_, '_>) -> Option<Radius> {
    let (login, password, secret) = (options.line("login"), options.secret("password"), options.secret("secret"));
    // RFC 2865 5.2: a password has at most 128 bytes.
    if password.as_ref().is_some_and(|password| password.reveal().len() > 128)
        && let Some(value) = options.value("password")
    {
        value.error("RADIUS carries at most 128 bytes of a password");
    }
    let login = options.needed("login", "the name that asks for access", login);
    let password = options.needed("password", "its password", password);
    let secret = options.needed("secret", "what this box and the server share", secret);
    Some(Radius { login: login?, password: password?, secret: secret? })
}

fn sip(options: &mut Options<'_, '_>) -> Sip {
    Sip {
        uri: options.parsed("uri", parse_sip_uri),
        expect_status: options.parsed("expect_status", Ranges::parse_statuses),
        transport: options.named("transport"),
    }
}

fn parse_sip_uri(text: &str) -> Result<String, String> {
    if !text.starts_with("sip:") {
        return Err(format!("\"{text}\" is not a SIP URI: it begins with sip:"));
    }
    parse_word(text)
}

fn ntp(options: &mut Options<'_, '_>) -> Ntp {
    let stratum_max = options.value("stratum_max").and_then(|value| value.number(1..=STRATUM_MAX));
    Ntp { stratum_max: stratum_max.unwrap_or(STRATUM_MAX) }
}

fn ping(options: &mut Options<'_, '_>) -> Ping {
    Ping { count: options.value("count").and_then(|value| value.number(1..=PING_COUNT_MAX)).unwrap_or(1) }
}

fn udp(options: &mut Options<'_, '_>) -> Option<Udp> {
    let send = options.payload("send");
    let send = options.needed("send", "the bytes that the server answers, as in \"ping\\\\x00\"", send);
    let expect = options.pattern("expect");
    Some(Udp { send: send?, expect })
}

/// `send` and `expect` beside each other are one step.
fn send_expect(options: &mut Options<'_, '_>) -> SendExpect {
    let one = Step { send: options.payload("send"), expect: options.pattern("expect") };
    let several = options.reader.things("steps", CHECK_STEPS_MAX, step);
    let has_one = options.reader.has("send") || options.reader.has("expect");
    match (options.value("steps"), has_one) {
        (None, false) => {
            options.reader.error("steps are missing: as in [{ send = \"ping\\\\r\\\\n\", expect = \"pong\" }]")
        }
        (Some(value), true) => value.error("steps beside send or expect: write all of them as steps"),
        (Some(value), false) if value.is_empty_list() => value.error("the list is empty: one step is needed"),
        _ => {}
    }
    let steps = if has_one { vec![one] } else { several.into_iter().flatten().collect() };
    SendExpect { steps, tls: options.tls() }
}

fn step(reader: &mut Reader<'_>) -> Option<Step> {
    let step = Step {
        send: reader.value("send").and_then(|value| value.parsed(Payload::parse)),
        expect: reader.value("expect").and_then(|value| value.parsed(crate::Pattern::parse)),
    };
    if !reader.has("send") && !reader.has("expect") {
        reader.error("the step is empty: it needs send, expect or both");
    }
    Some(step)
}

fn external(options: &mut Options<'_, '_>) -> Option<External> {
    let command = options.parsed("command", parse_absolute);
    let command = options.needed("command", "the absolute path of the program", command);
    let arguments = options
        .value("arguments")
        .map(|value| value.list(CHECK_LIST_MAX, |value| value.parsed(parse_line)))
        .unwrap_or_default();
    Some(External { command: command?, arguments })
}
