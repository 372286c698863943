//! A world of replicas: time, faults and a workload.

use std::collections::BTreeMap;
use std::time::Duration;

use super::checker::{Checker, Violated};
use super::disk::Disk;
use super::network::{Network, NodeId, Weather};
use crate::crdt::FieldEdit;
use crate::id::{RecordId, ReplicaId, VoterId};
use crate::io::{
    Command, CommandId, Envelope, Input, Message, Now, Output, PeerId, PeerKind, Recovered, Reply, WriteId,
};
use crate::ledger::Wish;
use crate::paxos::Slot;
use crate::replica::{Config, Replica, Role};
use crate::schema::{self, Schema};
use crate::split_mix::SplitMix64;
use crate::wire::{Decoder, Encoder, Frame, MAX_FRAME_BYTES};

const RELAYS: usize = 3;
const TABS: usize = 3;
/// For how long things go wrong, and how long they then have to settle.
const CHAOS: Duration = Duration::from_secs(4);
const CALM: Duration = Duration::from_secs(6);
/// The longest pause between two deeds of users or faults.
const MAX_PAUSE: Duration = Duration::from_millis(40);
/// Where the users' wall clock starts, in milliseconds since the Unix epoch.
const EPOCH_MS: u64 = 1_700_000_000_000;

/// Which faults a world has.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    pub weather: Weather,
    /// Whether relays crash.
    pub crashes: bool,
    /// Whether a crash wipes the disk, and the relay returns as if nothing had been. No protocol without stable
    /// storage survives this: it is here to show that the checker notices.
    pub amnesia: bool,
}

impl Faults {
    /// Everything that the protocol must survive.
    pub const ALL: Faults = Faults {
        weather: Weather { loss: 30, duplication: 30, max_delay: Duration::from_millis(30) },
        crashes: true,
        amnesia: false,
    };
}

/// What a run has reached; a run that never saw a fault proves little.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub steps: u64,
    pub crashes: u64,
    /// How many ballots led.
    pub leaders: u64,
    pub decided: u64,
    pub records: u64,
    /// Claims that the ledger refused.
    pub refused: u64,
}

#[derive(Debug)]
struct Node {
    replica: Option<Replica>,
    id: ReplicaId,
    /// Raised when the process ends, so that what it was waiting for is not told to its successor.
    life: u64,
    /// `None` for a tab.
    voter: Option<VoterId>,
    disk: Disk,
    /// Up to where the log has been checked.
    checked: Slot,
    /// The wake-up on its way, to leave out others for the same moment.
    waking_at: Option<Duration>,
}

#[derive(Debug)]
enum Happening {
    Deliver {
        link: PeerId,
        to: NodeId,
        message: Box<Message>,
    },
    Flush {
        node: NodeId,
        life: u64,
        write: WriteId,
    },
    Wake {
        node: NodeId,
    },
    Restart {
        node: NodeId,
    },
    /// A user or a fault does something.
    Deed,
}

/// The whole simulated system.
#[derive(Debug)]
pub struct World {
    random: SplitMix64,
    faults: Faults,
    now: Duration,
    agenda: BTreeMap<(Duration, u64), Happening>,
    scheduled: u64,
    nodes: Vec<Node>,
    network: Network,
    checker: Checker,
    calm: bool,
    commands: u64,
    ids: u64,
    last_leader: Option<crate::paxos::Ballot>,
    report: Report,
}

impl World {
    #[must_use]
    pub fn new(seed: u64, faults: Faults) -> Self {
        let mut world = World {
            random: SplitMix64::new(seed),
            faults,
            now: Duration::ZERO,
            agenda: BTreeMap::new(),
            scheduled: 0,
            nodes: Vec::new(),
            network: Network::default(),
            checker: Checker::default(),
            calm: false,
            commands: 0,
            ids: 0,
            last_leader: None,
            report: Report::default(),
        };
        for node in 0..RELAYS + TABS {
            let voter = (node < RELAYS).then(|| VoterId(node as u16 + 1));
            let id = world.new_id();
            let disk = Disk::default();
            world.nodes.push(Node { replica: None, id, life: 0, voter, disk, checked: Slot(0), waking_at: None });
            world.start(node);
        }
        world
    }

