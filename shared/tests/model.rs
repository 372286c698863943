//! The engine beside a plain model of it: real tabs and relays in long random runs, with links that hold messages back
//! and drop, and a [`History`] of all that was done, which says what each of them must read.

mod against_history;
mod history;

use std::collections::VecDeque;
use std::time::Duration;

use history::{History, NAME, NOTE, TAGS, VISITS, Workload};
use shared::base::dot::Dot;
use shared::base::hlc::Stamp;
use shared::base::id::{RecordId, RelayId, ReplicaId};
use shared::base::sorted::{SortedMap, SortedSet};
use shared::base::split_mix::SplitMix64;
use shared::consensus::Configuration;
use shared::merge::document::Document;
use shared::protocol::{Decoder, Encoder, Frame, MAX_FRAME_BYTES};
use shared::replica::io::{Command, CommandId, Input, Message, Now, Output, PeerId, PeerKind, Recovered, WriteOp};
use shared::replica::{Config, Replica, Role, Tuning};
use shared::schema::{FieldEdit, FieldKind, FieldSpec, Schema};

/// How many seeds an ordinary run tries, with so many steps each.
const SEEDS: u64 = 200;
const STEPS: usize = 400;
const TABS: usize = 4;
/// How many records a tab has at the most before it adds no more: few, so that many edits meet.
const RECORDS: usize = 4;
/// The longest pause between two steps.
const MAX_PAUSE_MS: u64 = 200;
/// How far the clocks of two replicas may differ.
const MAX_SKEW_MS: u64 = 1_000_000;
const EPOCH_MS: u64 = 1_700_000_000_000;
/// How many messages replicas may need to become equal that have met: far more than they do.
const MANY_MESSAGES: usize = 5_000;

/// One replica of the room, by its place in it. Relays come first.
type Node = usize;

struct Host {
    replica: Replica,
    config: Config,
    kind: PeerKind,
    skew_ms: u64,
    durable: Recovered,
    /// The removal that the next undo would undo.
    removal: Option<(RecordId, Dot)>,
    /// The actions that have had all of their effect here.
    complete: Workload,
    /// The actions that may have had some of their effect here.
    hinted: Workload,
}

/// One direction of a link.
struct Pipe {
    to: Node,
    encoder: Encoder,
    decoder: Decoder,
    frames: VecDeque<Vec<u8>>,
}

/// The sending end of a pipe.
type End = (PeerId, Node);

struct Room {
    random: SplitMix64,
    now: Duration,
    relays: usize,
    hosts: Vec<Host>,
    pipes: SortedMap<End, Pipe>,
    ids: u64,
    history: History,
    report: Report,
}

/// What has happened in some runs: where nothing happened, nothing was shown.
#[derive(Debug, Default)]
struct Report {
    edits: u64,
    removals: u64,
    revivals: u64,
    folds: u64,
    resyncs: u64,
    restarts: u64,
    /// How many records were held against the history, and in how many of them concurrent names stood.
    readings: u64,
    conflicts: u64,
    /// How many of them could not be compared in full: see [`history::Story::has_returned`].
    returned: u64,
}

fn schema() -> Schema {
    let field = |(name, kind): (&str, _)| FieldSpec { name: name.to_owned(), kind, required: false };
    let fields = [(NAME, FieldKind::Mv), (NOTE, FieldKind::Lww), (TAGS, FieldKind::Set), (VISITS, FieldKind::Counter)];
    Schema::new(fields.map(field).into()).expect("four fields are a schema")
}

/// Time and links.
impl Room {
    fn new(seed: u64, relays: u16) -> Self {
        let mut room = Room {
            random: SplitMix64::new(seed),
            now: Duration::ZERO,
            relays: relays.into(),
            hosts: Vec::new(),
            pipes: SortedMap::new(),
            ids: 0,
            history: History::default(),
            report: Report::default(),
        };
        let addresses: SortedMap<_, _> = (1..=relays).map(|id| (RelayId(id), format!("relay-{id}"))).collect();
        let mut voters = SortedMap::new();
        for &voter in addresses.keys() {
            let seed = seed ^ u64::from(voter.0);
            let role = Role::Relay { voter, addresses: addresses.clone(), seed, tuning: Tuning::default() };
            let replica = ReplicaId(room.random.draw());
            room.join(replica, PeerKind::Relay(voter, replica), role);
            voters.insert(voter, replica);
        }
        for relay in 0..room.relays {
            room.handle(relay, Input::Found(Configuration { number: 0, voters: voters.clone() }.into()));
        }
        for _ in 0..TABS {
            let replica = ReplicaId(room.random.draw());
            room.join(replica, PeerKind::Tab(replica), Role::Tab);
        }
        room
    }

