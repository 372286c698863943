#![cfg(not(target_family = "wasm"))]
//! Every run of three voters, within bounds: a model checker drives the same voters and logs that the relays run.
//!
//! The model is a host for [`Voter`] and [`Log`] with disks and a network. Messages arrive in any order, or never;
//! timers go off at any time. What a step writes is flushed at once where nothing may leave before that: a crash before
//! the flush would be as if the step had not been. How far the log is known to be decided is not written, which is the
//! least that a relay may recover.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use shared::base::encoding;
use shared::base::id::{RelayId, ReplicaId};
#[cfg(feature = "mutations")]
use shared::base::mutation::{self, Mutation};
use shared::base::sorted::{SortedMap, SortedSet};
use shared::consensus::{AcceptorState, Ballot, Configuration, Effects, LogWrite, Message, Position, Slot};
use shared::ledger::{Accepted, Entry, Log, Operation, Request, RequestId, Vote, Voter};
#[cfg(feature = "mutations")]
use stateright::HasDiscoveries;
use stateright::{Checker, Model, Property};

/// Longer than any timer waits.
const LONG: Duration = Duration::from_secs(3600);
const VOTERS: [RelayId; 3] = [RelayId(1), RelayId(2), RelayId(3)];
/// The only voter whose disk gets lost.
const LOSER: RelayId = RelayId(3);

/// What it comes back as.
const RENEWED: ReplicaId = ReplicaId(13);
/// The name of the property that must always hold.
const SAFE: &str = "no promise is broken";

/// What may happen, and how often.
#[derive(Clone, Debug, Default)]
struct Bounds {
    /// The voters that stand for election, each as often as it is named.
    candidates: Vec<RelayId>,
    /// The voters that may crash; one of them does, once.
    crashing: Vec<RelayId>,
    /// What [`LOSER`] comes back as after it has lost its disk, once.
    returns_as: Option<ReplicaId>,
    /// The voters that each have an operation, which is proposed once.
    proposers: Vec<RelayId>,
    /// Who is to vote next; whoever leads proposes it.
    next: Option<Configuration>,
    /// A rule that all voters break.
    #[cfg(feature = "mutations")]
    broken: Option<Mutation>,
}

#[derive(Clone, Debug, PartialEq, Hash)]
struct State {
    nodes: SortedMap<RelayId, Node>,
    /// Each message as its bytes, which have an order.
    network: SortedSet<(RelayId, RelayId, Vec<u8>)>,
    /// What was decided for each slot, by whomever first.
    decided: Vec<Accepted>,
    /// A promise that was broken.
    broken: Option<&'static str>,
    stood: Vec<RelayId>,
    has_crashed: bool,
    has_lost: bool,
    proposed: SortedSet<RelayId>,
}

#[derive(Clone, Debug, PartialEq)]
struct Node {
    incarnation: ReplicaId,
    voter: Voter,
    log: Log,
    disk: Disk,
    unflushed: Vec<LogWrite<Request>>,
    /// What must not leave before everything is flushed.
    held: Vec<(RelayId, Vote)>,
    /// Whom the voter wants the decided log from.
    fetch_from: Option<RelayId>,
    /// Up to where the log has been looked at for configurations.
    applied: Slot,
    now: Duration,
}

#[derive(Clone, Debug, Default, PartialEq, Hash)]
struct Disk {
    acceptor_state: AcceptorState,
    log: SortedMap<Slot, Accepted>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Deliver(RelayId, RelayId, Vote),
    Flush(RelayId),
    Stand(RelayId),
    Propose(RelayId),
    ProposeNext(RelayId),
    Learn(RelayId),
    Crash(RelayId),
    LoseDisk,
}

impl Hash for Node {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.voter, &self.log, &self.disk, &self.held, self.fetch_from, self.applied).hash(state);
        for op in &self.unflushed {
            match op {
                LogWrite::AcceptorState(acceptor_state) => acceptor_state.hash(state),
                LogWrite::Accept { slot, accepted } => (slot, accepted).hash(state),
                other => unreachable!("no voter writes {other:?}"),
            }
        }
    }
}

impl Node {
    fn start(me: RelayId, incarnation: ReplicaId, disk: Disk) -> Self {
        let (log, founded) = (disk.log.clone(), Slot(disk.log.len().min(1) as u64));
        let recovery = (SortedSet::new(), Duration::ZERO);
        Node {
            incarnation,
            voter: Voter::recover(
                (me, incarnation),
                disk.acceptor_state,
                SortedMap::new(),
                0,
                recovery,
                Duration::ZERO,
            ),
            log: Log::recover(Position::default(), log, founded),
            disk,
            unflushed: Vec::new(),
            held: Vec::new(),
            fetch_from: None,
            applied: Slot(0),
            now: Duration::ZERO,
        }
    }

