//! What clients' own traffic tells about a backend: frames in, faults out.

mod support;

use engine::tables::{Method, Standby};
use engine::{BackendIndex, Engine, Tables};
use etherparse::PacketBuilder;
use net::Now;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use support::*;

const CLIENT: (&str, u16) = ("10.9.0.7", 40_000);
const VIP: (&str, u16) = ("10.1.0.100", 80);
const START_S: u64 = 100;

/// What happens, in the order of the table's words.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The client's SYN, the first or another try.
    Syn,
    /// The server's SYN with ACK.
    SynAck,
    /// The client's ACK.
    Ack,
    /// The server's RST.
    Rst,
    /// A datagram of the client.
    Ask,
    /// A datagram of the server.
    Reply,
    /// The server's "port unreachable" about the client's datagram.
    PortUnreachable,
    /// The same of a router in front of it.
    RouterUnreachable,
    /// Seconds without a packet.
    Wait(u64),
}

use Step::*;

/// Method, what happens to one flow, and then: unanswered, refused, one-way.
const CASES: &[(&str, Method, &[Step], [u64; 3])] = &[
    ("a handshake", Method::Nat, &[Syn, SynAck, Ack, Wait(2_000)], [0, 0, 0]),
    ("the SYN comes again", Method::Nat, &[Syn, Wait(1), Syn], [1, 0, 0]),
    ("a flow counts once", Method::Nat, &[Syn, Syn, Syn, Wait(2_000)], [1, 0, 0]),
    ("nobody tries again", Method::Nat, &[Syn, Wait(200)], [1, 0, 0]),
    ("the answer is lost on the way to the client", Method::Nat, &[Syn, SynAck, Syn, Wait(200)], [0, 0, 0]),
    ("a made-up SYN that the server answers", Method::Nat, &[Syn, SynAck, Wait(200)], [0, 0, 0]),
    ("refused", Method::Nat, &[Syn, Rst, Wait(200)], [0, 1, 0]),
    ("refused twice", Method::Nat, &[Syn, Rst, Syn, Rst], [0, 2, 0]),
    ("late, but refused", Method::Nat, &[Syn, Syn, Rst], [1, 0, 0]),
    ("reset when open", Method::Nat, &[Syn, SynAck, Ack, Rst], [0, 0, 0]),
    ("full NAT sees as much", Method::FullNat, &[Syn, Wait(1), Syn], [1, 0, 0]),
    ("direct: the SYN comes again", Method::Direct, &[Syn, Wait(1), Syn], [1, 0, 0]),
    ("direct: a made-up SYN tells nothing", Method::Direct, &[Syn, Wait(200)], [0, 0, 0]),
    ("direct: open", Method::Direct, &[Syn, Ack, Wait(2_000)], [0, 0, 0]),
    ("a tunnel: the SYN comes again", Method::TunnelIpip, &[Syn, Syn], [1, 0, 0]),
    ("UDP: answered", Method::Nat, &[Ask, Reply, Wait(5), Ask, Wait(1_000)], [0, 0, 0]),
    ("UDP: many datagrams in a row", Method::Nat, &[Ask, Ask, Wait(1), Ask], [0, 0, 0]),
    ("UDP: asked again after a silence", Method::Nat, &[Ask, Wait(2), Ask, Wait(2), Ask], [0, 0, 1]),
    ("UDP: nobody tries again", Method::Nat, &[Ask, Wait(1_000)], [0, 0, 1]),
    ("UDP: port unreachable", Method::Nat, &[Ask, PortUnreachable, PortUnreachable], [0, 1, 0]),
    ("UDP: a router says so", Method::Nat, &[Ask, RouterUnreachable], [0, 0, 0]),
    ("direct: UDP tells nothing", Method::Direct, &[Ask, Wait(2), Ask, Wait(1_000)], [0, 0, 0]),
];

/// One client, and the server that got its last request.
struct Talk {
    engine: Engine,
    tables: Arc<Tables>,
    now_s: u64,
    request: Vec<u8>,
}

impl Talk {
    fn new(method: Method) -> Self {
        let tables = tables(&[method]);
        Self { engine: engine(tables.clone()), tables: Arc::new(tables), now_s: START_S, request: Vec::new() }
    }

    fn step(&mut self, step: Step) {
        match step {
            Syn => self.ask(&tcp(FRONT, CLIENT, VIP, "S", (1_000, 0), b"")),
            Ack => self.ask(&tcp(FRONT, CLIENT, VIP, "A", (1_001, 5_001), b"")),
            Ask => self.ask(&udp(FRONT, CLIENT, VIP, b"?")),
            SynAck => self.reply(|from, to| tcp(BACK, from, to, "SA", (5_000, 1_001), b"")),
            Rst => self.reply(|from, to| tcp(BACK, from, to, "RA", (0, 1_001), b"")),
            Reply => self.reply(|from, to| udp(BACK, from, to, b"!")),
            PortUnreachable => self.unreachable(None),
            RouterUnreachable => self.unreachable(Some(Ipv4Addr::new(10, 2, 0, 254))),
            Wait(seconds) => {
                for _ in 0..seconds {
                    self.now_s += 1;
                    let batch = &mut engine::engine::Batch::default();
                    self.engine.turn(self.now(), &mut Silence, batch, &self.tables);
                }
            }
        }
    }

