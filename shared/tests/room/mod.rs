//! A room in one thread: real replicas whose messages arrive at once and in order. For scenes that are told step by
//! step; the simulator is for everything that may go wrong.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::time::Duration;

use shared::base::id::{RecordId, RelayId, ReplicaId};
use shared::base::sorted::{SortedMap, SortedSet};
use shared::consensus::{Configuration, RestoreId};
use shared::ledger::Operation;
use shared::merge::document::LostWrite;
use shared::replica::io::{
    Command, CommandId, CommandRejection, Envelope, Event, Input, Message, Now, PeerId, PeerKind, Recovered, Reply,
    Violation,
};
use shared::replica::observation::Observation;
use shared::replica::{Config, RecordView, Replica, Role, Tuning};
use shared::schema::{FieldEdit, Schema};

pub const START: Now = Now { monotonic: Duration::ZERO, wall_ms: 1_700_000_000_000 };

/// One replica of the room, by its place in it.
pub type Node = usize;

/// Who is in a room at the beginning.
#[derive(Clone, Copy)]
pub struct Setup {
    /// The first of the relays vote.
    pub voters: u16,
    pub relays: u16,
    pub tabs: u64,
    pub tuning: Tuning,
}

struct Host {
    replica: Replica,
    config: Config,
    kind: PeerKind,
    durable: Recovered,
    /// How far its wall clock is ahead.
    clock_ahead_ms: u64,
}

pub struct Room {
    hosts: Vec<Host>,
    links: BTreeMap<PeerId, (Node, Node)>,
    inputs: VecDeque<(Node, Input)>,
    now: Now,
    ids: u64,
    /// The events that each replica was told of others.
    pub events: Vec<Vec<Event>>,
    /// The lost writes that each replica was told of.
    pub lost: Vec<Vec<LostWrite>>,
    /// What each replica was told to have been seen.
    pub observed: Vec<Vec<Observation>>,
    pub cut: Vec<(Node, Violation)>,
    /// The relays that have learnt that they forgot votes.
    pub forgot: SortedSet<Node>,
    /// How many parts of snapshots were sent.
    pub parts: usize,
    /// How many messages were sent, and of them such as say what is held, and what is stored.
    pub sent: usize,
    pub held: usize,
    pub stored: usize,
    /// The answers to commands.
    pub replies: Vec<Result<Reply, CommandRejection>>,
}

impl Room {
    /// `relays` relays that vote, connected to one another, and `tabs` tabs, connected to nobody. Relays come first.
    pub fn new(relays: u16, tabs: u64) -> Self {
        Room::with(Setup { voters: relays, relays, tabs, tuning: Tuning::default() })
    }

    /// Relays connected to one another, then tabs connected to nobody.
    pub fn with(setup: Setup) -> Self {
        let mut room = Room::apart(setup);
        for a in 0..setup.relays.into() {
            (0..a).for_each(|b| room.connect(a, b));
        }
        room
    }

    /// Nobody is connected to anybody.
    pub fn apart(Setup { voters, relays, tabs, tuning }: Setup) -> Self {
        let addresses: SortedMap<_, _> = (1..=relays).map(|id| (RelayId(id), format!("relay-{id}"))).collect();
        let mut room = Room {
            hosts: Vec::new(),
            links: BTreeMap::new(),
            inputs: VecDeque::new(),
            now: START,
            ids: 0,
            events: Vec::new(),
            lost: Vec::new(),
            observed: Vec::new(),
            cut: Vec::new(),
            forgot: SortedSet::new(),
            parts: 0,
            sent: 0,
            held: 0,
            stored: 0,
            replies: Vec::new(),
        };
        for &voter in addresses.keys() {
            let role = Role::Relay { voter, addresses: addresses.clone(), seed: voter.0.into(), tuning };
            let replica = ReplicaId(voter.0.into());
            room.join(replica, PeerKind::Relay(voter, replica), role);
        }
        for tab in 0..tabs {
            let id = ReplicaId(100 + tab);
            room.join(id, PeerKind::Tab(id), Role::Tab);
        }
        let founders = Configuration { number: 0, voters: room.relays(0..voters.into()) };
        for relay in 0..relays.into() {
            room.inputs.push_back((relay, Input::Found(founders.clone().into())));
        }
        room.run();
        room
    }

    fn join(&mut self, replica: ReplicaId, kind: PeerKind, role: Role) {
        let config = Config { replica, schema: Schema::people(), role };
        let replica = Replica::recover(config.clone(), Recovered::default(), self.now);
        self.hosts.push(Host { replica, config, kind, durable: Recovered::default(), clock_ahead_ms: 0 });
        self.events.push(Vec::new());
        self.lost.push(Vec::new());
        self.observed.push(Vec::new());
    }

