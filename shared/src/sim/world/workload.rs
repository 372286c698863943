//! The actions of simulated users, and the faults.

use std::time::Duration;

use super::outside::REGISTERED;
use super::{Happening, Node, RELAYS, World};
use crate::base::hlc::MAX_DRIFT_MS;
use crate::base::id::{RecordId, RelayId, ReplicaId};
use crate::base::sorted::SortedMap;
use crate::consensus::{self, Ballot, Configuration, Slot};
use crate::ledger::{
    DEFAULT_REACH, Dynamic, Key, Keyed, KeyedOperation, Level, Load, OnCollision, Operation, Policy, Reason, Request,
    RequestId, Resolution, Rule, Suffix,
};
use crate::replica::io::{Command, Consistency, Input, Message};
use crate::schema;
use crate::schema::FieldEdit;
use crate::sim::faults::Kind;
use crate::sim::network::NodeId;
use crate::sim::violated::Violated;

/// The longest that somebody sleeps, that a network is parted, and that a broken link goes unnoticed.
const LONGEST_MS: u64 = 600;
/// How far a clock is wrong that nobody should believe.
const TEN_YEARS_MS: u64 = 10 * 365 * 24 * 60 * 60 * 1000;
/// How far a clock jumps that is as right as clocks are. Stamps an hour ahead of a relay's clock are refused.
const CLOCK_JUMP_MS: u64 = 1_500_000;

impl World {
    pub(super) fn do_something(&mut self) -> Result<(), Violated> {
        let tab = self.some_tab();
        let relay = self.below(RELAYS as u64) as usize;
        let forgetting = self.kind == Kind::Forgetting;
        match self.below(200) {
            0..=3 if self.faults.crashes && !forgetting => self.crash(relay),
            4 | 5 if self.faults.amnesia && !matches!(self.kind, Kind::Retiring | Kind::Restoring) => {
                self.lose_memory(relay)
            }
            6 | 7 if self.faults.partitions => self.part(),
            8..=10 if self.faults.partitions => self.deafen(relay),
            11 | 12 => {
                let sleeper = self.below(self.nodes.len() as u64) as usize;
                self.nodes[sleeper].asleep_until = self.now + Duration::from_millis(self.random.below(LONGEST_MS));
                self.report.sleeps += 1;
                Ok(())
            }
            13 | 14 => {
                let node = self.below(self.nodes.len() as u64) as usize;
                let wrong = [2 * MAX_DRIFT_MS, TEN_YEARS_MS][self.below(2) as usize];
                let ahead_ms = if self.below(4) == 0 { wrong } else { self.below(CLOCK_JUMP_MS) };
                let at = &mut self.nodes[node];
                at.clock_ahead_ms = ahead_ms;
                at.clock_was_wrong |= ahead_ms > CLOCK_JUMP_MS;
                self.report.clock_jumps += 1;
                Ok(())
            }
            15 | 16 => self.reload(tab),
            17 => self.reopen(tab),
            18 => self.copy_profile(tab),
            19..=24 => self.cut_some(relay),
            25..=28 => self.cut_some(tab),
            29..=42 => self.connect_all(tab),
            43..=56 => self.connect_all(relay),
            57..=59 => self.lie(tab),
            60..=65 => self.operate(relay),
            66..=71 => self.ask_from_outside(relay),
            72..=79 => self.read(tab),
            126..=128 => self.deceive(),
            96..=105 => self.number_somebody(relay),
            106..=125 => self.number_somebody(tab),
            80 if self.kind == Kind::Restoring => self.restore_all(),
            81..=84 if self.kind == Kind::Restoring => {
                self.back_up_for_all(relay);
                Ok(())
            }
            80..=83 if self.faults.amnesia && forgetting => self.lose_memory(relay),
            80..=95 if forgetting => {
                self.nodes[relay].disk.back_up();
                Ok(())
            }
            _ => self.command(tab),
        }
    }

    pub(super) fn some_tab(&mut self) -> NodeId {
        let tabs = (self.nodes.len() - RELAYS) as u64;
        RELAYS + self.below(tabs) as usize
    }

    fn cut_some(&mut self, node: NodeId) -> Result<(), Violated> {
        let links = self.network.links_of(node);
        if links.is_empty() {
            return Ok(());
        }
        let chosen = self.below(links.len() as u64) as usize;
        self.cut(links[chosen])
    }

