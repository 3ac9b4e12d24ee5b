//! The audit log: every act, who, when, from where, what, and how it ended. Each record holds the hash of the one before,
//! so that one which is removed or changed shows.

use crate::clock::Now;
use crate::source::Source;
use api::{AuditOutcome, AuditRecord, Role};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// Bytes of what was changed, in one record.
pub const DETAIL_BYTES_MAX: usize = 4_096;
/// Records that are kept.
pub const RECORDS_MAX: u64 = 50_000;
/// How many go at once when there are more: removing one by one would cost a write per act.
pub const RECORDS_REMOVED_AT_ONCE: u64 = 1_000;
/// The hash before the first record.
pub const FIRST_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// An act, before it has its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// Who; `-` when nobody knows.
    pub user: String,
    /// As what.
    pub role: Option<Role>,
    /// From where.
    pub source: Source,
    /// What.
    pub act: &'static str,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// What was changed. Secrets are the caller's to remove: [`crate::redact`].
    pub detail: String,
}

/// A place in the log: the record up to which everything is accounted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Its number; 0: before the first.
    pub number: u64,
    /// Its hash.
    pub hash: String,
}

impl Default for Anchor {
    fn default() -> Self {
        Self { number: 0, hash: FIRST_HASH.to_owned() }
    }
}

/// Why a log is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A record is missing.
    #[error("audit record {0} is missing")]
    Missing(u64),
    /// A record, or one before it, was changed.
    #[error("audit record {0} is not what was written")]
    Changed(u64),
    /// The log ends too early.
    #[error("the audit log ends with record {found}, but {expected} were written")]
    Short {
        /// The last one there is.
        found: u64,
        /// The last one that was written.
        expected: u64,
    },
}

/// The end of the log, where records are added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    last: Anchor,
}

impl Chain {
    /// After `last`.
    pub fn after(last: Anchor) -> Self {
        Self { last }
    }

    /// The last record. Kept apart from the records: without it, nobody would miss those at the end.
    pub fn last(&self) -> &Anchor {
        &self.last
    }

    /// The record of a deed. The chain goes on from it once it was kept: [`Chain::adopt`].
    pub fn record(&self, now: Now, deed: Deed) -> AuditRecord {
        let mut record = AuditRecord {
            number: self.last.number + 1,
            at_ms: now.civil.as_millisecond(),
            user: deed.user,
            role: deed.role,
            source: deed.source.to_string(),
            act: deed.act.to_owned(),
            outcome: deed.outcome,
            detail: bounded(deed.detail),
            hash: String::new(),
        };
        record.hash = hash(&self.last.hash, &record);
        record
    }

    /// Goes on from a record that was kept.
    pub fn adopt(&mut self, record: &AuditRecord) {
        self.last = anchor(record);
    }
}

/// The place of a record.
pub fn anchor(record: &AuditRecord) -> Anchor {
    Anchor { number: record.number, hash: record.hash.clone() }
}

/// Up to which record, itself included, the log is to be shortened; `None`: it is short enough.
pub fn removal(first_kept: u64, last: u64) -> Option<u64> {
    let kept = (last + 1).saturating_sub(first_kept);
    (kept > RECORDS_MAX).then(|| last.saturating_sub(RECORDS_MAX) + RECORDS_REMOVED_AT_ONCE)
}

/// Checks records in their order, from the one after `start` to `end`: how many there are.
pub fn verify<'r>(
    start: &Anchor,
    records: impl IntoIterator<Item = &'r AuditRecord>,
    end: &Anchor,
) -> Result<u64, Broken> {
    let mut last = start.clone();
    for record in records {
        if record.number != last.number + 1 {
            return Err(Broken::Missing(last.number + 1));
        }
        if record.hash != hash(&last.hash, record) {
            return Err(Broken::Changed(record.number));
        }
        last = anchor(record);
    }
    if last.number < end.number {
        return Err(Broken::Short { found: last.number, expected: end.number });
    }
    if last != *end {
        return Err(Broken::Changed(last.number));
    }
    Ok(last.number - start.number)
}

/// A record as one line of JSON, to be kept elsewhere.
pub fn json_line(record: &AuditRecord) -> String {
    let mut line = serde_json::to_string(record).expect("records are text and numbers");
    line.push('\n');
    line
}

/// SHA-256 over the hash before and every field, each with its length: no two records have the same bytes.
fn hash(before: &str, record: &AuditRecord) -> String {
    let mut digest = Sha256::new();
    digest.update(record.number.to_be_bytes());
    digest.update(record.at_ms.to_be_bytes());
    let role = record.role.map_or("", Role::name);
    let texts =
        [before, &record.user, role, &record.source, &record.act, record.outcome.name(), record.detail.as_str()];
    for text in texts {
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(text.as_bytes());
    }
    HEXLOWER.encode(&digest.finalize())
}

