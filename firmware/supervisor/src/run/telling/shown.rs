//! Who is told, and how that goes, as the API shows it.

use super::Wanted;
use api::{Alert, AlertCourse, AlertDestination, AlertWay, DeliveryFailure, SyslogDestination};
use config::{AlertFilter, SyslogServer};
use jiff::Timestamp;
use manage::alerts::message::sentence;
use manage::alerts::outbox::Outbox;
use manage::alerts::recent::{Course, Recent};
use manage::latest::Moments;
use manage::redact;
use manage::syslog::Senders;
use std::sync::atomic::Ordering::Relaxed;

/// All of it.
pub(super) fn alerts(wanted: &Wanted, outbox: &Outbox, senders: &Senders, recent: &Recent) -> api::Alerts {
    let mails = wanted
        .alerts
        .mails
        .iter()
        .map(|mail| destination(outbox, &mail.name, AlertWay::Mail, &mail.filter, mail.to.clone()));
    let webhooks = wanted
        .alerts
        .webhooks
        .iter()
        .map(|webhook| destination(outbox, &webhook.name, AlertWay::Webhook, &webhook.filter, Vec::new()));
    api::Alerts {
        window_s: wanted.alerts.window_s,
        destinations: mails.chain(webhooks).collect(),
        syslog: wanted.syslog.servers.iter().map(|server| syslog(senders, server)).collect(),
        recent: recent
            .newest_first()
            .map(|(event, course)| Alert {
                kind: event.kind,
                subject: event.subject.clone(),
                sentence: sentence(event),
                cause: redact::text(&event.cause),
                unix_s: unix_s(event.at),
                course: match course {
                    Course::Lasting => AlertCourse::Lasting,
                    Course::Over => AlertCourse::Over,
                    Course::Single => AlertCourse::Single,
                },
            })
            .collect(),
    }
}

fn destination(
    outbox: &Outbox,
    name: &str,
    way: AlertWay,
    filter: &AlertFilter,
    recipients: Vec<String>,
) -> AlertDestination {
    let AlertFilter { events, services } = filter.clone();
    let shown = AlertDestination { name: name.to_owned(), way, recipients, events, services, ..Default::default() };
    let Some((_, counters)) = outbox.counters().find(|(of, _)| *of == name) else { return shown };
    let (last_sent_unix_s, last_failure) = last(counters.latest.moments());
    AlertDestination {
        sent: counters.sent.load(Relaxed),
        failed_tries: counters.failed_tries.load(Relaxed),
        given_up: counters.given_up.load(Relaxed),
        not_taken: counters.full.load(Relaxed),
        last_sent_unix_s,
        last_failure,
        ..shown
    }
}

fn syslog(senders: &Senders, server: &SyslogServer) -> SyslogDestination {
    let SyslogServer { name, server: address, port, transport, facility, severity, .. } = server.clone();
    let shown = SyslogDestination { name, server: address, port, transport, facility, severity, ..Default::default() };
    let Some((_, counters)) = senders.counters().find(|(of, _)| *of == server.name) else { return shown };
    let (last_sent_unix_s, last_failure) = last(counters.latest.moments());
    SyslogDestination {
        sent: counters.sent.load(Relaxed),
        lost: counters.lost.load(Relaxed),
        failures: counters.failures.load(Relaxed),
        last_sent_unix_s,
        last_failure,
        ..shown
    }
}

fn last(moments: Moments) -> (Option<u64>, Option<DeliveryFailure>) {
    let failure = moments.failure.map(|(at, reason)| DeliveryFailure { unix_s: unix_s(at), reason });
    (moments.well.map(unix_s), failure)
}

fn unix_s(at: Timestamp) -> u64 {
    u64::try_from(at.as_second()).unwrap_or(0)
}