    fn join(&mut self, replica: ReplicaId, kind: PeerKind, role: Role) {
        let config = Config { replica, schema: schema(), role };
        let skew_ms = self.random.below(MAX_SKEW_MS);
        self.hosts.push(Host {
            replica: Replica::recover(config.clone(), Recovered::default(), self.now_at(skew_ms)),
            config,
            kind,
            skew_ms,
            durable: Recovered::default(),
            removal: None,
            complete: Workload::new(),
            hinted: Workload::new(),
        });
    }

    fn now_at(&self, skew_ms: u64) -> Now {
        let passed = u64::try_from(self.now.as_millis()).expect("a run is short");
        Now { monotonic: self.now, wall_ms: EPOCH_MS + skew_ms + passed }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.random.below(limit as u64) as usize
    }

    fn document(&self, node: Node) -> &Document {
        self.hosts[node].replica.view().document()
    }

    /// All that a replica has seen.
    fn seen(&self, node: Node) -> Workload {
        let intervals = self.document(node).context().intervals();
        let dots = |(replica, (start, end))| (start..=end).map(move |counter| Dot::new(replica, counter));
        intervals.flat_map(dots).collect()
    }

    /// Lets time pass, timer by timer.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let deadlines = self.hosts.iter().zip(0..).filter_map(|(host, at)| Some((host.replica.deadline()?, at)));
            let Some((at, node)) = deadlines.min().filter(|&(at, _)| at <= end) else { break };
            self.now = self.now.max(at);
            self.handle(node, Input::Wake);
        }
        self.now = end;
    }

    fn handle(&mut self, node: Node, input: Input) {
        let before = self.before_own_edits(node, &input);
        let now = self.now_at(self.hosts[node].skew_ms);
        let mut output = self.hosts[node].replica.handle(now, input);
        self.note_own_edits(node, before, &output);
        while let Some(batch) = output.write.take() {
            batch.ops.into_iter().for_each(|op| self.hosts[node].durable.apply(op));
            let after = self.hosts[node].replica.handle(now, Input::Persisted(batch.id));
            output.write = after.write;
            output.sends.extend(after.sends);
            output.replies.extend(after.replies);
        }
        assert_eq!(output.cut, [], "nobody breaks the protocol");
        assert!(output.replies.iter().all(|(_, reply)| reply.is_ok()), "{:?}", output.replies);
        for envelope in output.sends {
            if let Some(pipe) = self.pipes.get_mut(&(envelope.to, node)) {
                pipe.frames.push_back(pipe.encoder.frame(&Frame::Message(envelope.message)));
            }
        }
    }

    fn connect(&mut self, a: Node, b: Node) {
        self.ids += 1;
        let link = PeerId(self.ids);
        for (from, to) in [(a, b), (b, a)] {
            let (encoder, decoder) = (Encoder::default(), Decoder::new(MAX_FRAME_BYTES));
            self.pipes.insert((link, from), Pipe { to, encoder, decoder, frames: VecDeque::new() });
        }
        self.handle(a, Input::PeerUp(link, self.hosts[b].kind));
        self.handle(b, Input::PeerUp(link, self.hosts[a].kind));
    }

    /// Cuts a link, with all that was under way on it.
    fn cut(&mut self, link: PeerId) {
        let ends: Vec<Node> = self.pipes.keys().filter(|end| end.0 == link).map(|end| end.1).collect();
        self.pipes.retain(|end, _| end.0 != link);
        ends.into_iter().for_each(|node| self.handle(node, Input::PeerDown(link)));
    }

    fn links_of(&self, node: Node) -> Vec<PeerId> {
        self.pipes.keys().filter(|end| end.1 == node).map(|end| end.0).collect()
    }

    fn is_connected(&self, a: Node, b: Node) -> bool {
        self.pipes.iter().any(|(end, pipe)| (end.1, pipe.to) == (a, b))
    }

    /// A node and all that are connected with it, directly or not.
    fn around(&self, node: Node) -> SortedSet<Node> {
        let mut around = SortedSet::from([node]);
        loop {
            let before = around.len();
            let next = self.pipes.iter().filter(|(end, _)| around.contains(&end.1)).map(|(_, pipe)| pipe.to);
            around.extend(next.collect::<Vec<_>>());
            if around.len() == before {
                return around;
            }
        }
    }

    fn deliver(&mut self, end: End) {
        let Some(pipe) = self.pipes.get_mut(&end) else { return };
        let Some(bytes) = pipe.frames.pop_front() else { return };
        let to = pipe.to;
        let Ok(Frame::Message(message)) = pipe.decoder.frame(&bytes) else { panic!("own bytes can be read") };
        let edit = if let Message::Edit(edit) = &message { Some(edit.dot) } else { None };
        if let Message::Delta(_) | Message::Liveness(_) = &message {
            let hints = self.seen(end.1).into_iter().chain(self.hosts[end.1].hinted.clone());
            self.hosts[to].hinted.extend(hints.collect::<Vec<_>>());
        }
        self.handle(to, Input::Receive(end.0, message));
        // An edit that is not seen yet waits for its record.
        let carried_out = edit.filter(|&edit| self.document(to).context().contains(edit));
        self.hosts[to].complete.extend(carried_out);
    }

    /// Lets a relay begin anew from what it has written.
    fn restart(&mut self, relay: Node) {
        self.links_of(relay).into_iter().for_each(|link| self.cut(link));
        let now = self.now_at(self.hosts[relay].skew_ms);
        let host = &mut self.hosts[relay];
        host.replica = Replica::recover(host.config.clone(), host.durable.clone(), now);
        self.report.restarts += 1;
        self.check(relay);
    }
}

