//! Looks at servers of the method direct: whether each takes packets for the VIP, and whether one answers ARP for it.

mod arp;

use super::access::Call;
use super::routes::Answer;
use super::{Core, Refused};
use crate::run::control::Control;
use api::{Diagnosis, Finding, Trouble};
use arp::Claim;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use config::{Ask, AskedAddress, Backend, Method, Ping, Probe, Protocol, Question, Service, TlsConnect};
use drivers::clock;
use probe::Outcome;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Servers that one visit asks; each is asked twice for every VIP.
const PATIENTS_MAX: usize = 1_000;
/// Deadline of a question, milliseconds.
const TIMEOUT_MS: u32 = 1_500;
/// What keeps a server of Linux quiet, to be set before it has the VIP.
const QUIET: &str = "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2";

/// A server and a VIP that it is to have.
struct Patient {
    service: String,
    backend: String,
    vip: IpAddr,
    address: IpAddr,
    /// The NIC towards it and its hardware address, if it is a neighbour.
    place: Option<(String, String)>,
    /// Answers of the VIP on it; `None`: nothing is asked.
    answers: Option<Vec<oneshot::Receiver<Outcome>>>,
}

impl Patient {
    fn finding(&self, trouble: Trouble, said: String, recipe: Vec<String>) -> Finding {
        let (service, backend) = (self.service.clone(), Some(self.backend.clone()));
        Finding { service, backend, vip: self.vip, trouble, said, recipe }
    }
}

pub(super) async fn visit(State(core): State<Core>, Extension(call): Extension<Call>) -> Answer<Diagnosis> {
    let mut patients = core.ask(patients).await?;
    let places: BTreeSet<(String, IpAddr)> =
        patients.iter().filter_map(|patient| Some((patient.place.as_ref()?.0.clone(), patient.vip))).collect();
    let listening = tokio::task::spawn_blocking(move || arp::claims(&places));
    let mut diagnosis = Diagnosis::default();
    for patient in &mut patients {
        let Some(answers) = patient.answers.take() else {
            let said = "it is reached through a tunnel".to_owned();
            diagnosis.findings.push(patient.finding(Trouble::NotAsked, said, Vec::new()));
            continue;
        };
        diagnosis.asked += 1;
        if let Some((trouble, why)) = lacks(answers).await {
            let said = format!("{} ({}) does not answer as {}: {why}", patient.backend, patient.address, patient.vip);
            let recipe = if trouble == Trouble::LacksVip { recipe(patient.vip, true) } else { Vec::new() };
            diagnosis.findings.push(patient.finding(trouble, said, recipe));
        }
    }
    let claims = listening
        .await
        .map_err(|_| Refused::busy())?
        .map_err(|error| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    diagnosis.findings.extend(claims.iter().map(|claim| loud(claim, &patients)));
    call.note(&format!("{} servers asked, {} findings", diagnosis.asked, diagnosis.findings.len()));
    Ok(Json(diagnosis))
}

/// All that are reached without translation; those of the method direct are asked from now on.
fn patients(control: &mut Control) -> Vec<Patient> {
    let neighbors = control.neighbors();
    let services = Arc::clone(control.config());
    let mut patients = Vec::new();
    for (service, backend) in services.services.iter().flat_map(|one| one.backends.iter().map(move |b| (one, b))) {
        let method = service.method_of(backend);
        let vips = service.vip.iter().filter(|vip| vip.is_host()).map(|vip| vip.address);
        for vip in vips
            .filter(|vip| !method.translates() && (method.is_tunnel() || vip.is_ipv4() == backend.address.is_ipv4()))
        {
            if patients.len() == PATIENTS_MAX {
                return patients;
            }
            let neighbor = neighbors.iter().find(|one| one.address == backend.address && method == Method::Direct);
            let answers = (method == Method::Direct).then(|| {
                let ask = |probe| control.probing().once(clock::now(), probe);
                questions(service, backend, vip).into_iter().map(ask).collect()
            });
            patients.push(Patient {
                service: service.name.clone(),
                backend: backend.name.clone(),
                vip,
                address: backend.address,
                place: neighbor.and_then(|one| Some((one.nic.clone(), one.mac.clone()?))),
                answers,
            });
        }
    }
    patients
}

/// A server that has the VIP answers an echo, unless somebody forbids it, and connections on the service's port.
fn questions(service: &Service, backend: &Backend, vip: IpAddr) -> Vec<Probe> {
    let port = service.ports.iter().next().map(|range| range.first).filter(|_| !service.ports.is_all_ports());
    let port = port.filter(|_| service.protocol == Protocol::Tcp);
    let echo = Some((Ask::Ping(Ping { count: 2 }), 0));
    let asks = echo.into_iter().chain(port.map(|port| (Ask::Connect(TlsConnect::default()), port)));
    let probe = |(ask, port)| {
        let address = AskedAddress::Backend;
        let question = Question { ask, port: None, address, interval_ms: TIMEOUT_MS, timeout_ms: TIMEOUT_MS };
        Probe { question, address: backend.address, port, vip: Some(vip) }
    };
    asks.map(probe).collect()
}

/// Why a server does not seem to have the VIP; that it refuses a connection shows that it has.
async fn lacks(answers: Vec<oneshot::Receiver<Outcome>>) -> Option<(Trouble, String)> {
    let mut worst = (Trouble::NotAsked, "the process that asks servers is not there just now".to_owned());
    for answer in answers {
        let Ok(outcome) = answer.await else { continue };
        if outcome.passed || outcome.reason.contains("Connection refused") {
            return None;
        }
        let trouble = if outcome.not_asked { Trouble::NotAsked } else { Trouble::LacksVip };
        worst = (trouble, outcome.reason);
    }
    Some(worst)
}

/// Who answers ARP for a VIP, among those that may be it.
fn loud(claim: &Claim, patients: &[Patient]) -> Finding {
    let of_vip = || patients.iter().filter(|patient| patient.vip == claim.vip);
    let who = of_vip().find(|patient| patient.place.as_ref().is_some_and(|(_, mac)| *mac == claim.mac));
    let service = who.or_else(|| of_vip().next()).map(|patient| patient.service.clone()).unwrap_or_default();
    let backend = who.map(|patient| patient.backend.clone());
    let name = backend.as_deref().unwrap_or("somebody who is no server of the service");
    let Claim { nic, vip, mac } = claim;
    let said = format!("{name} ({mac}) answers ARP for {vip} on {nic}: clients and routers may go past this box");
    let recipe = if backend.is_some() { recipe(*vip, false) } else { Vec::new() };
    Finding { service, backend, vip: *vip, trouble: Trouble::AnswersArp, said, recipe }
}

fn recipe(vip: IpAddr, lacking: bool) -> Vec<String> {
    let quiet = vip.is_ipv4().then(|| QUIET.to_owned());
    let bits = if vip.is_ipv4() { 32 } else { 128 };
    let address = lacking.then(|| format!("ip address add {vip}/{bits} dev lo"));
    quiet.into_iter().chain(address).collect()
}
