//! Routing rules: how replies of a backend on the box itself are led to the engine.

use super::{Netlink, NetlinkError, PROTOCOL, family_of};
use net::Address;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::route::RouteProtocol;
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleMessage, RulePortRange};
use netlink_packet_route::{AddressFamily, IpProtocol, RouteNetlinkMessage};

/// What a local backend sends from its service port is routed by a table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyRule {
    /// The backend's address: one of the box's own.
    pub from: Address,
    /// TCP or UDP.
    pub protocol: u8,
    /// The port it serves on.
    pub port: u16,
    /// The routing table.
    pub table: u32,
    /// Place among the rules; the lowest is asked first.
    pub priority: u32,
}

impl Netlink {
    /// All such rules that we made.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn reply_rules(&mut self) -> Result<Vec<ReplyRule>, NetlinkError> {
        let mut rules = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut message = RuleMessage::default();
            message.header.family = family;
            let list = self.dump(RouteNetlinkMessage::GetRule(message), "list rules")?;
            rules.extend(list.iter().filter_map(of_message));
        }
        Ok(rules)
    }

    /// Makes a rule, marked as ours.
    ///
    /// # Errors
    /// When it is there already, or the kernel refuses.
    pub fn add_reply_rule(&mut self, rule: &ReplyRule) -> Result<(), NetlinkError> {
        let act = || format!("add rule from {} port {} table {}", rule.from, rule.port, rule.table);
        self.change(RouteNetlinkMessage::NewRule(message_of(rule)), NLM_F_CREATE | NLM_F_EXCL, act)
    }

    /// Removes a rule.
    ///
    /// # Errors
    /// When it is not there, or the kernel refuses.
    pub fn remove_reply_rule(&mut self, rule: &ReplyRule) -> Result<(), NetlinkError> {
        let act = || format!("remove rule from {} port {} table {}", rule.from, rule.port, rule.table);
        self.change(RouteNetlinkMessage::DelRule(message_of(rule)), 0, act)
    }
}

fn message_of(rule: &ReplyRule) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header.family = family_of(rule.from);
    message.header.src_len = rule.from.family().bits();
    message.header.action = RuleAction::ToTable;
    // FRA_TABLE holds what the header's byte cannot.
    message.header.table = u8::try_from(rule.table).unwrap_or(0);
    message.attributes = vec![
        RuleAttribute::Source(rule.from.into()),
        RuleAttribute::Table(rule.table),
        RuleAttribute::Priority(rule.priority),
        RuleAttribute::Protocol(RouteProtocol::Other(PROTOCOL)),
        RuleAttribute::IpProtocol(IpProtocol::from(i32::from(rule.protocol))),
        RuleAttribute::SourcePortRange(RulePortRange { start: rule.port, end: rule.port }),
    ];
    message
}

fn of_message(message: &RouteNetlinkMessage) -> Option<ReplyRule> {
    let RouteNetlinkMessage::NewRule(message) = message else { return None };
    let (mut from, mut protocol, mut port, mut ours) = (None, 0, 0, false);
    let (mut table, mut priority) = (u32::from(message.header.table), 0);
    for attribute in &message.attributes {
        match attribute {
            RuleAttribute::Source(address) => from = Some(Address::from(*address)),
            RuleAttribute::Table(number) => table = *number,
            RuleAttribute::Priority(number) => priority = *number,
            RuleAttribute::Protocol(origin) => ours = u8::from(*origin) == PROTOCOL,
            RuleAttribute::IpProtocol(number) => protocol = i32::from(*number) as u8,
            RuleAttribute::SourcePortRange(range) => port = range.start,
            _ => {}
        }
    }
    let rule = ReplyRule { from: from?, protocol, port, table, priority };
    ours.then_some(rule)
}
