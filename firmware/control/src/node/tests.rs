//! Events in, actions out.

use super::*;
use crate::kernel::{KernelRoute, Link, LinkAddress};
use crate::local::ENGINE_END;
use engine::tables::{BackendState, Method};
use net::arp::{self, Arp, Operation};
use net::{Mac, Prefix};
use std::fmt::Write;

mod health;

const FRONT: u32 = 2;
const BACK: u32 = 3;

const TWO_ARMS: &str = r#"
version = 1
[[nic]]
name = "f0"
addresses = ["10.1.0.1/16", "2001:db8:1::1/64"]
[[nic]]
name = "b0"
addresses = ["10.2.0.1/16"]
[[route]]
to = "0.0.0.0/0"
via = "10.1.0.254"
[[service]]
name = "web"
vip = "10.1.0.100"
protocol = "tcp"
ports = "80"
[[service.backend]]
name = "s1"
address = "10.2.0.2"
port = 8080
[[service.backend]]
name = "s2"
address = "10.2.0.3"
port = 8080
"#;

fn at(ms: u64) -> Now {
    Now(ms * 1_000_000)
}

fn address(text: &str) -> Address {
    text.parse::<std::net::IpAddr>().unwrap().into()
}

fn mac(last: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, last])
}

fn parsed(text: &str) -> Arc<Config> {
    Arc::new(config::parse(text, "test.toml").unwrap_or_else(|errors| panic!("{errors}")))
}

// Both NICs are there, up, and have what TWO_ARMS gives them.
fn kernel() -> Kernel {
    let link = |index, name: &str| Link {
        index,
        name: name.to_owned(),
        mac: mac(index as u8),
        mtu: 1500,
        enabled: true,
        up: true,
    };
    let on = |link, text, bits| LinkAddress { link, address: address(text), bits };
    Kernel {
        links: vec![link(FRONT, "f0"), link(BACK, "b0")],
        addresses: vec![
            on(FRONT, "10.1.0.1", 16),
            on(FRONT, "2001:db8:1::1", 64),
            on(FRONT, "fe80::1", 64),
            on(BACK, "10.2.0.1", 16),
            on(BACK, "fe80::2", 64),
        ],
        routes: vec![KernelRoute {
            to: Prefix::new(address("0.0.0.0"), 0),
            via: Some(address("10.1.0.254")),
            link: FRONT,
            metric: 0,
        }],
    }
}

struct Case {
    node: Node,
    now: Now,
}

impl Case {
    fn new() -> Self {
        Self::started(Kept::default())
    }

    fn started(health: Kept) -> Self {
        let (wishes, made) = (Wishes::default(), Made::default());
        let settings = Settings { name: "a".into(), workers: 2, key: Key(1, 2), wishes, health, made };
        Self { node: Node::new(settings), now: at(0) }
    }

    fn running(text: &str) -> Self {
        let mut case = Self::new();
        case.handle(Event::Kernel(kernel()));
        case.handle(Event::ConfigCommitted(parsed(text)));
        case
    }

    fn handle(&mut self, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        self.node.handle(self.now, event, &mut actions);
        actions
    }

    fn commit(&mut self, text: &str) -> Vec<Action> {
        self.handle(Event::ConfigCommitted(parsed(text)))
    }

    fn wish(&mut self, backend: &str, wish: Wish) -> Vec<Action> {
        self.handle(Event::Wish { service: "web".into(), backend: backend.into(), wish })
    }

    fn loads(&mut self, flows: &[u32]) -> Vec<Action> {
        let epoch = self.node.tables().epoch;
        self.handle(Event::Loads { flows: flows.to_vec(), epoch })
    }

    // One line per slot: name, state, hop.
    fn backends(&self) -> String {
        let tables = self.node.tables();
        let mut text = String::new();
        for (at, backend) in tables.backends.iter().enumerate() {
            match backend {
                None => writeln!(text, "{at} free").unwrap(),
                Some(backend) => {
                    let hop = backend.hop.map(|hop| tables.hops[hop.at()].address);
                    let hop = hop.map_or("nowhere".to_owned(), |hop| hop.to_string());
                    writeln!(text, "{at} {} {:?} by {hop}", backend.name, backend.state).unwrap();
                }
            }
        }
        text
    }
}