    /// Lets users and faults do their deeds until the time for it is over.
    ///
    /// # Errors
    /// The first broken promise.
    pub fn run_chaos(&mut self) -> Result<(), Violated> {
        for node in 0..self.nodes.len() {
            self.connect_all(node)?;
        }
        self.schedule(Duration::ZERO, Happening::Deed);
        self.run_until(CHAOS)
    }

    /// Ends all faults and lets the world settle.
    ///
    /// # Errors
    /// The first broken promise.
    pub fn heal(&mut self) -> Result<(), Violated> {
        self.calm = true;
        for node in 0..self.nodes.len() {
            for link in self.network.links_of(node) {
                self.cut(link)?;
            }
            self.start(node);
        }
        for node in 0..self.nodes.len() {
            self.connect_all(node)?;
        }
        self.run_until(self.now + CALM)
    }

    /// Compares all replicas, once everything has healed.
    ///
    /// # Errors
    /// The first difference, or the first loss.
    pub fn check_end(mut self) -> Result<Report, Violated> {
        let replicas: Vec<&Replica> = self.nodes.iter().filter_map(|node| node.replica.as_ref()).collect();
        for (node, replica) in replicas.iter().enumerate() {
            Checker::check_equal(node, replica, replicas[0])?;
            self.checker.check_kept(node, replica)?;
            if replica.view().pending_wishes() > 0 {
                return Err(Violated::Undecided);
            }
        }
        self.report.decided = replicas[0].view().log().decided().0;
        self.report.records = replicas[0].view().records().count() as u64;
        Ok(self.report)
    }

    fn new_id(&mut self) -> ReplicaId {
        self.ids += 1;
        ReplicaId(self.ids)
    }

    fn clock(&self) -> Now {
        Now { monotonic: self.now, wall_ms: EPOCH_MS + self.now.as_millis() as u64 }
    }

    fn schedule(&mut self, after: Duration, happening: Happening) {
        self.scheduled += 1;
        self.agenda.insert((self.now + after, self.scheduled), happening);
    }

    fn run_until(&mut self, end: Duration) -> Result<(), Violated> {
        while let Some(entry) = self.agenda.first_entry() {
            let (at, _) = *entry.key();
            if at > end {
                break;
            }
            let happening = entry.remove();
            self.now = at;
            self.happen(happening)?;
        }
        self.now = end;
        Ok(())
    }

    fn happen(&mut self, happening: Happening) -> Result<(), Violated> {
        match happening {
            Happening::Deliver { link, to, message } => {
                if self.network.other_end(link, to).is_some() {
                    self.step(to, Input::Receive(link, *message))?;
                }
            }
            Happening::Flush { node, life, write } => {
                if self.nodes[node].life == life {
                    self.nodes[node].disk.flush(write);
                    self.step(node, Input::Persisted(write))?;
                }
            }
            Happening::Wake { node } => {
                self.nodes[node].waking_at = None;
                self.step(node, Input::Wake)?;
            }
            Happening::Restart { node } => {
                self.start(node);
                self.connect_all(node)?;
            }
            Happening::Deed if self.calm => {}
            Happening::Deed => {
                self.do_something()?;
                let pause = Duration::from_micros(self.random.below(MAX_PAUSE.as_micros() as u64));
                self.schedule(pause, Happening::Deed);
            }
        }
        Ok(())
    }

    /// One input to one replica, with all that follows from it.
    fn step(&mut self, node: NodeId, input: Input) -> Result<(), Violated> {
        let now = self.clock();
        let Some(replica) = &mut self.nodes[node].replica else { return Ok(()) };
        self.report.steps += 1;
        let output = replica.handle(now, input);
        replica.assert_invariants();
        let decided = replica.view().log().decided();
        let leader = replica.view().leader();
        let checked = std::mem::replace(&mut self.nodes[node].checked, decided);
        self.checker.check_log(self.nodes[node].replica.as_ref().expect("stepped just now"), checked)?;
        if leader > self.last_leader {
            self.last_leader = leader;
            self.report.leaders += 1;
        }
        self.carry_out(node, output)?;
        self.arm_wake(node);
        Ok(())
    }

