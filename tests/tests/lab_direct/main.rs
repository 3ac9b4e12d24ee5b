//! Servers that are reached directly and have the VIP themselves: whether they have it, and keep quiet about it.

use lab::backends::Backend;
use lab::command::SHORT;
use lab::configuration::base;
use lab::error::LabError;
use lab::lab::Answers;
use lab::plan::{self, Family};
use lab::suimon::Suimon;
use lab::trials::{self, Needs, test};
use lab::{Lab, Result};
use std::fmt::Write;
use std::net::IpAddr;
use std::process::ExitCode;

fn main() -> ExitCode {
    trials::run(
        Needs::Suimon,
        stage,
        vec![
            test("a check of the vip finds the server that lacks it", |lab| check_of_vip(lab, Family::V4)),
            test("a check of the vip finds it over ipv6", |lab| check_of_vip(lab, Family::V6)),
            test("the doctor finds who lacks the vip and who answers for it", doctor),
            test("a dry run asks the vip too, and leaves no way to it", dry_run),
        ],
    )
}

fn stage() -> Result<Lab> {
    let lab = trials::full_lab()?;
    lab.answers(&plan::SERVERS, Answers::PastBalancer)?;
    Ok(lab)
}

fn check_of_vip(lab: &mut Lab, family: Family) -> Result<()> {
    let mut suimon = Suimon::start(lab, "a", &document(family))?;
    suimon.wait_for("all servers have the VIP", |all| all.iter().all(|backend| backend.healthy))?;
    vip_of(lab, "s2", family, "delete")?;
    suimon.wait_for("s2 lacks it", |all| all.iter().all(|backend| backend.healthy == (backend.name != "s2")))?;
    println!("\ns2: {}", found(&suimon.backends()?, "s2")?.reason);
    vip_of(lab, "s2", family, "add")?;
    suimon.wait_for("s2 has it again", |all| all.iter().all(|backend| backend.healthy))?;
    // The kernel takes routes away with a link that goes down.
    lab.node("a").ip("link set b0 down\nlink set b0 up\n")?;
    vip_of(lab, "s3", family, "delete")?;
    let seen =
        suimon.wait_for("s3 lacks it", |all| all.iter().all(|backend| backend.healthy == (backend.name != "s3")));
    vip_of(lab, "s3", family, "add")?;
    seen?;
    suimon.stop()?;
    nothing_left(lab)
}

/// s1 is as it has to be, s2 lacks the VIP, s3 answers ARP for it.
fn doctor(lab: &mut Lab) -> Result<()> {
    let suimon = Suimon::start(lab, "a", &document(Family::V4))?;
    suimon.wait_for("all servers have the VIP", |all| all.iter().all(|backend| backend.healthy))?;
    let healthy = suimon.ctl(&["doctor"])?.success()?;
    vip_of(lab, "s2", Family::V4, "delete")?;
    lab.node("s3").sysctl(&["ipv4/conf/all/arp_ignore=0"])?;
    let ill = suimon.ctl(&["doctor"]).and_then(|finished| finished.success());
    // The recipes are what the administrator does then.
    lab.node("s3").output(
        "sysctl",
        &["-w", "net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2"],
        SHORT,
    )?;
    lab.node("s2").output("ip", &["address", "add", "10.1.0.100/32", "dev", "lo"], SHORT)?;
    let (ill, cured) = (ill?, suimon.ctl(&["doctor"])?.success()?);
    println!("\n{ill}");
    let all_well = "3 servers asked: all have their VIP and keep quiet about it.\n";
    let found = [
        "web/s2: s2 (10.2.0.12) does not answer as 10.1.0.100: ",
        "    ip address add 10.1.0.100/32 dev lo\n",
        "web/s3: s3 (02:00:0a:02:00:13) answers ARP for 10.1.0.100 on b0: ",
        "    sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2\n",
    ];
    let holds = healthy == all_well
        && cured == all_well
        && found.iter().all(|words| ill.contains(words))
        && !ill.contains("s1");
    if holds { Ok(()) } else { Err(LabError::Answer(format!("{healthy}\n{ill}\n{cured}"))) }
}

fn dry_run(lab: &mut Lab) -> Result<()> {
    vip_of(lab, "s2", Family::V4, "delete")?;
    let suimon = Suimon::start(lab, "a", &base(1))?;
    let file = suimon.file().with_file_name("tried.toml");
    std::fs::write(&file, document(Family::V4)).map_err(|error| LabError::Answer(error.to_string()))?;
    let tried = suimon.ctl(&["--json", "try", &file.display().to_string()])?;
    vip_of(lab, "s2", Family::V4, "add")?;
    nothing_left(lab)?;
    let answers = passed(&tried.stdout)?;
    let expected = [("s1", true), ("s2", false), ("s3", true)].map(|(name, passed)| (name.to_owned(), passed));
    if answers == expected { Ok(()) } else { Err(LabError::Answer(format!("{answers:?}: {}", tried.stdout))) }
}

/// Backends and whether they passed.
fn passed(text: &str) -> Result<Vec<(String, bool)>> {
    let tried: serde_json::Value =
        serde_json::from_str(text).map_err(|error| LabError::Answer(format!("{error}: {text}")))?;
    let one = |tried: &serde_json::Value| {
        (tried["backend"].as_str().unwrap_or_default().to_owned(), tried["check"]["answer"]["passed"] == true)
    };
    Ok(tried["tried"].as_array().into_iter().flatten().map(one).collect())
}

/// No rule of a check's is left.
fn nothing_left(lab: &Lab) -> Result<()> {
    for family in ["-4", "-6"] {
        let rules = lab.node("a").output("ip", &[family, "rule"], SHORT)?;
        if rules.contains("fwmark") {
            return Err(LabError::Answer(format!("a rule is left: {rules}")));
        }
    }
    Ok(())
}

fn found<'a>(all: &'a [Backend], name: &str) -> Result<&'a Backend> {
    all.iter().find(|one| one.name == name).ok_or_else(|| LabError::Answer(format!("there is no {name}")))
}

fn vip_of(lab: &Lab, server: &str, family: Family, verb: &str) -> Result<()> {
    let vip = plan::vip(family);
    let rest = match vip {
        IpAddr::V4(_) => "/32 dev lo".to_owned(),
        IpAddr::V6(_) if verb == "add" => "/128 dev lo nodad".to_owned(),
        IpAddr::V6(_) => "/128 dev lo".to_owned(),
    };
    lab.node(server).ip(&format!("address {verb} {vip}{rest}\n"))
}

fn document(family: Family) -> String {
    let mut text = base(1);
    let _ = write!(
        text,
        "\n[[service]]\nname = \"web\"\nvip = \"{}\"\nports = \"80\"\nmethod = \"direct\"\n\
         [[service.check]]\nname = \"page\"\nkind = \"http\"\naddress = \"vip\"\ninterval_ms = 300\ntimeout_ms = 500\n\
         rise = 1\nfall = 2\n",
        plan::vip(family)
    );
    for server in plan::SERVERS {
        let address = plan::server(server, family);
        let _ = write!(text, "\n[[service.backend]]\nname = \"{server}\"\naddress = \"{address}\"\n");
    }
    text
}
