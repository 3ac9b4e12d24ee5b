//! `keepalived.conf`: virtual servers with their checkers, VRRP instances and groups, static routes and addresses.

mod check;
mod known;
mod lines;
mod network;
mod remarks;
mod router;
mod server;
mod tree;

use super::draft::Draft;
use super::text::Text;
use crate::report::Error;
use known::Known;
use tree::Statement;

pub(super) fn read(text: &Text<'_>, draft: &mut Draft) -> Result<(), Error> {
    let statements = tree::statements(text.file(), lines::tokens(text, draft)?)?;
    conditional(draft, &statements);
    let known = Known::collect(text.file(), &statements);
    for statement in statements.iter().filter(|statement| statement.condition.is_none()) {
        match statement.key() {
            "virtual_server" => server::read(draft, &known, statement)?,
            "vrrp_instance" => router::read(draft, &known, statement)?,
            "static_ipaddress" => network::addresses(draft, &known, statement),
            "static_routes" => network::routes(draft, statement),
            "global_defs" => remarks::inside(draft, statement, remarks::GLOBAL, &["lvs_timeouts", "vrrp_version"]),
            "vrrp_sync_group" => {
                let named = ["smtp_alert", "notify_deleted", "global_tracking", "sync_group_tracking_weight"];
                for inside in statement.inside().iter().filter(|inside| inside.condition.is_none()) {
                    let member = known::is_member(inside) && !named.contains(&inside.key());
                    if !member && !matches!(inside.key(), "group" | "track_interface" | "track_script") {
                        remarks::one(draft, inside, remarks::ROUTER);
                    }
                }
            }
            // Used where they are named.
            "virtual_server_group" | "vrrp_script" => {}
            _ => remarks::one(draft, statement, remarks::FILE),
        }
    }
    Ok(())
}

/// Lines that count on some nodes only. A priority is the one value that is carried over per node.
fn conditional(draft: &mut Draft, statements: &[Statement]) {
    // Blocks are at most `IMPORT_DEPTH_MAX` deep.
    for statement in statements {
        match &statement.condition {
            Some(node) if statement.key() != "priority" || node.starts_with('^') => {
                let why = "it counts on some nodes only";
                let instead = "one document serves all nodes: a value that differs is written { NODE = …, NODE = … }";
                draft.notes.fill_in(statement.line, format!("@{node} {}", statement.shown()), why, instead);
            }
            _ => conditional(draft, statement.inside()),
        }
    }
}
