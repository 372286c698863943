//! A relay and three tabs in one test: messages arrive at once and in order.

#![allow(dead_code, reason = "not every test needs everything")]

use std::cell::{Ref, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use frontend::engine::Standing;
use frontend::engine::session::{Action, NewRecord, NumberWish, Session};
use frontend::view_model::{LocalTime, Projection, Snapshot};
use shared::crdt::FieldEdit;
use shared::id::{ReplicaId, VoterId};
use shared::io::{Command, CommandId, Input, Message, Now, Output, PeerId, PeerKind, Recovered};
use shared::ledger::Wish;
use shared::paxos::Configuration;
use shared::replica::{Config, Replica, Role, Tuning};
use shared::schema::Schema;

pub const TAB_A: usize = 0;
pub const TAB_B: usize = 1;
/// Not connected at first.
pub const TAB_C: usize = 2;

const RELAY: VoterId = VoterId(1);
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
}

impl Tab {
    fn new(id: ReplicaId, now: Now) -> Self {
        let session = RefCell::new(Session::new(id, now));
        Tab { id, session, projection: RefCell::default(), link: None }
    }
}

impl Net {
    /// A relay that leads, and both tabs connected to it.
    pub fn new() -> Self {
        Self::of(Schema::people())
    }

    /// The same, in a room of this schema.
    pub fn of(schema: Schema) -> Self {
        let now = Now { monotonic: Duration::ZERO, wall_ms: 1_700_000_000_000 };
        let addresses = BTreeMap::from([(RELAY, "127.0.0.1:5000".to_owned())]);
        let role = Role::Relay { voter: RELAY, addresses, seed: 7, tuning: Tuning::default() };
        let config = Config { replica: INCARNATION, schema, role };
        let relay = Replica::recover(config, Recovered::default(), now);
        let tabs = [0xaaaa, 0xbbbb, 0xcccc].map(|id| Tab::new(ReplicaId(id << 48), now));
        let mut net = Net { now, relay, tabs, links: 0, ids: 0 };
        let alone = Configuration { number: 0, voters: BTreeMap::from([(RELAY, INCARNATION)]) };
        net.tell_relay(vec![Input::Found(alone)]);
        while !net.relay.view().status().is_some_and(|status| status.can_agree()) {
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

    pub fn act(&mut self, tab: usize, action: Action) {
        self.now.wall_ms += 1000;
        let sends = self.tabs[tab].session.get_mut().act(self.now, action);
        self.send(tab, sends);
    }

    /// The page can be seen, or cannot.
    pub fn show(&mut self, tab: usize, shown: bool) {
        let sends = self.tabs[tab].session.get_mut().set_shown(self.now, shown);
        self.send(tab, sends);
    }

    /// Whoever runs the relay asks the ledger for something.
    pub fn ask_at_relay(&mut self, wish: Wish) {
        self.tell_relay(vec![Input::Command(CommandId(1), Command::Ask(wish))]);
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
    }

    pub fn add(&mut self, tab: usize, name: &str, number: Option<NumberWish>) {
        let title = self.relay.view().schema().title().expect("a text").1.name.clone();
        let fields = vec![(title, FieldEdit::Assign(name.to_owned()))];
        self.act(tab, Action::Add(NewRecord { fields, number }));
    }

    /// What the tab's page shows, made from what has changed since the last time. Panics if that is not what it would be
    /// if made from nothing.
    pub fn page(&self, tab: usize) -> Rc<Snapshot> {
        let Tab { session, projection, link, .. } = &self.tabs[tab];
        let standing = match link {
            Some(_) => Standing::Connected { address: "localhost:5000".to_owned(), voter: RELAY },
            None => Standing::Offline,
        };
        let time = LocalTime { minutes_ahead_of_utc: 0 };
        let changed = session.borrow_mut().take_changed();
        let session = session.borrow();
        let page = projection.borrow_mut().look(&session, changed, &standing, time);
        assert_eq!(*page, Snapshot::of(&session, &standing, time, None));
        page
    }

    pub fn session(&self, tab: usize) -> Ref<'_, Session> {
        self.tabs[tab].session.borrow()
    }

    /// A page that shows what the relay sees is open in a tab, or no more.
    pub fn watch(&mut self, tab: usize, open: bool) {
        let sends = self.tabs[tab].session.borrow_mut().watch(self.now, open);
        self.send(tab, sends);
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
            self.page(tab);
        }
    }

    /// Takes the relay's messages to the tabs, and returns their answers.
    fn carry(&mut self, output: Output) -> Vec<Input> {
        let mut answers = Vec::new();
        for envelope in output.sends {
            let Some(tab) = self.tabs.iter_mut().find(|tab| tab.link == Some(envelope.to)) else { continue };
            let sends =
                tab.session.get_mut().receive(self.now, envelope.message).expect("the relay keeps to the protocol");
            answers.extend(sends.into_iter().map(|message| Input::Receive(envelope.to, message)));
        }
        answers
    }
}