// The names of actions, with what tells them apart.
fn shown(actions: &[Action]) -> Vec<String> {
    actions
        .iter()
        .map(|action| match action {
            Action::OpenNic { nic, name, .. } => format!("open {nic} {name}"),
            Action::CloseNic { nic } => format!("close {nic}"),
            Action::Publish(tables) => format!("publish {}", tables.0.epoch),
            Action::Claim { own } => format!("claim, {} own addresses", own.len()),
            Action::SendFrame { nic, bytes } => match Arp::parse(bytes) {
                Some(arp) => format!("send {nic} {:?} {}", arp.operation, arp.sender),
                None => format!("send {nic} {} bytes", bytes.len()),
            },
            Action::Resolve { nic, address } => format!("resolve {nic} {address}"),
            Action::ForgetNeighbor { nic, address } => format!("forget {nic} {address}"),
            Action::AddAddress { link, address, bits } => format!("add {address}/{bits} on {link}"),
            Action::RemoveAddress { link, address, bits } => format!("remove {address}/{bits} on {link}"),
            Action::AddRoute(route) => format!("add route {}/{}", route.to.network, route.to.bits),
            Action::RemoveRoute(route) => format!("remove route {}/{}", route.to.network, route.to.bits),
            Action::SetUp { link } => format!("set up {link}"),
            Action::Local(plan) => format!("local {}", plan.replies.len()),
            Action::KillFlows { backend } => format!("kill {backend}"),
            Action::KeepWishes => "keep wishes".to_owned(),
            Action::StartProbe { id, probe } => format!("start probe {id} of {}:{}", probe.address, probe.port),
            Action::StopProbe { id } => format!("stop probe {id}"),
            Action::KeepHealth => "keep health".to_owned(),
            Action::Info(text) | Action::Warn(text) => text.clone(),
            Action::Tell(notice) => notice.to_string(),
        })
        .collect()
}

#[test]
fn a_start_on_a_box_that_has_its_addresses() {
    let mut case = Case::new();
    assert_eq!(shown(&case.handle(Event::Kernel(kernel()))), Vec::<String>::new());
    let actions = case.commit(TWO_ARMS);
    assert_eq!(
        shown(&actions),
        [
            "publish 1",
            "claim, 5 own addresses",
            "open 0 f0",
            "open 1 b0",
            "resolve 0 10.1.0.254",
            "resolve 1 10.2.0.2",
            "resolve 1 10.2.0.3",
            "send 0 Request 10.1.0.100",
            // The box's own, should they have been somebody else's before.
            "send 0 Request 10.1.0.1",
            "send 0 86 bytes",
            "send 1 Request 10.2.0.1",
        ]
    );
    assert_eq!(case.backends(), "0 s1 Online by 10.2.0.2\n1 s2 Online by 10.2.0.3\n");
    let tables = case.node.tables();
    assert_eq!(tables.limits.flows_max, 500_000, "divided between two workers");
    let service = tables.vips.find(address("10.1.0.100")).unwrap().service(true, 80).unwrap();
    assert_eq!(tables.service(service).unwrap().name, "web");
    assert!(tables.vips.find(address("10.1.0.100")).unwrap().service(true, 81).is_none());
    assert!(tables.vips.find(address("10.1.0.1")).is_none());
}

#[test]
fn a_start_on_a_bare_box_makes_addresses_and_takes_them_back() {
    let mut case = Case::new();
    let mut bare = Kernel { addresses: vec![], routes: vec![], ..kernel() };
    bare.links.iter_mut().for_each(|link| (link.enabled, link.up) = (false, false));
    case.handle(Event::Kernel(bare.clone()));
    let actions = shown(&case.commit(TWO_ARMS));
    let made = ["set up 3", "set up 2", "add 10.2.0.1/16 on 3", "add 10.1.0.1/16 on 2", "add 2001:db8:1::1/64 on 2"];
    assert_eq!(actions[..5], made);
    assert!(!actions.iter().any(|action| action.starts_with("add route")), "links are down: {actions:?}");
    assert!(!actions.iter().any(|action| action.starts_with("send")), "links are down: {actions:?}");

    case.now = at(10);
    let up = Kernel { routes: vec![], ..kernel() };
    let actions = shown(&case.handle(Event::Kernel(up)));
    assert!(actions.contains(&"add route 0.0.0.0/0".to_owned()), "{actions:?}");
    assert!(actions.contains(&"send 0 Request 10.1.0.100".to_owned()), "{actions:?}");

    case.handle(Event::Kernel(kernel()));
    let mut actions = Vec::new();
    case.node.stop(&mut actions);
    assert_eq!(
        shown(&actions),
        [
            "forget 0 10.1.0.254",
            "forget 1 10.2.0.2",
            "forget 1 10.2.0.3",
            "close 0",
            "close 1",
            "remove route 0.0.0.0/0",
            "remove 10.2.0.1/16 on 3",
            "remove 10.1.0.1/16 on 2",
            "remove 2001:db8:1::1/64 on 2"
        ]
    );
}