    fn flush(&mut self) -> Vec<(RelayId, Vote)> {
        for op in self.unflushed.drain(..) {
            match op {
                LogWrite::AcceptorState(acceptor_state) => self.disk.acceptor_state = acceptor_state,
                LogWrite::Accept { slot, accepted } => drop(self.disk.log.insert(slot, accepted)),
                other => unreachable!("no voter writes {other:?}"),
            }
        }
        std::mem::take(&mut self.held)
    }
}

impl State {
    fn new() -> Self {
        let founding = Configuration { number: 0, voters: VOTERS.map(|id| (id, first_incarnation(id))).into() };
        let first = Accepted { ballot: Ballot::ZERO, entry: Entry::Configure(founding) };
        let disk = Disk { acceptor_state: AcceptorState::ZERO, log: [(Slot(0), first.clone())].into() };
        let nodes = VOTERS.map(|id| (id, Node::start(id, first_incarnation(id), disk.clone())));
        let mut state = State {
            nodes: nodes.into(),
            network: SortedSet::new(),
            decided: vec![first],
            broken: None,
            stood: Vec::new(),
            has_crashed: false,
            has_lost: false,
            proposed: SortedSet::new(),
        };
        for me in VOTERS {
            state.apply(me);
        }
        for (a, b) in [(VOTERS[0], VOTERS[1]), (VOTERS[0], VOTERS[2]), (VOTERS[1], VOTERS[2])] {
            state.link(a, b);
        }
        state
    }

    fn node(&mut self, id: RelayId) -> &mut Node {
        self.nodes.get_mut(&id).expect("nodes do not go")
    }

    /// Takes a step of a voter, and carries out what follows.
    fn step(&mut self, me: RelayId, step: impl FnOnce(&mut Node) -> Effects<Request>) {
        let node = self.node(me);
        let effects = step(node);
        node.unflushed.extend(effects.writes);
        node.fetch_from = effects.fetch_from.or(node.fetch_from);
        let (early, bound): (Vec<_>, Vec<_>) = effects.sends.into_iter().partition(|(to, message)| {
            *to != me && matches!(message, Message::Accept { .. } | Message::Decided { .. })
        });
        let waits = !early.is_empty() || !node.held.is_empty();
        let news: Vec<_> = bound.into_iter().filter(|item| !node.held.contains(item)).collect();
        node.held.extend(news);
        early.into_iter().for_each(|(to, message)| self.post(me, to, &message));
        self.apply(me);
        if !waits {
            self.flush(me);
        }
    }

    fn post(&mut self, from: RelayId, to: RelayId, message: &Vote) {
        // These hurry things along, or tell of older disks, which do not come back here: all of them get lost.
        let lost = matches!(message, Message::Refused { .. } | Message::StepDown { .. } | Message::RecoveryRequest);
        if !lost {
            self.network.insert((from, to, encoding::encode(message)));
        }
    }

    fn flush(&mut self, me: RelayId) {
        for (to, message) in self.node(me).flush() {
            if to == me {
                self.step(me, |node| node.voter.receive(node.now, me, message, &mut node.log));
            } else {
                self.post(me, to, &message);
            }
        }
    }

    /// Looks at what a node has learnt to be decided, and tells its voter who votes.
    fn apply(&mut self, me: RelayId) {
        let node = self.nodes.get_mut(&me).expect("nodes do not go");
        node.voter.assert_invariants();
        node.log.assert_invariants();
        while let Some(accepted) = node.log.decision(node.applied) {
            match self.decided.get(node.applied.0 as usize) {
                Some(first) if first.entry != accepted.entry => self.broken = Some("two values for one slot"),
                Some(_) => {}
                None if accepted.ballot.configuration != configuration_of(&self.decided) => {
                    self.broken = Some("decided in a configuration that was not in force");
                }
                None => self.decided.push(accepted.clone()),
            }
            if let Entry::Configure(configuration) = &accepted.entry {
                node.voter.configure(node.now, configuration);
            }
            node.applied = node.applied.plus(1);
        }
    }

    fn link(&mut self, a: RelayId, b: RelayId) {
        for (me, other) in [(a, b), (b, a)] {
            let incarnation = self.nodes[&other].incarnation;
            self.step(me, |node| node.voter.peer_up(node.now, other, incarnation, &node.log));
        }
    }