/// Workload, each written down in the history.
impl Room {
    fn next_dot(&self, node: Node) -> Dot {
        self.document(node).next_dot(self.hosts[node].config.replica).expect("there are dots left")
    }

    /// The versions in which a record stands at a node, and the edits by which they live.
    fn versions(&self, node: Node, record: RecordId) -> (Workload, Workload) {
        let versions = self.document(node).versions(record);
        let supports = versions.iter().flat_map(|live| live.supports().iter().copied());
        (versions.iter().map(|live| live.dot).collect(), supports.collect())
    }

    fn stamp(&self, node: Node, record: RecordId) -> Stamp {
        self.document(node).read(record).expect("the record was edited").stamp
    }

    fn command(&mut self, tab: Node, command: Command) {
        self.ids += 1;
        let dot = self.next_dot(tab);
        self.handle(tab, Input::Command(CommandId(self.ids), command));
        self.hosts[tab].complete.insert(dot);
        self.hosts[tab].removal = None;
    }

    fn add(&mut self, tab: Node) -> RecordId {
        let dot = self.next_dot(tab);
        let fields = vec![self.assign(NAME), self.assign(NOTE)];
        self.command(tab, Command::Add { fields: fields.clone() });
        let (record, stamp) = (RecordId(dot), self.stamp(tab, RecordId(dot)));
        self.history.story(record).edit(dot, &Workload::new(), stamp, fields);
        self.report.edits += 1;
        record
    }

    fn edit(&mut self, tab: Node, record: RecordId, (field, edit): (String, FieldEdit)) {
        let dot = self.next_dot(tab);
        let (base, _) = self.versions(tab, record);
        self.command(tab, Command::Edit { record, field: field.clone(), edit: edit.clone(), seen: None });
        let stamp = self.stamp(tab, record);
        self.history.story(record).edit(dot, &base, stamp, vec![(field, edit)]);
        self.report.edits += 1;
    }

