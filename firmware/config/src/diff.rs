//! What changes from one document to another, by named thing: for reload by difference and for people.

use crate::names::named;
use crate::secret::{HIDDEN, is_secret};
use crate::{Backend, Check, Config, Service};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use toml::{Table, Value};

named! {
    /// What kind of thing changed.
    Thing {
        /// The box itself.
        #[default]
        System => "system",
        /// A NIC, by name.
        Nic => "nic",
        /// A route, by destination.
        Route => "route",
        /// A service, by name; its checks and backends aside.
        Service => "service",
        /// A check, as `service/check`.
        Check => "check",
        /// A backend, as `service/backend`.
        Backend => "backend",
        /// High availability.
        Ha => "ha",
        /// The engine.
        Engine => "engine",
        /// The process that carries out checks.
        Probe => "probe",
        /// The web console.
        Web => "web",
        /// Alerts.
        Alerts => "alerts",
        /// Syslog.
        Syslog => "syslog",
        /// Sessions and log-ins.
        Api => "api",
    }
}

named! {
    /// What happened to it.
    Action {
        /// It is new.
        Added => "added",
        /// It is gone.
        Removed => "removed",
        /// It has other values.
        #[default]
        Changed => "changed",
    }
}

/// A field with another value. Values are as in the document; `None`: not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FieldChange {
    /// Its key.
    pub field: String,
    /// The old value.
    pub before: Option<String>,
    /// The new value.
    pub after: Option<String>,
}

/// One thing that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Change {
    /// What kind of thing.
    pub thing: Thing,
    /// Its name; empty for what there is only one of.
    pub name: String,
    /// What happens to it.
    pub action: Action,
    /// Fields with other values, when it is changed.
    pub fields: Vec<FieldChange>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.action {
            Action::Added => '+',
            Action::Removed => '-',
            Action::Changed => '~',
        };
        write!(f, "{sign} {}", self.thing)?;
        if !self.name.is_empty() {
            write!(f, " {}", self.name)?;
        }
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_owned());
        for field in &self.fields {
            write!(f, "\n    {}: {} -> {}", field.field, shown(&field.before), shown(&field.after))?;
        }
        Ok(())
    }
}

