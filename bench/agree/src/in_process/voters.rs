//! `shared::consensus`: three voters with their logs, and nothing above them: what the peers are, too.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hint::black_box;
use std::time::Duration;

use shared::base::id::{RelayId, ReplicaId};
use shared::consensus::{AcceptorState, Ballot, Configuration, Effects, Slot};
use shared::ledger::{Accepted, Entry, Log, Operation, Request, RequestId, Suffix, Vote, Voter};

use super::Voters;

const VOTERS: u16 = 3;
/// How far the clock of an election goes at a time.
const MOMENT: Duration = Duration::from_millis(10);

pub struct PaxosAlone {
    nodes: Vec<Node>,
    /// What is under way: from whom, to whom.
    messages: VecDeque<(RelayId, RelayId, Vote)>,
    /// What waits to be proposed.
    entries: Vec<Entry>,
    now: Duration,
    leader: usize,
    commands: u64,
}

struct Node {
    voter: Voter,
    log: Log,
    /// How far the log was read.
    applied: Slot,
}

impl Node {
    /// Reads what is decided, as a state machine has to that applies it.
    fn apply(&mut self) -> usize {
        let first = self.applied;
        while let Some(decision) = self.log.decision(self.applied) {
            black_box(decision);
            self.applied = self.applied.plus(1);
        }
        (self.applied.0 - first.0) as usize
    }
}

impl PaxosAlone {
    fn start() -> Self {
        let ids = (1..=VOTERS).map(RelayId);
        let incarnation = |id: RelayId| ReplicaId(id.0.into());
        let founders = Configuration { number: 0, voters: ids.clone().map(|id| (id, incarnation(id))).collect() };
        let founding = Accepted { ballot: Ballot::ZERO, entry: Entry::Configure(founders.clone()) };
        let founding = Suffix { first: Slot(0), chain: 0, entries: vec![founding], decided: Slot(1) };
        let node = |id: RelayId| {
            let me = (id, incarnation(id));
            let seed = u64::from(id.0);
            let mut voter = Voter::recover(
                me,
                AcceptorState::ZERO,
                BTreeMap::new(),
                seed,
                (BTreeSet::new(), Duration::ZERO),
                Duration::ZERO,
            );
            let mut log = Log::default();
            log.learn(founding.clone(), &mut Vec::new()).expect("an empty log differs from none");
            voter.configure(Duration::ZERO, &founders);
            Node { voter, log, applied: Slot(0) }
        };
        let nodes = ids.clone().map(node).collect();
        let (messages, entries) = (VecDeque::new(), Vec::new());
        let mut voters = PaxosAlone { nodes, messages, entries, now: Duration::ZERO, leader: 0, commands: 0 };
        for (me, other) in ids.clone().flat_map(|me| ids.clone().map(move |other| (me, other))) {
            if me != other {
                let Node { voter, log, .. } = &mut voters.nodes[index(me)];
                let effects = voter.peer_up(Duration::ZERO, other, incarnation(other), log);
                voters.act(me, effects);
            }
        }
        voters
    }

    /// What is in the log is durable, since storage is memory: messages leave at once.
    fn act(&mut self, from: RelayId, effects: Effects<Request>) {
        self.messages.extend(effects.sends.into_iter().map(|(to, message)| (from, to, message)));
    }
}

fn index(voter: RelayId) -> usize {
    usize::from(voter.0) - 1
}

impl Voters for PaxosAlone {
    const NAME: &'static str = "duet's Paxos alone";

    fn elect(_in_flight: usize) -> Self {
        let mut voters = Self::start();
        loop {
            voters.tick(voters.now + MOMENT);
            voters.deliver();
            if let Some(leader) = voters.nodes.iter().position(|node| node.voter.is_leader()) {
                voters.leader = leader;
                return voters;
            }
        }
    }

    fn propose(&mut self) {
        self.commands += 1;
        let id = RequestId { replica: ReplicaId(1), seq: self.commands };
        let operation = Operation::Raise { number: self.commands };
        let request = Request { id, settled: self.commands - 1, seen: Slot(0), after: None, operation };
        self.entries.push(Entry::Command(request));
    }

    fn deliver(&mut self) -> usize {
        if !self.entries.is_empty() {
            let Node { voter, log, .. } = &mut self.nodes[self.leader];
            assert!(voter.capacity() >= self.entries.len(), "everything before is decided");
            let me = voter.me();
            let effects = voter.propose(self.now, std::mem::take(&mut self.entries), log);
            self.act(me, effects);
        }
        while let Some((from, to, message)) = self.messages.pop_front() {
            let Node { voter, log, .. } = &mut self.nodes[index(to)];
            let effects = voter.receive(self.now, from, message, log);
            self.act(to, effects);
        }
        let applied: Vec<_> = self.nodes.iter_mut().map(Node::apply).collect();
        applied[self.leader]
    }

    fn tick(&mut self, since_start: Duration) {
        self.now = self.now.max(since_start);
        for node in 0..self.nodes.len() {
            let Node { voter, log, .. } = &mut self.nodes[node];
            if voter.deadline().is_some_and(|at| at <= self.now) {
                let (me, effects) = (voter.me(), voter.wake(self.now, log));
                self.act(me, effects);
            }
        }
    }
}
