//! A world of replicas: time, nodes, and what becomes of their outputs.

mod copies;
mod liars;
mod links;
mod node;
mod outside;
mod restores;
mod watch;
mod workload;

pub(super) use node::Node;

use std::rc::Rc;
use std::time::Duration;

use super::agenda::Agenda;
use super::checker::Checker;
use super::disk::LONGEST_FLUSH;
use super::faults::{Faults, Kind};
use super::liar::Liar;
use super::network::{Network, NodeId};
use super::report::Report;
use super::restores::Restores;
use super::violated::Violated;
use crate::base::dot::DotSet;
use crate::base::hlc::Hlc;
use crate::base::id::{RelayId, ReplicaId};
use crate::base::sorted::SortedMap;
use crate::base::split_mix::SplitMix64;
use crate::consensus::{Ballot, Configuration};
use crate::ledger::{Dynamic, Keyed, Level, Load, Operation, Policy, Reason};
use crate::merge::document::Live;
use crate::replica::io::{
    Command, CommandId, Envelope, Input, Message, Now, Output, PeerId, Reply, Violation, WriteId,
};
use crate::replica::{Audit, Config, Replica, Role, Tuning};
use crate::schema::Schema;

pub(super) const RELAYS: usize = 5;
const MAX_TABS: u64 = 6;
/// For how long things go wrong, and how long they then have to settle.
const CHAOS: Duration = Duration::from_secs(4);
const CALM: Duration = Duration::from_secs(16);
/// The longest pause between two actions of users or faults.
const MAX_PAUSE: Duration = Duration::from_millis(20);
/// Where the users' wall clock starts, in milliseconds since the Unix epoch.
pub(super) const EPOCH_MS: u64 = 1_700_000_000_000;
/// More steps than any run takes whose replicas come to rest.
const MAX_STEPS: u64 = 400_000;
/// How long two copies may be at two relays at a time: as long as things go wrong, since a relay whose messages are lost
/// may tell of a tab that has left it.
const TWIN_GRACE: Duration = CHAOS;
/// So short that tabs are retired that are only away for a moment.
const RETIRE_AFTER: Duration = Duration::from_millis(150);
/// Longer than any run.
const FOR_EVER: Duration = Duration::from_secs(1 << 30);

#[derive(Debug)]
pub(super) enum Happening {
    Deliver {
        link: PeerId,
        to: NodeId,
        message: Rc<Message>,
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
    /// A link over which nothing came through is noticed.
    Silence {
        link: PeerId,
    },
    /// Walls in the network fall.
    Reunion,
    /// A user or a fault does something.
    Action,
}

/// The whole simulated system.
#[derive(Debug)]
pub struct World {
    pub(super) random: SplitMix64,
    pub(super) faults: Faults,
    pub(super) kind: Kind,
    pub(super) now: Duration,
    agenda: Agenda<Happening>,
    pub(super) nodes: Vec<Node>,
    pub(super) network: Network,
    pub(super) checker: Checker,
    calm: bool,
    /// How many tabs are neighbours of one another.
    tabs_per_browser: usize,
    commands: u64,
    ids: u64,
    last_leader: Option<Ballot>,
    configuration: u32,
    /// The first configuration.
    founding: Configuration,
    /// HTTP requests of programs outside under keys, which may be repeated elsewhere.
    pub(super) outside: Vec<(Keyed, Command)>,
    /// The configurations that operators asked for, granted or not.
    pub(super) asked: Vec<Configuration>,
    /// The configuration in which a disk was lost last.
    pub(super) lost_in: Option<u32>,
    /// Tabs that are gone for good.
    pub(super) gone: Vec<ReplicaId>,
    pub(super) restores: Restores,
    /// Tabs that lie.
    pub(super) liars: Vec<Liar>,
    pub(super) report: Report,
}

impl World {
    /// Creates a world whose kind, voters, tabs and faults follow from `seed`. `faults` says which faults may happen.
    #[must_use]
    pub fn new(seed: u64, faults: Faults) -> Self {
        let mut random = SplitMix64::new(seed);
        let kind = match random.below(5) {
            0 if faults.amnesia => Kind::Forgetting,
            1 => Kind::Retiring,
            2 if faults.amnesia => Kind::Restoring,
            _ => Kind::Ordinary,
        };
        let tabs = 2 + random.below(MAX_TABS - 1) as usize;
        let tabs_per_browser = 1 + random.below(3) as usize;
        let voters = [1, 3, 3, 5][random.below(4) as usize];
        let mut world = World {
            random,
            faults,
            kind,
            now: Duration::ZERO,
            agenda: Agenda::new(),
            nodes: Vec::new(),
            network: Network::default(),
            checker: Checker::default(),
            calm: false,
            tabs_per_browser,
            commands: 0,
            ids: 0,
            last_leader: None,
            configuration: 0,
            founding: Configuration { number: 0, voters: SortedMap::new() },
            outside: Vec::new(),
            asked: Vec::new(),
            lost_in: None,
            gone: Vec::new(),
            restores: Restores::default(),
            liars: Vec::new(),
            report: Report::default(),
        };
        for node in 0..RELAYS + tabs {
            let voter = (node < RELAYS).then(|| RelayId(node as u16 + 1));
            let id = world.new_id();
            world.nodes.push(Node::new(id, voter));
            world.founding.voters.extend(voter.filter(|_| node < voters).map(|voter| (voter, id)));
        }
        (0..world.nodes.len()).for_each(|node| world.start(node));
        world
    }

