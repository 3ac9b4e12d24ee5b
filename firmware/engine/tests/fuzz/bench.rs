//! The engines under test, what is sent to them, and what must hold of their books.

use super::judge::{After, Before, Judged, ensure, judge_emitted, judge_transmitted};
use super::look::{Look, Part};
use super::random::Random;
use super::shape::Built;
use super::support::{counters, send_buffer};
use super::talks::{Input, Talks, noise};
use super::{mutate, world};
use engine::engine::{Batch, FlowFilter};
use engine::flow::{FlowChange, FlowChanges};
use engine::{BATCH_MAX, Engine, Frame, Head, NicId, Packet, Tables, Tuple, Verdict, Wire, WorkerCounters, WorkerId};
use net::Now;
use net::offload::Offload;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// How often what became of frames was what.
#[derive(Debug, Default)]
pub struct Histogram {
    pub frames: u64,
    /// Frames of a flow, or about one, that the engine knew before.
    pub known: u64,
    pub verdicts: BTreeMap<String, u64>,
}

/// A wire that keeps what it is given.
#[derive(Debug, Default)]
struct Pipe {
    waiting: Vec<Frame<Vec<u8>>>,
    transmitted: Vec<After>,
    emitted: Vec<After>,
    returned: usize,
    handed_over: usize,
    /// The kernel's map: a claim again changes nothing.
    claims: HashSet<Tuple>,
}

impl Wire for Pipe {
    type Slot = Vec<u8>;

    fn receive(&mut self, frames: &mut Vec<Frame<Vec<u8>>>) {
        let count = self.waiting.len().min(BATCH_MAX);
        frames.extend(self.waiting.drain(..count));
    }

    fn transmit(&mut self, frame: Frame<Vec<u8>>, nic: NicId) {
        self.returned += 1;
        let bytes = frame.slot[frame.head.start as usize..frame.head.end as usize].to_vec();
        self.transmitted.push(After { nic, bytes, offload: frame.head.offload });
    }

    fn release(&mut self, _: Frame<Vec<u8>>) {
        self.returned += 1;
    }

    fn hand_over(&mut self, _: Frame<Vec<u8>>, _: WorkerId) {
        self.returned += 1;
        self.handed_over += 1;
    }

    fn emit(&mut self, nic: NicId, offload: Offload, bytes: &[u8]) {
        self.emitted.push(After { nic, bytes: bytes.to_vec(), offload });
    }

    fn flush(&mut self) {}

    fn claim(&mut self, replies: &Tuple) {
        self.claims.insert(*replies);
    }

    fn unclaim(&mut self, replies: &Tuple) {
        self.claims.remove(replies);
    }
}

/// One world, its workers, and its clients.
pub struct Bench {
    pub random: Random,
    pub histogram: Histogram,
    /// What was sent last, for the report of a failure.
    pub last: Option<Input>,
    tables: Arc<Tables>,
    engines: Vec<Engine>,
    pipes: Vec<Pipe>,
    batch: Batch<Vec<u8>>,
    counters: Arc<[Arc<WorkerCounters>]>,
    talks: Talks,
    now: Now,
    /// Flows made less flows gone, as told to other nodes.
    exported: i64,
}

