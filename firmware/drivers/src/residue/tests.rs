//! Everything ours goes, nothing else.

use super::*;
use crate::netlink::traffic::FilterProgram;
use crate::netlink::{KernelRoute, MarkRule, ReplyRule};
use crate::testbed::{Namespace, configure, ip, is_root};
use net::{Family, Mac, Prefix};
use std::process::Command;

#[test]
fn clean_removes_what_is_ours_and_nothing_else() {
    if !is_root() {
        return;
    }
    Namespace::new().run(|| {
        // Not ours: names, addresses, routes and filters of the box.
        for line in [
            "link add f0 type veth peer name f1",
            "link set f0 up",
            "link set f1 up",
            "address add 10.1.0.1/16 dev f0",
            "route add 10.77.0.0/16 via 10.1.0.254",
            "rule add from 10.1.0.1 lookup 100",
            "neighbor add 10.1.0.9 lladdr 02:00:00:00:00:09 dev f0 nud permanent",
        ] {
            assert!(Command::new("ip").args(line.split(' ')).status().unwrap().success(), "{line}");
        }
        let before = everything();

        let mut netlink = Netlink::open().unwrap();
        let index = netlink.link("f0").unwrap().index;
        let pass = [libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: u32::MAX }];
        netlink.set_filter(index, "claim", FilterProgram::Classic(&pass)).unwrap();
        netlink.add_veth("suimon0", "suimon1").unwrap();
        configure("suimon0", "10.9.0.1", 24);
        netlink.add_address(index, ip("10.2.0.1"), 16, true).unwrap();
        netlink.add_route(&KernelRoute::blackhole(Prefix::new(ip("10.1.0.100"), 32))).unwrap();
        netlink.add_route(&KernelRoute::blackhole(Prefix::new(ip("2001:db8::100"), 128))).unwrap();
        netlink.add_route(&KernelRoute::through(Prefix::new(ip("0.0.0.0"), 0), ip("10.1.0.254"))).unwrap();
        netlink.set_neighbor(index, ip("10.1.0.8"), Mac([2, 0, 0, 0, 0, 8])).unwrap();
        netlink.keep_neighbor(index, ip("10.1.0.7")).unwrap();
        let rule = ReplyRule { from: ip("10.1.0.1"), protocol: 6, port: 80, table: 5375, priority: 83 };
        netlink.add_reply_rule(&rule).unwrap();
        netlink
            .add_mark_rule(&MarkRule { family: Family::V4, mark: 0x5376_0001, table: 0x5376_0001, priority: 82 })
            .unwrap();
        assert_ne!(everything(), before);

        let residue = clean().unwrap();
        assert!(residue.failed.is_empty(), "{:?}", residue.failed);
        let expected = [
            "filter on f0",
            "link suimon",
            "rule from 10.1.0.1 port 80 table 5375",
            "rule for mark 0x53760001",
            "route 0.0.0.0/0 via 10.1.0.254",
            "route blackhole 10.1.0.100/32",
            "route blackhole 2001:db8::100/128",
            "neighbor 10.1.0.8",
            "neighbor 10.1.0.7",
            "address 10.2.0.1/16",
        ];
        for what in expected {
            assert!(residue.removed.iter().any(|line| line.starts_with(what)), "no {what} in {:#?}", residue.removed);
        }
        assert_eq!(everything(), before);
        assert!(clean().unwrap().removed.is_empty());
    });
}

// As an administrator sees it. Learned link-local neighbours and addresses of a fresh link come and go by themselves.
fn everything() -> String {
    let lists = [
        "-brief link",
        "-4 address",
        "-4 route show table all",
        "-6 route show type blackhole",
        "rule",
        "-4 neighbor show nud permanent",
    ];
    let mut text = String::new();
    for list in lists {
        let output = Command::new("ip").args(list.split(' ')).output().unwrap();
        text += &String::from_utf8(output.stdout).unwrap();
    }
    let filters = Command::new("tc").args(["filter", "show", "dev", "f0", "ingress"]).output().unwrap();
    text + &String::from_utf8(filters.stdout).unwrap()
}
