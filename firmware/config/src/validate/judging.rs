//! How health is judged: whether it can be, and whether the service could ever come up.

use super::Check;
use crate::Named;
use crate::report::Place;
use crate::service::{Method, Protocol, Scheduler, Service};

/// Schedulers that share by the ratio of the weights: for others a weight that grows means something else.
const BY_RATIO: &[Scheduler] =
    &[Scheduler::Wrr, Scheduler::Wlc, Scheduler::Sed, Scheduler::Nq, Scheduler::Twos, Scheduler::Mh];

pub(super) fn check(check: &Check<'_>, place: &Place, service: &Service) {
    slow_start(check, place, service);
    quorum(check, place, service);
    passive(check, place, service);
}

fn slow_start(check: &Check<'_>, place: &Place, service: &Service) {
    if service.health.slow_start_s == 0 || BY_RATIO.contains(&service.scheduler) {
        return;
    }
    let names: Vec<&str> = BY_RATIO.iter().map(|scheduler| scheduler.name()).collect();
    let (scheduler, names) = (service.scheduler, names.join(", "));
    let message = format!("{scheduler} does not share by the ratio of weights: these do: {names}");
    check.report.error(&place.field("slow_start_s"), message);
}

fn quorum(check: &Check<'_>, place: &Place, service: &Service) {
    let (up, down) = (service.health.quorum.up, service.health.quorum.down);
    let backends = service.backends.len();
    let message = if down > up {
        format!("down is {down}, up is {up}: a service that just came up would be down at once")
    } else if service.health.quorum != Default::default() && up as usize > backends {
        format!("up is {up}, there are {backends} backends: the service would never come up")
    } else {
        return;
    };
    check.report.error(&place.field("quorum"), message);
}

/// What is asked of the passive check must pass this box.
fn passive(check: &Check<'_>, place: &Place, service: &Service) {
    let Some(passive) = &service.health.passive else { return };
    if service.protocol == Protocol::Tcp {
        if passive.one_way_max != 0 {
            check
                .report
                .error(&place.field("passive").field("one_way_max"), "the service is TCP: one-way flows are UDP's");
        }
        return;
    }
    let message = if service.one_packet {
        "one_packet makes no flows: nothing is known of what becomes of a datagram"
    } else if !service.methods().any(Method::translates) {
        "no backend uses nat or fullnat: with other methods answers do not come through this box"
    } else {
        return;
    };
    check.report.error(&place.field("passive"), message);
}
