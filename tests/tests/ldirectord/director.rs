//! ldirectord as Debian ships it, with an `ipvsadm` that keeps what it is told and writes down when: this kernel need not
//! have IPVS. The stand-in lies over the real one in the mount namespace of the run alone.

use lab::error::LabError;
use lab::process::Daemon;
use lab::servers::{self, Server};
use lab::{Lab, Result, debian};
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

/// What is laid over the tree's.
const IPVSADM: &str = "/usr/sbin/ipvsadm";
/// Begins the lines that tell of a change.
const CHANGE: &str = "ipvsadm ";

/// A file for each server of each service, with its weight. Lists look as those of ipvsadm 1.31.
const STAND_IN: &str = r#"#!/bin/sh
act= vip= real= weight=1 thresholds=
while [ $# -gt 0 ]; do
    case $1 in
    -L | -A | -E | -D | -a | -e | -d) act=${1#-} ;;
    -t) vip=$2 && shift ;;
    -r) real=$2 && shift ;;
    -w) weight=$2 && shift ;;
    --thresholds) thresholds=1 ;;
    esac
    shift
done
table=/run/ipvs
mkdir -p $table
case $act in
L)
    printf 'IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n'
    printf '  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n'
    cd $table
    for vip in *:*; do
        [ -d "$vip" ] || continue
        echo "TCP  $vip wlc"
        for server in "$vip"/*:*; do
            [ -f "$server" ] || continue
            read -r weight <"$server"
            if [ $thresholds ]; then row='0 0 0 0'; else row="Masq $weight 0 0"; fi
            echo "  -> ${server##*/} $row"
        done
    done
    exit 0
    ;;
A | E) mkdir -p "$table/$vip" ;;
D) rm -rf "$table/$vip" ;;
a | e) echo "$weight" >"$table/$vip/$real" ;;
d) rm -f "$table/$vip/$real" && weight=0 ;;
esac
# The first process' output is the log of the run, whatever became of ours.
echo "ipvsadm $(date +%s.%N) ${real:-none} $weight" >>/proc/1/fd/1
"#;

/// How often and how long it asks, in its own words.
pub struct Manner {
    pub interval_s: u32,
    pub timeout_s: u32,
    pub failures: u32,
}

/// A running one; it ends when this is dropped.
pub struct Director {
    daemon: Daemon,
}

/// That a server was taken in or out.
pub struct Change {
    pub at: SystemTime,
    pub server: String,
    pub takes_flows: bool,
}

impl Director {
    /// Starts it in the namespace `node`.
    pub fn start(lab: &Lab, node: &str, manner: &Manner, backends: &[SocketAddr]) -> Result<Self> {
        let Manner { interval_s, timeout_s, failures } = manner;
        let mut file = format!(
            "checkinterval={interval_s}\nchecktimeout={timeout_s}\nnegotiatetimeout={timeout_s}\n\
             failurecount={failures}\nquiescent=no\nsupervised=yes\nlogfile=\"/var/log/ldirectord.log\"\n\
             virtual=10.1.0.100:80\n"
        );
        for backend in backends {
            let _ = writeln!(file, "\treal={backend} masq 1");
        }
        file += "\tservice=http\n\tchecktype=negotiate\n\trequest=\"/\"\n\treceive=\"s\"\n\tscheduler=wlc\n\tprotocol=tcp\n";
        let server = Server {
            name: "ldirectord",
            files: vec![("/lab/ldirectord.cf", file), (IPVSADM, STAND_IN.into())],
            script: format!("chmod 755 {IPVSADM}\nexec ldirectord /lab/ldirectord.cf start"),
            ports: Vec::new(),
            says: None,
        };
        Ok(Self { daemon: servers::start(lab, &debian::tree()?, node, &server)? })
    }

    /// What it has changed so far, in order.
    pub fn changes(&self) -> Result<Vec<Change>> {
        let said = self.daemon.said();
        let lines = said.lines().filter_map(|line| line.strip_prefix(CHANGE));
        let unread = |line: &str| LabError::Answer(format!("the stand-in for ipvsadm wrote {line:?}"));
        lines.map(|line| change(line).ok_or_else(|| unread(line))).collect()
    }

    /// How many servers it has taken in and not out again.
    pub fn up(&self) -> Result<usize> {
        let mut up = std::collections::BTreeMap::new();
        for change in self.changes()?.into_iter().filter(|change| change.server != "none") {
            up.insert(change.server, change.takes_flows);
        }
        Ok(up.values().filter(|takes_flows| **takes_flows).count())
    }

    /// The process.
    pub fn daemon(&self) -> &Daemon {
        &self.daemon
    }
}

fn change(line: &str) -> Option<Change> {
    let mut words = line.split(' ');
    let (at, server, weight) = (words.next()?, words.next()?, words.next()?);
    let at = SystemTime::UNIX_EPOCH + Duration::try_from_secs_f64(at.parse().ok()?).ok()?;
    Some(Change { at, server: server.into(), takes_flows: weight != "0" })
}
