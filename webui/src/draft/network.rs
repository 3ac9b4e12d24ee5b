//! The network in a form: the whole of it, or what a new box needs of it: its name, what each NIC is for and its addresses,
//! and where everything else is.

use super::document::{array, fill, name_of, row, row_by, write_rows};
use super::places::{key, rest};
use super::{Row, fields};
use config::Error;
use std::collections::BTreeMap;
use toml_edit::{DocumentMut, Item, Table, Value};

/// The default routes: the field, and the network it leads to.
const DEFAULTS: [(&str, &str); 2] = [("ipv4", "0.0.0.0/0"), ("ipv6", "::/0")];

/// A NIC that the box has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Port {
    pub name: String,
    /// The addresses that it has now, whoever set them.
    pub addresses: Vec<String>,
}

/// How rows come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetworkChange {
    AddRoute,
    RemoveRoute(usize),
}

/// The network as a form has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Network {
    /// All of it; else the form has default gateways in the place of routes.
    pub whole: bool,
    pub system: Row,
    pub gateways: Row,
    /// Those of the document first, then those that the box has besides.
    pub nics: Vec<Row>,
    pub routes: Vec<Row>,
}

impl Network {
    /// What the document says, and what the box has.
    pub(crate) fn load(text: &str, ports: &[Port], whole: bool) -> Option<Self> {
        let mut document: DocumentMut = text.parse().ok()?;
        let none = Table::new();
        let system = row(document.get("system").and_then(Item::as_table).unwrap_or(&none), fields::SYSTEM);
        let mut network = Self { whole, system, ..Self::default() };
        let tables = array(document.as_table_mut(), "route");
        if whole {
            network.routes = tables.iter().map(|route| row_by("to", route, fields::ROUTE)).collect();
        } else {
            network.gateways = gateways(tables.iter());
        }
        network.nics =
            array(document.as_table_mut(), "nic").iter().map(|nic| configured(row(nic, fields::NIC))).collect();
        for port in ports {
            if network.nics.iter().all(|nic| nic.was != port.name) {
                let mut nic = Row::fresh(fields::NIC);
                nic.set("name", &port.name);
                nic.set("addresses", &port.addresses.join(", "));
                network.nics.push(nic);
            }
        }
        Some(network)
    }

    /// From the fields of a form: `system.KEY`, `gateway.KEY`, `nic.NUMBER.KEY`, `route.NUMBER.KEY`. The form of the whole
    /// has a field `whole`.
    pub(crate) fn posted(form: &[(String, String)]) -> Self {
        let mut network = Self::default();
        let (mut nics, mut routes): (BTreeMap<usize, Row>, BTreeMap<usize, Row>) = Default::default();
        for (name, typed) in form {
            if name == "whole" {
                network.whole = true;
            } else if let Some(key) = name.strip_prefix("system.") {
                super::fill(&mut network.system, key, typed.clone());
            } else if let Some(key) = name.strip_prefix("gateway.") {
                super::fill(&mut network.gateways, key, typed.clone());
            } else if let Some((number, key)) = super::numbered(name, "nic.") {
                super::fill(nics.entry(number).or_default(), key, typed.clone());
            } else if let Some((number, key)) = super::numbered(name, "route.") {
                super::fill(routes.entry(number).or_default(), key, typed.clone());
            }
        }
        network.nics = nics.into_values().take(config::NICS_MAX + 1).collect();
        network.routes = routes.into_values().take(config::ROUTES_MAX + 1).collect();
        network
    }

    /// Adds or removes a row. Removing one that is not there changes nothing.
    pub(crate) fn change_rows(&mut self, change: NetworkChange) {
        match change {
            NetworkChange::AddRoute => self.routes.push(Row::fresh(fields::ROUTE)),
            NetworkChange::RemoveRoute(at) => drop((at < self.routes.len()).then(|| self.routes.remove(at))),
        }
    }