impl Bench {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let workers = random.pick(&[1u8, 1, 3]);
        let tables = Arc::new(world::world(&mut random, workers));
        let counters = counters(usize::from(workers));
        let engines = (0..workers).map(|worker| {
            let mut engine = Engine::new(WorkerId(worker), Arc::clone(&tables), Arc::clone(&counters), random.next());
            *engine.changes() = FlowChanges::new(1 << 16);
            engine
        });
        Self {
            engines: engines.collect(),
            pipes: (0..workers).map(|_| Pipe::default()).collect(),
            batch: Batch::default(),
            histogram: Histogram::default(),
            last: None,
            talks: Talks::default(),
            now: Now::from_secs(1_000),
            exported: 0,
            random,
            tables,
            counters,
        }
    }

    /// Sends about `frames` frames, changes the world between them, and lets everything end.
    pub fn run(&mut self, frames: u64) -> Judged {
        while self.histogram.frames < frames {
            for input in self.next_inputs() {
                self.send(input)?;
            }
            self.now = self.now + Duration::from_micros(self.random.below(5_000) as u64);
            match self.random.below(2_000) {
                0..=79 => self.keep_house()?,
                80..=83 => self.send_batch()?,
                84..=87 => {
                    self.tables = Arc::new(world::change(&self.tables, &mut self.random));
                    self.keep_house()?;
                }
                88 => self.kill()?,
                89..=90 => {
                    self.now = self.now + Duration::from_secs(self.random.pick(&[1, 1, 2, 2, 3, 31, 61, 130, 1_000]));
                    self.keep_house()?;
                }
                91 => self.check_flows()?,
                _ => {}
            }
        }
        self.end()
    }

    fn next_inputs(&mut self) -> Vec<Input> {
        let random = &mut self.random;
        if random.chance(1) {
            return vec![Input { nic: NicId(random.below(2) as u8), built: noise(random), talk: None }];
        }
        let (nic, mut shape, talk) = self.talks.next(random);
        if random.chance(20) {
            mutate::bend(&mut shape, random);
        }
        let mut frames = match random.chance(7) && shape.segment_size == 0 {
            true => mutate::fragments(&shape, random),
            false => vec![shape.build()],
        };
        if random.chance(10) {
            let at = random.below(frames.len().max(1));
            if let Some(frame) = frames.get_mut(at) {
                mutate::spoil(frame, random);
            }
        }
        frames.into_iter().map(|built| Input { nic, built, talk }).collect()
    }

    // Through the engine of some worker, and on to the one it is handed over to.
    fn send(&mut self, input: Input) -> Judged {
        let Built { bytes, offload } = &input.built;
        let before = Before::new(bytes, *offload);
        let was_known = before.look.as_ref().is_some_and(|look| self.knows(look));
        let room = self.random.below(64);
        let mut at = self.random.below(self.engines.len());
        self.last = Some(input.clone());
        let mut hops = 0;
        let (verdict, after) = loop {
            let (mut buffer, mut head) = send_buffer(input.nic, bytes, *offload, room);
            let packet = &mut Packet { head: &mut head, buffer: &mut buffer };
            let verdict = self.engines[at].handle(self.now, packet);
            let after = packet.bytes().to_vec();
            let Verdict::HandOver(owner) = verdict else { break (verdict, (after, head)) };
            self.count(&verdict, false);
            ensure!(owner.at() != at && hops == 0, "handed over in circles");
            ensure!(bytes.starts_with(&after), "handed over changed");
            (at, hops) = (owner.at(), hops + 1);
        };
        let mut reached = was_known;
        if let Some(look) = before.look.as_ref().filter(|look| look.part == Part::Later || look.is_icmp_error()) {
            reached = matches!(verdict, Verdict::Transmit(_)) && look.l4 < look.end;
        }
        self.count(&verdict, reached);
        self.histogram.frames += 1;
        self.judge(at, &input, &before, verdict, after)
    }

    fn judge(
        &mut self,
        at: usize,
        input: &Input,
        before: &Before,
        verdict: Verdict,
        (bytes, head): (Vec<u8>, Head),
    ) -> Judged {
        let emissions = self.engines[at].emissions();
        let take = |(nic, offload, bytes): (NicId, Offload, &[u8])| After { nic, bytes: bytes.to_vec(), offload };
        let emitted: Vec<After> = emissions.iter().map(take).collect();
        emissions.clear();
        judge_emitted(&self.tables, Some((before, verdict)), &emitted)?;
        if let Some(talk) = input.talk {
            self.talks.note(talk, !matches!(verdict, Verdict::Drop(_)));
        }
        if let Verdict::Transmit(nic) = verdict {
            let after = After { nic, bytes, offload: head.offload };
            judge_transmitted(&self.tables, before, &after)?;
            self.learn(input, &after);
        }
        Ok(())
    }

    // Clients learn where replies come from, routers see what is in the tunnels.
    fn learn(&mut self, input: &Input, after: &After) {
        let Some(look) = Look::at_frame(&after.bytes, &after.offload) else { return };
        let is_outer = matches!(look.protocol, 4 | 41 | 47)
            || look.tuple().is_some_and(|tuple| tuple.protocol == 17 && tuple.destination_port == 6_080);
        match (input.talk, look.tuple()) {
            _ if is_outer => self.talks.outer = Some(look.packet().to_vec()),
            (Some(talk), Some(tuple)) => self.talks.learn(talk, tuple),
            _ => {}
        }
    }

    fn knows(&self, look: &Look) -> bool {
        let Some(tuple) = look.tuple() else { return false };
        let filter = FlowFilter { tuple: Some(tuple), ..FlowFilter::default() };
        self.engines.iter().any(|engine| !engine.list_flows(self.now, &filter, &mut 0, 1).0.is_empty())
    }

    fn count(&mut self, verdict: &Verdict, known: bool) {
        let name = match verdict {
            Verdict::Transmit(_) => "transmit".into(),
            Verdict::HandOver(_) => "hand over".into(),
            Verdict::Consumed => "consumed".into(),
            Verdict::ToControl => "to control".into(),
            Verdict::Drop(reason) => format!("drop {}", reason.name()),
        };
        *self.histogram.verdicts.entry(name).or_default() += 1;
        self.histogram.known += u64::from(known);
    }

    // Some frames at once, by way of a turn: each comes back, and the counters know of each.
    fn send_batch(&mut self) -> Judged {
        self.keep_house()?;
        self.last = None;
        let at = self.random.below(self.engines.len());
        let inputs: Vec<Input> = std::iter::repeat_with(|| self.next_inputs()).take(100).flatten().collect();
        let totals = &self.counters[at].totals;
        let verdicts = |totals: &engine::Totals| {
            totals.frames_transmitted.value()
                + totals.frames_handed_over.value()
                + totals.frames_to_control.value()
                + totals.frames_consumed.value()
        };
        let drops = || self.counters[at].drops.iter().map(|count| count.value()).sum::<u64>();
        let before = (totals.frames_received.value(), verdicts(totals) + drops(), totals.fragments_parked.value());
        let known = inputs.iter().filter_map(|input| Look::at_frame(&input.built.bytes, &input.built.offload));
        self.histogram.known += known.filter(|look| self.knows(look)).count() as u64;
        let frames = inputs.iter().map(|input| {
            let (slot, head) = send_buffer(input.nic, &input.built.bytes, input.built.offload, 64);
            Frame { slot, head }
        });
        let pipe = &mut self.pipes[at];
        pipe.waiting.extend(frames);
        self.engines[at].turn(self.now, pipe, &mut self.batch, &self.tables);
        ensure!(
            pipe.waiting.is_empty() && pipe.returned == inputs.len(),
            "{} of {} frames came back",
            pipe.returned,
            inputs.len()
        );
        let received = totals.frames_received.value() - before.0;
        ensure!(received == inputs.len() as u64, "{received} frames counted of {}", inputs.len());
        // Fragments that waited are counted when they come in, and again when they are dropped.
        let decided = verdicts(totals) + drops() - before.1;
        let waited = before.2 + totals.fragments_parked.value();
        ensure!((received..=received + waited).contains(&decided), "{decided} verdicts on {received} frames");
        self.histogram.frames += received;
        *self.histogram.verdicts.entry("(in a turn)".into()).or_default() += received;
        self.drain(at)
    }

    // What a turn sent, without the frames it came from.
    fn drain(&mut self, at: usize) -> Judged {
        let pipe = &mut self.pipes[at];
        (pipe.returned, pipe.handed_over) = (0, 0);
        let transmitted = std::mem::take(&mut pipe.transmitted);
        pipe.emitted.clear();
        let anything = Before { look: None, offload: Offload::NONE };
        transmitted.iter().try_for_each(|after| judge_transmitted(&self.tables, &anything, after))
    }

    fn keep_house(&mut self) -> Judged {
        for at in 0..self.engines.len() {
            for _ in 0..64 {
                let turned = self.engines[at].turn(self.now, &mut self.pipes[at], &mut self.batch, &self.tables);
                let emitted = std::mem::take(&mut self.pipes[at].emitted);
                judge_emitted(&self.tables, None, &emitted)?;
                if turned.next_deadline != Some(self.now) {
                    break;
                }
            }
            self.drain(at)?;
        }
        self.check_books()
    }

    // Flows made less flows gone, the backends' loads, and the table agree.
    fn check_books(&mut self) -> Judged {
        let mut flows = 0;
        for engine in &mut self.engines {
            flows += engine.counters().totals.flows.value();
            let lost = engine.counters().totals.flow_changes_lost.value();
            ensure!(lost == 0, "{lost} flow changes were lost");
            while let Some(change) = engine.changes().pop() {
                self.exported += match change {
                    FlowChange::Made(_) => 1,
                    FlowChange::Gone { .. } => -1,
                    FlowChange::Moved { .. } => 0,
                };
            }
        }
        ensure!(self.exported == flows as i64, "{} flows, but made less gone is {}", flows, self.exported);
        let mut loaded = 0;
        let slots = self.tables.backends.len();
        for load in self.counters.iter().flat_map(|counters| &counters.load[..slots]) {
            use std::sync::atomic::Ordering::Relaxed;
            loaded += u64::from(load.active.load(Relaxed)) + u64::from(load.inactive.load(Relaxed));
        }
        ensure!(loaded == flows, "{flows} flows, but the backends' loads are {loaded}");
        Ok(())
    }

    // No two flows answer to the same packets.
    fn check_flows(&mut self) -> Judged {
        for engine in &self.engines {
            let (mut cursor, mut tuples) = (0, HashSet::new());
            loop {
                let (flows, done) = engine.list_flows(self.now, &FlowFilter::default(), &mut cursor, 1_000);
                for flow in flows {
                    ensure!(tuples.insert(flow.inbound), "two flows of {:?}", flow.inbound);
                    let backend = self.tables.backend(flow.backend).ok_or("a flow without backend")?;
                    if !backend.method.sees_replies() {
                        continue;
                    }
                    let to = flow.snat.unwrap_or((flow.inbound.source, flow.inbound.source_port));
                    let replies = Tuple {
                        source: flow.backend_address.0,
                        source_port: flow.backend_address.1,
                        destination: to.0,
                        destination_port: to.1,
                        protocol: flow.inbound.protocol,
                    };
                    ensure!(tuples.insert(replies), "two flows are answered by {replies:?}");
                }
                if done {
                    break;
                }
            }
        }
        Ok(())
    }

    fn kill(&mut self) -> Judged {
        let at = self.random.below(self.engines.len());
        let client = self.talks.some_client(&mut self.random);
        let filter = FlowFilter { client, ..FlowFilter::default() };
        self.engines[at].kill_flows(self.now, &filter, &mut 0);
        self.keep_house()
    }

    // When nothing more comes everything is forgotten.
    fn end(&mut self) -> Judged {
        self.check_flows()?;
        for _ in 0..200 {
            self.now = self.now + Duration::from_secs(400);
            self.keep_house()?;
        }
        for counters in self.counters.iter() {
            let totals = &counters.totals;
            for (what, left) in [
                ("flows", totals.flows.value()),
                ("persistence entries", totals.persistence_entries.value()),
                ("fragmented datagrams", totals.fragments_tracked.value()),
            ] {
                ensure!(left == 0, "{left} {what} are left at the end");
            }
        }
        for pipe in &self.pipes {
            ensure!(pipe.claims.is_empty(), "claims are left at the end: {:?}", pipe.claims);
        }
        Ok(())
    }
}