#[test]
fn a_neighbor_s_answer_changes_hops_only() {
    let mut case = Case::running(TWO_ARMS);
    let before = Arc::clone(case.node.tables());
    let heard = |mac| Event::Neighbor { link: BACK, address: address("10.2.0.2"), mac };
    assert_eq!(shown(&case.handle(heard(Some(mac(0x22))))), ["publish 2"]);
    assert_eq!(shown(&case.handle(heard(Some(mac(0x22))))), Vec::<String>::new());
    let after = case.node.tables();
    let hop = after.backends[0].as_ref().unwrap().hop.unwrap();
    assert_eq!(after.hops[hop.at()].mac, Some(mac(0x22)));
    assert!(Arc::ptr_eq(&before.backends, &after.backends) && Arc::ptr_eq(&before.vips, &after.vips));

    let elsewhere = Event::Neighbor { link: FRONT, address: address("10.2.0.2"), mac: Some(mac(0x66)) };
    assert_eq!(shown(&case.handle(elsewhere)), Vec::<String>::new());
}

#[test]
fn an_unchanged_configuration_changes_nothing() {
    let mut case = Case::running(TWO_ARMS);
    assert_eq!(shown(&case.commit(TWO_ARMS)), Vec::<String>::new());
    assert_eq!(case.node.tables().epoch, 1);
}

#[test]
fn a_removed_backend_keeps_its_slot_until_its_last_flow_ends() {
    let mut case = Case::running(TWO_ARMS);
    let moved = TWO_ARMS.replace("\"10.2.0.2\"", "\"10.2.0.9\"");
    assert_eq!(shown(&case.commit(&moved)), ["publish 2", "resolve 1 10.2.0.9"]);
    let leaving = "0 s1 Removed by 10.2.0.2\n1 s2 Online by 10.2.0.3\n2 s1 Online by 10.2.0.9\n";
    assert_eq!(case.backends(), leaving);
    let service = case.node.tables().services[0].clone().unwrap();
    assert_eq!(service.backends, [BackendIndex(2), BackendIndex(1)]);

    assert_eq!(shown(&case.loads(&[3, 0, 0])), Vec::<String>::new());
    assert_eq!(shown(&case.loads(&[0, 0, 0])), Vec::<String>::new(), "one look is not enough");
    assert_eq!(shown(&case.loads(&[0, 0, 0])), ["publish 3", "forget 1 10.2.0.2"]);
    assert_eq!(case.backends(), "0 free\n1 s2 Online by 10.2.0.3\n2 s1 Online by 10.2.0.9\n");
}

#[test]
fn a_slot_is_not_freed_while_a_worker_uses_older_tables() {
    let mut case = Case::running(TWO_ARMS);
    case.commit(&TWO_ARMS.replace("\"10.2.0.2\"", "\"10.2.0.9\""));
    for _ in 0..5 {
        let actions = case.handle(Event::Loads { flows: vec![0; 3], epoch: 1 });
        assert_eq!(shown(&actions), Vec::<String>::new());
    }
    assert!(case.node.awaits_loads());
}

#[test]
fn a_backend_that_returns_in_time_gets_its_flows_back() {
    let mut case = Case::running(TWO_ARMS);
    let generation = case.node.tables().backends[0].as_ref().unwrap().generation;
    case.commit(&TWO_ARMS.replace("\"10.2.0.2\"", "\"10.2.0.9\""));
    case.commit(TWO_ARMS);
    let back = case.node.tables().backends[0].clone().unwrap();
    assert_eq!((back.state, back.generation), (BackendState::Online, generation));
}