    fn crash(&mut self, relay: NodeId) -> Result<(), Violated> {
        if self.stop(relay)? {
            self.report.crashes += 1;
            self.nodes[relay].disk.crash(&mut self.random);
            let wait = Duration::from_millis(self.random.below(LONGEST_MS));
            self.schedule(wait, Happening::Restart { node: relay });
        }
        Ok(())
    }

    /// A relay loses its disk, or comes back with an older copy, if a majority of those who vote still remembers.
    fn lose_memory(&mut self, relay: NodeId) -> Result<(), Violated> {
        if !self.faults.denial && !self.can_spare(relay) || !self.stop(relay)? {
            return Ok(());
        }
        self.lost_in = self.checker.model.ledger().configuration().map(|configuration| configuration.number);
        let left = self.flushed_without(relay);
        self.checker.loses(self.now, &self.nodes[relay].holder());
        if self.faults.denial {
            self.nodes[relay].disk.wipe();
            self.report.wipes += 1;
        } else if self.kind == Kind::Forgetting && self.nodes[relay].disk.restore() {
            self.nodes[relay].forgot = true;
            self.checker.forgets(self.nodes[relay].voter_id());
            self.report.rollbacks += 1;
        } else {
            self.nodes[relay].disk.wipe();
            self.nodes[relay].id = self.new_id();
            self.report.wipes += 1;
        }
        self.checker.only_these_are_left(&left);
        let wait = Duration::from_millis(self.random.below(LONGEST_MS));
        self.schedule(wait, Happening::Restart { node: relay });
        Ok(())
    }

    /// Whether each configuration that is in force, or may follow, keeps a majority without a relay.
    fn can_spare(&self, relay: NodeId) -> bool {
        let ledger = self.checker.model.ledger();
        let sound = |configuration: &Configuration| {
            let sound = self.nodes[..RELAYS].iter().enumerate().filter(|&(at, node)| {
                let voter = node.voter.expect("it is a relay");
                at != relay && !node.forgot && configuration.has(voter, node.id)
            });
            sound.count() >= configuration.quorum()
        };
        let Some(configuration) = ledger.configuration() else { return false };
        let mut asked_since = self.asked.iter().filter(|asked| asked.number > configuration.number);
        // Others may not have heard of the latest one, and then need those before it.
        let known = |node: &Node| match &node.replica {
            Some(replica) => replica.view().ledger().configuration().is_none_or(sound),
            None => node.disk.ledger().configuration().is_none_or(sound),
        };
        if !sound(configuration) || !self.nodes[..RELAYS].iter().all(known) {
            return false;
        }
        match self.kind {
            Kind::Forgetting => {
                let id = self.nodes[relay].id;
                let is_to_vote = asked_since.any(|asked| asked.voters.values().any(|&voter| voter == id));
                !is_to_vote && self.all_remember(configuration)
            }
            Kind::Ordinary | Kind::Retiring | Kind::Restoring => asked_since.all(sound),
        }
    }

    /// Whether nothing was forgotten since a configuration came into force, and all its voters know it.
    fn all_remember(&self, configuration: &Configuration) -> bool {
        let remembers = |node: &&Node| node.replica.as_ref().is_some_and(|replica| !replica.view().is_recovering());
        let voting = self.nodes[..RELAYS]
            .iter()
            .filter(remembers)
            .filter(|node| node.voter.is_some_and(|voter| configuration.has(voter, node.id)));
        self.lost_in != Some(configuration.number) && voting.count() == configuration.voters.len()
    }

    /// Some nodes can reach each other only in a chain, or not at all, for a while.
    fn part(&mut self) -> Result<(), Violated> {
        let mut order: Vec<NodeId> = (0..RELAYS).collect();
        for at in (1..RELAYS).rev() {
            let other = self.below(at as u64 + 1) as usize;
            order.swap(at, other);
        }
        let is_chain = self.below(2) == 0;
        let split = 1 + self.below(RELAYS as u64 - 1) as usize;
        self.report.chains += u64::from(is_chain);
        self.report.partitions += u64::from(!is_chain);
        for (i, &a) in order.iter().enumerate() {
            for (j, &b) in order.iter().enumerate().skip(i + 1) {
                let apart = if is_chain { j > i + 1 } else { (i < split) != (j < split) };
                if apart {
                    self.network.wall_off(a, b);
                    if let Some(link) = self.network.between(a, b) {
                        self.cut(link)?;
                    }
                }
            }
        }
        let wait = Duration::from_millis(self.random.below(LONGEST_MS * 2));
        self.schedule(wait, Happening::Reunion);
        Ok(())
    }