    /// The document with what was typed.
    pub(crate) fn write(&self, text: &str) -> Option<String> {
        let mut document: DocumentMut = text.parse().ok()?;
        write_table(&mut document, "system", &self.system, fields::SYSTEM);
        self.write_nics(&mut document);
        if self.whole {
            write_rows(document.as_table_mut(), ("route", "to"), &self.routes, &|_| fields::ROUTE.to_vec());
        } else {
            for (key, to) in DEFAULTS {
                write_gateway(&mut document, to, self.gateways.value(key).trim());
            }
        }
        for key in ["nic", "route"] {
            if document.get(key).and_then(Item::as_array_of_tables).is_some_and(|tables| tables.is_empty()) {
                document.remove(key);
            }
        }
        Some(document.to_string())
    }

    fn write_nics(&self, document: &mut DocumentMut) {
        let tables = array(document.as_table_mut(), "nic");
        for nic in &self.nics {
            let at = tables.iter().position(|table| !nic.was.is_empty() && name_of(table) == nic.was);
            let is_used = !nic.value("role").trim().is_empty();
            match at {
                Some(at) if !is_used => drop(tables.remove(at)),
                Some(at) => {
                    if let Some(table) = tables.get_mut(at) {
                        fill(table, &implied(nic, table), fields::NIC);
                    }
                }
                None if is_used => {
                    let mut table = Table::new();
                    fill(&mut table, nic, fields::NIC);
                    tables.push(table);
                }
                None => {}
            }
        }
    }

    /// Errors by the names of fields, and those that belong to none.
    pub(crate) fn beside_fields(&self, errors: &[Error]) -> (BTreeMap<String, Vec<String>>, Vec<Error>) {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut others = Vec::new();
        for error in errors {
            match self.field_of(error) {
                Some(field) => found.entry(field).or_default().push(error.message.clone()),
                None => others.push(error.clone()),
            }
        }
        (found, others)
    }

    fn field_of(&self, error: &Error) -> Option<String> {
        let path = error.path.as_str();
        if path == "system: hostname" {
            return Some("system.hostname".to_owned());
        }
        if !self.whole && path.starts_with("route ") {
            let v6 = self.gateways.value("ipv6").trim();
            let is_v6 = !v6.is_empty() && error.message.contains(v6);
            return Some(if is_v6 { "gateway.ipv6" } else { "gateway.ipv4" }.to_owned());
        }
        let rows: [(&str, &[Row], &[fields::Field]); 2] =
            [("nic", &self.nics, &fields::NIC[1..]), ("route", &self.routes, fields::ROUTE)];
        rows.into_iter().find_map(|(kind, rows, fields)| {
            rows.iter().enumerate().find_map(|(at, row)| {
                let key = key(rest(path, &row.shown(kind, at))?, &error.message);
                let known = fields.iter().map(|field| field.key).find(|known| *known == key);
                // What is about the row as a whole stands at its last field.
                Some(format!("{kind}.{at}.{}", known.or(fields.last().map(|field| field.key))?))
            })
        })
    }
}

/// The routers of the default routes.
fn gateways<'a>(routes: impl Iterator<Item = &'a Table>) -> Row {
    let mut gateways = Row::fresh(fields::GATEWAYS);
    for route in routes {
        let value = |key: &str| route.get(key).and_then(Item::as_str).unwrap_or_default();
        if let Some((key, _)) = DEFAULTS.iter().find(|(_, to)| *to == value("to")) {
            gateways.set(key, value("via"));
        }
    }
    gateways
}

/// A table of which there is one; it is there only while something stands in it.
fn write_table(document: &mut DocumentMut, key: &str, row: &Row, fields: &[fields::Field]) {
    let table = document.entry(key).or_insert(Item::Table(Table::new()));
    if let Some(table) = table.as_table_mut() {
        fill(table, row, fields);
        if table.is_empty() {
            document.remove(key);
        }
    }
}

/// A NIC of the document without a role has the usual one.
fn configured(mut nic: Row) -> Row {
    if nic.value("role").is_empty() && !nic.kept.contains("role") {
        nic.set("role", "data");
    }
    nic
}