#[test]
fn a_removed_service_is_no_longer_served_but_its_flows_live_on() {
    let mut case = Case::running(TWO_ARMS);
    let (head, _) = TWO_ARMS.split_once("[[service]]").unwrap();
    case.commit(head);
    let tables = Arc::clone(case.node.tables());
    assert!(tables.vips.find(address("10.1.0.100")).is_none());
    assert!(tables.services[0].as_ref().unwrap().backends.is_empty());
    assert_eq!(case.backends(), "0 s1 Removed by 10.2.0.2\n1 s2 Removed by 10.2.0.3\n");
    assert_eq!(case.node.announcer().places().count(), 0);
    case.loads(&[0, 0]);
    case.loads(&[0, 0]);
    assert_eq!(case.node.tables().services[0], None);
    assert_eq!(case.backends(), "0 free\n1 free\n");
}

#[test]
fn ports_of_replies_outlive_their_service_as_long_as_flows_do() {
    let keeps_port = TWO_ARMS.replace("port = 8080\n", "");
    let mut case = Case::running(&keeps_port);
    let reply_ports = |case: &Case| case.node.tables().services[0].as_ref().map(|service| service.reply_ports.clone());
    assert_eq!(reply_ports(&case), Some(vec![(80, 80)]));
    case.commit(&keeps_port.replace("ports = \"80\"", "ports = \"443\""));
    assert_eq!(reply_ports(&case), Some(vec![(443, 443), (80, 80)]));
    case.loads(&[1, 0]);
    case.loads(&[0, 1]);
    assert_eq!(reply_ports(&case), Some(vec![(443, 443), (80, 80)]), "there are flows");
    case.loads(&[0, 0]);
    case.loads(&[0, 0]);
    assert_eq!(reply_ports(&case), Some(vec![(443, 443)]));
    assert!(!case.node.awaits_loads());

    case.commit(keeps_port.split_once("[[service]]").unwrap().0);
    assert_eq!(reply_ports(&case), Some(vec![(443, 443)]), "removed, but with flows");
    case.loads(&[0, 0]);
    case.loads(&[0, 0]);
    assert_eq!(reply_ports(&case), None);

    case.commit(&keeps_port.replace("ports = \"80\"", "ports = \"1-60000\""));
    assert_eq!(reply_ports(&case), None, "another slot");
    let service = case.node.tables().services.iter().flatten().next().unwrap();
    assert!(service.claim_flows && service.reply_ports.is_empty());
}

#[test]
fn clients_hear_nothing_where_the_document_says_so() {
    let mut case = Case::running(TWO_ARMS);
    assert!(case.node.tables().limits.tells_refused);
    case.commit(&format!("{TWO_ARMS}[engine]\nreject = \"drop\"\n"));
    assert!(!case.node.tables().limits.tells_refused);
}

/// Both come from elsewhere: the wishes are about this document, whatever the one before said.
#[test]
fn what_is_restored_brings_its_wishes() {
    let mut case = Case::running(TWO_ARMS);
    case.wish("s1", Wish::Disabled);
    let changed = TWO_ARMS.replacen("port = 8080", "port = 8080\nstate = \"drain\"", 1);
    let wish = |backend: &str, wish| (("web".to_owned(), backend.to_owned()), wish);
    let wishes = Wishes::restored([wish("s1", Wish::Online), wish("s2", Wish::Disabled), wish("s9", Wish::Online)]);
    case.handle(Event::Restored { config: parsed(&changed), wishes });
    assert_eq!(case.backends(), "0 s1 Online by 10.2.0.2\n1 s2 Disabled by 10.2.0.3\n");
    assert_eq!(case.node.wishes().iter().count(), 2, "that of no backend is forgotten");
}