    /// Lets users and faults act until the time for it is over.
    ///
    /// # Errors
    /// The first broken promise.
    pub fn run_chaos(&mut self) -> Result<(), Violated> {
        self.connect_everybody()?;
        self.schedule(Duration::ZERO, Happening::Action);
        self.run_until(CHAOS)
    }

    /// Ends all faults and lets the world settle.
    ///
    /// # Errors
    /// The first broken promise.
    pub fn heal(&mut self) -> Result<(), Violated> {
        self.calm = true;
        self.network.tear_down_walls();
        for node in 0..self.nodes.len() {
            self.nodes[node].asleep_until = Duration::ZERO;
            self.nodes[node].clock_ahead_ms = 0;
            for link in self.network.links_of(node) {
                self.cut(link)?;
            }
            self.start(node);
        }
        self.connect_everybody()?;
        self.run_until(self.now + CALM / 4)?;
        for relay in 0..RELAYS {
            self.step(relay, Input::ClockConfirmed)?;
        }
        // Nobody has to wait for observers any more.
        if let Some(asker) = (0..RELAYS).find(|&relay| self.is_voter(relay)) {
            self.give(asker, Command::Ask(Operation::SetPolicy { policy: Policy::default() }))?;
            let (level, reason) = (Level::Batching, Reason::Resumed);
            let dynamic =
                Dynamic { on_collision: self.checker.model.ledger().dynamic().on_collision, ..Dynamic::default() };
            self.give(asker, Command::Ask(Operation::SetDynamic { dynamic }))?;
            self.give(asker, Command::Ask(Operation::SetMode { from: None, level, reason, load: Load::default() }))?;
        }
        self.run_until(self.now + CALM)
    }

    /// Compares all replicas, once everything has healed.
    ///
    /// # Errors
    /// The first difference, or the first loss.
    pub fn check_end(mut self) -> Result<Report, Violated> {
        let nodes = self.nodes.iter().enumerate();
        let replicas: Vec<(NodeId, &Replica)> =
            nodes.filter_map(|(at, node)| Some((at, node.replica.as_ref()?))).collect();
        self.check_accused()?;
        self.check_copies()?;
        if self.kind == Kind::Retiring {
            self.check_retired(&replicas)?;
        }
        let relays: Vec<&Replica> =
            replicas.iter().filter(|(node, _)| *node < RELAYS).map(|(_, relay)| *relay).collect();
        for &(node, replica) in &replicas {
            replica.assert_invariants();
            Checker::check_equal((node, replica), replicas[0])?;
            self.checker.check_kept(node, replica)?;
            self.check_made(node, replica)?;
            if node < RELAYS {
                self.check_stamps(node, replica)?;
            }
            self.checker.check_raises(node, replica)?;
            self.check_lost_numbers(node, replica)?;
            Checker::check_settled(&relays, node, replica)?;
            if replica.view().pending_operations() > 0 {
                let waiting = replica.view().pending_requests().cloned().collect();
                return Err(Violated::Undecided { node, waiting });
            }
        }
        let view = replicas[0].1.view();
        self.report.decided = view.log().decided().0;
        self.report.records = view.records().count() as u64;
        self.report.ranges = view.ledger().ranges().count() as u64;
        self.report.retired = view.ledger().retired().count() as u64;
        let came_back = |node: &&Node| (1..view.document().last_of(node.id)).contains(&self.retired_up_to(node.id));
        self.report.came_back = self.nodes.iter().filter(came_back).count() as u64;
        (self.report.repeated, self.report.forgotten) = (self.checker.model.repeated, self.checker.model.forgotten);
        (self.report.settled, self.report.conflicts) = (self.checker.model.settled(), self.checker.model.conflicts);
        self.report.epochs = view.ledger().epoch().number;
        self.report.epochs_by_load = self.checker.model.epochs_by_load;
        self.report.raised_without_log = self.checker.raised_without_log;
        (self.report.provisional, self.report.leased) = (self.checker.provisional, self.checker.leased);
        self.report.waivers = self.checker.model.waivers;
        (self.report.keys, self.report.keys_repeated) =
            (self.checker.model.keys_used(), self.checker.model.keys_repeated);
        self.report.linearizable_reads = self.checker.linearizable_reads;
        self.report.session_reads = self.checker.session_reads;
        Ok(self.report)
    }