    fn unlink(&mut self, a: RelayId, b: RelayId) {
        for (me, other) in [(a, b), (b, a)] {
            self.step(me, |node| node.voter.peer_down(node.now, other));
        }
    }

    /// Ends a process; it comes back with a disk, under an incarnation.
    fn restart(&mut self, me: RelayId, incarnation: ReplicaId, disk: Disk) {
        let others = || VOTERS.into_iter().filter(move |&other| other != me);
        others().for_each(|other| self.unlink(me, other));
        *self.node(me) = Node::start(me, incarnation, disk);
        self.apply(me);
        others().for_each(|other| self.link(me, other));
    }

    fn lead(&mut self, me: RelayId, entry: Entry) {
        self.step(me, |node| node.voter.propose(node.now, vec![entry], &mut node.log));
    }

    fn learn(&mut self, me: RelayId) {
        let Some(from) = self.node(me).fetch_from.take() else { return };
        let Some(suffix) = self.nodes[&from].log.suffix(self.nodes[&me].log.decided()) else { return };
        let mut writes = Vec::new();
        if self.node(me).log.learn(suffix, &mut writes).is_err() {
            self.broken = Some("two logs have diverged");
        }
        self.step(me, |node| {
            let mut effects = node.voter.log_grew(node.now, &mut node.log);
            effects.writes.splice(0..0, writes);
            effects
        });
    }

    /// The operations that are decided, in order.
    fn operations(&self) -> Vec<RelayId> {
        let requests = self.decided.iter().filter_map(|accepted| match &accepted.entry {
            Entry::Command(request) => Some(RelayId(request.id.replica.0 as u16)),
            _ => None,
        });
        requests.collect()
    }
}

