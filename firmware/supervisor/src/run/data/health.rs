//! The judgement of health, kept over a restart. Times are seconds since 1970: the monotonic clock begins anew.

use super::{DataDir, DataError};
use control::health::{Kept, KeptBackend, KeptService};
use drivers::clock::unix_s;
use net::Now;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

const FILE: &str = "health.json";

#[derive(Debug, Serialize, Deserialize)]
struct Service {
    up: bool,
    backends: BTreeMap<String, Backend>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Backend {
    address: IpAddr,
    port: Option<u16>,
    up: bool,
    since_s: u64,
    checks: BTreeMap<String, bool>,
}

impl DataDir {
    /// The judgement that the last run ended with.
    pub fn health(&self, now: Now) -> Result<Kept, DataError> {
        let Some(text) = self.read(FILE)? else { return Ok(Kept::default()) };
        let services: BTreeMap<String, Service> =
            serde_json::from_str(&text).map_err(|error| self.failed("read", FILE, error.into()))?;
        let age = |since_s: u64| Duration::from_secs(unix_s().saturating_sub(since_s));
        let backend = |kept: Backend| KeptBackend {
            address: kept.address,
            port: kept.port,
            up: kept.up,
            since: Now(now.0.saturating_sub(age(kept.since_s).as_nanos() as u64)),
            checks: kept.checks,
        };
        let service = |kept: Service| KeptService {
            up: kept.up,
            backends: kept.backends.into_iter().map(|(name, kept)| (name, backend(kept))).collect(),
        };
        Ok(Kept { services: services.into_iter().map(|(name, kept)| (name, service(kept))).collect() })
    }

    /// Keeps the judgement.
    pub fn keep_health(&self, now: Now, kept: Kept) -> Result<(), DataError> {
        let backend = |kept: KeptBackend| Backend {
            address: kept.address,
            port: kept.port,
            up: kept.up,
            since_s: unix_s().saturating_sub(now.since(kept.since).as_secs()),
            checks: kept.checks,
        };
        let service = |kept: KeptService| Service {
            up: kept.up,
            backends: kept.backends.into_iter().map(|(name, kept)| (name, backend(kept))).collect(),
        };
        let services: BTreeMap<String, Service> =
            kept.services.into_iter().map(|(name, kept)| (name, service(kept))).collect();
        self.write(FILE, &serde_json::to_vec(&services).expect("a structure of text and numbers"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judgement_comes_back_as_old_as_it_was() {
        let path = std::env::temp_dir().join(format!("suimon-health-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        let data = DataDir::open(&path).unwrap();
        assert_eq!(data.health(Now::from_secs(5)).unwrap(), Kept::default());
        let kept = |up, since| {
            let (address, checks) = ("10.2.0.2".parse().unwrap(), BTreeMap::from([("page".to_owned(), up)]));
            let backend = KeptBackend { address, port: Some(8080), up, since, checks };
            let backends = BTreeMap::from([("s1".to_owned(), backend)]);
            Kept { services: BTreeMap::from([("web".to_owned(), KeptService { up, backends })]) }
        };
        data.keep_health(Now::from_secs(1_000), kept(true, Now::from_secs(970))).unwrap();
        let found = data.health(Now::from_secs(100)).unwrap();
        let since = found.services["web"].backends["s1"].since;
        assert!((Now::from_secs(65)..=Now::from_secs(70)).contains(&since), "{since:?}");
        assert_eq!(found, kept(true, since));
        // Older than the clock: as old as the clock.
        data.keep_health(Now::from_secs(1_000), kept(false, Now::from_secs(10))).unwrap();
        assert_eq!(data.health(Now::from_secs(20)).unwrap(), kept(false, Now::default()));
        std::fs::write(path.join(FILE), "[]").unwrap();
        assert!(data.health(Now::default()).unwrap_err().to_string().starts_with("read "));
        std::fs::remove_dir_all(&path).unwrap();
    }
}