    /// After healing no relay keeps stamps of its own that no right clock can have made.
    fn check_stamps(&self, node: NodeId, relay: &Replica) -> Result<(), Violated> {
        let (view, wall_ms) = (relay.view(), EPOCH_MS + self.now.as_millis() as u64);
        for record in view.document().records() {
            let is_far = |live: &Live| {
                live.dot.replica() == self.nodes[node].id
                    && live.folded.is_empty()
                    && Hlc::check(live.version.stamp, wall_ms).is_err()
            };
            if view.document().versions(record).iter().any(is_far) {
                return Err(Violated::StampAhead { node, record });
            }
        }
        Ok(())
    }

    /// After healing the relays know no ids but of those who are there, and of those by whose edits something lives.
    fn check_retired(&self, replicas: &[(NodeId, &Replica)]) -> Result<(), Violated> {
        for &(node, replica) in replicas.iter().filter(|(node, _)| *node < RELAYS) {
            let view = replica.view();
            let document = view.document();
            let of_liars = self.liars.iter().map(|liar| liar.id);
            let there: Vec<ReplicaId> = self.nodes.iter().map(|node| node.id).chain(of_liars).collect();
            let is_over = |id: &ReplicaId| document.check_retirement(*id, document.last_of(*id)).is_ok();
            if let Some(id) = document.context().replicas().find(|id| !there.contains(id) && is_over(id)) {
                return Err(Violated::Unretired { node, id });
            }
        }
        Ok(())
    }

    pub(super) fn new_id(&mut self) -> ReplicaId {
        self.ids += 1;
        ReplicaId(self.ids)
    }

    pub(super) fn schedule(&mut self, after: Duration, happening: Happening) {
        self.agenda.enter(self.now + after, happening);
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.random.below(limit)
    }

    fn run_until(&mut self, end: Duration) -> Result<(), Violated> {
        while let Some((at, happening)) = self.agenda.next_until(end) {
            self.now = at;
            self.happen(happening)?;
        }
        self.now = end;
        Ok(())
    }

