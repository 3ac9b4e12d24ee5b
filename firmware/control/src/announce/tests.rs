use super::*;

const NIC: NicId = NicId(0);
const OURS: Mac = Mac([2, 0, 0, 0, 0, 0x0b]);
const OTHER: Mac = Mac([2, 0, 0, 0, 0, 0x0c]);
const VIP: Address = Address::v4([10, 1, 0, 100]);
const VIP6: Address = Address(0x2001_0db8_0001_0000_0000_0000_0000_0100);
const CLIENT: Address = Address::v4([10, 1, 0, 9]);
const NOBODY: Address = Address::v4([0, 0, 0, 0]);

fn at(ms: u64) -> Now {
    Now(ms * 1_000_000)
}

fn announcer(places: &[(NicId, Address)]) -> Announcer {
    let mut announcer = Announcer::default();
    announcer.set(at(0), &places.iter().copied().collect());
    announcer
}

fn said(operation: Operation, sender_mac: Mac, sender: Address, target: Address) -> [u8; arp::FRAME] {
    Arp { operation, sender_mac, sender, target_mac: Mac::default(), target }.emit(Mac::BROADCAST)
}

fn frames(actions: &[Action]) -> Vec<&[u8]> {
    actions
        .iter()
        .filter_map(|action| match action {
            Action::SendFrame { bytes, .. } => Some(bytes.as_slice()),
            _ => None,
        })
        .collect()
}

#[test]
fn a_burst_then_once_a_minute() {
    let mut announcer = announcer(&[(NIC, VIP)]);
    let mut times = Vec::new();
    while times.len() < 8 {
        let due = announcer.next_deadline().unwrap();
        let mut actions = Vec::new();
        announcer.tick(due, |_| Some(OURS), &mut actions);
        assert_eq!(frames(&actions), [arp::gratuitous(OURS, VIP)]);
        times.push(due.millis());
    }
    assert_eq!(times, [0, 200, 400, 600, 800, 60_800, 120_800, 180_800]);
}

#[test]
fn a_returning_link_starts_a_burst() {
    let mut announcer = announcer(&[(NIC, VIP), (NicId(1), VIP6)]);
    let mut actions = Vec::new();
    announcer.tick(at(0), |_| None, &mut actions);
    assert!(actions.is_empty(), "nothing is sent on a link that is down");
    announcer.link_returned(at(7_000), NIC);
    assert_eq!(announcer.next_deadline(), Some(at(7_000)));
    announcer.tick(at(7_000), |_| Some(OURS), &mut actions);
    assert_eq!(frames(&actions).len(), 1);
    assert_eq!(announcer.next_deadline(), Some(at(7_200)));
}

#[test]
fn thousands_do_not_flood_the_link() {
    let places: Vec<_> = (0..200).map(|host| (NIC, Address::v4([10, 1, 1, host]))).collect();
    let mut announcer = announcer(&places);
    let mut actions = Vec::new();
    announcer.tick(at(0), |_| Some(OURS), &mut actions);
    assert_eq!(frames(&actions).len(), SENT_PER_STEP_MAX);
    assert_eq!(announcer.next_deadline(), Some(at(10)));
}

#[test]
fn requests_are_answered_for_our_addresses_only() {
    // Who asks for what on which NIC, and whether we answer.
    for (nic, sender, target, answered) in [
        (NIC, CLIENT, VIP, true),
        (NIC, NOBODY, VIP, true),
        (NIC, CLIENT, Address::v4([10, 1, 0, 101]), false),
        (NicId(1), CLIENT, VIP, false),
    ] {
        let mut announcer = announcer(&[(NIC, VIP)]);
        let mut actions = Vec::new();
        announcer.handle_arp(at(0), nic, OURS, &said(Operation::Request, OTHER, sender, target), &mut actions);
        let reply =
            Arp { operation: Operation::Reply, sender_mac: OURS, sender: target, target_mac: OTHER, target: sender };
        let expected = if answered { vec![reply.emit(OTHER)] } else { vec![] };
        assert_eq!(frames(&actions), expected, "{sender} asks for {target} on {nic}");
    }
}

#[test]
fn our_own_frames_and_noise_are_no_news() {
    let mut announcer = announcer(&[(NIC, VIP)]);
    let mut actions = Vec::new();
    announcer.handle_arp(at(0), NIC, OURS, &arp::gratuitous(OURS, VIP), &mut actions);
    announcer.handle_arp(at(0), NIC, OURS, &said(Operation::Request, Mac::BROADCAST, CLIENT, VIP), &mut actions);
    announcer.handle_arp(at(0), NIC, OURS, &[0; 60], &mut actions);
    assert!(actions.is_empty());
    assert_eq!(announcer.conflicts_seen, 0);
}

#[test]
fn a_conflict_is_counted_said_once_and_defended_every_ten_seconds() {
    let mut announcer = announcer(&[(NIC, VIP)]);
    let claim = said(Operation::Reply, OTHER, VIP, CLIENT);
    let mut said = 0;
    let mut defended = Vec::new();
    for second in 0..25 {
        let mut actions = Vec::new();
        announcer.handle_arp(at(second * 1_000), NIC, OURS, &claim, &mut actions);
        said += actions.iter().filter(|action| matches!(action, Action::Warn(_))).count();
        if !frames(&actions).is_empty() {
            assert_eq!(frames(&actions), [arp::gratuitous(OURS, VIP)]);
            defended.push(second);
        }
    }
    assert_eq!(said, 1);
    assert_eq!(defended, [0, 10, 20]);
    assert_eq!(announcer.conflicts_seen, 25);
    let conflicts: Vec<_> = announcer.conflicts().collect();
    assert_eq!(conflicts, [(VIP, OTHER, Conflict { nic: NIC, seen: at(24_000), times: 25 })]);

    // Once the VIP is no longer ours, there is no conflict.
    announcer.set(at(30_000), &BTreeSet::new());
    assert_eq!(announcer.conflicts().count(), 0);
}

#[test]
fn ipv6_is_announced_by_a_valid_advertisement() {
    let mut announcer = announcer(&[(NIC, VIP6)]);
    let mut actions = Vec::new();
    announcer.tick(at(0), |_| Some(OURS), &mut actions);
    assert_eq!(frames(&actions), [nd::advertisement(OURS, VIP6)]);
}

#[test]
fn the_boxs_own_addresses_are_announced_once_they_have_moved_and_answered_by_the_kernel() {
    let own = Address::v4([10, 2, 0, 1]);
    let mut announcer = announcer(&[]);
    announcer.moved(at(0), NIC, [own].into_iter());
    let mut times = Vec::new();
    while let Some(due) = announcer.next_deadline() {
        let mut actions = Vec::new();
        announcer.tick(due, |_| Some(OURS), &mut actions);
        assert_eq!(frames(&actions), [arp::gratuitous(OURS, own)]);
        times.push(due.millis());
    }
    assert_eq!(times, [0, 200, 400, 600, 800]);
    announcer.moved(at(1_000), NIC, [own].into_iter());
    let mut actions = Vec::new();
    announcer.handle_arp(at(1_000), NIC, OURS, &said(Operation::Request, OTHER, CLIENT, own), &mut actions);
    assert!(frames(&actions).is_empty(), "the kernel answers");
    assert_eq!(announcer.places().count(), 0);
}
