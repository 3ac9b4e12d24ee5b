//! Against the kernel, in namespaces of their own.

use super::*;
use crate::testbed::{Namespace, configure, ip, is_root, wait_for};
use net::{Mac, Prefix};
use netlink_packet_core::NLM_F_REPLACE;
use netlink_packet_route::link::{LinkAttribute, LinkMessage};

const TCP: u8 = net::ip::protocol::TCP;

impl Netlink {
    /// For tests: any change of a link.
    pub(crate) fn set_link(&mut self, message: LinkMessage) -> Result<(), NetlinkError> {
        self.change(RouteNetlinkMessage::SetLink(message), 0, || "change link".to_owned())
    }
}

#[test]
fn links_come_up_and_go_and_the_watch_says_so() {
    if !is_root() {
        return;
    }
    Namespace::new().run(|| {
        let mut watch = Watch::open().unwrap();
        let mut netlink = Netlink::open().unwrap();
        netlink.add_veth("suimon0", "suimon1").unwrap();
        let error = netlink.add_veth("suimon0", "suimon1").unwrap_err();
        assert!(error.is_existing());
        assert!(error.to_string().starts_with("add veth suimon0 to suimon1: File exists"), "{error}");

        let link = netlink.link("suimon0").unwrap();
        assert_eq!((link.kind.as_deref(), link.mtu, link.up, link.carrier), (Some("veth"), 1500, false, false));
        assert!(link.ethernet && link.mac.is_some());
        assert!(!netlink.link("lo").unwrap().ethernet);
        let peer = netlink.link("suimon1").unwrap();
        assert_eq!(link.lower, Some(peer.index));
        netlink.set_link_up(link.index, true).unwrap();
        netlink.set_link_up(peer.index, true).unwrap();
        // The kernel tells of carriers with up to a second's delay.
        let mut events = Vec::new();
        let carried = |event: &Event| matches!(event, Event::Link(seen) if seen.index == link.index && seen.carrier);
        let found = wait_for(|| {
            watch.receive(&mut events).unwrap();
            events.iter().any(carried).then_some(())
        });
        assert!(found.is_some(), "{events:?}");
        assert!(netlink.link("suimon0").unwrap().carrier);
        netlink.remove_link(link.index).unwrap();
        assert!(netlink.link("suimon1").unwrap_err().is_missing());

        let gone = wait_for(|| {
            watch.receive(&mut events).unwrap();
            events.contains(&Event::LinkGone(link.index, "suimon0".to_owned())).then_some(())
        });
        assert!(gone.is_some(), "{events:?}");
    });
}

#[test]
fn addresses_are_ours_when_we_made_them() {
    if !is_root() {
        return;
    }
    Namespace::new().run(|| {
        let mut watch = Watch::open().unwrap();
        let mut netlink = Netlink::open().unwrap();
        netlink.add_veth("suimon0", "suimon1").unwrap();
        let index = netlink.link("suimon0").unwrap().index;
        netlink.set_link_up(index, true).unwrap();
        for (address, bits) in [("10.1.0.1", 16), ("2001:db8:1::1", 64)] {
            netlink.add_address(index, ip(address), bits, true).unwrap();
            let error = netlink.add_address(index, ip(address), bits, true).unwrap_err();
            assert!(error.is_existing(), "{error}");
            let listed = netlink.addresses().unwrap().into_iter().find(|listed| listed.address == ip(address)).unwrap();
            assert_eq!((listed.index, listed.bits, listed.ours, listed.tentative), (index, bits, true, false));
            assert_eq!(listed.prefix(), Prefix::new(ip(address), bits));
            netlink.remove_address(index, ip(address), bits).unwrap();
            assert!(netlink.remove_address(index, ip(address), bits).unwrap_err().is_missing());
        }
        let mut events = Vec::new();
        let gone = |event: &Event| matches!(event, Event::AddressGone(seen) if seen.address == ip("2001:db8:1::1"));
        let found = wait_for(|| {
            watch.receive(&mut events).unwrap();
            events.iter().any(gone).then_some(())
        });
        assert!(found.is_some(), "{events:?}");
        let error = netlink.add_address(99, ip("10.1.0.1"), 16, false).unwrap_err();
        assert_eq!(error.to_string(), "add address 10.1.0.1/16 on link 99: No such device (os error 19)");
    });
}

