//! A relay and three tabs in one test: messages arrive at once and in order.

#![allow(dead_code, reason = "not every test needs everything")]

pub mod disk;

use std::cell::{Ref, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use client::connection::ConnectionState;
use client::import::{ImportFile, Report, Run, Turn};
use client::session::{Action, NewRecord, NumberOperation, Session};
use disk::Disk;
use frontend::view_model::{LocalTime, PageState, Projection};
use shared::base::id::{RelayId, ReplicaId};
use shared::consensus::Configuration;
use shared::ledger::Operation;
use shared::replica::io::{Changed, Command, CommandId, Input, Message, Now, Output, PeerId, PeerKind, Recovered};
use shared::replica::{Config, Replica, Role, Tuning};
use shared::schema::{FieldEdit, Schema};

/// Up to so many records, each page is checked after each step: that takes time by their square.
const MOST_CHECKED: usize = 100;

pub const TAB_A: usize = 0;
pub const TAB_B: usize = 1;
/// Not connected at first.
pub const TAB_C: usize = 2;

/// After so long the relay retires ids under which nobody is linked.
pub const RETIRE_AFTER: Duration = Duration::from_secs(30);
const RELAY: RelayId = RelayId(1);
const INCARNATION: ReplicaId = ReplicaId(1);

pub struct Net {
    now: Now,
    relay: Replica,
    tabs: [Tab; 3],
    /// Links are never reused.
    links: u64,
    ids: u64,
}

struct Tab {
    id: ReplicaId,
    session: RefCell<Session>,
    projection: RefCell<Projection>,
    link: Option<PeerId>,
    /// Where it keeps what it writes, if it does.
    disk: Option<Disk>,
}

impl Tab {
    fn new(id: ReplicaId, now: Now) -> Self {
        let session = RefCell::new(Session::new(id, now));
        Tab { id, session, projection: RefCell::default(), link: None, disk: None }
    }
}

impl Net {
    /// A relay that leads, and both tabs connected to it.
    pub fn new() -> Self {
        Self::of(Schema::people())
    }

    /// The same, in a room of this schema.
    pub fn of(schema: Schema) -> Self {
        Self::with(schema, [RELAY])
    }

    /// The relay, alone of three that vote, and both tabs connected to it.
    pub fn without_majority() -> Self {
        Self::with(Schema::people(), [RELAY, RelayId(2), RelayId(3)])
    }

    fn with<const VOTERS: usize>(schema: Schema, voters: [RelayId; VOTERS]) -> Self {
        let now = Now { monotonic: Duration::ZERO, wall_ms: 1_700_000_000_000 };
        let addresses = voters.map(|voter| (voter, format!("127.0.0.1:{}", 4999 + voter.0))).into();
        let tuning = Tuning { retire_after: RETIRE_AFTER, ..Tuning::default() };
        let role = Role::Relay { voter: RELAY, addresses, seed: 7, tuning };
        let config = Config { replica: INCARNATION, schema, role };
        let relay = Replica::recover(config, Recovered::default(), now);
        let tabs = [0xaaaa, 0xbbbb, 0xcccc].map(|id| Tab::new(ReplicaId(id << 48), now));
        let mut net = Net { now, relay, tabs, links: 0, ids: 0 };
        let voters = voters.map(|voter| (voter, ReplicaId(u64::from(voter.0))));
        net.tell_relay(vec![Input::Found(Configuration { number: 0, voters: voters.into() }.into())]);
        while VOTERS == 1 && !net.relay.view().status().is_some_and(|status| status.can_agree()) {
            net.now.monotonic = net.relay.deadline().expect("a relay alone elects itself");
            net.tell_relay(vec![Input::Wake]);
        }
        net.join(TAB_A);
        net.join(TAB_B);
        net
    }

    pub fn id(&self, tab: usize) -> ReplicaId {
        self.tabs[tab].id
    }

    pub fn join(&mut self, tab: usize) {
        self.links += 1;
        let peer = PeerId(self.links);
        self.tabs[tab].link = Some(peer);
        let mut inputs = vec![Input::PeerUp(peer, PeerKind::Tab(self.tabs[tab].id))];
        let schema = self.relay.view().schema().clone();
        let session = self.tabs[tab].session.get_mut();
        let sends = session.connected(self.now, RELAY, INCARNATION, schema).expect("the relay's schema is taken");
        inputs.extend(sends.into_iter().map(|message| Input::Receive(peer, message)));
        self.tell_relay(inputs);
        self.flush(tab);
    }

    pub fn part(&mut self, tab: usize) {
        self.tabs[tab].session.get_mut().disconnected(self.now);
        if let Some(peer) = self.tabs[tab].link.take() {
            self.tell_relay(vec![Input::PeerDown(peer)]);
        }
    }

    /// The page is loaded anew.
    pub fn replace(&mut self, tab: usize) {
        self.part(tab);
        self.ids += 1;
        let id = ReplicaId((0xdddd << 48) + self.ids);
        self.tabs[tab] = Tab::new(id, self.now);
    }

    /// Relays refuse the tab's id, and it goes on under a new one in memory, as the page does. Returns how much it has done
    /// again.
    pub fn renew(&mut self, tab: usize) -> usize {
        self.part(tab);
        self.ids += 1;
        let id = ReplicaId((0xeeee << 48) + self.ids);
        let now = self.now;
        let renewed = &mut self.tabs[tab];
        (renewed.id, renewed.disk) = (id, None);
        let mut old = renewed.session.replace(Session::new(id, now));
        renewed.session.get_mut().succeed(now, &mut old);
        self.join(tab);
        self.part(tab);
        let count = self.tabs[tab].session.get_mut().carry_over(now, &old);
        self.join(tab);
        count
    }

    /// `to` begins with a copy of the disk of `from`, as in a browser profile that is copied, and so under the same id.
    pub fn copy_disk(&mut self, from: usize, to: usize) {
        self.part(to);
        let (id, copy) = (self.tabs[from].id, self.tabs[from].disk.clone().expect("it has a disk"));
        (self.tabs[to].id, self.tabs[to].disk) = (id, Some(copy));
        self.reopen(to);
    }

    /// Whether a tab has found that it is one of two copies, since this was asked last.
    pub fn is_copied(&self, tab: usize) -> bool {
        self.tabs[tab].session.borrow_mut().take_copied()
    }

    /// From now on the tab lives on an empty disk.
    pub fn give_disk(&mut self, tab: usize) {
        self.tabs[tab].disk = Some(Disk::default());
        self.reopen(tab);
    }

    /// The tab ends as in a power cut, and comes back with what is on its disk, connected to nobody.
    pub fn reopen(&mut self, tab: usize) {
        self.part(tab);
        let schema = self.relay.view().schema().clone();
        let Tab { id, session, projection, disk, .. } = &mut self.tabs[tab];
        let disk = disk.as_mut().expect("it has a disk");
        disk.is_stuck = false;
        *session.get_mut() = Session::recover(*id, schema, disk.read(), self.now);
        *projection.get_mut() = Projection::default();
    }

    /// The disk finishes nothing any more, or goes on.
    pub fn set_stuck(&mut self, tab: usize, is_stuck: bool) {
        self.tabs[tab].disk.as_mut().expect("it has a disk").is_stuck = is_stuck;
        self.flush(tab);
    }

    /// The disk fails for good, and the tab's id is spent.
    pub fn lose_disk(&mut self, tab: usize) {
        self.tabs[tab].disk = None;
        let sends = self.tabs[tab].session.get_mut().lose_device(self.now);
        self.send(tab, sends);
    }

    pub fn session(&self, tab: usize) -> Ref<'_, Session> {
        self.tabs[tab].session.borrow()
    }

    pub fn relay(&self) -> &Replica {
        &self.relay
    }

    /// Lets the tab's disk finish what it was given, and sends what waited for that.
    fn flush(&mut self, tab: usize) {
        let sends = self.tabs[tab].flush(self.now);
        if !sends.is_empty() {
            self.send(tab, sends);
        }
    }

    pub fn act(&mut self, tab: usize, action: Action) {
        self.now.wall_ms += 1000;
        let sends = self.tabs[tab].session.get_mut().act(self.now, action);
        self.send(tab, sends);
    }

    /// A tab asks the ledger for something.
    pub fn ask(&mut self, tab: usize, operation: Operation) {
        self.now.wall_ms += 1000;
        let sends = self.tabs[tab].session.get_mut().ask(self.now, operation);
        self.send(tab, sends);
    }

    /// The page can be seen, or cannot.
    pub fn show(&mut self, tab: usize, shown: bool) {
        let sends = self.tabs[tab].session.get_mut().set_shown(self.now, shown);
        self.send(tab, sends);
    }

    /// Whoever runs the relay asks the ledger for something.
    pub fn ask_at_relay(&mut self, operation: Operation) {
        self.command_at_relay(Command::Ask(operation));
    }

    /// A program has the relay do something.
    pub fn command_at_relay(&mut self, command: Command) {
        self.tell_relay(vec![Input::Command(CommandId(1), command)]);
    }

    pub fn now(&self) -> Now {
        self.now
    }

    /// Time passes until the relay has measured what was asked of it.
    pub fn let_a_window_pass(&mut self) {
        self.now.monotonic += Duration::from_secs(1);
        self.tell_relay(vec![Input::Wake]);
    }

    fn send(&mut self, tab: usize, sends: Vec<Message>) {
        if let Some(peer) = self.tabs[tab].link {
            self.tell_relay(sends.into_iter().map(|message| Input::Receive(peer, message)).collect());
        }
        self.flush(tab);
    }

    pub fn add(&mut self, tab: usize, name: &str, number: Option<NumberOperation>) {
        let title = self.relay.view().schema().title().expect("a text").1.name.clone();
        let fields = vec![(title, FieldEdit::Assign(name.to_owned()))];
        self.act(tab, Action::Add(NewRecord { fields, number }));
    }

    /// A whole import, as fast as it goes.
    pub fn import(&mut self, tab: usize, file: ImportFile, number_all: bool) -> Report {
        self.go_on(tab, Run::new(file, number_all, self.now.monotonic))
    }

    /// The same, but nothing of it reaches the relay before all is read and something else has happened.
    pub fn import_late(&mut self, tab: usize, file: ImportFile, meanwhile: impl FnOnce(&mut Net)) -> Report {
        let mut run = Run::new(file, false, self.now.monotonic);
        let mut late = Vec::new();
        while !run.is_read() {
            match run.turn(self.tabs[tab].session.get_mut(), self.now) {
                Turn::Did(sends) => late.extend(sends),
                other => panic!("{other:?} before all is read"),
            }
        }
        meanwhile(self);
        self.send(tab, late);
        self.go_on(tab, run)
    }

    fn go_on(&mut self, tab: usize, mut run: Run) -> Report {
        loop {
            match run.turn(self.tabs[tab].session.get_mut(), self.now) {
                Turn::Did(sends) => self.send(tab, sends),
                Turn::Wait(wait) => {
                    self.now.monotonic += wait;
                    self.tell_relay(vec![Input::Wake]);
                }
                Turn::Ended => return run.report().clone(),
            }
        }
    }

    /// Drives something of a tab until it has nothing more to do.
    pub fn drive(&mut self, tab: usize, mut step: impl FnMut(&mut Session, Now) -> (Vec<Message>, Option<Duration>)) {
        loop {
            let (sends, next) = step(self.tabs[tab].session.get_mut(), self.now);
            self.send(tab, sends);
            let Some(wait) = next else { return };
            self.now.monotonic += wait;
            self.tell_relay(vec![Input::Wake]);
        }
    }

    /// Time passes until nothing of the tab is provisional.
    pub fn settle(&mut self, tab: usize) {
        while self.tabs[tab].session.borrow().view().unsettled_count() > 0 {
            self.let_a_window_pass();
        }
    }

    /// What the tab's page shows when it has caught up, made from what has changed since the last time. Panics if that is not what it would be
    /// if made from nothing.
    pub fn page(&self, tab: usize) -> Rc<PageState> {
        let Tab { session, projection, link, .. } = &self.tabs[tab];
        let connection = match link {
            Some(_) => ConnectionState::Connected { address: "localhost:5000".to_owned(), voter: RELAY },
            None => ConnectionState::Offline,
        };
        let time = LocalTime { minutes_ahead_of_utc: 0 };
        let changed = session.borrow_mut().take_changed();
        let session = session.borrow();
        let mut projection = projection.borrow_mut();
        let mut page = projection.look(&session, changed, &connection, time);
        while projection.is_behind() {
            projection.catch_up(&session);
            page = projection.look(&session, Changed::default(), &connection, time);
        }
        assert_eq!(*page, PageState::of(&session, &connection, time, None));
        page
    }

    /// A page that shows what the relay sees is open in a tab, or no more.
    pub fn watch(&mut self, tab: usize, open: bool) {
        let sends = self.tabs[tab].session.borrow_mut().watch(self.now, open);
        self.send(tab, sends);
    }

    /// The relay tells a tab something.
    pub fn tell(&mut self, tab: usize, message: Message) {
        let sends = self.tabs[tab].session.get_mut().receive(self.now, message);
        self.send(tab, sends.expect("a relay may say so"));
    }

    /// Time passes, and everybody does what is due.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now.monotonic + time;
        while self.now.monotonic < end {
            self.now.monotonic += Duration::from_millis(50);
            self.now.wall_ms += 50;
            self.tell_relay(vec![Input::Wake]);
            for tab in 0..self.tabs.len() {
                let sends = self.tabs[tab].session.borrow_mut().wake(self.now);
                self.send(tab, sends);
            }
        }
    }

    /// Gives the relay inputs, and carries what comes of them to its end.
    fn tell_relay(&mut self, inputs: Vec<Input>) {
        let mut inputs = VecDeque::from(inputs);
        while let Some(input) = inputs.pop_front() {
            let output = self.relay.handle(self.now, input);
            assert!(output.cut.is_empty(), "{:?}", output.cut);
            inputs.extend(output.write.as_ref().map(|batch| Input::Persisted(batch.id)));
            inputs.extend(self.carry(output));
        }
        for tab in [TAB_A, TAB_B, TAB_C] {
            let records = self.tabs[tab].session.borrow().view().document().records().len();
            if records <= MOST_CHECKED {
                self.page(tab);
            }
        }
    }

    /// Takes the relay's messages to the tabs, and returns their answers.
    fn carry(&mut self, output: Output) -> Vec<Input> {
        let mut answers = Vec::new();
        for envelope in output.sends {
            let Some(tab) = self.tabs.iter_mut().find(|tab| tab.link == Some(envelope.to)) else { continue };
            let session = tab.session.get_mut();
            let mut sends = session.receive(self.now, envelope.message).expect("the relay keeps to the protocol");
            sends.extend(tab.flush(self.now));
            answers.extend(sends.into_iter().map(|message| Input::Receive(envelope.to, message)));
        }
        answers
    }
}

impl Tab {
    /// Lets the disk finish what it was given. Returns what waited for that.
    fn flush(&mut self, now: Now) -> Vec<Message> {
        let mut sends = Vec::new();
        let Some(disk) = &mut self.disk else { return sends };
        let session = self.session.get_mut();
        disk.given.extend(session.take_writes());
        while let Some(id) = disk.finish(session.view().document()) {
            sends.extend(session.persisted(now, id));
            disk.given.extend(session.take_writes());
        }
        sends
    }
}
