//! A room in one thread: real replicas whose messages arrive at once and in order. For scenes that are told step by
//! step; the simulator is for everything that may go wrong.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use shared::crdt::FieldEdit;
use shared::document::LostWrite;
use shared::id::{RecordId, ReplicaId, VoterId};
use shared::io::{
    Command, CommandId, CommandRejection, Envelope, Event, Input, Message, Now, PeerId, PeerKind, Recovered, Reply,
    Violation,
};
use shared::ledger::Wish;
use shared::replica::{Config, RecordView, Replica, Role};
use shared::schema::Schema;

pub const START: Now = Now { monotonic: Duration::ZERO, wall_ms: 1_700_000_000_000 };

/// One replica of the room, by its place in it.
pub type Node = usize;

pub struct Room {
    replicas: Vec<Replica>,
    kinds: Vec<PeerKind>,
    links: BTreeMap<PeerId, (Node, Node)>,
    inputs: VecDeque<(Node, Input)>,
    now: Now,
    ids: u64,
    /// What each replica was told of the others' deeds.
    pub events: Vec<Vec<Event>>,
    /// The lost writes that each replica was told of.
    pub lost: Vec<Vec<LostWrite>>,
    pub cut: Vec<(Node, Violation)>,
    /// The answers to commands.
    pub replies: Vec<Result<Reply, CommandRejection>>,
}

impl Room {
    /// `relays` relays, connected to one another, and `tabs` tabs, connected to nobody. Relays come first.
    pub fn new(relays: u16, tabs: u64) -> Self {
        let addresses: BTreeMap<_, _> = (1..=relays).map(|id| (VoterId(id), format!("relay-{id}"))).collect();
        let mut room = Room {
            replicas: Vec::new(),
            kinds: Vec::new(),
            links: BTreeMap::new(),
            inputs: VecDeque::new(),
            now: START,
            ids: 0,
            events: Vec::new(),
            lost: Vec::new(),
            cut: Vec::new(),
            replies: Vec::new(),
        };
        for &voter in addresses.keys() {
            let role = Role::Relay { voter, addresses: addresses.clone(), seed: voter.0.into() };
            room.join(ReplicaId(voter.0.into()), PeerKind::Relay(voter), role);
        }
        for tab in 0..tabs {
            let id = ReplicaId(100 + tab);
            room.join(id, PeerKind::Tab(id), Role::Tab);
        }
        for a in 0..relays.into() {
            (0..a).for_each(|b| room.connect(a, b));
        }
        room
    }

    fn join(&mut self, replica: ReplicaId, kind: PeerKind, role: Role) {
        self.replicas.push(Replica::recover(
            Config { replica, schema: Schema::people(), role },
            Recovered::default(),
            self.now,
        ));
        self.kinds.push(kind);
        self.events.push(Vec::new());
        self.lost.push(Vec::new());
    }

    pub fn connect(&mut self, a: Node, b: Node) {
        self.ids += 1;
        let link = PeerId(self.ids);
        self.links.insert(link, (a, b));
        self.inputs.push_back((a, Input::PeerUp(link, self.kinds[b])));
        self.inputs.push_back((b, Input::PeerUp(link, self.kinds[a])));
        self.run();
    }

    pub fn disconnect(&mut self, node: Node) {
        let links: Vec<_> = self.links.iter().filter(|(_, ends)| ends.0 == node || ends.1 == node).collect();
        for (link, (a, b)) in links.into_iter().map(|(&link, &ends)| (link, ends)).collect::<Vec<_>>() {
            self.links.remove(&link);
            self.inputs.push_back((a, Input::PeerDown(link)));
            self.inputs.push_back((b, Input::PeerDown(link)));
        }
        self.run();
    }

    pub fn command(&mut self, node: Node, command: Command) {
        self.ids += 1;
        self.inputs.push_back((node, Input::Command(CommandId(self.ids), command)));
        self.run();
    }

    pub fn add(&mut self, node: Node, name: &str, note: &str) -> RecordId {
        let before: Vec<_> = self.replicas[node].view().records().map(|record| record.id).collect();
        let assign = |(field, value): (&str, &str)| (field.to_owned(), FieldEdit::Assign(value.to_owned()));
        self.command(node, Command::Add { fields: [("name", name), ("note", note)].map(assign).into() });
        let mut after = self.replicas[node].view().records().map(|record| record.id);
        after.find(|id| !before.contains(id)).expect("the record was added")
    }

    pub fn edit(&mut self, node: Node, record: RecordId, field: &str, value: &str) {
        self.change(node, record, field, FieldEdit::Assign(value.to_owned()));
    }

    pub fn change(&mut self, node: Node, record: RecordId, field: &str, edit: FieldEdit) {
        self.command(node, Command::Edit { record, field: field.to_owned(), edit });
    }

    pub fn ask(&mut self, node: Node, wish: Wish) {
        self.command(node, Command::Ask(wish));
    }

    /// Hands a message to `to` as if `from` had sent it.
    pub fn forge(&mut self, from: Node, to: Node, message: Message) {
        let link = self.links.iter().find(|&(_, &ends)| ends == (from, to) || ends == (to, from));
        let (&link, _) = link.expect("the two are connected");
        self.inputs.push_back((to, Input::Receive(link, message)));
        self.run();
    }

    /// Lets time pass, timer by timer.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now.monotonic + time;
        loop {
            let due = (0..self.replicas.len()).filter_map(|node| Some((self.replicas[node].deadline()?, node))).min();
            let Some((at, node)) = due.filter(|&(at, _)| at <= end) else { break };
            self.now.monotonic = self.now.monotonic.max(at);
            self.inputs.push_back((node, Input::Wake));
            self.run();
        }
        self.now.monotonic = end;
    }

    pub fn replica(&self, node: Node) -> &Replica {
        &self.replicas[node]
    }

    pub fn record(&self, node: Node, record: RecordId) -> Option<RecordView> {
        self.replicas[node].view().record(record)
    }

    /// The values of a field, the one that is shown first.
    pub fn values(&self, node: Node, record: RecordId, field: &str) -> Vec<String> {
        let view = self.record(node, record).expect("the record is there");
        view.candidates(field).iter().map(|candidate| candidate.value.clone()).collect()
    }

    fn run(&mut self) {
        while let Some((node, input)) = self.inputs.pop_front() {
            let output = self.replicas[node].handle(self.now, input);
            self.replicas[node].assert_invariants();
            if let Some(batch) = output.write {
                self.inputs.push_back((node, Input::Persisted(batch.id)));
            }
            for Envelope { to, message } in output.sends {
                if let Some(&(a, b)) = self.links.get(&to) {
                    let other = if a == node { b } else { a };
                    self.inputs.push_back((other, Input::Receive(to, message)));
                }
            }
            self.events[node].extend(output.events);
            self.lost[node].extend(output.lost);
            self.replies.extend(output.replies.into_iter().map(|(_, reply)| reply));
            self.cut.extend(output.cut.into_iter().map(|(_, violation)| (node, violation)));
        }
    }
}