#[test]
fn routes_and_rules_are_made_listed_and_removed() {
    if !is_root() {
        return;
    }
    Namespace::new().run(|| {
        let mut netlink = Netlink::open().unwrap();
        netlink.add_veth("suimon0", "suimon1").unwrap();
        configure("suimon1", "10.9.0.2", 24);
        let link = configure("suimon0", "10.1.0.1", 16);
        netlink.add_address(link.index, ip("2001:db8:1::1"), 64, true).unwrap();
        let on_table =
            KernelRoute { index: Some(link.index), table: 5375, ..KernelRoute::blackhole(prefix("0.0.0.0", 0)) };
        let routes = [
            KernelRoute::blackhole(prefix("10.1.0.100", 32)),
            KernelRoute::blackhole(prefix("2001:db8:1::100", 128)),
            KernelRoute::through(prefix("0.0.0.0", 0), ip("10.1.0.254")),
            KernelRoute::through(prefix("2001:db8::", 32), ip("2001:db8:1::fe")),
            on_table.with_kind(RouteKind::Unicast),
        ];
        for route in &routes {
            netlink.add_route(route).unwrap();
            assert!(netlink.add_route(route).unwrap_err().is_existing(), "{route}");
            netlink.replace_route(route).unwrap();
        }
        let key =
            |route: &KernelRoute| (route.to.network, route.to.bits, route.kind == RouteKind::Blackhole, route.table);
        let mut ours: Vec<_> = netlink.routes().unwrap();
        ours.retain(|route| route.protocol == PROTOCOL);
        let mut wanted = routes.to_vec();
        ours.sort_by_key(key);
        wanted.sort_by_key(key);
        assert_eq!(ours.iter().map(key).collect::<Vec<_>>(), wanted.iter().map(key).collect::<Vec<_>>());
        assert_eq!(
            ours.iter().map(|route| route.via).collect::<Vec<_>>(),
            wanted.iter().map(|route| route.via).collect::<Vec<_>>()
        );
        for route in &routes {
            netlink.remove_route(route).unwrap();
            assert!(netlink.remove_route(route).unwrap_err().is_missing(), "{route}");
        }

        for from in ["10.1.0.1", "2001:db8:1::1"] {
            let rule = ReplyRule { from: ip(from), protocol: TCP, port: 8080, table: 5375, priority: 83 };
            netlink.add_reply_rule(&rule).unwrap();
            assert!(netlink.add_reply_rule(&rule).unwrap_err().is_existing());
            assert_eq!(netlink.reply_rules().unwrap(), [rule]);
            let marked = MarkRule { family: ip(from).family(), mark: 7, table: 5376, priority: 82 };
            netlink.add_mark_rule(&marked).unwrap();
            assert!(netlink.add_mark_rule(&marked).unwrap_err().is_existing());
            assert_eq!(netlink.mark_rules().unwrap(), [marked]);
            // Neither is taken for the other.
            assert_eq!(netlink.reply_rules().unwrap(), [rule]);
            netlink.remove_reply_rule(&rule).unwrap();
            netlink.remove_mark_rule(&marked).unwrap();
            assert_eq!(netlink.reply_rules().unwrap(), []);
            assert_eq!(netlink.mark_rules().unwrap(), []);
        }
    });
}

#[test]
fn a_kept_neighbor_is_resolved_and_its_new_mac_reported() {
    if !is_root() {
        return;
    }
    let other = Namespace::new();
    Namespace::new().run(|| {
        let mut netlink = Netlink::open().unwrap();
        let mut watch = Watch::open().unwrap();
        netlink.add_veth("suimon0", "suimon1").unwrap();
        other.take("suimon1", "10.9.0.2", 24);
        let link = configure("suimon0", "10.9.0.1", 24);
        let first = other.run(|| Netlink::open().unwrap().link("suimon1").unwrap().mac.unwrap());
        let second = Mac([2, 0, 0, 0, 0, 0x42]);

        assert_eq!(netlink.keep_neighbor(link.index, ip("10.9.0.2")).unwrap(), Keeping::Managed);
        let seen = |watch: &mut Watch, mac| {
            let mut events = Vec::new();
            let found = wait_for(|| {
                watch.receive(&mut events).unwrap();
                let fits = |event: &Event| {
                    matches!(event, Event::Neighbor(seen) if seen.address == ip("10.9.0.2") && seen.mac == mac)
                };
                events.iter().any(fits).then_some(())
            });
            assert!(found.is_some(), "no {mac:?} in {events:?}");
        };
        seen(&mut watch, Some(first));
        let listed = netlink.neighbors().unwrap();
        assert!(listed.iter().any(|seen| seen.address == ip("10.9.0.2") && seen.mac == Some(first) && seen.ours));

        other.run(|| {
            // The other side announces its new address, as a server with a replaced NIC does.
            sysctl::write("net/ipv4/conf/suimon1/arp_notify", "1").unwrap();
            let mut netlink = Netlink::open().unwrap();
            let mut message = LinkMessage::default();
            message.header.index = netlink.link("suimon1").unwrap().index;
            message.attributes.push(LinkAttribute::Address(second.0.to_vec()));
            netlink.set_link(message).unwrap();
        });
        seen(&mut watch, Some(second));

        netlink.remove_neighbor(link.index, ip("10.9.0.2")).unwrap();
        netlink.set_neighbor(link.index, ip("10.9.0.7"), second).unwrap();
        let listed = netlink.neighbors().unwrap();
        let fixed = listed.iter().find(|seen| seen.address == ip("10.9.0.7")).unwrap();
        assert!(fixed.resolution == Resolution::Permanent && fixed.ours && fixed.mac == Some(second));
        netlink.remove_neighbor(link.index, ip("10.9.0.7")).unwrap();
    });
}