    fn happen(&mut self, happening: Happening) -> Result<(), Violated> {
        if self.report.steps > MAX_STEPS {
            return Err(Violated::Restless { steps: self.report.steps });
        }
        match happening {
            Happening::Deliver { to, .. } | Happening::Wake { node: to } if self.nodes[to].asleep_until > self.now => {
                let wait = self.nodes[to].asleep_until - self.now;
                self.schedule(wait, happening);
            }
            Happening::Deliver { link, to, message } => {
                if let Some(from) = self.network.other_end(link, to) {
                    if self.nodes[from].voter.is_some() {
                        self.checker.vote_arrives(self.nodes[from].voter_id(), &message);
                    }
                    self.step(to, Input::Receive(link, Rc::unwrap_or_clone(message)))?;
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
                self.reconnect_in_calm()?;
            }
            Happening::Silence { link } => {
                self.cut(link)?;
                self.reconnect_in_calm()?;
            }
            Happening::Reunion => {
                self.network.tear_down_walls();
                self.connect_everybody()?;
            }
            Happening::Action if self.calm => {}
            Happening::Action => {
                self.do_something()?;
                let pause = Duration::from_micros(self.random.below(MAX_PAUSE.as_micros() as u64));
                self.schedule(pause, Happening::Action);
            }
        }
        Ok(())
    }

    /// A user gives a command to a replica that runs.
    pub(super) fn give(&mut self, node: NodeId, command: Command) -> Result<(), Violated> {
        self.commands += 1;
        self.restores.see(&command);
        self.step(node, Input::Command(CommandId(self.commands), command))
    }

    /// The id of the command that is given next.
    pub(super) fn next_command(&self) -> CommandId {
        CommandId(self.commands + 1)
    }

    /// One input to one replica, with all that follows from it.
    pub(super) fn step(&mut self, node: NodeId, input: Input) -> Result<(), Violated> {
        let Some(mut output) = self.handle(node, input) else { return Ok(()) };
        let cut = std::mem::take(&mut output.cut);
        self.carry_out(node, &mut output)?;
        let Some((link, violation)) = self.renew_copies(node, cut)?.into_iter().next() else { return Ok(()) };
        let was_wrong = self.network.other_end(link, node).is_some_and(|other| {
            let other = &self.nodes[other];
            // Two copies have one id, so each is judged by the stamps of both.
            other.clock_was_wrong && (!self.calm || self.checker.model.copied.contains(&other.id))
        });
        if matches!(violation, Violation::Clock(_)) && was_wrong {
            self.report.clocks_refused += 1;
            return self.cut(link);
        }
        Err(Violated::Refused { node, link, violation })
    }

    /// Has a replica handle an input, if it runs.
    pub(super) fn handle(&mut self, node: NodeId, input: Input) -> Option<Output> {
        let at = &mut self.nodes[node];
        let now = Now { monotonic: self.now, wall_ms: EPOCH_MS + self.now.as_millis() as u64 + at.clock_ahead_ms };
        let replica = at.replica.as_mut()?;
        self.report.steps += 1;
        let output = replica.handle(now, input);
        at.audit.check(replica, &mut self.checker.sound);
        Some(output)
    }

    /// Checks the state that a step has left, and sees to its output.
    pub(super) fn carry_out(&mut self, node: NodeId, output: &mut Output) -> Result<(), Violated> {
        self.check_state(node)?;
        if let Some(batch) = output.write.take() {
            let write = batch.id;
            self.nodes[node].disk.write(batch);
            let wait = Duration::from_micros(self.random.below(LONGEST_FLUSH.as_micros() as u64));
            let life = self.nodes[node].life;
            self.schedule(wait, Happening::Flush { node, life, write });
        }
        self.report.rejoined += u64::from(output.restored.is_some());
        let replica = self.nodes[node].replica.as_ref();
        let knows_the_log = !output.replies.is_empty() && replica.is_some_and(|replica| self.is_up_to_restore(replica));
        for (id, reply) in output.replies.drain(..) {
            if let Ok(reply) = reply
                && (knows_the_log || matches!(reply, Reply::ReadAt { .. }))
            {
                self.count_reply(node, &reply);
                self.checker.check_keyed_reply(id, &reply)?;
                self.checker.check_reply(self.nodes[node].id, id, &reply)?;
            }
        }
        let voter = self.nodes[node].voter.map(|voter| (voter, self.nodes[node].id));
        let mut arrives = None;
        for Envelope { to: link, message } in &output.sends {
            let link = *link;
            if self.network.is_cut(link) {
                return Err(Violated::SentAfterDown { node, link });
            }
            self.checker.check_send(voter, message)?;
            self.check_majority(message)?;
            self.post(node, link, message, &mut arrives);
        }
        if output.forgot {
            return if node < RELAYS { self.renew(node) } else { self.take_new_id(node) };
        }
        self.arm_wake(node);
        Ok(())
    }

    fn arm_wake(&mut self, node: NodeId) {
        let deadline = self.nodes[node].replica.as_ref().and_then(Replica::deadline);
        if let Some(at) = deadline.filter(|&at| at < FOR_EVER)
            && self.nodes[node].waking_at.is_none_or(|waking| waking > at)
        {
            self.nodes[node].waking_at = Some(at);
            self.schedule(at.saturating_sub(self.now), Happening::Wake { node });
        }
    }

    /// Starts a replica from its disk, unless it runs.
    pub(super) fn start(&mut self, node: NodeId) {
        if self.nodes[node].replica.is_some() {
            return;
        }
        let seed = self.random.draw();
        let now = Now { monotonic: self.now, wall_ms: EPOCH_MS + self.now.as_millis() as u64 };
        let addresses = (1..=RELAYS as u16).map(|id| (RelayId(id), format!("relay-{id}"))).collect();
        let recovery_grace = if self.kind == Kind::Forgetting { FOR_EVER } else { Duration::ZERO };
        let retire_after = if self.kind == Kind::Retiring { RETIRE_AFTER } else { FOR_EVER };
        let tuning = Tuning { log_kept: 20, recovery_grace, twin_grace: TWIN_GRACE, retire_after };
        let (role, durable) = match self.nodes[node].voter {
            Some(voter) => (Role::Relay { voter, addresses, seed, tuning }, self.nodes[node].disk.read()),
            None => (Role::Tab, self.nodes[node].disk.read()),
        };
        if self.nodes[node].voter.is_some() {
            self.report.gone_on_with += durable.pending.len() as u64;
        }
        let config = Config { replica: self.nodes[node].id, schema: Schema::people(), role };
        let replica = Replica::recover(config, durable, now);
        let checked_snapshot = replica.view().snapshot().map(|snapshot| snapshot.at.slot).unwrap_or_default();
        let at = &mut self.nodes[node];
        at.checked = replica.view().log().start().slot;
        (at.checked_snapshot, at.leads, at.waking_at) = (checked_snapshot, None, None);
        at.audit = Audit::default();
        at.replica = Some(replica);
        if at.voter.is_some_and(|voter| self.founding.has(voter, at.id)) {
            let founding = Input::Found(self.founding.clone().into());
            self.step(node, founding).expect("a log is founded, or was before");
        }
        self.arm_wake(node);
    }

    /// Ends a process: what its links and its disk were about to do does not happen. Says whether it ran.
    pub(super) fn stop(&mut self, node: NodeId) -> Result<bool, Violated> {
        if self.nodes[node].replica.take().is_none() {
            return Ok(false);
        }
        self.nodes[node].life += 1;
        for link in self.network.links_of(node) {
            self.cut(link)?;
        }
        Ok(true)
    }

    /// Others remember what this relay has forgotten: it gets a new incarnation.
    fn renew(&mut self, node: NodeId) -> Result<(), Violated> {
        self.report.amnesia_detections += 1;
        self.stop(node)?;
        self.checker.loses(self.now, &self.nodes[node].holder());
        let id = self.new_id();
        let at = &mut self.nodes[node];
        at.disk.renew();
        (at.id, at.forgot) = (id, false);
        let wait = Duration::from_millis(self.random.below(300));
        self.schedule(wait, Happening::Restart { node });
        Ok(())
    }

    /// The dots on the disks of all relays but one.
    pub(super) fn flushed_without(&self, relay: NodeId) -> DotSet {
        let mut all = DotSet::default();
        for (_, other) in self.nodes[..RELAYS].iter().enumerate().filter(|&(at, _)| at != relay) {
            all.join(&other.disk.flushed().context);
        }
        all
    }

    /// The counter of the last dot of a replica that anybody has seen.
    pub(super) fn last_dot_of(&self, replica: ReplicaId) -> u64 {
        let running = self.nodes.iter().filter_map(|node| node.replica.as_ref());
        let in_memory = running.map(|replica| replica.view().document().context());
        let on_disk = self.nodes.iter().map(|node| &node.disk.flushed().context);
        let seen = in_memory.chain(on_disk).map(|context| context.highest(replica)).max().unwrap_or(0);
        seen.max(self.retired_up_to(replica))
    }

    /// The counter of the last dot up to which the log has retired a replica; 0 if it has not.
    pub(super) fn retired_up_to(&self, replica: ReplicaId) -> u64 {
        let mut retired = self.checker.model.ledger().retired();
        retired.find(|&(id, _)| id == replica).map_or(0, |(_, last)| last)
    }

    pub(super) fn is_voter(&self, relay: NodeId) -> bool {
        let configuration = self.checker.model.ledger().configuration();
        let node = &self.nodes[relay];
        configuration.is_some_and(|configuration| node.voter.is_some_and(|voter| configuration.has(voter, node.id)))
    }
}
