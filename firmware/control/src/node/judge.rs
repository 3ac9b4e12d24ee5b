//! What a node tells the judgement of health.

use super::{Due, Node};
use crate::event::Action;
use crate::health::{Health, Seen};
use engine::BackendIndex;
use engine::tables::BackendState;
use net::Now;
use std::sync::Arc;

impl Node {
    /// What is known of the health of backends and services.
    pub const fn health(&self) -> &Health {
        &self.health
    }

    /// Takes the configuration in use.
    pub(super) fn judge_config(&mut self, now: Now, actions: &mut Vec<Action>) {
        let wishes = &self.wishes;
        let online =
            |service: &config::Service, backend: &config::Backend| match wishes.of(&service.name, &backend.name) {
                Some(wish) => wish.state() == BackendState::Online,
                None => backend.state == config::BackendState::Online,
            };
        self.health.take(now, &Arc::clone(&self.config), online, actions);
    }

    /// Takes what the workers count. Slots of fallbacks, and of backends on their way out, are nobody's to judge.
    pub(super) fn judge_traffic(
        &mut self,
        now: Now,
        backends: &[(BackendIndex, Seen)],
        actions: &mut Vec<Action>,
    ) -> Due {
        for (index, seen) in backends {
            if let Some((key, false)) = self.slots.backends.holder(index.at())
                && let Some(name) = &key.name
            {
                self.health.see(now, (&key.service.name, name), *index, *seen, actions);
            }
        }
        Due::Nothing
    }
}