#[test]
fn states_wished_by_an_administrator_last_until_the_document_says_otherwise() {
    let mut case = Case::running(TWO_ARMS);
    assert_eq!(shown(&case.wish("s1", Wish::Disabled)), ["keep wishes", "publish 2"]);
    assert_eq!(case.backends(), "0 s1 Disabled by 10.2.0.2\n1 s2 Online by 10.2.0.3\n");
    // Another change of the document leaves the wish alone.
    case.commit(&TWO_ARMS.replace("port = 8080", "port = 8080\nweight = 2"));
    assert_eq!(case.node.tables().backends[0].as_ref().unwrap().state, BackendState::Disabled);
    case.commit(&TWO_ARMS.replacen("port = 8080", "port = 8080\nstate = \"drain\"", 1));
    assert_eq!(case.node.tables().backends[0].as_ref().unwrap().state, BackendState::Drain);
    assert_eq!(case.node.wishes().iter().count(), 0);
    assert_eq!(shown(&case.wish("s9", Wish::Online)), ["there is no backend web/s9"]);
}

#[test]
fn a_drain_ends_at_its_deadline() {
    // What becomes of the flows, and what is done.
    for (then, expected) in [
        (Then::Keep, vec!["keep wishes", "drain of web/s2 ended with 7 flows: they go on"]),
        (Then::Reset, vec!["keep wishes", "drain of web/s2 ended with 7 flows: they are reset", "kill 1"]),
    ] {
        let mut case = Case::running(TWO_ARMS);
        case.wish("s2", Wish::Drain { deadline: Some(at(50)), then });
        assert_eq!(case.backends(), "0 s1 Online by 10.2.0.2\n1 s2 Drain by 10.2.0.3\n");
        case.loads(&[4, 7]);
        assert_eq!(case.node.next_deadline(), Some(at(50)));
        case.now = at(50);
        assert_eq!(shown(&case.handle(Event::Tick)), expected);
        assert_eq!(case.backends(), "0 s1 Online by 10.2.0.2\n1 s2 Drain by 10.2.0.3\n");
    }
}

#[test]
fn a_nic_that_returns_as_another_link_is_opened_again() {
    let mut case = Case::running(TWO_ARMS);
    case.handle(Event::Neighbor { link: BACK, address: address("10.2.0.2"), mac: Some(mac(0x22)) });
    case.now = at(1_000);

    let mut gone = kernel();
    gone.links.retain(|link| link.index != BACK);
    gone.addresses.retain(|found| found.link != BACK);
    let actions = shown(&case.handle(Event::Kernel(gone)));
    assert!(actions.contains(&"close 1".to_owned()), "{actions:?}");
    assert!(!case.node.tables().nics[1].up);
    assert_eq!(case.node.missing_nics().collect::<Vec<_>>(), ["b0"]);

    case.now = at(2_000);
    let mut back = kernel();
    back.links[1].index = 9;
    back.addresses.retain(|found| found.link != BACK);
    let actions = shown(&case.handle(Event::Kernel(back)));
    for expected in ["add 10.2.0.1/16 on 9", "open 1 b0", "resolve 1 10.2.0.2"] {
        assert!(actions.contains(&expected.to_owned()), "{expected} not in {actions:?}");
    }
    assert_eq!(case.backends(), "0 s1 Online by 10.2.0.2\n1 s2 Online by 10.2.0.3\n");
}

#[test]
fn a_link_that_goes_and_returns_is_told() {
    let mut case = Case::running(TWO_ARMS);
    let mut down = kernel();
    let (index, name) = (down.links[0].index, down.links[0].name.clone());
    down.links[0].up = false;
    let mut gone = kernel();
    gone.links.retain(|link| link.index != index);
    for (kernel, expected) in [
        (down, Some("is down: it is disabled or has no carrier")),
        (kernel(), Some("is up: it has a carrier")),
        (gone, Some("is down: the NIC is gone")),
    ] {
        let actions = case.handle(Event::Kernel(kernel));
        let told = actions.iter().find_map(|action| match action {
            Action::Tell(notice) => Some(notice.to_string()),
            _ => None,
        });
        assert_eq!(told, expected.map(|text| format!("{name} {text}")));
    }
}

#[test]
fn a_link_that_returns_is_announced_on_again() {
    let mut case = Case::running(TWO_ARMS);
    case.now = at(5_000);
    case.handle(Event::Tick);
    let mut down = kernel();
    down.links[0].up = false;
    case.handle(Event::Kernel(down));
    case.now = at(9_000);
    let actions = shown(&case.handle(Event::Kernel(kernel())));
    assert!(actions.contains(&"send 0 Request 10.1.0.100".to_owned()), "{actions:?}");
    assert!(actions.contains(&"resolve 0 10.1.0.254".to_owned()), "{actions:?}");
}

