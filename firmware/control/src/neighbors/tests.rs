use super::*;

const NIC: NicId = NicId(1);
const GATEWAY: Address = Address::v4([10, 1, 0, 254]);
const BACKEND: Address = Address::v4([10, 2, 0, 2]);
const MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);

fn at(ms: u64) -> Now {
    Now(ms * 1_000_000)
}

fn asked(actions: &[Action]) -> Vec<Address> {
    actions
        .iter()
        .filter_map(|action| match action {
            Action::Resolve { address, .. } => Some(*address),
            _ => None,
        })
        .collect()
}

#[test]
fn asks_again_with_longer_gaps_until_answered_then_refreshes() {
    let mut neighbors = Neighbors::default();
    let mut actions = Vec::new();
    neighbors.want(at(0), &BTreeSet::from([(NIC, GATEWAY)]), &mut actions);
    let mut times = vec![0];
    while times.len() < 7 {
        let due = neighbors.next_deadline().unwrap();
        neighbors.tick(due, &mut actions);
        times.push(due.millis());
    }
    assert_eq!(times, [0, 500, 1_500, 3_500, 7_500, 15_500, 23_500]);
    assert_eq!(asked(&actions).len(), 7);

    assert!(neighbors.heard(at(24_000), (NIC, GATEWAY), Some(MAC)));
    assert!(!neighbors.heard(at(24_001), (NIC, GATEWAY), Some(MAC)));
    assert_eq!(neighbors.next_deadline(), Some(at(54_001)));
    assert_eq!(neighbors.mac((NIC, GATEWAY)), Some(MAC));
}

#[test]
fn what_is_no_longer_wanted_is_forgotten() {
    let mut neighbors = Neighbors::default();
    let mut actions = Vec::new();
    neighbors.want(at(0), &BTreeSet::from([(NIC, GATEWAY), (NIC, BACKEND)]), &mut actions);
    actions.clear();
    neighbors.want(at(1), &BTreeSet::from([(NIC, BACKEND)]), &mut actions);
    assert_eq!(actions, [Action::ForgetNeighbor { nic: NIC, address: GATEWAY }]);
    assert!(!neighbors.heard(at(2), (NIC, GATEWAY), Some(MAC)));
}

#[test]
fn a_lost_neighbor_is_asked_for_again() {
    let mut neighbors = Neighbors::default();
    let mut actions = Vec::new();
    neighbors.want(at(0), &BTreeSet::from([(NIC, BACKEND)]), &mut actions);
    neighbors.heard(at(10), (NIC, BACKEND), Some(MAC));
    assert!(neighbors.heard(at(1_000), (NIC, BACKEND), None));
    assert_eq!(neighbors.mac((NIC, BACKEND)), None);
    assert_eq!(neighbors.next_deadline(), Some(at(1_500)));
}

#[test]
fn a_nic_that_returns_is_asked_at_once() {
    let mut neighbors = Neighbors::default();
    let mut actions = Vec::new();
    neighbors.want(at(0), &BTreeSet::from([(NIC, BACKEND)]), &mut actions);
    neighbors.heard(at(10), (NIC, BACKEND), Some(MAC));
    assert!(neighbors.forget_nic(at(2_000), NIC));
    assert_eq!(neighbors.next_deadline(), Some(at(2_000)));
}

#[test]
fn the_engine_s_wishes_end_and_are_bounded() {
    let mut neighbors = Neighbors::default();
    let mut actions = Vec::new();
    for host in 0..=LEARNT_MAX as u32 {
        let address = Address::v4((0x0a01_0000 + host).to_be_bytes());
        assert_eq!(neighbors.want_learnt(at(0), (NIC, address)), host < LEARNT_MAX as u32);
    }
    // Still learnt after a change of configuration that does not name them.
    neighbors.want(at(0), &BTreeSet::new(), &mut actions);
    assert_eq!(neighbors.learnt().count(), LEARNT_MAX);
    let refreshed = Address::v4([10, 1, 0, 0]);
    neighbors.want_learnt(at(60_000), (NIC, refreshed));
    assert!(neighbors.tick(at(120_000), &mut actions));
    assert_eq!(neighbors.learnt().collect::<Vec<_>>(), [(NIC, refreshed)]);
}

#[test]
fn many_questions_are_spread() {
    let mut neighbors = Neighbors::default();
    let mut actions = Vec::new();
    let wanted = (0..300).map(|host| (NIC, Address::v4((0x0a02_0000_u32 + host).to_be_bytes()))).collect();
    neighbors.want(at(0), &wanted, &mut actions);
    assert_eq!(asked(&actions).len(), ASKED_PER_STEP_MAX);
    assert_eq!(neighbors.next_deadline(), Some(at(20)));
}
