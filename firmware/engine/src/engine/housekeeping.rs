//! What a worker does at the end of a turn, in bounded slices: expiry, migration, sweeps.

use super::backend_down::{Fate, fate};
use super::new_flow::Gone;
use super::{Engine, Moment, faults};
use crate::DropReason;
use crate::flow::FlowId;
use crate::ftp::Mode;
use crate::tables::Backend;

/// Wheel entries looked at per turn.
const EXPIRE_MAX: usize = 256;
/// Flows moved per turn while the table is rebuilt.
const MIGRATE_MAX: usize = 512;
/// Flows looked at per turn of a sweep.
const SWEEP_MAX: usize = 1_024;
/// Flows looked at at once, and ended per turn of a sweep: each may need two resets in the emissions' arena.
const SWEEP_ENDED_MAX: usize = 64;

/// A walk over all flows after backends went down.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    cursor: u32,
}

impl Engine {
    /// One slice of everything that must happen without a packet.
    pub(super) fn keep_house(&mut self, moment: Moment<'_>) {
        self.expire(moment);
        self.migrate(moment);
        self.sweep(moment);
        let totals = &self.counters.totals;
        totals.flows.set(self.flows.len() as u64);
        totals.flows_max.set(u64::from(self.flows.capacity()));
        totals.longest_probe.set(u64::from(self.flows.longest_probe()));
        totals.persistence_entries.set(self.persistence.len() as u64);
        totals.fragments_tracked.set(self.fragments.len() as u64);
    }

    /// Whether a slice of work is left that should not wait for the next packet.
    pub(super) fn has_more_housekeeping(&self) -> bool {
        self.sweep.is_some() || self.flows.is_rebuilding() || self.more_to_expire
    }

    fn expire(&mut self, moment: Moment<'_>) {
        let Self { flows, persistence, fragments, counters, claims, ftp, changes, .. } = self;
        if claims.has_room() {
            let mut expired = 0;
            let mut gone = Gone { moment, persistence, counters, claims, ftp, changes };
            let timeout_of = |flow: &crate::flow::Flow| {
                let timeouts = moment.tables.service(flow.service).map(|service| service.timeouts).unwrap_or_default();
                flow.state.timeout_s(&timeouts)
            };
            flows.expire(moment.now, EXPIRE_MAX, moment.tables, timeout_of, |flow| {
                expired += 1;
                faults::note_expired(gone.counters, flow);
                gone.flow(flow);
            });
            counters.totals.flows_expired.add(expired);
            // Many may end in one second; an idle worker must not take a second for each slice of them.
            self.more_to_expire = expired > 0;
        }
        persistence.expire(moment.now, EXPIRE_MAX);
        fragments.expire(moment.now, EXPIRE_MAX, || counters.count_drop(DropReason::FragmentOrphan));
        ftp.expire(moment.now, |expectation| {
            if expectation.mode == Mode::Active {
                claims.unclaim(expectation.tuple());
            }
        });
        if let Some((_, scheduler)) = self.schedulers.get_mut(self.scheduler_turn).and_then(Option::as_mut) {
            scheduler.expire(moment.now.secs());
        }
        self.scheduler_turn = (self.scheduler_turn + 1) % self.schedulers.len();
    }

    fn migrate(&mut self, moment: Moment<'_>) {
        if !self.flows.is_rebuilding() {
            return;
        }
        let Self { flows, persistence, counters, claims, ftp, changes, .. } = self;
        let mut gone = Gone { moment, persistence, counters, claims, ftp, changes };
        flows.migrate(MIGRATE_MAX, moment.tables, |flow| {
            gone.counters.totals.flows_evicted.add(1);
            gone.flow(flow);
        });
    }

    /// After backends went down their flows are looked for, so that a client that only waits is told too.
    fn sweep(&mut self, moment: Moment<'_>) {
        let Some(mut sweep) = self.sweep.take() else { return };
        let mut ended = [FlowId(0); SWEEP_ENDED_MAX];
        let mut count = 0;
        // Small steps, so that no slot is passed whose flow finds no room in `ended`.
        for _ in 0..SWEEP_MAX / SWEEP_ENDED_MAX {
            if count > 0 {
                break;
            }
            self.flows.scan(&mut sweep.cursor, SWEEP_ENDED_MAX, |id, flow| {
                let down = moment.tables.backend(flow.backend).is_none_or(Backend::is_down);
                if down && matches!(fate(flow, moment.tables), Fate::Reset | Fate::ChooseAgain) {
                    ended[count] = id;
                    count += 1;
                }
            });
            if sweep.cursor == 0 {
                break;
            }
        }
        for id in &ended[..count] {
            match fate(self.flows.flow(*id), moment.tables) {
                Fate::Reset => self.reset_flow(moment, *id),
                _ => self.remove_flow(moment, *id),
            }
            self.counters.totals.flows_down.add(1);
        }
        if sweep.cursor != 0 {
            self.sweep = Some(sweep);
        }
    }
}
