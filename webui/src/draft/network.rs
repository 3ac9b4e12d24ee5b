//! What a new box needs of the network: its name, what each NIC is for and its addresses, and where everything else is.

use super::document::{array, fill, name_of, row};
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

/// The network as a form has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Network {
    pub system: Row,
    pub gateways: Row,
    /// Those of the document first, then those that the box has besides.
    pub nics: Vec<Row>,
}

impl Network {
    /// What the document says, and what the box has.
    pub(crate) fn load(text: &str, ports: &[Port]) -> Option<Self> {
        let mut document: DocumentMut = text.parse().ok()?;
        let none = Table::new();
        let system = row(document.get("system").and_then(Item::as_table).unwrap_or(&none), fields::SYSTEM);
        let mut gateways = Row::fresh(fields::GATEWAYS);
        for route in array(document.as_table_mut(), "route").iter() {
            let value = |key: &str| route.get(key).and_then(Item::as_str).unwrap_or_default();
            if let Some((key, _)) = DEFAULTS.iter().find(|(_, to)| *to == value("to")) {
                gateways.set(key, value("via"));
            }
        }
        let mut nics: Vec<Row> =
            array(document.as_table_mut(), "nic").iter().map(|nic| configured(row(nic, fields::NIC))).collect();
        for port in ports {
            if nics.iter().all(|nic| nic.was != port.name) {
                let mut nic = Row::fresh(fields::NIC);
                nic.set("name", &port.name);
                nic.set("addresses", &port.addresses.join(", "));
                nics.push(nic);
            }
        }
        Some(Self { system, gateways, nics })
    }

    /// From the fields of a form: `system.KEY`, `gateway.KEY`, `nic.NUMBER.KEY`.
    pub(crate) fn posted(form: &[(String, String)]) -> Self {
        let mut network = Self::default();
        let mut nics: BTreeMap<usize, Row> = BTreeMap::new();
        for (name, typed) in form {
            if let Some(key) = name.strip_prefix("system.") {
                super::fill(&mut network.system, key, typed.clone());
            } else if let Some(key) = name.strip_prefix("gateway.") {
                super::fill(&mut network.gateways, key, typed.clone());
            } else if let Some((number, key)) = super::numbered(name, "nic.") {
                super::fill(nics.entry(number).or_default(), key, typed.clone());
            }
        }
        network.nics = nics.into_values().take(config::NICS_MAX + 1).collect();
        network
    }

    /// The document with what was typed.
    pub(crate) fn write(&self, text: &str) -> Option<String> {
        let mut document: DocumentMut = text.parse().ok()?;
        let system = document.entry("system").or_insert(Item::Table(Table::new()));
        if let Some(system) = system.as_table_mut() {
            fill(system, &self.system, fields::SYSTEM);
            if system.is_empty() {
                document.remove("system");
            }
        }
        self.write_nics(&mut document);
        for (key, to) in DEFAULTS {
            write_gateway(&mut document, to, self.gateways.value(key).trim());
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
            let nic = |(at, nic): (usize, &Row)| {
                let rest = error.path.strip_prefix(&nic.shown("nic", at))?;
                let key = if rest.starts_with(": role") { "role" } else { "addresses" };
                Some(format!("nic.{at}.{key}"))
            };
            let field = match error.path.as_str() {
                "system: hostname" => Some("system.hostname".to_owned()),
                path if path.starts_with("route ") => {
                    let is_v6 = self.gateways.value("ipv6").trim();
                    let v6 = !is_v6.is_empty() && error.message.contains(is_v6);
                    Some(if v6 { "gateway.ipv6" } else { "gateway.ipv4" }.to_owned())
                }
                _ => self.nics.iter().enumerate().find_map(nic),
            };
            match field {
                Some(field) => found.entry(field).or_default().push(error.message.clone()),
                None => others.push(error.clone()),
            }
        }
        (found, others)
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
        let mut network = Network::load("version = 1\n", &[port("e0", &["192.0.2.7/24"]), port("e1", &[])]).unwrap();
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
        let again = Network::load(&written, &[port("e0", &[]), port("e1", &[])]).unwrap();
        assert_eq!(again.write(&written).unwrap(), written, "what came back as it was changes nothing");
        assert_eq!(again.gateways.value("ipv4"), "192.0.2.1");
    }

    #[test]
    fn what_is_not_shown_stays() {
        let text = "version = 1 # ours\n[[nic]]\nname = \"f0\" # front\naddresses = { a = [\"10.1.0.1/16\"], b = [\"10.1.0.2/16\"] }\n\n\
                    [[route]]\nto = \"10.9.0.0/16\"\nvia = \"10.1.0.9\"\n";
        let mut network = Network::load(text, &[]).unwrap();
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
        let mut network = Network::load("version = 1\n", &[port("e0", &[])]).unwrap();
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
}
