//! A panic in one room closes that room alone, and the disk brings it back.

mod disk;
mod listening;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;
use shared::consensus::{AcceptorState, Ballot};
use shared::ledger::Operation;
use shared::protocol::{Decoder, Encoder, Frame, MAX_FRAME_BYTES};
use shared::replica::io::{Output, Reply};
use shared::replica::{Config, View};
use shared::schema::FieldEdit;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::machine::Machine;
use super::*;
use crate::app::App;
use crate::config::{self, CommandLine};
use crate::outbox;
use crate::storage::Storage;
use crate::storage::memory::Disk;

const PATIENCE: Duration = Duration::from_secs(20);
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// The replica panics when a person of this name is added.
const FATAL: &str = "fatal";

/// A replica that panics when it is told to.
#[derive(Debug)]
struct Fragile(Box<dyn Machine>);

impl Machine for Fragile {
    fn handle(&mut self, now: Now, input: Input) -> Output {
        if let Input::Command(_, Command::Add { fields }) = &input {
            assert!(fields.iter().all(|(_, edit)| *edit != FieldEdit::Assign(FATAL.to_owned())), "told to panic");
        }
        self.0.handle(now, input)
    }

    fn deadline(&self) -> Option<Duration> {
        self.0.deadline()
    }

    fn view(&self) -> View<'_> {
        self.0.view()
    }
}

fn fragile(config: Config, recovered: Recovered, now: Now) -> Box<dyn Machine> {
    Box::new(Fragile(machine::recover(config, recovered, now)))
}

/// A relay alone, without a network.
struct Scene {
    handle: NodeHandle,
    task: JoinHandle<Result<(), NodeError>>,
}

impl Scene {
    fn start(disk: &Disk, recover: Recover) -> Self {
        Self::start_as(RelayId(1), &[], disk, recover)
    }

    fn start_as(voter: RelayId, peers: &[RelayId], disk: &Disk, recover: Recover) -> Self {
        Self::start_on(disk.open(), voter, peers, recover)
    }

    fn start_on(storage: Box<dyn Storage>, voter: RelayId, peers: &[RelayId], recover: Recover) -> Self {
        Self::run(Self::node(storage, voter, peers, recover))
    }

    fn node(
        storage: Box<dyn Storage>,
        voter: RelayId,
        peers: &[RelayId],
        recover: Recover,
    ) -> (Node, NodeHandle, Reports) {
        let peers = peers.iter().map(|&peer| (peer, "127.0.0.1:2".to_owned())).collect();
        let (about, recovered) = (storage.about().clone(), storage.load_all().expect("rooms"));
        let (address, retire_after) = ("127.0.0.1:1".to_owned(), Duration::from_secs(3600));
        let identity = Identity { voter, schema: Schema::people(), address, peers, max_rooms: 10, retire_after };
        let (writer, reports) = storage.start();
        let (node, handle) = Node::with(recover, identity, about, recovered, writer);
        (node, handle, reports)
    }

    fn run((node, handle, reports): (Node, NodeHandle, Reports)) -> Self {
        Scene { handle, task: tokio::spawn(node.run(reports)) }
    }

    /// A relay alone at which so many bytes may wait for all tabs.
    fn start_with(waiting: usize) -> Self {
        let (mut node, mut handle, reports) = Self::node(Disk::default().open(), RelayId(1), &[], machine::recover);
        node.waiting_for_tabs = Total::new(waiting);
        handle.waiting_for_tabs = node.waiting_for_tabs.clone();
        Self::run((node, handle, reports))
    }

    async fn add(&self, name: &str, to: &Room) -> Answer {
        let fields = vec![("name".to_owned(), FieldEdit::Assign(name.to_owned()))];
        timeout(PATIENCE, self.handle.command(to.clone(), Command::Add { fields })).await.expect("an answer in time")
    }

    async fn names(&self, of: &Room) -> Result<Vec<String>, NoRoom> {
        let read = |view: View<'_>| view.records().map(|record| record.shown("name").to_owned()).collect();
        timeout(PATIENCE, self.handle.read(of.clone(), read)).await.expect("an answer in time")
    }