/// All changes, in the order of the document's tables. Displays as one line each, fields indented below.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Diff {
    /// The changes.
    pub changes: Vec<Change>,
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, change) in self.changes.iter().enumerate() {
            write!(f, "{}{change}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl Diff {
    /// What changes from `before` to `after`.
    pub fn between(before: &Config, after: &Config) -> Self {
        let mut diff = Self::default();
        diff.single(Thing::System, &before.system, &after.system);
        diff.list(Thing::Nic, &before.nics, &after.nics, |nic| nic.name.clone());
        diff.list(Thing::Route, &before.routes, &after.routes, |route| route.to.to_string());
        diff.services(&before.services, &after.services);
        diff.single(Thing::Ha, &before.ha, &after.ha);
        diff.single(Thing::Engine, &before.engine, &after.engine);
        diff.single(Thing::Probe, &before.probe, &after.probe);
        diff.single(Thing::Web, &before.web, &after.web);
        diff.single(Thing::Alerts, &before.alerts, &after.alerts);
        diff.single(Thing::Syslog, &before.syslog, &after.syslog);
        diff.single(Thing::Api, &before.api, &after.api);
        diff
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    fn services(&mut self, before: &[Service], after: &[Service]) {
        let bare = |service: &Service| Service { checks: Vec::new(), backends: Vec::new(), ..service.clone() };
        let names = |services: &[Service]| services.iter().map(bare).collect::<Vec<_>>();
        let mut services = Self::default();
        services.list(Thing::Service, &names(before), &names(after), |service| service.name.clone());
        // A service stands before its own checks and backends; removed ones come last.
        for service in after {
            let old = before.iter().find(|old| old.name == service.name);
            if let Some(field) = old.and_then(|old| backend_order(old, service)) {
                services.field_of_service(&service.name, field);
            }
            self.take(&mut services, &service.name);
            self.parts(service.name.as_str(), old, Some(service));
        }
        for service in before.iter().filter(|old| !after.iter().any(|new| new.name == old.name)) {
            self.take(&mut services, &service.name);
            self.parts(service.name.as_str(), Some(service), None);
        }
    }

    fn field_of_service(&mut self, name: &str, field: FieldChange) {
        match self.changes.iter_mut().find(|change| change.name == name) {
            Some(change) => change.fields.push(field),
            None => self.changes.push(Change {
                thing: Thing::Service,
                name: name.to_owned(),
                action: Action::Changed,
                fields: vec![field],
            }),
        }
    }

    fn take(&mut self, from: &mut Self, name: &str) {
        self.changes.extend(from.changes.extract_if(.., |change| change.name == name));
    }

    fn parts(&mut self, name: &str, before: Option<&Service>, after: Option<&Service>) {
        let checks = |service: Option<&Service>| service.map(|s| s.checks.clone()).unwrap_or_default();
        let backends = |service: Option<&Service>| service.map(|s| s.backends.clone()).unwrap_or_default();
        self.list(Thing::Check, &checks(before), &checks(after), |check: &Check| format!("{name}/{}", check.name));
        self.list(Thing::Backend, &backends(before), &backends(after), |backend: &Backend| {
            format!("{name}/{}", backend.name)
        });
    }

    fn single<T: Serialize + PartialEq>(&mut self, thing: Thing, before: &T, after: &T) {
        if before != after {
            let fields = changed_fields(before, after);
            self.changes.push(Change { thing, name: String::new(), action: Action::Changed, fields });
        }
    }

    /// Things of one kind: those of `after` in their order, then those that are gone.
    fn list<T: Serialize + PartialEq>(
        &mut self,
        thing: Thing,
        before: &[T],
        after: &[T],
        name_of: impl Fn(&T) -> String,
    ) {
        let old: HashMap<String, &T> = before.iter().map(|item| (name_of(item), item)).collect();
        let mut kept = BTreeSet::new();
        for item in after {
            let name = name_of(item);
            let (action, fields) = match old.get(&name) {
                None => (Action::Added, Vec::new()),
                Some(old) if *old != item => (Action::Changed, changed_fields(*old, item)),
                Some(_) => {
                    kept.insert(name);
                    continue;
                }
            };
            kept.insert(name.clone());
            self.changes.push(Change { thing, name, action, fields });
        }
        for name in before.iter().map(name_of).filter(|name| !kept.contains(name)) {
            self.changes.push(Change { thing, name, action: Action::Removed, fields: Vec::new() });
        }
    }
}

/// Backends that stay but stand in another order: some schedulers walk them in order.
fn backend_order(before: &Service, after: &Service) -> Option<FieldChange> {
    let stays = |backend: &&Backend| before.backend(&backend.name).is_some() && after.backend(&backend.name).is_some();
    let order = |service: &Service| {
        service.backends.iter().filter(stays).map(|backend| backend.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (before, after) = (order(before), order(after));
    let field = "order of backends".to_owned();
    (before != after).then_some(FieldChange { field, before: Some(before), after: Some(after) })
}

fn changed_fields<T: Serialize>(before: &T, after: &T) -> Vec<FieldChange> {
    // What is absent altogether, as an `Option` may be, has no fields.
    let (before, after) = (Table::try_from(before).unwrap_or_default(), Table::try_from(after).unwrap_or_default());
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    after
        .keys()
        .chain(gone)
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|key| FieldChange {
            field: key.clone(),
            before: before.get(key).map(|value| shown(key, value)),
            after: after.get(key).map(|value| shown(key, value)),
        })
        .collect()
}

/// A value for people: differences go to histories and logs, so that a secret changed is all they say.
fn shown(key: &str, value: &Value) -> String {
    if is_secret(key) { HIDDEN.to_owned() } else { value.to_string() }
}

#[cfg(test)]
mod tests;