#[test]
fn a_neighbor_that_does_not_answer_has_no_mac() {
    if !is_root() {
        return;
    }
    Namespace::new().run(|| {
        let mut netlink = Netlink::open().unwrap();
        netlink.add_veth("suimon0", "suimon1").unwrap();
        configure("suimon1", "10.8.0.1", 24);
        let link = configure("suimon0", "10.9.0.1", 24);
        netlink.keep_neighbor(link.index, ip("10.9.0.99")).unwrap();
        let listed = netlink.neighbors().unwrap();
        let asked = listed.iter().find(|seen| seen.address == ip("10.9.0.99")).unwrap();
        assert_eq!(asked.mac, None);
    });
}

#[test]
fn sysctls_are_those_of_the_thread_s_namespace() {
    if !is_root() {
        return;
    }
    let (one, other) = (Namespace::new(), Namespace::new());
    assert_eq!(one.run(|| sysctl::write("net/ipv4/ip_forward", "1").unwrap()), "0");
    assert_eq!(one.run(|| sysctl::read("net/ipv4/ip_forward").unwrap()), "1");
    assert_eq!(other.run(|| sysctl::read("net/ipv4/ip_forward").unwrap()), "0");
    let error = one.run(|| sysctl::write("net/ipv4/conf/none/rp_filter", "1").unwrap_err());
    assert!(error.is_missing() && error.to_string().contains("net/ipv4/conf/none/rp_filter"), "{error}");
}

#[test]
fn the_filter_s_place_is_ours_and_nothing_else_is_touched() {
    if !is_root() {
        return;
    }
    Namespace::new().run(|| {
        let mut netlink = Netlink::open().unwrap();
        netlink.add_veth("suimon0", "suimon1").unwrap();
        let index = netlink.link("suimon0").unwrap().index;
        let pass = [libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: u32::MAX }];
        let program = traffic::FilterProgram::Classic(&pass);
        assert!(!netlink.has_filter(index).unwrap());
        assert!(!netlink.remove_filter(index).unwrap());
        netlink.set_filter(index, "claim", program).unwrap();
        netlink.set_filter(index, "claim", program).unwrap();
        assert!(netlink.has_filter(index).unwrap());

        // Somebody else's filter in the same qdisc stays, and keeps the qdisc.
        let status =
            tc(&["filter", "add", "dev", "suimon0", "ingress", "pref", "9", "bpf", "da", "bytecode", "1,6 0 0 0,"]);
        assert!(status.success());
        assert!(netlink.remove_filter(index).unwrap());
        assert!(!netlink.has_filter(index).unwrap());
        assert_eq!(netlink.dump_filters(index), 1);
        assert!(tc(&["filter", "del", "dev", "suimon0", "ingress", "pref", "9"]).success());
        netlink.set_filter(index, "claim", program).unwrap();
        assert!(netlink.remove_filter(index).unwrap());
        assert!(tc(&["qdisc", "add", "dev", "suimon0", "clsact"]).success(), "the empty qdisc should be gone");
    });
}

impl Netlink {
    fn dump_filters(&mut self, index: u32) -> usize {
        let mut message = netlink_packet_route::tc::TcMessage::with_index(index as i32);
        message.header.parent = netlink_packet_route::tc::TcHandle { major: 0xffff, minor: 0xfff2 };
        let list = self.dump(RouteNetlinkMessage::GetTrafficFilter(message), "list filters").unwrap();
        // Each filter is listed after its priority, which has handle 0.
        let is_filter = |message: &&RouteNetlinkMessage| matches!(message, RouteNetlinkMessage::NewTrafficFilter(filter) if filter.header.handle.minor != 0);
        list.iter().filter(is_filter).count()
    }
}

fn tc(arguments: &[&str]) -> std::process::ExitStatus {
    std::process::Command::new("tc").args(arguments).status().unwrap()
}

fn prefix(network: &str, bits: u8) -> Prefix {
    Prefix::new(ip(network), bits)
}

#[test]
fn a_refused_change_leaves_the_socket_usable() {
    if !is_root() {
        return;
    }
    Namespace::new().run(|| {
        let mut netlink = Netlink::open().unwrap();
        let mut message = LinkMessage::default();
        message.header.index = 4242;
        let refused = netlink.change(RouteNetlinkMessage::SetLink(message), NLM_F_REPLACE, || "set link".to_owned());
        assert!(refused.unwrap_err().is_missing());
        assert_eq!(netlink.links().unwrap().len(), 1);
    });
}

#[test]
fn the_bounds_of_the_neighbour_tables_are_those_of_the_sysctls() {
    if !is_root() {
        return;
    }
    let told = Namespace::new().run(|| Netlink::open().unwrap().neighbor_limits().unwrap());
    for (family, bound) in [("ipv4", told.v4_max), ("ipv6", told.v6_max)] {
        // The sysctls are shown in the first namespace only, and there may be a kernel without IPv6.
        if let Ok(shown) = sysctl::read(&format!("net/{family}/neigh/default/gc_thresh3")) {
            assert_eq!(shown, bound.to_string(), "{family}");
        }
    }
    assert!(told.v4_max < u32::MAX, "IPv4 has a table");
}