    /// Waits until a room is open again.
    async fn until_open(&self, room: &Room) -> Vec<String> {
        let mut changes = self.handle.changes();
        let wait = async {
            loop {
                match self.names(room).await {
                    Ok(names) => return names,
                    Err(NoRoom::Failed) => drop(changes.recv().await),
                    Err(other) => panic!("it does not open again: {other}"),
                }
            }
        };
        timeout(PATIENCE, wait).await.expect("in time")
    }

    /// Waits until somebody leads a room.
    async fn leader(&self, of: &Room) -> RelayId {
        loop {
            let leader = self.handle.read(of.clone(), |view| view.leader()).await.expect("the room is open");
            match leader {
                Some(ballot) => return ballot.voter,
                None => tokio::task::yield_now().await,
            }
        }
    }

    /// A tab in a room. The connection, and what the node does with it.
    async fn tab(&self, room: &Room) -> (Connection, outbox::Queue) {
        self.tab_under(ReplicaId(77), room).await
    }

    async fn tab_under(&self, replica: ReplicaId, room: &Room) -> (Connection, outbox::Queue) {
        let connection = self.handle.connection();
        let (outbox, queue) = outbox::to_tab(Encoder::default(), connection.waiting_for_tabs());
        let account = Arc::new(connection.account(HERE));
        let visitor = Visitor { replica, room: room.clone(), account };
        connection.tab_up(visitor, outbox).await.expect("the node runs");
        (connection, queue)
    }

    /// The state that the handlers of this relay get.
    fn app(&self) -> App {
        let flags = CommandLine::try_parse_from(["relay"]).expect("flags");
        let config = Arc::new(config::Config::try_from(flags.relay).expect("a relay alone"));
        App { config, node: self.handle.clone() }
    }

    async fn closed_rooms(&self) -> BTreeMap<Room, Closed> {
        self.handle.health().await.expect("the node runs").closed_rooms
    }

    async fn stop(self) {
        self.handle.stop().await;
        self.task.await.expect("the node has not panicked").expect("it has stopped in order");
    }
}

fn room(name: &str) -> Room {
    Room::try_from(name.to_owned()).expect("the name of a room")
}

#[tokio::test]
async fn a_panic_closes_its_room_alone_and_the_room_comes_back_from_disk() {
    let disk = Disk::default();
    let scene = Scene::start(&disk, fragile);
    let (people, other) = (room("people"), room("other"));
    scene.handle.enter(other.clone(), HERE).await.expect("a place");
    assert!(matches!(scene.add("Anna", &other).await, Ok(Ok(_))));
    let (_connection, mut queue) = scene.tab(&other).await;
    let (_bystander, bystanders) = scene.tab(&people).await;

    assert_eq!(scene.add(FATAL, &other).await, Err(NoRoom::Unknown));
    assert_eq!(timeout(PATIENCE, &mut queue.cut).await.expect("in time"), Ok(Violation::RoomFailed));
    assert!(matches!(scene.add("Béla", &people).await, Ok(Ok(_))), "the other room goes on");
    assert_eq!(scene.until_open(&other).await, ["Anna"]);
    assert!(matches!(scene.add("Cili", &other).await, Ok(Ok(_))), "the room that has failed goes on, too");
    assert!(bystanders.cut.is_empty(), "a tab in another room has noticed nothing");
    assert!(scene.closed_rooms().await.is_empty());
    scene.stop().await;
}

