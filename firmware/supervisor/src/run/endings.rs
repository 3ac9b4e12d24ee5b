//! Certificates that are about to end, the console's own and those that checks see: told in time, and not every day.

use super::alarms;
use super::control::Control;
use config::AlertKind;
use std::collections::BTreeMap;

/// Days before a certificate's end on which it is told again; the console's own is told from the first of them on.
const TOLD_DAYS: [i64; 6] = [30, 14, 7, 3, 1, 0];
/// What the console's certificate is called in alerts.
const CONSOLE: &str = "the console";

/// What was told, by whose certificate it is: the step of [`TOLD_DAYS`].
#[derive(Debug, Default)]
pub struct Endings {
    told: BTreeMap<String, i64>,
}

impl Endings {
    /// Takes the days that are left of all certificates that are about to end, and gives those that are to be told.
    fn news(&mut self, left: BTreeMap<String, (i64, String)>) -> Vec<(String, String)> {
        // One that was renewed is told anew when its time comes.
        self.told.retain(|whose, _| left.contains_key(whose));
        let mut news = Vec::new();
        for (whose, (days, cause)) in left {
            let step = TOLD_DAYS.into_iter().rev().find(|step| days <= *step).unwrap_or(i64::MAX);
            if self.told.get(&whose).is_none_or(|told| step < *told) {
                self.told.insert(whose.clone(), step);
                news.push((whose, cause));
            }
        }
        news
    }
}

impl Control {
    /// Tells of certificates that are about to end.
    pub(super) fn tell_endings(&mut self) {
        let mut left = BTreeMap::new();
        for ([service, backend, check], _, outcome) in self.latest_answers() {
            if let Some(days) = outcome.certificate_days {
                let cause = format!("check {check}: {}", outcome.warnings.join("; "));
                left.insert(format!("{service}/{backend}"), (days, cause));
            }
        }
        if let Ok(own) = self.certificate()
            && own.days_left <= TOLD_DAYS[0]
        {
            let cause = format!("{} days are left: another one is put in use under System", own.days_left);
            left.insert(CONSOLE.to_owned(), (own.days_left, cause));
        }
        for (whose, cause) in self.endings.news(left) {
            tracing::warn!(whose, cause, "certificate about to end");
            alarms::raise(&self.teller, AlertKind::CertificateExpires, whose, &cause);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_in_steps() {
        let mut endings = Endings::default();
        let mut told = |days: Option<i64>| {
            let left = days.map(|days| ("web/s1".to_owned(), (days, String::new())));
            endings.news(left.into_iter().collect()).len()
        };
        for (days, news) in [
            (Some(60), 1),
            (Some(31), 0),
            (Some(30), 1),
            (Some(29), 0),
            (Some(5), 1),
            (Some(5), 0),
            (Some(0), 1),
            (Some(-3), 0),
            (None, 0),
            (Some(14), 1),
        ] {
            assert_eq!(told(days), news, "{days:?}");
        }
    }
}
