//! What passes a NIC, seen by tcpdump.

use crate::Lab;
use crate::command::{self, words};
use crate::error::Result;
use crate::process::Daemon;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time tcpdump has to open the NIC, and to print what it kept.
const LIMIT: Duration = Duration::from_secs(20);
/// Time it has to read what has come in.
const SETTLE: Duration = Duration::from_millis(500);

/// A running capture of the frames that come in on one NIC.
#[derive(Debug)]
pub struct Capture {
    tcpdump: Daemon,
    file: PathBuf,
}

/// A captured frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Seconds since 1970.
    pub time: f64,
    /// tcpdump's line.
    pub text: String,
}

impl Capture {
    /// Starts capturing what comes in on `nic` of `node` and matches `filter`; returns when it runs.
    pub fn start(lab: &Lab, node: &str, nic: &str, filter: &str) -> Result<Self> {
        Self::begin(lab, node, nic, filter, &["-s", "128", "-Q", "in"])
    }

    /// The same for frames as a whole, both ways.
    pub fn whole(lab: &Lab, node: &str, nic: &str, filter: &str) -> Result<Self> {
        Self::begin(lab, node, nic, filter, &["-s", "0"])
    }

    fn begin(lab: &Lab, node: &str, nic: &str, filter: &str, options: &[&str]) -> Result<Self> {
        let file = lab.folder().join(format!("{node}-{nic}.pcap"));
        let mut tcpdump = words("tcpdump", ["-n", "-U", "--immediate-mode", "-B", "8192", "-Z", "root", "-i", nic]);
        tcpdump.args(options);
        tcpdump.arg("-w").arg(&file).arg(filter);
        let tcpdump = lab.daemon(node, &format!("tcpdump-{nic}"), &mut tcpdump)?;
        command::wait_until("tcpdump listens", LIMIT, || tcpdump.said().contains("listening on"))?;
        Ok(Self { tcpdump, file })
    }

    /// Ends it; the file that it wrote.
    pub fn stop_with_file(mut self) -> Result<PathBuf> {
        // It ends at once when asked to, with frames unread that came in before.
        thread::sleep(SETTLE);
        self.tcpdump.stop()?;
        Ok(self.file)
    }

    /// Ends it; what it saw.
    pub fn stop(self) -> Result<Vec<Seen>> {
        let file = self.stop_with_file()?;
        let mut print = words("tcpdump", ["-n", "-tt", "-r"]);
        print.arg(&file);
        let text = command::run(&mut print, LIMIT)?.success()?;
        Ok(text.lines().filter_map(seen).collect())
    }
}

/// A line of `tcpdump -tt`: seconds, then the frame.
fn seen(line: &str) -> Option<Seen> {
    let (time, text) = line.split_once(' ')?;
    Some(Seen { time: time.parse().ok()?, text: text.into() })
}

/// The time on the clock that captures are stamped with.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_time_and_a_frame() {
        let frame = seen("1700000000.250000 IP 10.8.1.1.4000 > 10.1.0.100.80: Flags [S]").expect("a frame");
        assert_eq!(frame.time, 1_700_000_000.25);
        assert!(frame.text.starts_with("IP 10.8.1.1"));
        assert_eq!(seen("reading from file x"), None);
    }
}