    fn carry_out(&mut self, node: NodeId, output: Output) -> Result<(), Violated> {
        assert!(output.cut.is_empty(), "nobody here breaks the protocol: {:?}", output.cut);
        if let Some(batch) = output.write {
            let write = batch.id;
            self.nodes[node].disk.write(batch);
            let wait = Duration::from_micros(self.random.below(3000));
            let life = self.nodes[node].life;
            self.schedule(wait, Happening::Flush { node, life, write });
        }
        for (_, reply) in output.replies {
            if let Ok(Reply::Decided(claim, outcome)) = reply {
                self.report.refused += u64::from(outcome.is_err());
                self.checker.told(claim, outcome);
            }
        }
        for Envelope { to: link, message } in output.sends {
            self.checker.check_send(self.nodes[node].voter, &message)?;
            self.post(node, link, message);
        }
        Ok(())
    }

    fn post(&mut self, from: NodeId, link: PeerId, message: Message) {
        let Some(to) = self.network.other_end(link, from) else { return };
        let weather = if self.calm { Weather::FAIR } else { self.faults.weather };
        for delay in weather.deliveries(&mut self.random) {
            let message = Box::new(through_the_wire(&message));
            self.schedule(delay, Happening::Deliver { link, to, message });
        }
    }

    fn arm_wake(&mut self, node: NodeId) {
        let deadline = self.nodes[node].replica.as_ref().and_then(Replica::deadline);
        if let Some(at) = deadline
            && self.nodes[node].waking_at.is_none_or(|waking| waking > at)
        {
            self.nodes[node].waking_at = Some(at);
            self.schedule(at.saturating_sub(self.now), Happening::Wake { node });
        }
    }

    /// Starts a replica from its disk, unless it runs.
    fn start(&mut self, node: NodeId) {
        if self.nodes[node].replica.is_some() {
            return;
        }
        let seed = self.random.draw();
        let now = self.clock();
        let addresses = (1..=RELAYS as u16).map(|id| (VoterId(id), format!("relay-{id}"))).collect();
        let (role, durable) = match self.nodes[node].voter {
            Some(voter) => (Role::Relay { voter, addresses, seed }, self.nodes[node].disk.read()),
            None => (Role::Tab, Recovered::default()),
        };
        let config = Config { replica: self.nodes[node].id, schema: Schema::people(), role };
        self.nodes[node].replica = Some(Replica::recover(config, durable, now));
        self.nodes[node].checked = Slot(0);
        self.nodes[node].waking_at = None;
        self.arm_wake(node);
    }

    /// Connects a relay to all other relays, a tab to some relay, as far as they run and are not connected yet.
    fn connect_all(&mut self, node: NodeId) -> Result<(), Violated> {
        let others: Vec<NodeId> = match self.nodes[node].voter {
            Some(_) => (0..RELAYS).filter(|&other| other != node).collect(),
            None if self.network.links_of(node).is_empty() => vec![self.random.below(RELAYS as u64) as usize],
            None => Vec::new(),
        };
        for other in others {
            let both_run = self.nodes[node].replica.is_some() && self.nodes[other].replica.is_some();
            if both_run && self.network.between(node, other).is_none() {
                let link = self.network.connect(node, other);
                self.step(node, Input::PeerUp(link, self.kind_of(other)))?;
                self.step(other, Input::PeerUp(link, self.kind_of(node)))?;
            }
        }
        Ok(())
    }

    fn kind_of(&self, node: NodeId) -> PeerKind {
        match self.nodes[node].voter {
            Some(voter) => PeerKind::Relay(voter),
            None => PeerKind::Tab(self.nodes[node].id),
        }
    }

