//! What the tools find in a network that is known: ways, echoes, ports and neighbours.

use lab::command::{SHORT, wait_until};
use lab::configuration::base;
use lab::error::LabError;
use lab::plan::{self, Family};
use lab::suimon::Suimon;
use lab::trials::{self, Needs, test};
use lab::{Lab, Result};
use serde_json::Value;
use std::process::ExitCode;

fn main() -> ExitCode {
    trials::run(
        Needs::Suimon,
        stage,
        vec![
            test("a way of two steps is found by every protocol", ways),
            test("echoes come back, and say what is too large", echoes),
            test("ports, certificates and neighbours are as they are", ports_and_neighbors),
            test("what makes no sense is refused in words", refusals),
        ],
    )
}

/// Routers that answer as often as they are asked: Linux answers one asker with few errors a second.
fn stage() -> Result<Lab> {
    let lab = trials::full_lab()?;
    lab.node("router").sysctl(&["ipv4/icmp_ratelimit=0", "ipv6/icmp/ratelimit=0"])?;
    lab.node("client").sysctl(&["ipv4/icmp_ratelimit=0", "ipv6/icmp/ratelimit=0"])?;
    Ok(lab)
}

/// A node whose IPv6 addresses are settled (RFC 4862 5.4): before, packets leave with the one of the link.
fn started(lab: &Lab) -> Result<Suimon> {
    let suimon = Suimon::start(lab, "a", &base(1))?;
    let settled = || {
        let tentative = lab.node("a").output("ip", &["-6", "address", "show", "tentative"], SHORT);
        tentative.is_ok_and(|text| text.trim().is_empty())
    };
    wait_until("addresses are settled", SHORT, settled)?;
    Ok(suimon)
}

/// From a to the client: the router, and the client itself.
fn ways(lab: &mut Lab) -> Result<()> {
    let suimon = started(lab)?;
    for (family, router) in [(Family::V4, "10.1.0.254"), (Family::V6, "2001:db8:1::fe")] {
        let client = plan::client(family, 1, 1).to_string();
        for by in ["udp", "icmp", "tcp"] {
            let traced = json(&suimon, &["trace", &client, "--by", by])?;
            let from = |hop: &Value| hop[0]["from"].as_str().unwrap_or_default().to_owned();
            let hops: Vec<String> = traced["hops"].as_array().into_iter().flatten().map(from).collect();
            let found = hops == [router, client.as_str()] && traced["reached"] == true;
            expect(found, || format!("{by} to {client}: {traced}"))?;
        }
    }
    // Nobody is there: the last router says so, after it has asked in vain.
    let traced = json(&suimon, &["trace", "10.8.250.1", "--hops", "2"])?;
    expect(traced["reached"] == false, || traced.to_string())?;
    let text = suimon.ctl(&["trace", &plan::client(Family::V4, 1, 1).to_string()])?.success()?;
    println!("\n{text}");
    expect(text.ends_with("The address is reached.\n"), || text.clone())
}

fn echoes(lab: &mut Lab) -> Result<()> {
    let suimon = started(lab)?;
    for family in [Family::V4, Family::V6] {
        let address = plan::client(family, 1, 1).to_string();
        let pinged = json(&suimon, &["ping", &address, "--count", "3"])?;
        expect(ends(&pinged) == ["arrived"; 3], || format!("{address}: {pinged}"))?;
        // Cut into fragments it fits, whole it does not.
        let cut = json(&suimon, &["ping", &address, "--count", "1", "--size", "3000"])?;
        expect(ends(&cut) == ["arrived"], || format!("{address}: {cut}"))?;
        let whole = json(&suimon, &["ping", &address, "--count", "1", "--size", "3000", "--dont-fragment"])?;
        expect(ends(&whole) == ["unreachable"], || format!("{address}: {whole}"))?;
        let reason = whole["echoes"][0]["reason"].as_str().unwrap_or_default();
        expect(reason.starts_with("the packet is too large for the way"), || whole.to_string())?;
    }
    let silent = suimon.ctl(&["ping", "10.2.9.9", "--count", "1"])?.success()?;
    println!("\n{silent}");
    expect(silent.ends_with("0 of 1 answered.\n"), || silent.clone())
}

fn ports_and_neighbors(lab: &mut Lab) -> Result<()> {
    let suimon = Suimon::start(lab, "a", &base(1))?;
    let server = plan::server("s1", Family::V4).to_string();
    let open = json(&suimon, &["port", &server, "80"])?;
    expect(open["passed"] == true, || open.to_string())?;
    let closed = json(&suimon, &["port", &server, "1"])?;
    let refused = closed["reason"].as_str().unwrap_or_default().contains("refused");
    expect(closed["passed"] == false && refused, || closed.to_string())?;
    let no_tls = json(&suimon, &["port", &server, "80", "--tls"])?;
    let said = no_tls["reason"].as_str().unwrap_or_default().contains("TLS");
    expect(no_tls["passed"] == false && said, || no_tls.to_string())?;
    let known = json(&suimon, &["neighbors"])?;
    let mac = plan::server_mac("s1");
    let of_s1 = |one: &&Value| one["address"] == server.as_str() && one["nic"] == "b0" && one["mac"] == mac.as_str();
    expect(known.as_array().into_iter().flatten().any(|one| of_s1(&one)), || known.to_string())?;
    // The same as the kernel tells everybody.
    let kernel = lab.node("a").output("ip", &["neighbor", "show", "dev", "b0"], SHORT)?;
    expect(kernel.contains(&format!("{server} lladdr {mac}")), || kernel.clone())
}

fn refusals(lab: &mut Lab) -> Result<()> {
    let suimon = Suimon::start(lab, "a", &base(1))?;
    for (path, body, words) in [
        ("ping", r#"{"address":"10.1.0.254","count":0}"#, "count is 0: 1 to 20 are possible"),
        ("ping", r#"{"address":"10.1.0.254","size":9}"#, "size is 9: 16 to 65507 are possible"),
        ("trace", r#"{"address":"10.1.0.254","by":"icmp","port":9}"#, "ICMP has no ports"),
        ("trace", r#"{"address":"10.1.0.254","hops_max":31}"#, "hops_max is 31: 1 to 30 are possible"),
        ("port", r#"{"address":"10.1.0.254","port":0}"#, "port is 0: 1 to 65535 are possible"),
        ("port", r#"{"address":"router","port":80}"#, "invalid IP address syntax"),
    ] {
        let (socket, url) = (suimon.file().with_file_name("socket"), format!("http://suimon/api/v1/tools/{path}"));
        let socket = socket.display().to_string();
        let kind = "content-type: application/json";
        let arguments = ["-sS", "--max-time", "10", "-H", kind, "-d", body, "--unix-socket", &socket, &url];
        let answer = lab.node("a").output("curl", &arguments, SHORT)?;
        expect(answer.contains(words), || format!("{path} {body}: {answer}"))?;
    }
    Ok(())
}

fn ends(pinged: &Value) -> Vec<&str> {
    pinged["echoes"].as_array().into_iter().flatten().filter_map(|one| one["end"].as_str()).collect()
}

fn json(suimon: &Suimon, command: &[&str]) -> Result<Value> {
    let text = suimon.ctl(&[&["--json"], command].concat())?.success()?;
    serde_json::from_str(&text).map_err(|error| LabError::Answer(format!("{error}: {text}")))
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(LabError::Answer(otherwise())) }
}
