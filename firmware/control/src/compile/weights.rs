//! Weights as schedulers get them: what is configured, times the part that each backend gets of it for now.

use crate::health::PER_MILLE;
use config::{Scheduler, WEIGHT_MAX};

/// The weights of a service's backends, of which each gets `per_mille`.
///
/// As long as all get the whole they are what is configured. Else, for schedulers that go by the ratio of weights, they
/// are multiplied so that a part of 1 is possible: a server with half of weight 1 beside one with weight 1 is 1 to 2.
/// Others (`ovf`, `lblc`) take a weight for a number of flows: there it is rounded, and what gets anything gets 1.
pub fn shared(service: &config::Service, per_mille: impl Iterator<Item = u16>) -> Vec<u32> {
    let configured = service.backends.iter().map(|backend| backend.weight);
    let parts: Vec<(u32, u16)> = configured.zip(per_mille).collect();
    if parts.iter().all(|(_, per_mille)| *per_mille == PER_MILLE) {
        return parts.into_iter().map(|(weight, _)| weight).collect();
    }
    let products = parts.iter().map(|(weight, per_mille)| u64::from(*weight) * u64::from(*per_mille));
    if goes_by_ratio(service.scheduler) {
        return fitted(products.collect());
    }
    products.map(|product| if product == 0 { 0 } else { (product / u64::from(PER_MILLE)).max(1) as u32 }).collect()
}

fn goes_by_ratio(scheduler: Scheduler) -> bool {
    match scheduler {
        Scheduler::Wrr | Scheduler::Wlc | Scheduler::Sed | Scheduler::Nq | Scheduler::Twos | Scheduler::Mh => true,
        Scheduler::Rr
        | Scheduler::Lc
        | Scheduler::Lblc
        | Scheduler::Lblcr
        | Scheduler::Sh
        | Scheduler::Dh
        | Scheduler::Fo
        | Scheduler::Ovf => false,
    }
}

// Divided by what all have in common, and further when they still are too large for a weight.
fn fitted(products: Vec<u64>) -> Vec<u32> {
    let divisor = products.iter().fold(0, |divisor, product| divisor_of_both(divisor, *product)).max(1);
    let greatest = products.iter().max().map_or(0, |greatest| greatest / divisor);
    let over = greatest.div_ceil(WEIGHT_MAX.into()).max(1);
    let fit = |product: u64| if product == 0 { 0 } else { (product / divisor / over).max(1) as u32 };
    products.into_iter().map(fit).collect()
}

fn divisor_of_both(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "version = 1\n[[nic]]\nname = \"f0\"\naddresses = [\"10.1.0.1/16\"]\n[[service]]\nname = \"web\"\n\
                        vip = \"10.1.0.100\"\nports = \"80\"\n";

    /// Scheduler, weights as configured, parts, and the weights that follow.
    type Case = (&'static str, &'static [u32], &'static [u16], &'static [u32]);

    const CASES: &[Case] = &[
        ("wlc", &[2, 4], &[1_000, 1_000], &[2, 4]),
        ("wlc", &[1, 1], &[1_000, 50], &[20, 1]),
        ("wlc", &[1, 1], &[50, 50], &[1, 1]),
        ("wrr", &[3, 0], &[500, 1_000], &[1, 0]),
        ("wlc", &[3, 1], &[500, 1_000], &[3, 2]),
        ("wlc", &[1, 1], &[1_000, 0], &[1, 0]),
        ("mh", &[WEIGHT_MAX, 1], &[999, 1_000], &[WEIGHT_MAX, 1]),
        ("ovf", &[100, 1], &[500, 500], &[50, 1]),
        ("ovf", &[100, 1], &[0, 1_000], &[0, 1]),
        ("fo", &[5, 4], &[700, 1_000], &[3, 4]),
    ];

    #[test]
    fn weights_are_shared() {
        for (scheduler, configured, parts, expected) in CASES {
            let mut text = format!("{HEAD}scheduler = \"{scheduler}\"\n");
            for (at, weight) in configured.iter().enumerate() {
                let (name, address) = (format!("s{at}"), format!("10.1.0.{}", at + 2));
                text +=
                    &format!("[[service.backend]]\nname = \"{name}\"\naddress = \"{address}\"\nweight = {weight}\n");
            }
            let config = config::parse(&text, "weights").unwrap();
            let weights = shared(&config.services[0], parts.iter().copied());
            assert_eq!(weights, *expected, "{scheduler} {configured:?} {parts:?}");
        }
    }
}