    /// One direction of a link goes dead, until the silence is noticed.
    fn deafen(&mut self, relay: NodeId) -> Result<(), Violated> {
        let other = self.below(RELAYS as u64) as usize;
        if let Some(link) = self.network.between(relay, other) {
            self.network.deafen(relay, other);
            self.report.one_way_links += 1;
            let wait = Duration::from_millis(self.random.below(LONGEST_MS));
            self.schedule(wait, Happening::Silence { link });
        }
        Ok(())
    }

    /// A tab ends in the midst of its writes, and comes back as what its disk holds.
    fn reopen(&mut self, tab: NodeId) -> Result<(), Violated> {
        if !self.stop(tab)? {
            return Ok(());
        }
        self.report.reopened += 1;
        self.nodes[tab].disk.crash(&mut self.random);
        self.start(tab);
        self.connect_all(tab)
    }

    /// A tab is closed for good and a new one opened: what no relay had is gone.
    fn reload(&mut self, tab: NodeId) -> Result<(), Violated> {
        if !self.stop(tab)? {
            return Ok(());
        }
        self.report.reloads += 1;
        let closed = self.nodes[tab].id;
        self.gone.push(closed);
        self.restores.closed(closed);
        self.nodes[tab].id = self.new_id();
        self.nodes[tab].disk.wipe();
        self.start(tab);
        self.connect_all(tab)
    }

    /// A tab says what it must not say, and is cut.
    fn lie(&mut self, tab: NodeId) -> Result<(), Violated> {
        let Some(link) = self.relay_of(tab) else { return Ok(()) };
        let relay = self.network.other_end(link, tab).expect("the link is up");
        let lie = self.some_lie(tab);
        let Some(mut output) = self.handle(relay, Input::Receive(link, lie.clone())) else { return Ok(()) };
        if output.cut.iter().all(|&(cut, _)| cut != link) {
            return Err(Violated::Believed { what: format!("{lie:?}") });
        }
        output.cut.clear();
        self.report.lies += 1;
        self.carry_out(relay, &mut output)?;
        self.cut(link)
    }

    fn some_lie(&mut self, tab: NodeId) -> Message {
        let ballot = Ballot { configuration: 9, round: 1 << 40, voter: RelayId(1) };
        let slot = Slot(self.below(100));
        let (own, other) = (self.nodes[tab].id, self.nodes[self.random.below(RELAYS as u64) as usize].id);
        let request = |replica, operation| Request {
            id: RequestId { replica, seq: 1 },
            settled: 0,
            seen: slot,
            after: None,
            operation,
        };
        match self.below(12) {
            11 => {
                let keyed = Keyed { key: Key([9; 16]), hash: 0, since: slot };
                Message::Propose(request(own, Operation::Once { keyed, operation: KeyedOperation::Begin }))
            }
            10 => Message::Propose(request(own, Operation::Leap { number: 5 })),
            7 => Message::Propose(request(own, Operation::Settle { numbers: Vec::new(), after: Vec::new() })),
            8 => Message::Propose(request(own, Operation::GrantRange { to: other, count: 5, above: 0 })),
            9 => {
                let (level, reason) = (Level::Shedding, Reason::Load);
                Message::Propose(request(own, Operation::SetMode { from: None, level, reason, load: Load::default() }))
            }
            0 => Message::Paxos(consensus::Message::Accepted { ballot, until: slot }),
            1 => Message::Paxos(consensus::Message::Prepare { ballot, decided: slot }),
            2 => Message::Suffix(Suffix { first: slot, chain: 0, entries: Vec::new(), decided: slot }),
            3 => Message::Propose(request(other, Operation::Raise { number: 5 })),
            4 => Message::Propose(request(own, Operation::Reconfigure { from: 0, voters: [].into() })),
            5 => Message::Observer { tab: other, until: Some(slot), durable: true },
            _ => Message::Released { until: slot },
        }
    }

