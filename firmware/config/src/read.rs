//! From text to values: every field of the document, with its default and its range.
//!
//! What a single field can tell is checked here; what takes several is in `validate`.

mod check;
mod high_availability;
mod network;
mod service;

use crate::address::{parse_network, parse_unicast};
use crate::limits::*;
use crate::model::{Config, Engine, Nic, PerNode, Probing, Route, System, Web};
use crate::reader::{Reader, Value};
use crate::report::{Place, Report};
use crate::service::Service;
use crate::{Ha, VERSION, validate};
use toml::de::DeTable;

/// The document as far as it could be read. Things with errors are `None`, so that indices hold.
#[derive(Default)]
pub(crate) struct Draft {
    pub(crate) system: System,
    pub(crate) nics: Vec<Option<Nic>>,
    pub(crate) routes: Vec<Option<Route>>,
    pub(crate) services: Vec<Option<Service>>,
    pub(crate) ha: Option<Ha>,
    pub(crate) engine: Engine,
    pub(crate) probe: Probing,
    pub(crate) web: Web,
}

/// Reads and checks the document; what is wrong goes to `report`, and then the result means nothing.
pub(crate) fn document(report: &Report<'_>) -> Config {
    let root = Place::default();
    if report.text.len() > DOCUMENT_BYTES_MAX {
        report.error(&root, format!("{} bytes: a document has at most {DOCUMENT_BYTES_MAX}", report.text.len()));
        return Config::default();
    }
    let (table, errors) = DeTable::parse_recoverable(report.text);
    for error in &errors {
        let at = error.span().map_or(0, |span| span.start);
        report.error_at(at, &root, format!("not TOML: {}", error.message().replace('\n', "; ")));
    }
    if !errors.is_empty() {
        return Config::default();
    }
    let draft = read_root(Reader::new(report, table.get_ref(), root));
    validate::draft(&draft, report);
    Config {
        system: draft.system,
        nics: draft.nics.into_iter().flatten().collect(),
        routes: draft.routes.into_iter().flatten().collect(),
        services: draft.services.into_iter().flatten().collect(),
        ha: draft.ha,
        engine: draft.engine,
        probe: draft.probe,
        web: draft.web,
    }
}

fn read_root(mut root: Reader<'_>) -> Draft {
    if let Some(version) = root.required("version", "write version = 1 first")
        && let Some(number) = version.number(1..=u16::MAX)
        && number != VERSION
    {
        version.error(format!("version {number} is not known: this program reads version {VERSION}"));
    }
    let draft = Draft {
        system: table(&mut root, "system", read_system),
        nics: root.things("nic", NICS_MAX, network::nic),
        routes: root.things("route", ROUTES_MAX, network::route),
        services: root.things("service", SERVICES_MAX, service::service),
        ha: root.value("ha").and_then(|value| value.reader("a table [ha]")).and_then(high_availability::ha),
        engine: table(&mut root, "engine", read_engine),
        probe: table(&mut root, "probe", read_probe),
        web: table(&mut root, "web", read_web),
    };
    root.finish();
    draft
}

fn table<'a, T: Default>(root: &mut Reader<'a>, key: &'static str, read: fn(&mut Reader<'a>) -> T) -> T {
    let Some(mut reader) = root.value(key).and_then(|value| value.reader(&format!("a table [{key}]"))) else {
        return T::default();
    };
    let read = read(&mut reader);
    reader.finish();
    read
}

fn read_system(reader: &mut Reader<'_>) -> System {
    let hostname = reader.value("hostname").and_then(|value| per_node(&value, |value| value.parsed(parse_hostname)));
    System { hostname }
}