#[test]
fn arp_for_a_vip_is_answered_on_its_nic() {
    let mut case = Case::running(TWO_ARMS);
    let asked = arp::request(mac(9), address("10.1.0.9"), address("10.1.0.100"), None).to_vec();
    let actions = case.handle(Event::Arp { nic: NicId(0), frame: asked.clone() });
    assert_eq!(shown(&actions), ["send 0 Reply 10.1.0.100"]);
    let Action::SendFrame { bytes, .. } = &actions[0] else { panic!() };
    let reply = Arp::parse(bytes).unwrap();
    assert_eq!((reply.operation, reply.sender_mac, reply.target_mac), (Operation::Reply, mac(FRONT as u8), mac(9)));
    assert_eq!(shown(&case.handle(Event::Arp { nic: NicId(1), frame: asked })), Vec::<String>::new());
}

#[test]
fn a_vip_that_is_another_node_s_is_neither_served_nor_announced() {
    let mut case = Case::running(TWO_ARMS);
    let vip = address("10.1.0.100");
    assert_eq!(shown(&case.handle(Event::Ownership { vip, owned: false })), ["publish 2"]);
    assert!(case.node.tables().vips.find(vip).is_none());
    assert_eq!(case.node.announcer().places().count(), 0);
    case.now = at(90_000);
    let actions = shown(&case.handle(Event::Ownership { vip, owned: true }));
    assert!(actions.contains(&"send 0 Request 10.1.0.100".to_owned()), "{actions:?}");
}

#[test]
fn the_kernel_s_routes_count_where_the_document_says_nothing() {
    let text = TWO_ARMS.replace("\"10.2.0.2\"", "\"10.7.0.2\"");
    let mut case = Case::running(&text);
    let hop = |case: &Case| case.backends().lines().next().unwrap().to_owned();
    assert_eq!(hop(&case), "0 s1 Online by 10.1.0.254", "the configured default route");
    let mut routed = kernel();
    let route = |via: &str, link, metric| KernelRoute {
        to: Prefix::new(address("10.7.0.0"), 16),
        via: Some(address(via)),
        link,
        metric,
    };
    routed.routes.extend([route("10.2.0.77", BACK, 200), route("10.2.0.88", BACK, 100)]);
    // A default route of the kernel's that the document contradicts.
    routed.routes.push(KernelRoute { to: Prefix::new(address("0.0.0.0"), 0), ..route("10.2.0.99", BACK, 0) });
    case.handle(Event::Kernel(routed));
    assert_eq!(hop(&case), "0 s1 Online by 10.2.0.88", "the lower metric");
    let anywhere = case.node.tables().route(address("192.0.2.1")).unwrap();
    assert_eq!(case.node.tables().hops[anywhere.via.unwrap().at()].address, address("10.1.0.254"));
}

#[test]
fn tunnels_start_at_the_own_address_of_the_way_there() {
    let text = TWO_ARMS.replace("port = 8080", "method = \"tunnel-ipip\"");
    let case = Case::running(&text);
    let backend = case.node.tables().backends[0].clone().unwrap();
    assert_eq!((backend.method, backend.tunnel_source), (Method::TunnelIpip, Some(address("10.2.0.1"))));
}

#[test]
fn persistence_decides_the_spread_and_groups_share() {
    let service = |name: &str, vip: &str, persistence: &str| {
        format!(
            "[[service]]\nname = \"{name}\"\nvip = \"{vip}\"\nprotocol = \"tcp\"\nports = \"80\"\n\
             persistence = {{ {persistence} }}\n[[service.backend]]\nname = \"s\"\naddress = \"10.2.0.2\"\n"
        )
    };
    let (head, _) = TWO_ARMS.split_once("[[service]]").unwrap();
    let text = [
        head.to_owned(),
        service("one", "10.1.0.101", "timeout_s = 60, ipv4_prefix = 24"),
        service("two", "10.1.0.102", "timeout_s = 60, ipv6_prefix = 64, group = \"shop\""),
        service("three", "10.1.0.103", "timeout_s = 60, ipv6_prefix = 64, group = \"shop\""),
    ]
    .concat();
    let case = Case::running(&text);
    let tables = case.node.tables();
    assert_eq!((tables.spread.ipv4_prefix, tables.spread.ipv6_prefix), (24, 64));
    let groups: Vec<u16> = tables.services.iter().flatten().map(|service| service.persistence.unwrap().group).collect();
    assert_eq!(groups[1], groups[2]);
    assert_ne!(groups[0], groups[1]);
}