    fn now(&self) -> Now {
        Now::from_secs(self.now_s)
    }

    fn ask(&mut self, frame: &[u8]) {
        let now = self.now();
        self.request = send_at(&mut self.engine, now, FRONT, frame).frame;
    }

    fn reply(&mut self, frame: impl FnOnce((&str, u16), (&str, u16)) -> Vec<u8>) {
        let (client, server) = self.ends();
        let frame = frame((&server.ip().to_string(), server.port()), (&client.ip().to_string(), client.port()));
        let now = self.now();
        send_at(&mut self.engine, now, BACK, &frame);
    }

    fn unreachable(&mut self, router: Option<Ipv4Addr>) {
        let (client, server) = self.ends();
        let speaker = router.unwrap_or(*server.ip());
        let mut bytes = Vec::new();
        let port = etherparse::icmpv4::DestUnreachableHeader::Port;
        PacketBuilder::ethernet2(backend_mac(1).0, BACK_MAC.0)
            .ipv4(speaker.octets(), client.ip().octets(), 64)
            .icmpv4(etherparse::Icmpv4Type::DestinationUnreachable(port))
            .write(&mut bytes, &self.request[net::ethernet::HEADER..])
            .expect("memory has room");
        let now = self.now();
        send_at(&mut self.engine, now, BACK, &bytes);
    }

    // Client and server, as the server sees them.
    fn ends(&self) -> (SocketAddrV4, SocketAddrV4) {
        let (client, server) = ends(&self.request);
        (client.parse().expect("address and port"), server.parse().expect("address and port"))
    }

    fn faults(&self) -> [u64; 3] {
        self.engine.counters().faults.iter().fold([0; 3], |[unanswered, refused, one_way], faults| {
            [unanswered + faults.unanswered.value(), refused + faults.refused.value(), one_way + faults.one_way.value()]
        })
    }
}

/// A wire that nothing comes from.
struct Silence;

impl engine::Wire for Silence {
    type Slot = Vec<u8>;

    fn receive(&mut self, _: &mut Vec<engine::Frame<Vec<u8>>>) {}
    fn transmit(&mut self, _: engine::Frame<Vec<u8>>, _: engine::NicId) {}
    fn release(&mut self, _: engine::Frame<Vec<u8>>) {}
    fn hand_over(&mut self, _: engine::Frame<Vec<u8>>, _: engine::WorkerId) {}
    fn emit(&mut self, _: engine::NicId, _: net::offload::Offload, _: &[u8]) {}
    fn flush(&mut self) {}
}

#[test]
fn faults_are_counted() {
    for (name, method, steps, expected) in CASES {
        let mut talk = Talk::new(*method);
        for step in *steps {
            talk.step(*step);
        }
        assert_eq!(talk.faults(), *expected, "{name}: {steps:?}");
    }
}

#[test]
fn the_backend_that_was_asked_is_at_fault() {
    let mut talk = Talk::new(Method::Nat);
    [Syn, Syn].into_iter().for_each(|step| talk.step(step));
    let (_, server) = ends(&talk.request);
    let asked = (0..3u16).find(|at| {
        let backend = talk.tables.backend(BackendIndex(*at)).unwrap();
        server == format!("{}:8080", backend.address)
    });
    assert_eq!(talk.engine.counters().faults[usize::from(asked.unwrap())].unanswered.value(), 1);
}

#[test]
fn a_flow_learnt_from_another_node_tells_nothing() {
    let mut first = Talk::new(Method::Nat);
    *first.engine.changes() = engine::flow::FlowChanges::new(8);
    first.step(Syn);
    let Some(engine::flow::FlowChange::Made(record)) = first.engine.changes().pop() else { panic!("a flow was made") };
    let mut second = Talk::new(Method::Nat);
    assert!(second.engine.learn(second.now(), &record, FRONT));
    [Syn, Wait(200)].into_iter().for_each(|step| second.step(step));
    assert_eq!(second.faults(), [0, 0, 0]);
}

#[test]
fn a_backend_on_standby_keeps_its_flows_and_gets_no_others() {
    for standby in [Standby::Priority, Standby::Quorum, Standby::Feedback] {
        let mut talk = Talk::new(Method::Nat);
        talk.step(Syn);
        let first = ends(&talk.request).1;
        let mut tables = Tables::clone(&talk.tables);
        let is_first = |at: &usize| first == format!("{}:8080", tables.backends[*at].as_ref().unwrap().address);
        let asked = (0..3).find(is_first).unwrap();
        change_backend(&mut tables, asked, |backend| backend.standby = Some(standby));
        talk.engine.adopt(talk.now(), Arc::new(tables));
        for port in 1..20 {
            let other = tcp(FRONT, ("10.9.0.8", port), VIP, "S", (1_000, 0), b"");
            assert_ne!(ends(&send(&mut talk.engine, FRONT, &other).frame).1, first);
        }
        talk.step(Ack);
        assert_eq!(ends(&talk.request).1, first, "{standby:?}");
        let told = talk.engine.explain(
            talk.now(),
            &engine::Tuple {
                source: address("10.9.0.9"),
                destination: address(VIP.0),
                source_port: 1,
                destination_port: VIP.1,
                protocol: net::ip::protocol::TCP,
            },
        );
        assert!(told.steps.iter().any(|step| step.contains("takes no new flows")), "{:?}", told.steps);
    }
}