impl Model for Bounds {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend(state.network.iter().map(|(from, to, bytes)| {
            Action::Deliver(*from, *to, encoding::decode(bytes).expect("it reads as written"))
        }));
        for (&id, node) in &state.nodes {
            let leads = node.voter.capacity() > 0;
            let times = |of: &[RelayId]| of.iter().filter(|&&stood| stood == id).count();
            let may_stand = !node.voter.is_leader() && times(&state.stood) < times(&self.candidates);
            let has_operation = self.proposers.contains(&id) && !state.proposed.contains(&id);
            let may_end = self.next.as_ref().is_some_and(|next| next.number == node.voter.configuration().number + 1);
            let may = [
                (!node.held.is_empty(), Action::Flush(id)),
                (may_stand, Action::Stand(id)),
                (leads && has_operation, Action::Propose(id)),
                (leads && may_end, Action::ProposeNext(id)),
                (node.fetch_from.is_some(), Action::Learn(id)),
                (!state.has_crashed && self.crashing.contains(&id), Action::Crash(id)),
            ];
            actions.extend(may.into_iter().filter(|(may, _)| *may).map(|(_, action)| action));
        }
        if self.returns_as.is_some() && !state.has_lost {
            actions.push(Action::LoseDisk);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        #[cfg(feature = "mutations")]
        mutation::set(self.broken); // The checker's threads are its own.
        let mut state = last.clone();
        match action {
            Action::Deliver(from, to, message) => {
                state.step(to, |node| node.voter.receive(node.now, from, message, &mut node.log));
            }
            Action::Flush(me) => state.flush(me),
            Action::Stand(me) => {
                let before = state.nodes[&me].voter.acceptor_state();
                state.node(me).now += LONG;
                state.step(me, |node| node.voter.wake(node.now, &mut node.log));
                if state.nodes[&me].voter.acceptor_state() == before {
                    return None;
                }
                state.stood.push(me);
                state.stood.sort();
            }
            Action::Propose(me) => {
                state.proposed.insert(me);
                state.lead(me, operation_of(me));
            }
            Action::ProposeNext(me) => state.lead(me, Entry::Configure(self.next.clone()?)),
            Action::Learn(me) => state.learn(me),
            Action::Crash(me) => {
                state.has_crashed = true;
                let Node { incarnation, disk, .. } = state.nodes[&me].clone();
                state.restart(me, incarnation, disk);
            }
            Action::LoseDisk => {
                state.has_lost = true;
                state.restart(LOSER, self.returns_as?, Disk::default());
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(SAFE, |_, state: &State| state.broken.is_none()),
            Property::sometimes(FIRST, |_, state: &State| state.operations().first() == Some(&VOTERS[0])),
            Property::sometimes(SECOND, |_, state: &State| state.operations().first() == Some(&VOTERS[1])),
            Property::sometimes(NEXT, |_, state: &State| {
                state
                    .decided
                    .last()
                    .is_some_and(|last| last.ballot.configuration == 1 && matches!(last.entry, Entry::Command(_)))
            }),
        ]
    }
}

/// What a voter's user wants.
fn operation_of(voter: RelayId) -> Entry {
    let id = RequestId { replica: ReplicaId(voter.0.into()), seq: 1 };
    let operation = Operation::Raise { number: voter.0.into() };
    Entry::Command(Request { id, settled: 0, seen: Slot(0), after: None, operation })
}

fn first_incarnation(voter: RelayId) -> ReplicaId {
    ReplicaId(voter.0.into())
}

/// The configuration in force behind a log.
fn configuration_of(log: &[Accepted]) -> u32 {
    let last = log.iter().rev().find_map(|accepted| match &accepted.entry {
        Entry::Configure(configuration) => Some(configuration.number),
        _ => None,
    });
    last.expect("a log begins with a configuration")
}

/// Checks every run. Gives how many states there are, and what was seen in some of them.
fn check(bounds: Bounds) -> (usize, Vec<&'static str>) {
    let checker = bounds.checker().threads(2).spawn_bfs().join();
    checker.assert_no_discovery(SAFE);
    let mut seen: Vec<&str> = checker.discoveries().into_keys().collect();
    seen.sort_unstable();
    (checker.unique_state_count(), seen)
}

/// Who may vote next: the first voter alone.
fn alone() -> Configuration {
    Configuration { number: 1, voters: [(VOTERS[0], first_incarnation(VOTERS[0]))].into() }
}

/// Who may vote next: all, the one that has lost its disk under its new incarnation.
fn renewed() -> Configuration {
    let mut voters: SortedMap<_, _> = VOTERS.map(|id| (id, first_incarnation(id))).into();
    voters.insert(LOSER, RENEWED);
    Configuration { number: 1, voters }
}

const FIRST: &str = "the first operation is decided first";
const SECOND: &str = "the second operation is decided first";
const NEXT: &str = "the next configuration decides an operation";

#[test]
fn two_candidates_decide_one_value_for_each_slot() {
    let both = vec![VOTERS[0], VOTERS[1]];
    let bounds = Bounds { candidates: both.clone(), proposers: both, ..Bounds::default() };
    assert_eq!(check(bounds), (4_924, vec![FIRST, SECOND]));
}

#[test]
fn a_crash_of_any_voter_breaks_no_promise() {
    let (candidates, proposers) = (vec![VOTERS[0]], vec![VOTERS[0]]);
    let bounds = Bounds { candidates, proposers, crashing: VOTERS.to_vec(), ..Bounds::default() };
    assert_eq!(check(bounds), (6_733, vec![FIRST]));
}

#[test]
fn a_voter_that_has_lost_its_disk_has_no_vote() {
    let both = vec![VOTERS[0], VOTERS[1]];
    let bounds = Bounds { candidates: both.clone(), proposers: both, returns_as: Some(RENEWED), ..Bounds::default() };
    assert_eq!(check(bounds), (12_601, vec![FIRST, SECOND]));
}

#[test]
fn nothing_is_decided_behind_the_end_of_a_configuration() {
    let (candidates, proposers) = (vec![VOTERS[0]; 2], vec![VOTERS[0]]);
    let bounds = Bounds { candidates, proposers, next: Some(alone()), ..Bounds::default() };
    assert_eq!(check(bounds), (38_800, vec![FIRST, NEXT]));
}

#[test]
fn a_voter_that_has_lost_its_disk_votes_again_in_the_next_configuration() {
    let (candidates, proposers) = (vec![VOTERS[0]; 2], vec![VOTERS[0]]);
    let (returns_as, next) = (Some(RENEWED), Some(renewed()));
    let bounds = Bounds { candidates, proposers, returns_as, next, ..Bounds::default() };
    assert_eq!(check(bounds), (115_961, vec![FIRST, NEXT]));
}

#[cfg(feature = "mutations")]
#[test]
fn the_model_notices_a_broken_majority() {
    let both = vec![VOTERS[0], VOTERS[1]];
    let broken = Some(Mutation::SmallQuorum);
    let bounds = Bounds { candidates: both.clone(), proposers: both, broken, ..Bounds::default() };
    bounds.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join().assert_any_discovery(SAFE);
}