#[test]
fn a_vip_that_is_also_an_address_of_the_box_is_warned_about_once() {
    let mut case = Case::new();
    let mut wrong = kernel();
    wrong.addresses.push(LinkAddress { link: FRONT, address: address("10.1.0.100"), bits: 32 });
    case.handle(Event::Kernel(wrong));
    let warning = "10.1.0.100 is a VIP of service web and also an address of this box: remove it from its NIC";
    let actions = case.commit(TWO_ARMS);
    assert!(actions.contains(&Action::Warn(warning.to_owned())), "{:?}", shown(&actions));
    assert!(!case.node.tables().is_own(address("10.1.0.100")));
    case.now = at(10);
    let actions = case.commit(&TWO_ARMS.replace("ports = \"80\"", "ports = \"81\""));
    assert!(!actions.contains(&Action::Warn(warning.to_owned())));
}

#[test]
fn a_backend_on_the_box_itself_gets_a_pair_of_links() {
    let text = TWO_ARMS.replace("\"10.2.0.2\"", "\"10.2.0.1\"");
    let mut case = Case::running(&text);
    assert_eq!(case.backends(), "0 s1 Online by 10.2.0.1\n1 s2 Online by 10.2.0.3\n");
    let pair = case.node.nics().id(ENGINE_END).unwrap();
    let hop = case.node.tables().backends[0].as_ref().unwrap().hop.unwrap();
    assert_eq!(case.node.tables().hops[hop.at()].nic, pair);
    let actions = case.commit(TWO_ARMS);
    assert!(shown(&actions).contains(&"local 0".to_owned()), "{:?}", shown(&actions));
}

#[test]
fn a_neighbor_that_the_engine_wants_becomes_a_hop() {
    let mut case = Case::running(TWO_ARMS);
    let wanted = Event::NeighborWanted { nic: NicId(0), address: address("10.1.0.77") };
    let actions = shown(&case.handle(wanted.clone()));
    assert_eq!(actions, ["resolve 0 10.1.0.77", "publish 2"]);
    assert_eq!(shown(&case.handle(wanted)), Vec::<String>::new());
    case.now = at(300_000);
    let actions = shown(&case.handle(Event::Tick));
    assert!(actions.contains(&"forget 0 10.1.0.77".to_owned()), "{actions:?}");
}

#[test]
fn more_services_than_slots_are_refused_and_nothing_changes() {
    let mut case = Case::running(TWO_ARMS);
    let mut config = Config::clone(&parsed(TWO_ARMS));
    let web = config.services[0].clone();
    for number in 0..engine::SERVICES_MAX {
        config.services.push(config::Service { name: format!("x{number}"), backends: vec![], ..web.clone() });
    }
    let error = case.node.check(&config).unwrap_err();
    assert_eq!(error.to_string(), "all 4096 slots of services are in use or still have flows");
    let actions = case.handle(Event::ConfigCommitted(Arc::new(config)));
    assert_eq!(shown(&actions), [format!("configuration not used: {error}")]);
    assert_eq!(case.node.tables().epoch, 1);
    assert_eq!(case.node.config().services.len(), 1);
}

#[test]
fn a_nic_that_a_worker_lost_is_closed_and_opened_again_after_a_while() {
    let mut case = Case::running(TWO_ARMS);
    assert_eq!(shown(&case.handle(Event::NicLost { nic: NicId(1) })), ["close 1"]);
    assert_eq!(shown(&case.handle(Event::NicLost { nic: NicId(1) })), Vec::<String>::new(), "said by each worker");
    assert_eq!(shown(&case.handle(Event::Tick)), Vec::<String>::new());
    case.now = at(500);
    let actions = shown(&case.handle(Event::Tick));
    assert!(actions.contains(&"open 1 b0".to_owned()), "{actions:?}");
}