    /// Those who run the relays change something.
    fn operate(&mut self, relay: NodeId) -> Result<(), Violated> {
        // HTTP requests have come meanwhile, about as many as commands.
        self.step(relay, Input::Calls(self.next_command().0))?;
        let operation = match self.below(10) {
            8 => self.some_reach(),
            9 => return self.raise_without_log(relay),
            0..=3 if self.faults.reconfigurations => self.some_reconfiguration(),
            4 | 5 => {
                let waive_after_ms = [0, 50, 300][self.below(3) as usize];
                let policy =
                    Policy { observers: self.below(3) as u8, waive_after_ms, sessions: 2 + self.below(6) as u32 };
                Operation::SetPolicy { policy }
            }
            6 if self.kind == Kind::Retiring && !self.gone.is_empty() => {
                let chosen = self.below(self.gone.len() as u64) as usize;
                let replica = self.gone[chosen];
                Operation::Retire { replica, last: self.last_dot_of(replica) }
            }
            _ => self.some_epoch(),
        };
        self.give(relay, Command::Ask(operation))
    }

    /// Somebody raises the highest number at a relay, which may not be able to ask the log.
    fn raise_without_log(&mut self, relay: NodeId) -> Result<(), Violated> {
        let number = self.some_number();
        self.checker.raise_begins(self.next_command(), number);
        self.give(relay, Command::Raise { number })
    }

    /// How far numbers may go, or a jump that is further.
    fn some_reach(&mut self) -> Operation {
        match self.below(4) {
            0 => Operation::Leap { number: self.some_number() },
            1 => Operation::SetReach { most: DEFAULT_REACH },
            _ => Operation::SetReach { most: 20 + self.below(100) },
        }
    }

    /// A small number mostly, so that operations meet; sometimes one that is far above all others.
    pub(super) fn some_number(&mut self) -> u64 {
        match self.below(40) {
            0 => DEFAULT_REACH * 5 + self.below(40),
            1 => 200 + self.below(1000),
            _ => 1 + self.below(40),
        }
    }

    /// Somebody takes a level by hand, or lets load decide again, with settings of its own.
    fn some_epoch(&mut self) -> Operation {
        let chosen = self.below(6) as usize;
        match Level::ALL.get(chosen) {
            Some(&level) => Operation::SetMode { from: None, level, reason: Reason::ByHand, load: Load::default() },
            None if chosen == 4 => {
                let (level, reason) = (Level::Batching, Reason::Resumed);
                Operation::SetMode { from: None, level, reason, load: Load::default() }
            }
            None => Operation::SetDynamic { dynamic: self.some_settings() },
        }
    }

    fn some_settings(&mut self) -> Dynamic {
        Dynamic {
            rule: [Rule::Levels, Rule::Levels, Rule::Counter, Rule::Hand][self.below(4) as usize],
            high_request: 1 + self.below(4) as u32,
            window_ms: 50,
            target_ms: 20 + self.below(100) as u32,
            dwell: 1 + self.below(4) as u32,
            lease_most: 1 + self.below(6) as u32,
            shed_above: 2 + self.below(20) as u32,
            on_collision: [OnCollision::Renumber, OnCollision::Reject][self.below(2) as usize],
        }
    }

    /// One, three or five of the relays that remember.
    fn some_reconfiguration(&mut self) -> Operation {
        let from = self.checker.model.ledger().configuration().map_or(0, |configuration| configuration.number);
        let mut voters = SortedMap::new();
        let wanted = [1, 3, 3, 5, 2][self.below(5) as usize];
        let first = self.below(RELAYS as u64) as usize;
        for at in (first..first + RELAYS).map(|at| at % RELAYS) {
            let node = &self.nodes[at];
            if voters.len() < wanted && node.replica.is_some() && !node.forgot {
                voters.insert(node.voter.expect("it is a relay"), node.id);
            }
        }
        self.asked.push(Configuration { number: from + 1, voters: voters.clone() });
        Operation::Reconfigure { from, voters }
    }