fn read_engine(reader: &mut Reader<'_>) -> Engine {
    let default = Engine::default();
    Engine {
        workers: reader.number("workers", 0..=WORKERS_MAX, default.workers),
        flows_max: reader.number("flows_max", FLOWS_MIN..=FLOWS_MAX, default.flows_max),
        persistence_max: reader.number("persistence_max", 0..=PERSISTENCE_MAX, default.persistence_max),
        fragments_max: reader.number("fragments_max", 0..=FRAGMENTS_MAX, default.fragments_max),
        ftp_max: reader.number("ftp_max", 0..=FTP_MAX, default.ftp_max),
        replies_per_second_max: reader.number(
            "replies_per_second_max",
            0..=REPLIES_PER_SECOND_MAX,
            default.replies_per_second_max,
        ),
        reject: reader.named("reject"),
        snat_addresses: reader.list("snat_addresses", SNAT_ADDRESSES_MAX, |value| value.parsed(parse_unicast)),
        fast_path: reader.named("fast_path"),
        shield: reader.named("shield"),
        spin_us: reader.number("spin_us", 0..=SPIN_US_MAX, default.spin_us),
        flow_statistics: reader.boolean("flow_statistics", default.flow_statistics),
    }
}

fn read_probe(reader: &mut Reader<'_>) -> Probing {
    let default = Probing::default();
    Probing {
        in_flight_max: reader.number("in_flight_max", 1..=PROBES_IN_FLIGHT_MAX, default.in_flight_max),
        programs_folder: reader.value("programs_folder").and_then(|value| value.parsed(check::parse_folder)),
    }
}

fn read_web(reader: &mut Reader<'_>) -> Web {
    let default = Web::default();
    Web {
        port: reader.number("port", 1..=u16::MAX, default.port),
        nics: reader
            .value("nics")
            .map_or(default.nics, |value| value.list(NICS_MAX, |value| value.parsed(parse_nic_name))),
        allow: reader.list("allow", ROUTES_MAX, |value| value.parsed(parse_network)),
    }
}

/// A value, or a table of one value per node.
// GAP(contract.md "any value may be written per node"): so far hostname, addresses of NICs, and [ha] only.
fn per_node<'a, T>(value: &Value<'a>, read: impl Fn(&Value<'a>) -> Option<T>) -> Option<PerNode<T>> {
    let Some(by_node) = value.pairs() else { return read(value).map(PerNode::Same) };
    if by_node.is_empty() || by_node.len() > NODES_MAX {
        value.error(format!("{} nodes: 1 to {NODES_MAX} are possible, as in {{ a = …, b = … }}", by_node.len()));
        return None;
    }
    let mut values = std::collections::BTreeMap::new();
    for (node, value) in by_node {
        if let Err(message) = parse_name(node) {
            value.error(message);
        }
        values.insert(node.to_owned(), read(&value)?);
    }
    Some(PerNode::ByNode(values))
}

/// Reads a name: of a service, backend, check, group or node.
fn parse_name(text: &str) -> Result<String, String> {
    // No slash: commands write SERVICE/BACKEND.
    let possible = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() {
        Err("a name is needed".to_owned())
    } else if let Some(bad) = text.chars().find(|c| !possible(*c)) {
        Err(format!("{bad:?} is not possible in a name: letters, digits, - _ and . are"))
    } else if text.chars().count() > NAME_LENGTH_MAX {
        Err(format!("a name has at most {NAME_LENGTH_MAX} characters"))
    } else {
        Ok(text.to_owned())
    }
}

/// Reads the name of a NIC, as the kernel allows it.
fn parse_nic_name(text: &str) -> Result<String, String> {
    let possible = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | ':');
    let good = (1..=NIC_NAME_LENGTH_MAX).contains(&text.len()) && text.chars().all(possible);
    if good && text != "." && text != ".." {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "\"{text}\" is not the name of a NIC: 1 to {NIC_NAME_LENGTH_MAX} characters without blanks, / and :"
        ))
    }
}

/// Reads a host name (RFC 1123 2.1).
fn parse_hostname(text: &str) -> Result<String, String> {
    let label_good = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() <= NAME_LENGTH_MAX && text.split('.').all(label_good) {
        Ok(text.to_owned())
    } else {
        Err(format!("\"{text}\" is not a host name: letters, digits and - in at most {NAME_LENGTH_MAX} characters"))
    }
}