    fn remove(&mut self, tab: Node, record: RecordId) {
        let dot = self.next_dot(tab);
        let (base, supports) = self.versions(tab, record);
        self.command(tab, Command::Remove { record });
        self.history.story(record).remove(dot, base.union(&supports).copied().collect());
        self.hosts[tab].removal = Some((record, dot));
        self.report.removals += 1;
    }

    /// Undoes a removal.
    fn revive(&mut self, tab: Node, record: RecordId, removal: Dot) {
        let dot = self.next_dot(tab);
        self.command(tab, Command::Undo);
        let stamp = self.stamp(tab, record);
        self.history.story(record).revive(dot, removal, stamp);
        self.report.revivals += 1;
    }

    /// The records that a replica may edit by itself in its next step, as they stand: a relay folds, and a tab carries to its
    /// relay what that lacks.
    fn before_own_edits(&self, node: Node, input: &Input) -> SortedMap<RecordId, (Workload, Workload)> {
        let document = self.document(node);
        let is_told = matches!(input, Input::Command(..));
        let may_edit = |record: &RecordId| node >= self.relays || document.version_count(*record) > 1;
        let records = document.records().filter(|record| !is_told && may_edit(record));
        records.map(|record| (record, self.versions(node, record))).collect()
    }

    /// Writes down what a replica has done by itself: whatever else it writes is by others, or was told to it.
    fn note_own_edits(&mut self, node: Node, before: SortedMap<RecordId, (Workload, Workload)>, output: &Output) {
        for write in output.write.iter().flat_map(|batch| &batch.ops) {
            let WriteOp::PutVersion { record, dot, version } = write else { continue };
            let story = self.history.story(*record);
            if story.knows(*dot) {
                continue;
            }
            if self.hosts[node].kind == PeerKind::Tab(dot.replica()) {
                if let Some((base, _)) = before.get(record) {
                    story.edit(*dot, base, version.unpack(*record).version.stamp, Vec::new());
                    self.hosts[node].complete.insert(*dot);
                }
                continue;
            }
            let (base, supports) = &before[record];
            let of: Workload = version.unpack(*record).folded.into_iter().collect();
            assert_eq!(&of, supports, "a fold lives by what its versions lived by");
            story.fold(*dot, base, of);
            self.hosts[node].complete.insert(*dot);
            self.report.folds += 1;
        }
    }

    fn assign(&mut self, field: &str) -> (String, FieldEdit) {
        (field.to_owned(), FieldEdit::Assign(format!("{field} {}", self.random.below(1000))))
    }

    fn any_edit(&mut self) -> (String, FieldEdit) {
        let tag = format!("tag {}", self.random.below(4));
        match self.random.below(5) {
            0 => self.assign(NAME),
            1 => self.assign(NOTE),
            2 => (TAGS.to_owned(), FieldEdit::Insert(tag)),
            3 => (TAGS.to_owned(), FieldEdit::Remove(tag)),
            _ => (VISITS.to_owned(), FieldEdit::Add(self.random.below(100) as i64 - 30)),
        }
    }
}

/// Chance.
impl Room {
    fn step(&mut self) {
        let pause = self.random.below(MAX_PAUSE_MS);
        self.pass(Duration::from_millis(pause));
        match self.random.below(100) {
            0..45 => self.any_deed(),
            45..80 => self.any_delivery(),
            80..87 => self.any_cut(),
            87..98 => self.any_meeting(),
            _ => {
                let relay = self.below(self.relays);
                self.restart(relay);
            }
        }
    }

    fn any_deed(&mut self) {
        let tab = self.relays + self.below(TABS);
        let records: Vec<RecordId> = self.document(tab).records().collect();
        let (chance, at) = (self.random.below(100), self.below(records.len().max(1)));
        let removal = self.hosts[tab].removal.filter(|(record, _)| chance < 50 && !records.contains(record));
        if let Some((record, removal)) = removal {
            self.revive(tab, record, removal);
        } else if records.is_empty() || (records.len() < RECORDS && chance < 10) {
            self.add(tab);
        } else if chance < 20 {
            self.remove(tab, records[at]);
        } else {
            let edit = self.any_edit();
            self.edit(tab, records[at], edit);
        }
        self.check(tab);
    }