    /// Some relays with the incarnations that they are in.
    pub fn relays(&self, nodes: impl IntoIterator<Item = Node>) -> SortedMap<RelayId, ReplicaId> {
        let relay = |node: Node| match self.hosts[node].kind {
            PeerKind::Relay(voter, incarnation) => (voter, incarnation),
            PeerKind::Tab(_) => panic!("node {node} is a tab"),
        };
        nodes.into_iter().map(relay).collect()
    }

    pub fn connect(&mut self, a: Node, b: Node) {
        self.begin_link(a, b);
        self.run();
    }

    /// Connects two, and leaves what comes of it for [`steps`](Self::steps).
    pub fn begin_link(&mut self, a: Node, b: Node) {
        self.ids += 1;
        let link = PeerId(self.ids);
        self.links.insert(link, (a, b));
        self.inputs.push_back((a, Input::PeerUp(link, self.hosts[b].kind)));
        self.inputs.push_back((b, Input::PeerUp(link, self.hosts[a].kind)));
    }

    /// Cuts all links of one. What is under way on them is lost.
    pub fn disconnect(&mut self, node: Node) {
        for (link, (a, b)) in self.links.extract_if(.., |_, &mut (a, b)| a == node || b == node) {
            self.inputs.retain(|(_, input)| !matches!(input, Input::Receive(on, _) if *on == link));
            self.inputs.push_back((a, Input::PeerDown(link)));
            self.inputs.push_back((b, Input::PeerDown(link)));
        }
        self.run();
    }

    /// Cuts the link between two. What is under way on it is lost.
    pub fn part(&mut self, a: Node, b: Node) {
        for (link, _) in self.links.extract_if(.., |_, &mut ends| ends == (a, b) || ends == (b, a)) {
            self.inputs.retain(|(_, input)| !matches!(input, Input::Receive(on, _) if *on == link));
            self.inputs.push_back((a, Input::PeerDown(link)));
            self.inputs.push_back((b, Input::PeerDown(link)));
        }
        self.run();
    }

    /// What a replica has made durable.
    pub fn durable(&self, node: Node) -> &Recovered {
        &self.hosts[node].durable
    }

    /// Begins a replica anew, disconnected, from what is on its disk.
    pub fn restart(&mut self, node: Node) {
        self.disconnect(node);
        let host = &mut self.hosts[node];
        if let Role::Relay { seed, .. } = &mut host.config.role {
            *seed += 1_000; // Drawn anew with each start.
        }
        host.replica = Replica::recover(host.config.clone(), host.durable.clone(), self.now);
        host.replica.assert_invariants();
    }

    /// Begins a replica anew, disconnected, with something else on its disk.
    pub fn restore(&mut self, node: Node, durable: Recovered) {
        self.hosts[node].durable = durable;
        self.restart(node);
    }

    /// Begins a relay anew, disconnected, in another incarnation and with nothing on its disk.
    pub fn wipe(&mut self, node: Node, incarnation: ReplicaId) {
        self.reincarnate(node, |_| incarnation);
        self.restore(node, Recovered::default());
    }

    /// Begins some relays anew, disconnected, from a backup of one of them.
    pub fn restore_relays(&mut self, nodes: Range<Node>, backup: Recovered, id: RestoreId) {
        let restored = backup.restore(id).expect("a relay has left it");
        for node in nodes {
            self.reincarnate(node, |voter| id.incarnation_of(voter));
            self.restore(node, restored.clone());
        }
    }

    fn reincarnate(&mut self, node: Node, incarnation_of: impl Fn(RelayId) -> ReplicaId) {
        let host = &mut self.hosts[node];
        let PeerKind::Relay(voter, _) = host.kind else { panic!("node {node} is a tab") };
        host.config.replica = incarnation_of(voter);
        host.kind = PeerKind::Relay(voter, host.config.replica);
    }

    pub fn command(&mut self, node: Node, command: Command) {
        self.begin(node, [command]);
        self.run();
    }

    /// Gives commands, and leaves what comes of them for [`steps`](Self::steps).
    pub fn begin(&mut self, node: Node, commands: impl IntoIterator<Item = Command>) {
        for command in commands {
            self.ids += 1;
            self.inputs.push_back((node, Input::Command(CommandId(self.ids), command)));
        }
    }

    /// Lets so many inputs be handled, as far as there are any.
    pub fn steps(&mut self, count: usize) {
        for _ in 0..count {
            let Some((node, input)) = self.inputs.pop_front() else { return };
            self.handle(node, input);
        }
    }

