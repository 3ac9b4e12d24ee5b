//! The lab by itself: what the other lab tests take for granted, with the kernel's own NAT where a balancer belongs.

use lab::capture::Capture;
use lab::client::{connections, download, echo, ftp, requests, shares, upload};
use lab::lab::Answers;
use lab::leftovers;
use lab::plan::{self, Family};
use lab::shape::Shape;
use lab::trials::{self, Needs, test};
use lab::{Lab, Result, client, programs};
use std::net::SocketAddr;
use std::process::ExitCode;

mod tunnel;

fn main() -> ExitCode {
    trials::run(
        Needs::Lab,
        trials::full_lab,
        vec![
            test("every server answers its name to every client", every_server_answers),
            test("files arrive unchanged both ways", files_arrive),
            test("datagrams of all sizes come back", datagrams_come_back),
            test("ftp active and passive", ftp_works),
            test("tunnel packets of every kind are unwrapped", tunnels_are_unwrapped),
            test("nftables dnat answers at the vip", nftables_answers),
            test("a nic can be pulled and plugged", nic_returns),
            test("a capture sees what passes", capture_sees),
            test("nothing is left of a lab", nothing_is_left),
        ],
    )
}

fn every_server_answers(lab: &mut Lab) -> Result<()> {
    lab.answers(&plan::SERVERS, Answers::PastBalancer)?;
    for family in [Family::V4, Family::V6] {
        for server in plan::SERVERS.into_iter().chain(plan::TUNNEL_SERVERS) {
            for source in plan::clients(family) {
                let answers = requests(lab, source, SocketAddr::new(plan::server(server, family), 80), 2)?;
                assert_eq!(shares(&answers), [(server, 2)].into());
            }
        }
    }
    Ok(())
}

fn files_arrive(lab: &mut Lab) -> Result<()> {
    lab.answers(&plan::SERVERS, Answers::PastBalancer)?;
    for family in [Family::V4, Family::V6] {
        let target = SocketAddr::new(plan::server("s1", family), 8080);
        download(lab, plan::client(family, 1, 1), target, "big")?;
        upload(lab, plan::client(family, 1, 1), target, "big", "stored")?;
        client::same_content(&programs::uploaded(lab, "s1", "stored"), &lab.folder().join("shared/big"))?;
    }
    Ok(())
}

fn datagrams_come_back(lab: &mut Lab) -> Result<()> {
    for family in [Family::V4, Family::V6] {
        let target = SocketAddr::new(plan::server("t1", family), 7);
        echo(lab, plan::client(family, 2, 1), target, &[1, 2, 1_452, 1_453, 1_472, 1_473, 9_000, 60_000])?;
    }
    Ok(())
}

fn ftp_works(lab: &mut Lab) -> Result<()> {
    lab.answers(&plan::SERVERS, Answers::PastBalancer)?;
    for family in [Family::V4, Family::V6] {
        for options in [&["--ftp-pasv"][..], &["--ftp-port", "-"]] {
            ftp(lab, plan::client(family, 1, 1), plan::server("s2", family), "small", options)?;
        }
    }
    Ok(())
}

fn nftables_answers(lab: &mut Lab) -> Result<()> {
    lab.answers(&plan::SERVERS, Answers::ThroughBalancer)?;
    let balancer = lab.node("a");
    balancer.sysctl(&["ipv4/ip_forward=1"])?;
    balancer
        .ip("address add 10.1.0.1/16 dev f0\naddress add 10.1.0.100/32 dev f0\naddress add 10.2.0.1/16 dev b0\n\
         route add default via 10.1.0.254\n")?;
    let rules = "add table ip lb; add chain ip lb pre { type nat hook prerouting priority dstnat; };\
                 add rule ip lb pre ip daddr 10.1.0.100 tcp dport 80 dnat to numgen inc mod 3 map \
                 { 0 : 10.2.0.11, 1 : 10.2.0.12, 2 : 10.2.0.13 };";
    balancer.output("nft", &[rules], lab::command::SHORT)?;
    let vip = SocketAddr::new(plan::vip(Family::V4), 80);
    let answers = requests(lab, plan::client(Family::V4, 1, 1), vip, 30)?;
    assert_eq!(shares(&answers), [("s1", 10), ("s2", 10), ("s3", 10)].into());
    let counted = connections(lab, &plan::clients(Family::V4), &[vip], 1_000)?;
    assert_eq!((counted.done, counted.failed), (1_000, 0));
    download(lab, plan::client(Family::V4, 1, 1), vip, "big")?;
    balancer.output("nft", &["flush ruleset"], lab::command::SHORT)?;
    balancer.sysctl(&["ipv4/ip_forward=0"])?;
    balancer.ip("address flush dev f0\naddress flush dev b0\n")
}

/// Encapsulated by hand in the router: a raw packet of each kind that holds a UDP datagram for the VIP.
fn tunnels_are_unwrapped(lab: &mut Lab) -> Result<()> {
    lab.answers(&plan::TUNNEL_SERVERS, Answers::PastBalancer)?;
    for inner in [Family::V4, Family::V6] {
        for outer in [Family::V4, Family::V6] {
            for kind in [tunnel::Kind::Ip, tunnel::Kind::Gre, tunnel::Kind::Gue] {
                tunnel::round_trip(lab, inner, outer, kind)?;
            }
        }
    }
    Ok(())
}

fn nic_returns(lab: &mut Lab) -> Result<()> {
    lab.pull("a", "b0")?;
    assert!(!lab.node("switch").output("ip", &["-br", "link"], lab::command::SHORT)?.contains("a-b0"));
    lab.plug("a", "b0")?;
    lab.node("a").ip("address add 10.2.0.1/16 dev b0\n")?;
    lab.node("a").output("ping", &["-c1", "-W2", "10.2.0.12"], lab::command::SHORT)?;
    lab.node("a").ip("address flush dev b0\n")
}

fn capture_sees(lab: &mut Lab) -> Result<()> {
    let capture = Capture::start(lab, "switch", "s1", "icmp")?;
    lab.node("s1").output("ping", &["-c2", "-i0.2", "-W2", "10.2.0.254"], lab::command::SHORT)?;
    let seen = capture.stop()?;
    assert_eq!(seen.len(), 2, "only what s1 sends comes in on its port: {seen:?}");
    assert!(seen.iter().all(|frame| frame.text.contains("echo request") && frame.time < lab::capture::now()));
    Ok(())
}

fn nothing_is_left(_: &mut Lab) -> Result<()> {
    let mut other = Lab::build_beside(Shape::bench(), None)?;
    let (prefix, folder) = (other.prefix().to_string(), other.folder().to_path_buf());
    let pid = other.start("client", "sleep", &mut lab::command::words("sleep", ["60"]))?;
    let exists = || {
        let names = std::fs::read_dir("/run/netns").into_iter().flatten().flatten();
        names.filter(|name| name.file_name().to_string_lossy().starts_with(&prefix)).count()
    };
    assert_eq!(exists(), 3);
    drop(other);
    assert_eq!(exists(), 0);
    assert!(!folder.exists());
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    // A lab of a process that does not exist (process ids end at 2^22) is swept.
    let dead = format!("{}x", leftovers::prefix(4_194_305, 0));
    lab::namespace::ip_batch(&[], &format!("netns add {dead}\n"))?;
    assert!(leftovers::sweep(&lab::lab::target_folder().join("lab"))?.contains(&dead));
    Ok(())
}