fn bounded(detail: String) -> String {
    if detail.len() <= DETAIL_BYTES_MAX {
        return detail;
    }
    let end = detail.floor_char_boundary(DETAIL_BYTES_MAX);
    format!("{}… ({} bytes more)", &detail[..end], detail.len() - end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::tests::at;
    use proptest::prelude::*;

    fn log(details: &[String]) -> (Vec<AuditRecord>, Chain) {
        let mut chain = Chain::default();
        let mut records = Vec::new();
        for (number, detail) in details.iter().enumerate() {
            let deed = Deed {
                user: "hanako".to_owned(),
                role: Some(Role::Operator),
                source: Source::Socket { uid: 1_000 },
                act: "apply",
                outcome: AuditOutcome::Done,
                detail: detail.clone(),
            };
            let record = chain.record(at(number as u64), deed);
            chain.adopt(&record);
            records.push(record);
        }
        (records, chain)
    }

    fn texts(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("change {number}")).collect()
    }

    #[test]
    fn what_was_written_is_verified() {
        let (records, chain) = log(&texts(5));
        let start = Anchor::default();
        assert_eq!(verify(&start, &records, chain.last()), Ok(5));
        assert_eq!(verify(&anchor(&records[2]), &records[3..], chain.last()), Ok(2), "after older ones went");
        assert_eq!(verify(&start, &[], &start), Ok(0));
        assert_eq!(records[0].source, "socket, uid 1000");
    }

    #[test]
    fn what_is_missing_shows() {
        let (records, chain) = log(&texts(5));
        let start = Anchor::default();
        for gone in 0..4 {
            let mut left = records.clone();
            left.remove(gone);
            assert_eq!(verify(&start, &left, chain.last()), Err(Broken::Missing(gone as u64 + 1)));
        }
        assert_eq!(verify(&start, &records[..4], chain.last()), Err(Broken::Short { found: 4, expected: 5 }));
        let mut turned = records.clone();
        turned.swap(1, 2);
        assert_eq!(verify(&start, &turned, chain.last()), Err(Broken::Missing(2)));
        let other = Anchor { hash: FIRST_HASH.to_owned(), ..chain.last().clone() };
        assert_eq!(verify(&start, &records, &other), Err(Broken::Changed(5)));
    }

    type Forgery = (&'static str, fn(&mut AuditRecord));

    #[test]
    fn what_was_changed_shows() {
        let (records, chain) = log(&texts(3));
        let forgeries: [Forgery; 8] = [
            ("time", |record| record.at_ms += 1),
            ("user", |record| record.user = "taro".to_owned()),
            ("role", |record| record.role = None),
            ("source", |record| record.source.push('0')),
            ("act", |record| record.act = "diff".to_owned()),
            ("outcome", |record| record.outcome = AuditOutcome::Refused),
            ("detail", |record| record.detail.clear()),
            ("fields that run together", |record| {
                record.user.push_str("operator");
                record.role = None;
            }),
        ];
        for (what, forge) in forgeries {
            let mut forged = records.clone();
            forge(&mut forged[1]);
            assert_eq!(verify(&Anchor::default(), &forged, chain.last()), Err(Broken::Changed(2)), "{what}");
        }
    }

    #[test]
    fn details_are_bounded() {
        let (records, chain) = log(&["網".repeat(DETAIL_BYTES_MAX)]);
        assert!(records[0].detail.len() < DETAIL_BYTES_MAX + 40);
        assert!(records[0].detail.ends_with("bytes more)"));
        assert_eq!(verify(&Anchor::default(), &records, chain.last()), Ok(1));
    }

    #[test]
    fn old_records_go_in_bulk() {
        assert_eq!(removal(1, RECORDS_MAX), None);
        assert_eq!(removal(1, RECORDS_MAX + 1), Some(1 + RECORDS_REMOVED_AT_ONCE));
        assert_eq!(removal(501, RECORDS_MAX + 500), None);
        assert_eq!(removal(1, 0), None, "nothing yet");
    }

    proptest! {
        /// As lines of JSON the log says the same, and is verified as it was.
        #[test]
        fn lines_survive(details in prop::collection::vec("\\PC{0,60}", 1..8)) {
            let (records, chain) = log(&details);
            let text: String = records.iter().map(json_line).collect();
            prop_assert_eq!(text.lines().count(), records.len());
            let read: Vec<AuditRecord> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            prop_assert_eq!(&read, &records);
            prop_assert_eq!(verify(&Anchor::default(), &read, chain.last()), Ok(records.len() as u64));
        }
    }
}