#[tokio::test]
async fn a_room_that_fails_again_and_again_stays_closed_and_says_what_to_do() {
    let disk = Disk::default();
    let scene = Scene::start(&disk, fragile);
    let (people, other) = (room("people"), room("other"));
    scene.handle.enter(other.clone(), HERE).await.expect("a place");
    assert!(matches!(scene.add("Anna", &other).await, Ok(Ok(_))));
    for _ in 0..2 {
        assert_eq!(scene.add(FATAL, &other).await, Err(NoRoom::Unknown));
        assert_eq!(scene.until_open(&other).await, ["Anna"]);
    }
    assert_eq!(scene.add(FATAL, &other).await, Err(NoRoom::Unknown));
    assert_eq!(scene.names(&other).await, Err(NoRoom::Closed));
    assert_eq!(scene.handle.enter(other.clone(), HERE).await, Err(NoRoom::Closed));
    let (_connection, mut queue) = scene.tab(&other).await;
    assert_eq!(timeout(PATIENCE, &mut queue.cut).await.expect("in time"), Ok(Violation::RoomFailed));
    let said = scene.closed_rooms().await[&other].to_string();
    assert!(said.contains("restart this relay") && said.contains("told to panic"), "{said}");
    assert!(matches!(scene.add("Béla", &people).await, Ok(Ok(_))), "the other room goes on");
    scene.stop().await;
    // The restart that was advised.
    let scene = Scene::start(&disk, machine::recover);
    assert_eq!(scene.names(&other).await.expect("the room is open"), ["Anna"]);
    scene.stop().await;
}

/// Set while a replica is made by [`doomed`].
static DOOMED: AtomicBool = AtomicBool::new(false);

/// A replica that cannot be made out of what the disk has of one room.
fn doomed(config: Config, recovered: Recovered, now: Now) -> Box<dyn Machine> {
    assert!(recovered.records.is_empty() || !DOOMED.load(Ordering::Relaxed), "told to panic");
    machine::recover(config, recovered, now)
}

#[tokio::test]
async fn a_room_that_cannot_even_begin_is_closed_and_the_relay_starts() {
    let disk = Disk::default();
    let scene = Scene::start(&disk, doomed);
    let other = room("other");
    scene.handle.enter(other.clone(), HERE).await.expect("a place");
    assert!(matches!(scene.add("Anna", &other).await, Ok(Ok(_))));
    scene.stop().await;
    DOOMED.store(true, Ordering::Relaxed);
    let scene = Scene::start(&disk, doomed);
    assert_eq!(scene.names(&other).await, Err(NoRoom::Closed));
    assert!(matches!(scene.add("Béla", &room("people")).await, Ok(Ok(_))));
    scene.stop().await;
}

#[tokio::test]
async fn a_read_that_panics_fails_alone() {
    let disk = Disk::default();
    let scene = Scene::start(&disk, machine::recover);
    let people = room("people");
    let read = scene.handle.read(people.clone(), |_| -> u8 { panic!("told to panic") });
    assert_eq!(timeout(PATIENCE, read).await.expect("an answer in time"), Err(NoRoom::ReadFailed));
    assert!(matches!(scene.add("Anna", &people).await, Ok(Ok(_))));
    assert_eq!(scene.names(&people).await.expect("the room is open"), ["Anna"]);
    scene.stop().await;
}

/// A connection's task that panics drops its connection without a word.
#[tokio::test]
async fn a_connection_whose_task_panics_is_down() {
    let disk = Disk::default();
    let scene = Scene::start(&disk, machine::recover);
    let people = room("people");
    let (connection, _queue) = scene.tab(&people).await;
    let tabs = |view: View<'_>| view.status().map_or(0, |status| status.relays[0].tabs.len());
    assert_eq!(scene.handle.read(people.clone(), tabs).await, Ok(1));
    let task = tokio::spawn(async move {
        let _connection = connection;
        panic!("told to panic");
    });
    assert!(task.await.is_err_and(|error| error.is_panic()));
    let gone = async {
        while scene.handle.read(people.clone(), tabs).await != Ok(0) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, gone).await.expect("the node is told in time");
    scene.handle.connections_ended().await;
    scene.stop().await;
}

#[tokio::test]
async fn a_write_to_a_room_that_nobody_has_entered_is_refused() {
    let disk = Disk::default();
    let scene = Scene::start(&disk, machine::recover);
    assert_eq!(scene.add("Anna", &room("nowhere")).await, Err(NoRoom::Missing));
    assert_eq!(scene.names(&room("nowhere")).await, Err(NoRoom::Missing));
    scene.stop().await;
}

