//! When a slot whose thing left the configuration may be given away: when no worker can still make a flow for it, and
//! none has one.

use crate::compile::AllSlots;
use std::collections::BTreeMap;

/// Slots of backends on their way out, and slots of services that gave up ports.
#[derive(Clone, Debug, Default)]
pub struct Retirement {
    leaving: BTreeMap<usize, Leaving>,
    shrunk: BTreeMap<usize, Leaving>,
}

#[derive(Clone, Copy, Debug)]
struct Leaving {
    /// Tables of this epoch and later give it no flows.
    epoch: u64,
    /// A look at the counters has found no flow since. A worker counts at the end of its turn, so one look may come
    /// between a flow and its count; two looks with a turn between them may not.
    empty: bool,
}

impl Retirement {
    /// The slots that leave with the tables of `epoch`.
    pub fn update(&mut self, slots: &AllSlots, epoch: u64) {
        let since = |known: &BTreeMap<usize, Leaving>, at: usize| {
            (at, known.get(&at).copied().unwrap_or(Leaving { epoch, empty: false }))
        };
        self.leaving = slots.backends.leaving().map(|(at, _)| since(&self.leaving, at)).collect();
        self.shrunk = slots.reply_ports.shrunk().map(|at| since(&self.shrunk, at)).collect();
    }

    /// Frees what no flow refers to: `flows` by slot, of workers that all use `epoch` or a later one. `true` when
    /// something was freed, so that new tables are due.
    pub fn look(&mut self, slots: &mut AllSlots, flows: &[u32], epoch: u64) -> bool {
        let mut freed = false;
        let empty = |at: usize| flows.get(at).is_some_and(|flows| *flows == 0);
        self.leaving.retain(|at, leaving| {
            let done = leaving.look(epoch, || empty(*at));
            freed |= done && slots.backends.release(*at);
            !done
        });
        self.shrunk.retain(|service, leaving| {
            let key = slots.services.holder(*service).map(|(key, _)| key);
            let mut backends = slots.backends.held().filter(|(_, backend)| Some(&backend.service) == key);
            let done = leaving.look(epoch, || backends.all(|(at, _)| empty(at)));
            if done {
                slots.reply_ports.forget_former(*service);
                freed = true;
            }
            !done
        });
        self.free_services(slots) || freed
    }

    /// Whether anything is on its way out.
    pub fn is_pending(&self) -> bool {
        !self.leaving.is_empty() || !self.shrunk.is_empty()
    }

    // A service is referred to by its backends only: flows name both.
    fn free_services(&self, slots: &mut AllSlots) -> bool {
        let gone: Vec<usize> = slots
            .services
            .leaving()
            .filter(|(_, service)| !slots.backends.held().any(|(_, backend)| backend.service == **service))
            .map(|(at, _)| at)
            .collect();
        let freed = !gone.is_empty();
        for at in gone {
            slots.services.release(at);
            slots.reply_ports.release(at);
        }
        freed
    }
}

impl Leaving {
    /// Whether this is the second look in a row that finds no flow.
    fn look(&mut self, epoch: u64, empty: impl FnOnce() -> bool) -> bool {
        let empty = self.epoch <= epoch && empty();
        std::mem::replace(&mut self.empty, empty) && empty
    }
}
