//! Which act takes which role. Every route of the API names its [`Act`]; one that is not in this table does not exist.

use api::Role;
use api::Role::{Administrator, Operator, Viewer};
use config::{Diff, Thing};

/// Whether an act is written to the audit log when it succeeds. Refused acts always are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// It changes something, or takes something out of the box.
    Recorded,
    /// It only looks. Pages look every few seconds: records of that would bury the others.
    Quiet,
}

use Kept::{Quiet, Recorded};

macro_rules! acts {
    ($($(#[$doc:meta])* $act:ident => $name:literal, $role:ident, $kept:ident;)*) => {
        /// What a call does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Act {
            $($(#[$doc])* $act,)*
        }

        impl Act {
            /// All acts.
            pub const ALL: &'static [Self] = &[$(Self::$act,)*];

            /// Its name in the audit log.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$act => $name,)* }
            }

            /// The least role that may do it.
            pub const fn least_role(self) -> Role {
                match self { $(Self::$act => $role,)* }
            }

            /// Whether it is written to the audit log when it succeeds; refused ones always are.
            pub const fn is_recorded(self) -> bool {
                matches!(match self { $(Self::$act => $kept,)* }, Recorded)
            }
        }
    };
}

acts! {
    /// The node, its services, backends, NICs, counters.
    Status => "status", Viewer, Quiet;
    /// Flows, and why a packet goes where it goes.
    Flows => "flows", Viewer, Quiet;
    /// What happens, as it happens.
    Events => "events", Viewer, Quiet;
    /// Counters for Prometheus.
    Metrics => "metrics", Viewer, Quiet;
    /// Graphs.
    Graphs => "graphs", Viewer, Quiet;
    /// Who is told of what happens, and how that goes.
    Alerts => "alerts", Viewer, Quiet;
    /// The log.
    Log => "log", Viewer, Quiet;
    /// Which revisions there are, and what changed in them.
    History => "history", Viewer, Quiet;
    /// The description of the API.
    Description => "description", Viewer, Quiet;
    /// Who calls.
    Me => "me", Viewer, Quiet;
    /// The caller's own password.
    OwnPassword => "own-password", Viewer, Recorded;
    /// The caller's own second factor.
    OwnSecondFactor => "own-second-factor", Viewer, Recorded;
    /// Where the caller is logged in.
    OwnSessions => "own-sessions", Viewer, Quiet;
    /// Ends a session of the caller's own.
    EndOwnSessions => "end-own-sessions", Viewer, Recorded;
    /// The caller's own tokens.
    OwnTokens => "own-tokens", Viewer, Quiet;
    /// A token of the caller's own.
    MakeToken => "make-token", Viewer, Recorded;
    /// Takes a token of the caller's own back.
    RevokeToken => "revoke-token", Viewer, Recorded;
    /// Ends the session that asks.
    Logout => "logout", Viewer, Recorded;

    /// Online, drain, disabled.
    BackendState => "backend-state", Operator, Recorded;
    /// Ends flows.
    Kill => "kill", Operator, Recorded;
    /// The whole document: it may hold the passwords that checks log in with.
    Export => "export", Operator, Recorded;
    /// What a document would change.
    Diff => "diff", Operator, Quiet;
    /// A document that differs in services, backends and checks.
    Apply => "apply", Operator, Recorded;
    /// Keeps a document that would return by itself.
    Confirm => "confirm", Operator, Recorded;
    /// An earlier revision.
    Rollback => "rollback", Operator, Recorded;
    /// Reads another program's configuration; applies nothing.
    Import => "import", Operator, Quiet;
    /// Tries what a draft would do.
    DryRun => "dry-run", Operator, Recorded;
    /// Looks at servers that have the VIP themselves.
    Doctor => "doctor", Operator, Recorded;
    /// Gives the group away or takes it.
    HaMove => "ha-move", Operator, Recorded;
    /// Ping, trace, port probe.
    Tools => "tools", Operator, Recorded;
    /// Measures; changes nothing that stays.
    TuneMeasure => "tune-measure", Operator, Recorded;

    /// A document that differs in anything else: network, console, alerts, engine.
    ApplySystem => "apply-system", Administrator, Recorded;
    /// Who may log in.
    Users => "users", Administrator, Quiet;
    /// Makes, changes and removes users, and sets their passwords.
    ChangeUsers => "change-users", Administrator, Recorded;
    /// Everybody's sessions.
    Sessions => "sessions", Administrator, Quiet;
    /// Ends anybody's sessions.
    EndSessions => "end-sessions", Administrator, Recorded;
    /// Everybody's tokens.
    Tokens => "tokens", Administrator, Quiet;
    /// Makes and revokes anybody's tokens.
    ChangeTokens => "change-tokens", Administrator, Recorded;
    /// What was done by whom.
    Audit => "audit", Administrator, Recorded;
    /// Packets: they are the clients' data.
    Capture => "capture", Administrator, Recorded;
    /// A message to try a destination of alerts with.
    TestAlert => "test-alert", Administrator, Recorded;
    /// Settings of kernel and NICs.
    TuneApply => "tune-apply", Administrator, Recorded;
    /// Certificate and key of the console.
    Certificate => "certificate", Administrator, Recorded;
    /// The clock.
    Clock => "clock", Administrator, Recorded;
    /// Keys for another node.
    Pair => "pair", Administrator, Recorded;
    /// All that the box knows, encrypted.
    Backup => "backup", Administrator, Recorded;
    /// Puts a backup in use.
    Restore => "restore", Administrator, Recorded;
    /// What whoever helps needs to see.
    SupportBundle => "support-bundle", Administrator, Recorded;
    /// Another version of the program.
    Update => "update", Administrator, Recorded;
    /// Which version is started.
    Slot => "slot", Administrator, Recorded;
    /// Starts the box again.
    Reboot => "reboot", Administrator, Recorded;
    /// Ends it.
    PowerOff => "power-off", Administrator, Recorded;
    /// Forgets everything.
    FactoryReset => "factory-reset", Administrator, Recorded;
}

impl Act {
    /// What remains possible for somebody whose password has to be changed first.
    pub const fn goes_with_an_old_password(self) -> bool {
        matches!(self, Self::Me | Self::OwnPassword | Self::Logout)
    }

    /// What applying a document is that changes this much.
    pub fn of_document(diff: &Diff) -> Self {
        let balanced = [Thing::Service, Thing::Backend, Thing::Check];
        if diff.changes.iter().all(|change| balanced.contains(&change.thing)) { Self::Apply } else { Self::ApplySystem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::{Action, Change};
    use std::collections::HashSet;

    #[test]
    fn names_differ_and_are_plain() {
        let names: HashSet<&str> = Act::ALL.iter().map(|act| act.name()).collect();
        assert_eq!(names.len(), Act::ALL.len());
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
    }

    /// The acts that a mistake in the table would hurt most.
    #[test]
    fn roles_of_acts() {
        for (act, role, recorded) in [
            (Act::Status, Viewer, false),
            (Act::Me, Viewer, false),
            (Act::OwnPassword, Viewer, true),
            (Act::Kill, Operator, true),
            (Act::BackendState, Operator, true),
            (Act::Apply, Operator, true),
            (Act::Confirm, Operator, true),
            (Act::Rollback, Operator, true),
            (Act::ApplySystem, Administrator, true),
            (Act::ChangeUsers, Administrator, true),
            (Act::ChangeTokens, Administrator, true),
            (Act::Audit, Administrator, true),
            (Act::Capture, Administrator, true),
            (Act::Backup, Administrator, true),
            (Act::Restore, Administrator, true),
            (Act::Update, Administrator, true),
            (Act::Reboot, Administrator, true),
            (Act::FactoryReset, Administrator, true),
        ] {
            assert_eq!((act.least_role(), act.is_recorded()), (role, recorded), "{act:?}");
        }
        assert!(Viewer < Operator && Operator < Administrator);
    }

    #[test]
    fn nobody_without_a_role_of_their_own_changes_what_is_shared() {
        for act in Act::ALL.iter().filter(|act| act.least_role() == Viewer && act.is_recorded()) {
            let own = ["own-", "logout", "make-token", "revoke-token", "end-own-"];
            assert!(own.iter().any(|begin| act.name().starts_with(begin)), "{act:?} is not the caller's own affair");
        }
    }

    #[test]
    fn a_document_is_as_much_as_it_changes() {
        let diff = |things: &[Thing]| Diff {
            changes: things
                .iter()
                .map(|thing| Change { thing: *thing, name: String::new(), action: Action::Changed, fields: Vec::new() })
                .collect(),
        };
        for (things, act) in [
            (&[][..], Act::Apply),
            (&[Thing::Service, Thing::Backend, Thing::Check], Act::Apply),
            (&[Thing::Service, Thing::Web], Act::ApplySystem),
            (&[Thing::System], Act::ApplySystem),
            (&[Thing::Nic], Act::ApplySystem),
            (&[Thing::Route], Act::ApplySystem),
            (&[Thing::Ha], Act::ApplySystem),
            (&[Thing::Engine], Act::ApplySystem),
        ] {
            assert_eq!(Act::of_document(&diff(things)), act, "{things:?}");
        }
    }
}