/// A dropped room must not let its voter forget a promise: the room that begins anew begins with the highest promise of
/// all dropped rooms.
#[tokio::test]
async fn a_room_that_is_opened_anew_keeps_what_was_promised_before_it_was_dropped() {
    let disk = Disk::default();
    let promised = Ballot { configuration: 0, round: 7, voter: RelayId(1) };
    let (writer, mut reports) = disk.open().start();
    writer.drop_room(room("other"), promised);
    drop(writer);
    while let Some(report) = reports.recv().await {
        report.expect("it is written");
    }
    let scene = Scene::start(&disk, machine::recover);
    scene.handle.enter(room("other"), HERE).await.expect("a place");
    let acceptor_state = |view: View<'_>| view.acceptor_state();
    let acceptor_state =
        scene.handle.read(room("other"), acceptor_state).await.expect("it is open").expect("of a relay");
    assert!(
        acceptor_state.promised >= promised && acceptor_state.accepted == AcceptorState::ZERO.accepted,
        "{acceptor_state:?}"
    );
    // It is no relay that has lost its memory: it leads the room, and decides.
    let ask = Command::Ask(Operation::Raise { number: 3 });
    let answer = timeout(PATIENCE, scene.handle.command(room("other"), ask)).await.expect("an answer in time");
    assert!(matches!(answer, Ok(Ok(_))), "{answer:?}");
    let leader = scene.handle.read(room("other"), |view| view.leader()).await.expect("it is open");
    assert!(leader.is_some_and(|ballot| ballot > promised), "{leader:?}");
    scene.stop().await;
}

/// Passes on what one relay says over a link, to the connection of the other one.
async fn carry(mut queue: outbox::Queue, to: Arc<Connection>) {
    let mut decoder = Decoder::new(MAX_FRAME_BYTES);
    loop {
        let bytes = queue.frames.next().await;
        queue.frames.taken(bytes.len());
        let told = match decoder.frame(&bytes).expect("a frame") {
            Frame::InRoom(room, message) => to.link_says(room, message).await,
            Frame::Relays(relays) => to.link_tells(relays).await,
            Frame::Opened(room) => to.link_opened(room).await,
            Frame::Closed(room) => to.link_closed(room).await,
            Frame::Updated(room, update) => to.link_updated(room, update).await,
            other => panic!("no frame of a link: {other:?}"),
        };
        if told.is_err() {
            return;
        }
    }
}

/// Links two relays without a network.
async fn link(a: &Scene, b: &Scene) -> [JoinHandle<()>; 2] {
    let dialer = a.handle.me().voter.min(b.handle.me().voter);
    let remote = |of: &Scene| {
        let Me { voter, replica, .. } = of.handle.me().clone();
        Remote { voter, incarnation: replica, dialer }
    };
    let (at_a, at_b) = (Arc::new(a.handle.connection()), Arc::new(b.handle.connection()));
    let [(outbox_a, from_a), (outbox_b, from_b)] = [(); 2].map(|()| outbox::to_relay(Encoder::default()));
    at_a.link_up(remote(b), outbox_a).await.expect("it runs");
    at_b.link_up(remote(a), outbox_b).await.expect("it runs");
    [tokio::spawn(carry(from_a, at_b)), tokio::spawn(carry(from_b, at_a))]
}

/// The same as [`fragile`], and it cannot be made out of what the disk has once there are records.
fn mortal(config: Config, recovered: Recovered, now: Now) -> Box<dyn Machine> {
    assert!(recovered.records.is_empty(), "told to panic");
    fragile(config, recovered, now)
}