    pub fn add(&mut self, node: Node, name: &str, note: &str) -> RecordId {
        let before: Vec<_> = self.replica(node).view().records().map(|record| record.id).collect();
        let assign = |(field, value): (&str, &str)| (field.to_owned(), FieldEdit::Assign(value.to_owned()));
        self.command(node, Command::Add { fields: [("name", name), ("note", note)].map(assign).into() });
        let mut after = self.replica(node).view().records().map(|record| record.id);
        after.find(|id| !before.contains(id)).expect("the record was added")
    }

    pub fn edit(&mut self, node: Node, record: RecordId, field: &str, value: &str) {
        self.change(node, record, field, FieldEdit::Assign(value.to_owned()));
    }

    pub fn change(&mut self, node: Node, record: RecordId, field: &str, edit: FieldEdit) {
        self.command(node, Command::Edit { record, field: field.to_owned(), edit, seen: None });
    }

    pub fn ask(&mut self, node: Node, operation: Operation) {
        self.command(node, Command::Ask(operation));
    }

    /// Hands a message to `to` as if `from` had sent it.
    pub fn forge(&mut self, from: Node, to: Node, message: Message) {
        let link = self.links.iter().find(|&(_, &ends)| ends == (from, to) || ends == (to, from));
        let (&link, _) = link.expect("the two are connected");
        self.inputs.push_back((to, Input::Receive(link, message)));
        self.run();
    }

    /// Tells a relay how many calls have come to it.
    pub fn count_calls(&mut self, node: Node, calls: u64) {
        self.inputs.push_back((node, Input::Calls(calls)));
        self.run();
    }

    /// Tells a relay that most relays agree about its time.
    pub fn confirm_clock(&mut self, node: Node) {
        self.inputs.push_back((node, Input::ClockConfirmed));
        self.run();
    }

    /// Lets time pass, timer by timer.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now.monotonic + time;
        self.run();
        loop {
            let due = self.nodes().filter_map(|node| Some((self.replica(node).deadline()?, node))).min();
            let Some((at, node)) = due.filter(|&(at, _)| at <= end) else { break };
            self.now.monotonic = self.now.monotonic.max(at);
            self.inputs.push_back((node, Input::Wake));
            self.run();
        }
        self.now.monotonic = end;
    }

    pub fn nodes(&self) -> Range<Node> {
        0..self.hosts.len()
    }

    /// The relay that leads, if there is one.
    pub fn leader(&self) -> Option<Node> {
        let leads = |&node: &Node| match self.hosts[node].kind {
            PeerKind::Relay(voter, _) => self.replica(node).view().leader().is_some_and(|ballot| ballot.voter == voter),
            PeerKind::Tab(_) => false,
        };
        self.nodes().find(leads)
    }

    pub fn replica(&self, node: Node) -> &Replica {
        &self.hosts[node].replica
    }

    pub fn record(&self, node: Node, record: RecordId) -> Option<RecordView> {
        self.replica(node).view().record(record)
    }

    /// Sets a node's wall clock wrong, or right again.
    pub fn set_clock_ahead(&mut self, node: Node, ahead_ms: u64) {
        self.hosts[node].clock_ahead_ms = ahead_ms;
    }

    /// The values of a field, the one that is shown first.
    pub fn values(&self, node: Node, record: RecordId, field: &str) -> Vec<String> {
        let view = self.record(node, record).expect("the record is there");
        view.candidates(field).iter().map(|candidate| candidate.value.clone()).collect()
    }

    fn run(&mut self) {
        self.steps(usize::MAX);
    }

    fn handle(&mut self, node: Node, input: Input) {
        let host = &mut self.hosts[node];
        let now = Now { wall_ms: self.now.wall_ms + host.clock_ahead_ms, ..self.now };
        let output = host.replica.handle(now, input);
        host.replica.assert_invariants();
        if let Some(batch) = output.write {
            batch.ops.into_iter().for_each(|op| host.durable.apply(op));
            self.inputs.push_back((node, Input::Persisted(batch.id)));
        }
        self.forgot.extend(output.forgot.then_some(node));
        for Envelope { to, message } in output.sends {
            self.sent += 1;
            self.parts += usize::from(matches!(message, Message::SnapshotPart { .. }));
            self.held += usize::from(matches!(message, Message::Held { .. }));
            self.stored += usize::from(matches!(message, Message::Stored { .. }));
            if let Some(&(a, b)) = self.links.get(&to) {
                let other = if a == node { b } else { a };
                self.inputs.push_back((other, Input::Receive(to, message)));
            }
        }
        self.events[node].extend(output.events);
        self.lost[node].extend(output.lost);
        self.observed[node].extend(output.observed);
        self.replies.extend(output.replies.into_iter().map(|(_, reply)| reply));
        self.cut.extend(output.cut.into_iter().map(|(_, violation)| (node, violation)));
    }
}