    fn any_delivery(&mut self) {
        let busy: Vec<End> =
            self.pipes.iter().filter(|(_, pipe)| !pipe.frames.is_empty()).map(|(&end, _)| end).collect();
        if !busy.is_empty() {
            let end = busy[self.below(busy.len())];
            (0..self.below(6)).for_each(|_| self.deliver(end));
        }
    }

    fn any_cut(&mut self) {
        let links: Vec<PeerId> = self.pipes.keys().map(|end| end.0).collect();
        if !links.is_empty() {
            let link = links[self.below(links.len())];
            self.cut(link);
        }
    }

    /// Connects a replica with a relay; often they have the time to tell one another everything.
    fn any_meeting(&mut self) {
        let (node, relay) = (self.below(self.hosts.len()), self.below(self.relays));
        let is_tab_at_a_relay = node >= self.relays && !self.links_of(node).is_empty();
        if node == relay || is_tab_at_a_relay || self.is_connected(node, relay) {
            return;
        }
        self.connect(node, relay);
        if self.random.below(2) == 0 {
            self.settle(node);
        }
    }

    /// Connects all with all, and gives them the time to become equal.
    fn heal(&mut self) {
        for node in 0..self.hosts.len() {
            for relay in 0..self.relays.min(node) {
                let is_tab_at_a_relay = node >= self.relays && !self.links_of(node).is_empty();
                if !is_tab_at_a_relay && !self.is_connected(node, relay) {
                    self.connect(node, relay);
                }
            }
        }
        for _ in 0..5 {
            self.settle(0);
            self.pass(Duration::from_secs(1));
        }
        let checked = self.report.readings;
        self.settle(0);
        assert_eq!(self.around(0).len(), self.hosts.len(), "all are connected");
        assert!(self.document(0).records().len() == 0 || self.report.readings > checked, "the end was looked at");
    }
}

/// Says which seed fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {} fails", self.0);
        }
    }
}

#[test]
fn what_replicas_read_is_what_their_history_says() {
    let mut total = Report::default();
    for seed in 0..SEEDS {
        let _seed = Seed(seed);
        let mut room = Room::new(seed, if seed % 2 == 0 { 1 } else { 3 });
        room.report = total;
        (0..STEPS).for_each(|_| room.step());
        room.heal();
        total = room.report;
    }
    println!("seeds: {SEEDS}, {total:?}");
    assert!(total.removals > 10 * SEEDS && total.revivals > 5 * SEEDS, "records go and come back: {total:?}");
    assert!(total.folds > 5 * SEEDS, "relays fold: {total:?}");
    assert!(total.resyncs > 10 * SEEDS && total.restarts > SEEDS, "replicas lose one another: {total:?}");
    assert!(total.readings > 100 * SEEDS && total.conflicts > 10 * SEEDS, "edits meet: {total:?}");
    assert!(total.returned < total.readings / 50, "nearly all is compared in full: {total:?}");
}

/// A tab cannot send the fold that its edit has gone into. Where its relay lacks that, both must wait for another relay.
#[test]
fn a_tab_whose_edit_lives_in_a_fold_that_its_relay_lacks_comes_to_rest() {
    let mut room = Room::new(0, 3);
    let (tab, other) = (3, 4);
    room.connect(0, 1);
    room.pass(Duration::from_secs(2));
    room.settle(0);
    room.connect(tab, 0);
    let record = room.add(tab);
    room.settle(tab);
    room.connect(other, 0);
    room.settle(tab);
    room.cut(room.links_of(other)[0]);
    for node in [tab, other] {
        let name = room.assign(NAME);
        room.edit(node, record, name);
    }
    room.connect(other, 0);
    for _ in 0..3 {
        room.settle(0);
        room.pass(Duration::from_secs(1));
    }
    room.settle(0);
    assert_eq!(room.report.folds, 1, "a leader has folded the two names");
    room.cut(room.links_of(tab)[0]);
    room.connect(tab, 2);
    room.settle(tab);
    room.heal();
    assert_eq!(room.document(2).records().len(), 1);
}
