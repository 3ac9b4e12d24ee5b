//! Routing rules: how replies of a backend on the box itself are led to the engine, and how a check is led to a VIP on
//! one server.

use super::{Netlink, NetlinkError, PROTOCOL, family_of};
use net::{Address, Family};
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

/// What carries a mark (SO_MARK) is routed by a table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkRule {
    /// Of which packets.
    pub family: Family,
    /// The mark.
    pub mark: u32,
    /// The routing table.
    pub table: u32,
    /// Place among the rules; the lowest is asked first.
    pub priority: u32,
}

impl Netlink {
    /// All reply rules that we made.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn reply_rules(&mut self) -> Result<Vec<ReplyRule>, NetlinkError> {
        Ok(self.own_rules()?.iter().filter_map(reply_of).collect())
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

    /// All mark rules that we made.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn mark_rules(&mut self) -> Result<Vec<MarkRule>, NetlinkError> {
        Ok(self.own_rules()?.iter().filter_map(mark_of).collect())
    }

    /// Makes a rule, marked as ours.
    ///
    /// # Errors
    /// When it is there already, or the kernel refuses.
    pub fn add_mark_rule(&mut self, rule: &MarkRule) -> Result<(), NetlinkError> {
        let act = || format!("add rule for mark {:#x}", rule.mark);
        self.change(RouteNetlinkMessage::NewRule(message_of_mark(rule)), NLM_F_CREATE | NLM_F_EXCL, act)
    }

    /// Removes a rule.
    ///
    /// # Errors
    /// When it is not there, or the kernel refuses.
    pub fn remove_mark_rule(&mut self, rule: &MarkRule) -> Result<(), NetlinkError> {
        let act = || format!("remove rule for mark {:#x}", rule.mark);
        self.change(RouteNetlinkMessage::DelRule(message_of_mark(rule)), 0, act)
    }

    fn own_rules(&mut self) -> Result<Vec<RuleMessage>, NetlinkError> {
        let mut rules = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut message = RuleMessage::default();
            message.header.family = family;
            for answer in self.dump(RouteNetlinkMessage::GetRule(message), "list rules")? {
                let RouteNetlinkMessage::NewRule(rule) = answer else { continue };
                let ours = RuleAttribute::Protocol(RouteProtocol::Other(PROTOCOL));
                if rule.attributes.contains(&ours) {
                    rules.push(rule);
                }
            }
        }
        Ok(rules)
    }
}

fn message_of(rule: &ReplyRule) -> RuleMessage {
    let mut message = to_table(family_of(rule.from), rule.table, rule.priority);
    message.header.src_len = rule.from.family().bits();
    message.attributes.extend([
        RuleAttribute::Source(rule.from.into()),
        RuleAttribute::IpProtocol(IpProtocol::from(i32::from(rule.protocol))),
        RuleAttribute::SourcePortRange(RulePortRange { start: rule.port, end: rule.port }),
    ]);
    message
}

fn message_of_mark(rule: &MarkRule) -> RuleMessage {
    let family = match rule.family {
        Family::V4 => AddressFamily::Inet,
        Family::V6 => AddressFamily::Inet6,
    };
    let mut message = to_table(family, rule.table, rule.priority);
    message.attributes.push(RuleAttribute::FwMark(rule.mark));
    message
}

fn to_table(family: AddressFamily, table: u32, priority: u32) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header.family = family;
    message.header.action = RuleAction::ToTable;
    // FRA_TABLE holds what the header's byte cannot.
    message.header.table = u8::try_from(table).unwrap_or(0);
    message.attributes = vec![
        RuleAttribute::Table(table),
        RuleAttribute::Priority(priority),
        RuleAttribute::Protocol(RouteProtocol::Other(PROTOCOL)),
    ];
    message
}

fn reply_of(message: &RuleMessage) -> Option<ReplyRule> {
    let (mut from, mut protocol, mut port) = (None, 0, 0);
    for attribute in &message.attributes {
        match attribute {
            RuleAttribute::Source(address) => from = Some(Address::from(*address)),
            RuleAttribute::IpProtocol(number) => protocol = i32::from(*number) as u8,
            RuleAttribute::SourcePortRange(range) => port = range.start,
            _ => {}
        }
    }
    let (table, priority) = table_and_priority(message);
    Some(ReplyRule { from: from?, protocol, port, table, priority })
}

fn mark_of(message: &RuleMessage) -> Option<MarkRule> {
    let mark = message.attributes.iter().find_map(|attribute| match attribute {
        RuleAttribute::FwMark(mark) => Some(*mark),
        _ => None,
    })?;
    let family = if message.header.family == AddressFamily::Inet { Family::V4 } else { Family::V6 };
    let (table, priority) = table_and_priority(message);
    Some(MarkRule { family, mark, table, priority })
}

fn table_and_priority(message: &RuleMessage) -> (u32, u32) {
    let (mut table, mut priority) = (u32::from(message.header.table), 0);
    for attribute in &message.attributes {
        match attribute {
            RuleAttribute::Table(number) => table = *number,
            RuleAttribute::Priority(number) => priority = *number,
            _ => {}
        }
    }
    (table, priority)
}