/// The others still have a link to the relay whose room is closed. They must be told, or nobody would lead the room.
#[tokio::test]
async fn when_the_room_of_the_leader_stays_closed_the_others_lead_it() {
    let disks = [(); 3].map(|()| Disk::default());
    let ids = [1, 2, 3].map(RelayId);
    let start = |(&id, disk): (&RelayId, &Disk)| {
        let peers: Vec<_> = ids.into_iter().filter(|&other| other != id).collect();
        Scene::start_as(id, &peers, disk, mortal)
    };
    let relays: Vec<_> = ids.iter().zip(&disks).map(start).collect();
    let links = [(0, 1), (0, 2), (1, 2)];
    let mut carriers = Vec::new();
    for (a, b) in links {
        carriers.extend(link(&relays[a], &relays[b]).await);
    }
    let people = room("people");
    let raise = |number| Command::Ask(Operation::Raise { number });
    let asked = timeout(PATIENCE, relays[0].handle.command(people.clone(), raise(3))).await.expect("in time");
    assert!(matches!(asked, Ok(Ok(Reply::Decided(_, Ok(_))))), "{asked:?}");
    let leader = timeout(PATIENCE, relays[0].leader(&people)).await.expect("in time");
    let (leading, others): (Vec<_>, Vec<_>) = relays.iter().partition(|relay| relay.handle.me().voter == leader);
    assert!(matches!(leading[0].add("Anna", &people).await, Ok(Ok(_))));
    assert_eq!(leading[0].add(FATAL, &people).await, Err(NoRoom::Unknown));
    for (number, other) in (10..).zip(others) {
        let asked = timeout(PATIENCE, other.handle.command(people.clone(), raise(number))).await.expect("in time");
        assert!(matches!(asked, Ok(Ok(Reply::Decided(_, Ok(_))))), "{asked:?}");
    }
    carriers.iter().for_each(JoinHandle::abort);
    for relay in relays {
        relay.stop().await;
    }
}

/// What the relay wrote before the failure has reached the others, and all go on when it is back.
#[tokio::test]
async fn a_room_that_fails_at_one_relay_goes_on_among_all_when_it_is_back() {
    let disks = [(); 2].map(|()| Disk::default());
    let a = Scene::start_as(RelayId(1), &[RelayId(2)], &disks[0], fragile);
    let b = Scene::start_as(RelayId(2), &[RelayId(1)], &disks[1], machine::recover);
    let link = link(&a, &b).await;
    let people = room("people");
    let raise = |number| Command::Ask(Operation::Raise { number });
    let asked = timeout(PATIENCE, b.handle.command(people.clone(), raise(3))).await.expect("they agree in time");
    assert!(matches!(asked, Ok(Ok(Reply::Decided(_, Ok(_))))), "{asked:?}");
    for (count, failing) in (0..2).zip(["Anna", "Béla"]) {
        assert!(matches!(a.add(failing, &people).await, Ok(Ok(_))));
        assert_eq!(a.add(FATAL, &people).await, Err(NoRoom::Unknown));
        assert_eq!(a.until_open(&people).await.len(), count + 1);
        let asked = timeout(PATIENCE, b.handle.command(people.clone(), raise(10 + count as u64))).await;
        assert!(matches!(asked.expect("they agree in time"), Ok(Ok(Reply::Decided(_, Ok(_))))));
        let known = async {
            while b.names(&people).await.expect("the room is open").len() <= count {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, known).await.expect("what was written before the failure arrives");
    }
    link.iter().for_each(JoinHandle::abort);
    a.stop().await;
    b.stop().await;
}

/// The news that a tab is gone goes to all others, and waits in their outboxes: that must not make them the next to be cut.
#[tokio::test]
async fn when_too_much_waits_for_all_tabs_only_the_one_that_reads_nothing_is_cut() {
    let scene = Scene::start_with(64 << 10);
    let people = room("people");
    let (_deaf, mut deaf) = scene.tab_under(ReplicaId(1), &people).await;
    let mut readers = Vec::new();
    for number in 2..6 {
        let (connection, outbox::Queue { mut frames, cut }) = scene.tab_under(ReplicaId(number), &people).await;
        let reader = tokio::spawn(async move {
            loop {
                let frame = frames.next().await;
                frames.taken(frame.len());
            }
        });
        readers.push((connection, reader, cut));
    }
    let name = "x".repeat(1000);
    while deaf.cut.is_empty() {
        assert!(matches!(scene.add(&name, &people).await, Ok(Ok(_))));
    }
    assert_eq!((&mut deaf.cut).await, Ok(Violation::SlowPeer));
    assert!(matches!(scene.add("Anna", &people).await, Ok(Ok(_))));
    assert!(readers.iter().all(|(_, _, cut)| cut.is_empty()), "tabs that read were cut");
    readers.iter().for_each(|(_, reader, _)| reader.abort());
    scene.stop().await;
}