    fn cut(&mut self, link: PeerId) -> Result<(), Violated> {
        let Some((a, b)) = self.network.cut(link) else { return Ok(()) };
        self.step(a, Input::PeerDown(link))?;
        self.step(b, Input::PeerDown(link))
    }

    fn do_something(&mut self) -> Result<(), Violated> {
        let tab = RELAYS + self.random.below(TABS as u64) as usize;
        let relay = self.random.below(RELAYS as u64) as usize;
        match self.random.below(100) {
            0..=2 if self.faults.crashes => self.crash(relay),
            3..=4 => self.reload(tab),
            5..=9 => match self.network.links_of(relay).first() {
                Some(&link) => self.cut(link),
                None => Ok(()),
            },
            10..=17 => self.connect_all(tab),
            18..=24 => self.connect_all(relay),
            25..=27 => match self.network.links_of(tab).first() {
                Some(&link) => self.cut(link),
                None => Ok(()),
            },
            _ => self.command(tab),
        }
    }

    fn crash(&mut self, relay: NodeId) -> Result<(), Violated> {
        if self.nodes[relay].replica.take().is_none() {
            return Ok(());
        }
        self.report.crashes += 1;
        self.nodes[relay].life += 1;
        self.nodes[relay].disk.crash(&mut self.random);
        if self.faults.amnesia {
            self.nodes[relay].disk.wipe();
        }
        for link in self.network.links_of(relay) {
            self.cut(link)?;
        }
        let wait = Duration::from_millis(self.random.below(800));
        self.schedule(wait, Happening::Restart { node: relay });
        Ok(())
    }

    /// A tab is closed and a new one opened: what no relay had is gone.
    fn reload(&mut self, tab: NodeId) -> Result<(), Violated> {
        for link in self.network.links_of(tab) {
            self.cut(link)?;
        }
        self.nodes[tab].replica = None;
        self.nodes[tab].id = self.new_id();
        self.nodes[tab].life += 1;
        self.start(tab);
        self.connect_all(tab)
    }

    fn command(&mut self, tab: NodeId) -> Result<(), Violated> {
        self.commands += 1;
        let id = CommandId(self.commands);
        let text = format!("{}", self.random.below(50));
        let edit = |record, field: &str, edit| Command::Edit { record, field: field.to_owned(), edit };
        let add = |text| Command::Add { fields: vec![(schema::NAME.to_owned(), FieldEdit::Assign(text))] };
        let command = match self.some_record(tab) {
            None => add(text),
            Some(record) => match self.random.below(14) {
                0 | 1 => add(text),
                2..=4 => edit(record, schema::NAME, FieldEdit::Assign(text)),
                5 | 6 => edit(record, schema::NOTE, FieldEdit::Assign(text)),
                12 => edit(record, schema::TAGS, FieldEdit::Insert(text)),
                13 => edit(record, schema::TAGS, FieldEdit::Remove(text)),
                7 => Command::Remove { record },
                8 | 9 => Command::Ask(Wish::Claim { record, number: 1 + self.random.below(20) }),
                10 => Command::Ask(Wish::Allocate { record }),
                _ => Command::Ask(Wish::Release { record }),
            },
        };
        self.step(tab, Input::Command(id, command))
    }

    fn some_record(&mut self, tab: NodeId) -> Option<RecordId> {
        let records = self.nodes[tab].replica.as_ref()?.view().document().records();
        let count = records.len() as u64;
        let chosen = if count == 0 { return None } else { self.random.below(count) };
        self.nodes[tab].replica.as_ref()?.view().document().records().nth(chosen as usize)
    }
}

/// What arrives of a message: it must be what was sent. Each message is a link of its own, since the simulator loses and
/// reorders what a WebSocket does not.
fn through_the_wire(message: &Message) -> Message {
    let sent = Frame::Message(message.clone());
    let bytes = Encoder::default().frame(&sent);
    let arrived = Decoder::new(MAX_FRAME_BYTES).frame(&bytes).expect("own bytes can be read");
    assert_eq!(arrived, sent, "a message changed on the wire");
    let Frame::Message(message) = arrived else { unreachable!("it is what was sent") };
    message
}
