//! Flows: listed, ended, explained. Only the worker that has a flow knows it.

use super::access::Call;
use super::routes::{Body, Words};
use super::{Core, Refused, in_time};
use crate::run::view::method;
use crate::worker::{Order, short_hash};
use api::{
    Explanation, FLOWS_LISTED_DEFAULT, FLOWS_LISTED_MAX, Flow, FlowQuery, Flows, Kill, Killed, Outcome, Question, Step,
};
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use config::Protocol;
use engine::engine::{Explanation as Told, FlowFilter, FlowView};
use engine::{DropReason, Tables, Tuple, WorkerId};
use net::Address;
use net::ip::protocol;
use std::net::SocketAddr;
use tokio::sync::oneshot;

pub(super) async fn list(State(core): State<Core>, Words(query): Words<FlowQuery>) -> Result<Json<Flows>, Refused> {
    let limit = query.limit.unwrap_or(FLOWS_LISTED_DEFAULT).min(FLOWS_LISTED_MAX) as usize;
    let filter = core.ask(move |control| control.filter(&query)).await?;
    let filter = filter.map_err(|problem| Refused::with(StatusCode::NOT_FOUND, problem))?;
    let mut answer = Flows::default();
    for worker in core.workers.iter() {
        let (reply, listed) = oneshot::channel();
        if !worker.order(Order::List(filter, limit - answer.flows.len(), reply)) {
            return Err(Refused::busy());
        }
        let (views, more) = in_time(listed).await?;
        let tables = core.shared.tables.load();
        answer.flows.extend(views.iter().map(|view| shown(view, worker.id, &tables)));
        answer.more |= more;
        if answer.more {
            break;
        }
    }
    Ok(Json(answer))
}

pub(super) async fn kill(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Body(kill): Body<Kill>,
) -> Result<Json<Killed>, Refused> {
    call.note(&match &kill {
        Kill::Flow(flow) => format!("flow {flow}"),
        Kill::Client(client) => format!("flows of {client}"),
    });
    let killed = match kill {
        Kill::Client(client) => {
            let filter = FlowFilter { client: Some(Address::from(client)), ..FlowFilter::default() };
            let mut killed = 0;
            for worker in core.workers.iter() {
                let (reply, answer) = oneshot::channel();
                if !worker.order(Order::Kill(filter, reply)) {
                    return Err(Refused::busy());
                }
                killed += in_time(answer).await?;
            }
            killed
        }
        Kill::Flow(id) => {
            let unknown = || Refused::new(StatusCode::NOT_FOUND, format!("there is no flow {id}"));
            let (worker, hash) = named(&id).ok_or_else(unknown)?;
            let worker = core.workers.get(worker).ok_or_else(unknown)?;
            let (reply, answer) = oneshot::channel();
            if !worker.order(Order::KillNamed(hash, reply)) {
                return Err(Refused::busy());
            }
            match in_time(answer).await? {
                0 => return Err(unknown()),
                killed => killed,
            }
        }
    };
    Ok(Json(Killed { killed }))
}

pub(super) async fn explain(
    State(core): State<Core>,
    Body(question): Body<Question>,
) -> Result<Json<Explanation>, Refused> {
    if question.client.is_ipv4() != question.vip.is_ipv4() {
        return Err(Refused::new(StatusCode::BAD_REQUEST, "client and VIP are of different address families"));
    }
    let tuple = Tuple {
        source: question.client.ip().into(),
        destination: question.vip.ip().into(),
        source_port: question.client.port(),
        destination_port: question.vip.port(),
        protocol: match question.protocol {
            Protocol::Tcp => protocol::TCP,
            Protocol::Udp => protocol::UDP,
        },
    };
    let tables = core.shared.tables.load_full();
    let worker = tables.worker_of_client(tuple.source);
    let (reply, answer) = oneshot::channel();
    if !core.workers.get(worker.at()).is_some_and(|worker| worker.order(Order::Explain(tuple, reply))) {
        return Err(Refused::busy());
    }
    let told = in_time(answer).await?;
    Ok(Json(explained(&tuple, worker, told, &tables)))
}

fn explained(tuple: &Tuple, worker: WorkerId, told: Told, tables: &Tables) -> Explanation {
    let finding = format!("{worker} of {}, by the client's address", tables.workers);
    let mut steps = vec![Step { what: "worker".to_owned(), finding }];
    steps.extend(told.steps.into_iter().map(|finding| Step { what: "engine".to_owned(), finding }));
    let backend = told.backend.and_then(|backend| tables.backend(backend));
    let service = told.service.and_then(|service| tables.service(service));
    let outcome = match (told.drop, backend, service) {
        (None, Some(backend), Some(service)) => {
            let hop = backend.hop.map(|hop| tables.hops[hop.at()]);
            let finding = hop.map_or("no route".to_owned(), |hop| {
                let nic = tables.nics.get(hop.nic.at()).map_or("?", |nic| &nic.name);
                let mac = hop.mac.map_or("it does not answer".to_owned(), |mac| mac.to_string());
                format!("{} on {nic}, {mac}", hop.address)
            });
            steps.push(Step { what: "next hop".to_owned(), finding });
            Outcome::Backend {
                service: service.name.clone(),
                backend: backend.name.clone(),
                target: SocketAddr::new(backend.address.into(), backend.port.unwrap_or(tuple.destination_port)),
                method: method(backend.method),
            }
        }
        _ if tables.vips.find(tuple.destination).is_none() => Outcome::Kernel,
        (reason, ..) => Outcome::Drop { reason: reason.unwrap_or(DropReason::NoBackend).name().to_owned() },
    };
    Explanation { steps, outcome }
}

fn shown(view: &FlowView, worker: WorkerId, tables: &Tables) -> Flow {
    let backend = tables.backend(view.backend);
    let socket = |(address, port): (Address, u16)| SocketAddr::new(address.into(), port);
    Flow {
        id: format!("{worker}-{:x}", short_hash(&view.inbound, tables)),
        service: tables.service(view.service).map_or_else(String::new, |service| service.name.clone()),
        backend: backend.map_or_else(String::new, |backend| backend.name.clone()),
        protocol: if view.inbound.protocol == protocol::TCP { Protocol::Tcp } else { Protocol::Udp },
        client: socket((view.inbound.source, view.inbound.source_port)),
        vip: socket((view.inbound.destination, view.inbound.destination_port)),
        target: socket(view.backend_address),
        source: view.snat.map(socket),
        method: backend.map_or(config::Method::Nat, |backend| method(backend.method)),
        state: view.state.to_owned(),
        idle_s: u64::from(view.idle_s),
        expires_s: u64::from(view.timeout_s.saturating_sub(view.idle_s)),
        packets_in: view.packets.0,
        bytes_in: view.bytes.0,
        packets_out: view.packets.1,
        bytes_out: view.bytes.1,
        worker: worker.0,
    }
}

// As `shown` writes it.
fn named(id: &str) -> Option<(usize, u64)> {
    let (worker, hash) = id.split_once('-')?;
    Some((worker.parse().ok()?, u64::from_str_radix(hash, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_s_name_is_read_back() {
        for (id, expected) in [
            ("0-1a2b", Some((0, 0x1a2b))),
            ("12-ffffffffffff", Some((12, 0xffff_ffff_ffff))),
            ("1a2b", None),
            ("-1a2b", None),
            ("0-", None),
            ("0-xyz", None),
        ] {
            assert_eq!(named(id), expected, "{id}");
        }
    }
}
