//! What is worth an alert, in the words of alerts.

use super::control::Control;
use super::telling::Teller;
use config::{AlertKind, Origin};
use control::Notice;
use jiff::Timestamp;
use manage::alerts::Event;
use net::Now;
use std::time::Duration;

/// Lost history is told at most this often: a full disk loses something every few seconds.
const HISTORY_INTERVAL: Duration = Duration::from_secs(3_600);

/// What was told of the history.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HistoryTold {
    lost: u64,
    again: Now,
}

impl HistoryTold {
    /// How many records to tell of now that `lost` were lost since the start.
    fn news(&mut self, now: Now, lost: u64) -> Option<u64> {
        let more = lost - self.lost.min(lost);
        if more == 0 || now < self.again {
            return None;
        }
        *self = Self { lost, again: now + HISTORY_INTERVAL };
        Some(more)
    }
}

impl Control {
    /// Something went down or came up.
    pub(super) fn tell(&self, notice: &Notice) {
        if notice.warns() {
            tracing::warn!("{notice}");
        } else {
            tracing::info!("{notice}");
        }
        match words(notice) {
            (Some(kind), subject) => raise(&self.teller, kind, subject, &notice.cause()),
            (None, subject) => self.teller.happened("drain-ended", subject, notice.cause()),
        }
    }

    /// This node serves.
    pub(super) fn tell_started(&self) {
        let version = format!("version {}", env!("CARGO_PKG_VERSION"));
        raise(&self.teller, AlertKind::Started, version, &format!("revision {} is in use", self.in_use.revision));
    }

    /// Another revision is in use.
    pub(super) fn tell_change(&self, origin: Origin, author: &str, changes: &str) {
        let (kind, cause) = match origin {
            Origin::Return => (AlertKind::ConfigReturned, changes.to_owned()),
            _ => (AlertKind::ConfigChanged, format!("by {author}: {changes}")),
        };
        raise(&self.teller, kind, self.in_use.revision.to_string(), &cause);
    }

    /// The revision in use stays.
    pub(super) fn tell_confirmed(&self, author: &str) {
        let cause = format!("confirmed by {author}");
        raise(&self.teller, AlertKind::ConfigChanged, self.in_use.revision.to_string(), &cause);
    }

    /// Graphs, lines or copies of the audit log could not be kept.
    pub(super) fn tell_lost_history(&mut self, now: Now) {
        if let Some(lost) = self.history_told.news(now, self.history.lost()) {
            let cause = "the disk is full, slow or damaged: see the log";
            raise(&self.teller, AlertKind::HistoryLost, format!("{lost} records"), cause);
        }
    }
}

/// Has an alert sent to whoever wants it.
pub(crate) fn raise(teller: &Teller, kind: AlertKind, subject: String, cause: &str) {
    teller.event(Event::new(kind, subject, cause, Timestamp::now()));
}

/// What an alert is about; without a kind nobody is called for it.
fn words(notice: &Notice) -> (Option<AlertKind>, String) {
    let kind = |up, is: AlertKind, is_not| Some(if up { is } else { is_not });
    match notice {
        Notice::Backend { service, backend, up, .. } => {
            (kind(*up, AlertKind::BackendUp, AlertKind::BackendDown), format!("{service}/{backend}"))
        }
        Notice::Service { service, up, .. } => {
            (kind(*up, AlertKind::ServiceUp, AlertKind::ServiceDown), service.clone())
        }
        Notice::Nic { nic, up, .. } => (kind(*up, AlertKind::NicUp, AlertKind::NicDown), nic.clone()),
        Notice::DrainEnded { service, backend, .. } => (None, format!("{service}/{backend}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_as_alerts() {
        let backend = |up| Notice::Backend { service: "web".into(), backend: "s1".into(), up, reason: "why".into() };
        let service = |up| Notice::Service { service: "web".into(), up, available: 0, backends: 2 };
        let nic = |up| Notice::Nic { nic: "f0".into(), up, there: true };
        for (notice, kind, subject) in [
            (backend(false), AlertKind::BackendDown, "web/s1"),
            (backend(true), AlertKind::BackendUp, "web/s1"),
            (service(false), AlertKind::ServiceDown, "web"),
            (service(true), AlertKind::ServiceUp, "web"),
            (nic(false), AlertKind::NicDown, "f0"),
            (nic(true), AlertKind::NicUp, "f0"),
        ] {
            assert_eq!(words(&notice), (Some(kind), subject.to_owned()));
        }
    }

    #[test]
    fn lost_history_is_told_once_an_hour() {
        let mut told = HistoryTold::default();
        for (at_s, lost, expected) in
            [(1, 0, None), (2, 5, Some(5)), (3, 9, None), (3_601, 9, None), (3_602, 9, Some(4)), (9_000, 9, None)]
        {
            assert_eq!(told.news(Now::from_secs(at_s), lost), expected, "{at_s} s");
        }
    }
}