/// What is usual is not written where it was not before.
fn implied(nic: &Row, table: &Table) -> Row {
    let mut nic = nic.clone();
    if nic.value("role") == "data" && !table.contains_key("role") {
        nic.values.remove("role");
    }
    nic
}

fn write_gateway(document: &mut DocumentMut, to: &str, via: &str) {
    let routes = array(document.as_table_mut(), "route");
    let at = routes.iter().position(|route| route.get("to").and_then(Item::as_str) == Some(to));
    match at.and_then(|at| routes.get_mut(at)) {
        Some(route) if via.is_empty() => {
            // A default route on a link has no router: the form shows an empty field for it.
            if let (true, Some(at)) = (route.contains_key("via"), at) {
                routes.remove(at);
            }
        }
        Some(route) if route.get("via").and_then(Item::as_str) != Some(via) => {
            route.insert("via", Item::Value(Value::from(via)));
        }
        Some(_) => {}
        None if via.is_empty() => {}
        None => {
            let mut route = Table::new();
            route.insert("to", Item::Value(Value::from(to)));
            route.insert("via", Item::Value(Value::from(via)));
            routes.push(route);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, addresses: &[&str]) -> Port {
        Port { name: name.to_owned(), addresses: addresses.iter().map(|&address| address.to_owned()).collect() }
    }

    #[test]
    fn a_new_box_gets_its_network() {
        let mut network =
            Network::load("version = 1\n", &[port("e0", &["192.0.2.7/24"]), port("e1", &[])], false).unwrap();
        assert_eq!(network.write("version = 1\n").unwrap(), "version = 1\n", "nothing was typed");
        network.system.set("hostname", "gate");
        network.gateways.set("ipv4", "192.0.2.1");
        network.nics[0].set("role", "management");
        network.nics[1].set("role", "data");
        network.nics[1].set("addresses", "10.1.0.1/16, 2001:db8::1/64");
        let written = network.write("version = 1\n").unwrap();
        let config = config::parse(&written, "test").unwrap();
        assert_eq!((config.nics.len(), config.routes.len()), (2, 1), "{written}");
        assert!(written.contains("addresses = [\"192.0.2.7/24\"]"), "{written}");
        let again = Network::load(&written, &[port("e0", &[]), port("e1", &[])], false).unwrap();
        assert_eq!(again.write(&written).unwrap(), written, "what came back as it was changes nothing");
        assert_eq!(again.gateways.value("ipv4"), "192.0.2.1");
    }

    #[test]
    fn what_is_not_shown_stays() {
        let text = "version = 1 # ours\n[[nic]]\nname = \"f0\" # front\naddresses = { a = [\"10.1.0.1/16\"], b = [\"10.1.0.2/16\"] }\n\n\
                    [[route]]\nto = \"10.9.0.0/16\"\nvia = \"10.1.0.9\"\n";
        let mut network = Network::load(text, &[], false).unwrap();
        assert_eq!(network.write(text).unwrap(), text);
        assert!(network.nics[0].kept.contains("addresses"));
        network.gateways.set("ipv6", "fe80::1");
        let written = network.write(text).unwrap();
        assert!(written.starts_with(text.trim_end()) && written.contains("::/0"), "{written}");
        network.nics[0].set("role", "");
        network.gateways.set("ipv6", "");
        let written = network.write(&written).unwrap();
        assert!(!written.contains("f0") && !written.contains("::/0") && written.contains("10.9.0.0/16"), "{written}");
    }

    #[test]
    fn errors_stand_beside_their_fields() {
        let mut network = Network::load("version = 1\n", &[port("e0", &[])], false).unwrap();
        network.system.set("hostname", "not a name");
        network.gateways.set("ipv4", "router");
        network.nics[0].set("role", "data");
        network.nics[0].set("addresses", "10.1.0.1");
        let errors = config::parse(&network.write("version = 1\n").unwrap(), "test").unwrap_err();
        let (found, others) = network.beside_fields(&errors.errors);
        let named: Vec<_> = found.keys().map(String::as_str).collect();
        assert_eq!(named, ["gateway.ipv4", "nic.0.addresses", "system.hostname"], "{errors}");
        assert!(others.is_empty(), "{others:?}");
    }

    const ROUTES: &str = "version = 1\n[[nic]]\nname = \"f0\"\naddresses = [\"10.1.0.1/16\"]\n\n\
                          [[route]]\nto = \"0.0.0.0/0\"\nvia = \"10.1.0.254\" # the firewall\n\n\
                          [[route]]\nto = \"10.9.0.0/16\"\nvia = \"10.1.0.9\"\n";

    #[test]
    fn routes_come_change_and_go() {
        let mut network = Network::load(ROUTES, &[], true).unwrap();
        assert_eq!(network.write(ROUTES).unwrap(), ROUTES);
        network.routes[0].set("via", "10.1.0.253");
        network.change_rows(NetworkChange::RemoveRoute(1));
        network.change_rows(NetworkChange::RemoveRoute(7));
        network.change_rows(NetworkChange::AddRoute);
        network.routes[1].set("to", "10.8.0.0/16");
        network.routes[1].set("nic", "f0");
        let written = network.write(ROUTES).unwrap();
        assert!(written.contains("via = \"10.1.0.253\" # the firewall"), "{written}");
        let config = config::parse(&written, "test").unwrap();
        let routes: Vec<_> = config.routes.iter().map(|route| (route.to.to_string(), route.nic.clone())).collect();
        assert_eq!(routes, [("0.0.0.0/0".to_owned(), None), ("10.8.0.0/16".to_owned(), Some("f0".to_owned()))]);
        network.routes.clear();
        assert!(!network.write(&written).unwrap().contains("route"));
    }

    #[test]
    fn a_posted_form_is_the_same() {
        let network = Network::load(ROUTES, &[port("e1", &["192.0.2.7/24"])], true).unwrap();
        let mut form = vec![("whole".to_owned(), "1".to_owned())];
        let mut add = |begin: &str, row: &Row| {
            form.push((format!("{begin}.was"), row.was.clone()));
            form.push((format!("{begin}.kept"), row.kept.iter().cloned().collect::<Vec<_>>().join(" ")));
            form.extend(row.values.iter().map(|(key, value)| (format!("{begin}.{key}"), value.clone())));
        };
        add("system", &network.system);
        network.nics.iter().enumerate().for_each(|(at, row)| add(&format!("nic.{at}"), row));
        network.routes.iter().enumerate().for_each(|(at, row)| add(&format!("route.{at}"), row));
        assert_eq!(Network::posted(&form), network);
    }

    #[test]
    fn errors_of_routes_stand_beside_their_fields() {
        let mut network = Network::load(ROUTES, &[], true).unwrap();
        network.routes[0].set("via", "router");
        network.routes[1].set("via", "10.7.0.9");
        network.change_rows(NetworkChange::AddRoute);
        network.nics[0].set("addresses", "10.1.0.1");
        let errors = config::parse(&network.write(ROUTES).unwrap(), "test").unwrap_err();
        let (found, others) = network.beside_fields(&errors.errors);
        let named: Vec<_> = found.keys().map(String::as_str).collect();
        assert_eq!(named, ["nic.0.addresses", "route.0.via", "route.2.nic", "route.2.to"], "{errors}");
        assert!(others.is_empty(), "{others:?}");
    }

    #[test]
    fn what_was_typed_is_carried_over() {
        let before = Network::load(ROUTES, &[], true).unwrap();
        let mut typed = Network::load(ROUTES, &[port("e1", &[])], true).unwrap();
        typed.routes[1].set("via", "10.1.0.7");
        typed.nics[1].set("role", "management");
        let now = ROUTES.replace("10.1.0.254", "10.1.0.253");
        let carried = super::super::carry_network(&before, &typed, &Network::load(&now, &[], true).unwrap());
        let written = carried.write(&now).unwrap();
        for text in ["10.1.0.253", "10.1.0.7", "name = \"e1\""] {
            assert!(written.contains(text), "{written}");
        }
    }
}