    /// A user of a tab, or of a relay, does something about a record's number, whatever can be reached.
    fn number_somebody(&mut self, node: NodeId) -> Result<(), Violated> {
        let Some(record) = self.some_record(node) else { return Ok(()) };
        let command = match self.below(12) {
            0 => Command::Free { record },
            1 => Command::Lease { count: 1 + self.below(5) as u32 },
            2 => match self.some_conflict() {
                Some(operation) => Command::Ask(operation),
                None => return Ok(()),
            },
            3 => {
                let name = if node < RELAYS { REGISTERED } else { "Somebody" };
                let fields = vec![(schema::NAME.to_owned(), FieldEdit::Assign(name.to_owned()))];
                Command::Register { fields, number: (self.below(2) == 0).then(|| self.some_number()) }
            }
            4..=6 => Command::Number { record, number: Some(self.some_number()) },
            _ => Command::Number { record, number: None },
        };
        if let Command::Number { .. } = command {
            self.checker.numbering_begins(self.next_command(), record);
        }
        self.give(node, command)
    }

    fn some_conflict(&mut self) -> Option<Operation> {
        let count = self.checker.model.ledger().conflicts().count() as u64;
        let chosen = if count == 0 { return None } else { self.below(count) };
        let conflict = self.checker.model.ledger().conflicts().nth(chosen as usize)?.id;
        let resolution = [Resolution::Kept, Resolution::Undone][self.below(2) as usize];
        Some(Operation::Resolve { conflict, resolution })
    }

    fn read(&mut self, tab: NodeId) -> Result<(), Violated> {
        let reader = if self.below(2) == 0 { tab } else { self.below(RELAYS as u64) as usize };
        if self.nodes[reader].replica.is_none() {
            return Ok(());
        }
        let read = self.next_command();
        if self.below(3) == 0 {
            let slot = Slot(self.checker.told_until().0.saturating_sub(self.random.below(5)));
            self.checker.session_read_begins(read, slot);
            self.give(reader, Command::Read(Consistency::Session(slot)))
        } else {
            self.checker.read_begins(read);
            self.give(reader, Command::Read(Consistency::Linearizable))
        }
    }

    fn command(&mut self, tab: NodeId) -> Result<(), Violated> {
        let text = format!("{}", self.below(50));
        let edit = |record, field: &str, edit| Command::Edit { record, field: field.to_owned(), edit, seen: None };
        let add = |text| Command::Add { fields: vec![(schema::NAME.to_owned(), FieldEdit::Assign(text))] };
        let command = match self.some_record(tab) {
            None => add(text),
            Some(record) => match self.below(16) {
                0 | 1 => add(text),
                2..=4 => edit(record, schema::NAME, FieldEdit::Assign(text)),
                5 | 6 => edit(record, schema::NOTE, FieldEdit::Assign(text)),
                7 => edit(record, schema::TAGS, FieldEdit::Insert(text)),
                8 => edit(record, schema::TAGS, FieldEdit::Remove(text)),
                9 => Command::Remove { record },
                10 => Command::Observer { willing: self.below(3) > 0, durable: true },
                11 => Command::Watch(self.below(3) > 0),
                _ => {
                    let replica = self.nodes[tab].id;
                    Command::Ask(self.some_operation(record, replica))
                }
            },
        };
        self.give(tab, command)
    }

    pub(super) fn some_operation(&mut self, record: RecordId, asker: ReplicaId) -> Operation {
        let number = self.some_number();
        match self.below(9) {
            0..=2 => Operation::Assign { record, number },
            3 | 4 => Operation::Allocate { record },
            5 => Operation::Release { record },
            6 => Operation::Raise { number },
            7 => Operation::GrantRange { to: asker, count: 1 + number as u32 % 4, above: number % 3 },
            _ => {
                let from = self.checker.model.ledger().number_of(record).map(|numbered| numbered.number);
                Operation::CompareAndSet { record, from, to: (number > 10).then_some(number) }
            }
        }
    }

    pub(super) fn some_record(&mut self, node: NodeId) -> Option<RecordId> {
        let count = self.nodes[node].replica.as_ref()?.view().document().records().len() as u64;
        let chosen = if count == 0 { return None } else { self.below(count) };
        self.nodes[node].replica.as_ref()?.view().document().records().nth(chosen as usize)
    }
}
