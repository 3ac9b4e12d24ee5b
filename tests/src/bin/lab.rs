//! `make run`: the lab with a balancer and three web servers in it, real requests through the VIP, and who answered.
//! `lab` stays until Ctrl-C (`ONCE=1`: ends at once); `lab clean` removes what labs of dead processes left.

use lab::client::{requests, shares};
use lab::command::{self, SHORT};
use lab::configuration::{Configuration, Method};
use lab::error::{Act, LabError, Result};
use lab::lab::{Answers, failed_folder, obstacle, target_folder};
use lab::plan::{self, Family};
use lab::suimon::Suimon;
use lab::{Lab, leftovers, programs, shape};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

/// Where the web console listens.
const CONSOLE: &str = "127.0.0.1:8443";
/// Requests shown at the start.
const REQUESTS: usize = 12;

fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        None => show(),
        Some("clean") => clean(),
        Some(other) => {
            eprintln!("lab: unknown argument {other}; usage: lab [clean]");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab: {error}");
            ExitCode::FAILURE
        }
    }
}

fn clean() -> Result<()> {
    for name in leftovers::sweep(&target_folder().join("lab"))? {
        println!("removed {name}");
    }
    let failed = failed_folder();
    if failed.exists() {
        std::fs::remove_dir_all(&failed).act(|| format!("delete {}", failed.display()))?;
        println!("removed {}", failed.display());
    }
    Ok(())
}

fn show() -> Result<()> {
    if let Some(obstacle) = obstacle() {
        return Err(LabError::Answer(obstacle));
    }
    // Taken before anything is built, so that a Ctrl-C at any time still ends in a clean-up.
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).act(|| "listen for signals".into())?;
    let mut lab = Lab::build(shape::Shape::full())?;
    programs::all(&mut lab)?;
    lab.answers(&plan::SERVERS, Answers::ThroughBalancer)?;
    let toml = Configuration::new(0, Method::Nat, Family::V4).toml();
    let balancer = Suimon::start(&lab, "a", &toml)?;
    println!("client 10.8.1.1 -> router -> suimon (VIP 10.1.0.100) -> s1 s2 s3, in namespaces {}*\n", lab.prefix());
    let result = demonstrate(&lab, &balancer);
    let _console = Console::start(&lab, &balancer);
    let once = std::env::var("ONCE").is_ok_and(|once| !once.is_empty() && once != "0");
    if !once && result.is_ok() {
        println!("\nTry it: ip netns exec {}client curl http://10.1.0.100/", lab.prefix());
        println!("        {}", ctl_line(&lab));
        println!("Ctrl-C ends the lab and removes all of it.");
        // Waits for any of them; which one does not matter.
        let _ = signals.forever().next();
        println!("\nCleaning up.");
    }
    result
}

fn demonstrate(lab: &Lab, balancer: &Suimon) -> Result<()> {
    let target = SocketAddr::new(plan::vip(Family::V4), 80);
    let source = plan::client(Family::V4, 1, 1);
    // The first packets wait for next hops to be resolved.
    std::thread::sleep(Duration::from_millis(200));
    let answers = requests(lab, source, target, REQUESTS)?;
    for (number, server) in answers.iter().enumerate() {
        println!("request {:2} to http://{target}/ was answered by {server}", number + 1);
    }
    let shares = shares(&answers);
    println!("\n{}", shares.iter().map(|(name, count)| format!("{name}: {count}")).collect::<Vec<_>>().join(", "));
    for command in ["status", "services", "backends"] {
        println!("\n$ suimon ctl {command}\n{}", balancer.ctl(&[command])?.success()?.trim_end());
    }
    let silent: Vec<_> = plan::SERVERS.into_iter().filter(|server| !shares.contains_key(server)).collect();
    if silent.is_empty() {
        Ok(())
    } else {
        Err(LabError::Answer(format!("these servers never answered: {}", silent.join(", "))))
    }
}

/// The web console, on the machine's own loopback: it reaches core by its socket. Ends when dropped.
struct Console(Child);

impl Console {
    /// Starts it and says where it is, or why it is not there: the lab goes on without it.
    fn start(lab: &Lab, balancer: &Suimon) -> Option<Self> {
        let folder = lab.folder().join("a-suimon");
        let mut web = Command::new(lab::suimon::binary()?);
        web.arg("web").arg("--socket").arg(folder.join("socket"));
        let log = File::create(lab.folder().join("web.log")).ok()?;
        let web = web.args(["--listen", CONSOLE]).stdin(Stdio::null()).stdout(log.try_clone().ok()?).stderr(log);
        let mut console = Self(web.process_group(0).spawn().ok()?);
        let serves = command::wait_until("the console serves", SHORT, || {
            let ended = console.0.try_wait().is_ok_and(|ended| ended.is_some());
            ended || TcpStream::connect(CONSOLE).is_ok()
        });
        if serves.is_err() || console.0.try_wait().is_ok_and(|ended| ended.is_some()) {
            let said = std::fs::read_to_string(lab.folder().join("web.log")).unwrap_or_default();
            println!("\nNo web console: {}", said.trim_end());
            return None;
        }
        let said = balancer.daemon().said();
        let password = said.lines().find_map(|line| line.strip_prefix("First log-in: ")).unwrap_or("see the log");
        println!("\nWeb console: https://{CONSOLE}/ ({password}); its certificate is its own.");
        Some(console)
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ctl_line(lab: &Lab) -> String {
    let socket = lab.folder().join("a-suimon/socket");
    let binary = lab::suimon::binary().unwrap_or_default();
    format!("{} ctl --socket {} status", binary.display(), socket.display())
}
