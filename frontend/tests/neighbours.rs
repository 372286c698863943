//! The tabs of one browser, without a network: who links with whom, and what they hear.

mod net;

use std::collections::VecDeque;
use std::time::Duration;

use client::neighbours::Neighbours;
use client::session::{Action, NewRecord, Session};
use net::{Net, TAB_B};
use shared::base::id::{RelayId, ReplicaId};
use shared::replica::io::{Message, Now, Recovered, Violation};
use shared::schema::{FieldEdit, FieldKind, FieldSpec, Schema};

const NOW: Now = Now { monotonic: Duration::ZERO, wall_ms: 1_700_000_000_000 };

/// More packets than any of these scenes needs.
const MOST_PACKETS: usize = 10_000;

struct Tab {
    session: Session,
    neighbours: Neighbours,
    /// A tab that is frozen hears nothing for now.
    asleep: bool,
    waiting: VecDeque<Vec<u8>>,
}

/// The tabs of one browser in one room.
#[derive(Default)]
struct Browser {
    tabs: Vec<Tab>,
    packets: usize,
}

impl Browser {
    /// Opens a tab, which has a relay unless it is `alone`.
    fn open(&mut self, alone: bool) -> usize {
        let at = self.tabs.len();
        let id = ReplicaId(10 + at as u64);
        let tab = Tab {
            session: Session::new(id, NOW),
            neighbours: Neighbours::new(id, 1000 * at as u64),
            asleep: false,
            waiting: VecDeque::new(),
        };
        self.tabs.push(tab);
        self.stand(at, alone, false);
        at
    }

    fn stand(&mut self, at: usize, alone: bool, away: bool) {
        let Tab { session, neighbours, .. } = &mut self.tabs[at];
        neighbours.stand(session, NOW, alone, away);
        self.settle();
    }

    fn add(&mut self, at: usize, name: &str) {
        let fields = vec![("name".to_owned(), FieldEdit::Assign(name.to_owned()))];
        let _to_relay = self.tabs[at].session.act(NOW, Action::Add(NewRecord { fields, number: None }));
        self.settle();
    }

    fn look_round(&mut self, at: usize) {
        let Tab { session, neighbours, .. } = &mut self.tabs[at];
        neighbours.look_round(session, NOW);
        self.settle();
    }

    /// Carries packets until there are no more.
    fn settle(&mut self) {
        loop {
            for from in 0..self.tabs.len() {
                let Tab { session, neighbours, .. } = &mut self.tabs[from];
                neighbours.post(session, NOW);
                for packet in neighbours.take_packets() {
                    self.packets += 1;
                    let others = self.tabs.iter_mut().enumerate().filter(|&(to, _)| to != from);
                    others.for_each(|(_, tab)| tab.waiting.push_back(packet.clone()));
                }
            }
            let awake = self.tabs.iter_mut().find(|tab| !tab.asleep && !tab.waiting.is_empty());
            let Some(Tab { session, neighbours, waiting, .. }) = awake else { return };
            let packet = waiting.pop_front().expect("found not to be empty");
            assert!(self.packets < MOST_PACKETS, "the tabs do not come to rest");
            let _to_relay = neighbours.receive(session, NOW, &packet);
        }
    }

    fn records(&self, at: usize) -> usize {
        self.tabs[at].session.view().records().count()
    }

    fn linked(&self, at: usize) -> usize {
        self.tabs[at].session.neighbour_count()
    }
}

#[test]
fn tabs_without_a_relay_link_with_one_another_and_with_those_that_have_one() {
    let mut browser = Browser::default();
    let tabs = [true, true, false, false].map(|alone| browser.open(alone));
    assert_eq!(tabs.map(|tab| browser.linked(tab)), [3, 3, 2, 2]);
    browser.add(tabs[0], "Anna");
    browser.add(tabs[2], "Bert");
    assert_eq!([0, 1, 2].map(|tab| browser.records(tab)), [2, 2, 2]);
    assert_eq!(browser.records(tabs[3]), 1, "what others with a relay do comes from the relay");
    for tab in tabs {
        browser.stand(tab, false, false);
    }
    assert_eq!(tabs.map(|tab| browser.linked(tab)), [0; 4], "all have a relay");
}

#[test]
fn a_late_tab_gets_everything_and_each_edit_goes_once_to_each() {
    let mut browser = Browser::default();
    let (one, two) = (browser.open(true), browser.open(true));
    browser.add(one, "Anna");
    browser.add(two, "Bert");
    let late = browser.open(true);
    assert_eq!(browser.records(late), 2);
    let before = browser.packets;
    browser.add(late, "Cem");
    assert_eq!(browser.packets - before, 2);
}

#[test]
fn a_tab_whose_first_greeting_was_lost_links_with_the_others_all_the_same() {
    let mut browser = Browser::default();
    let others = [browser.open(true), browser.open(true)];
    browser.add(others[0], "Anna");
    let id = ReplicaId(99);
    let (session, mut neighbours) = (Session::new(id, NOW), Neighbours::new(id, 77));
    let _lost = neighbours.take_packets();
    browser.tabs.push(Tab { session, neighbours, asleep: false, waiting: VecDeque::new() });
    browser.stand(2, true, false);
    assert_eq!([0, 1, 2].map(|tab| browser.linked(tab)), [2, 2, 2]);
    assert_eq!(browser.records(2), 1);
}

#[test]
fn a_tab_that_is_away_hears_nothing_until_it_is_back() {
    let mut browser = Browser::default();
    let (one, two) = (browser.open(true), browser.open(true));
    browser.stand(one, true, true);
    assert_eq!(browser.linked(two), 0);
    browser.add(one, "Anna");
    browser.add(two, "Bert");
    assert_eq!((browser.records(one), browser.records(two)), (1, 1));
    browser.stand(one, true, false);
    assert_eq!((browser.records(one), browser.records(two)), (2, 2));
}

#[test]
fn a_tab_that_has_gone_without_a_word_is_noticed() {
    let mut browser = Browser::default();
    let (one, two) = (browser.open(true), browser.open(true));
    browser.look_round(one);
    browser.look_round(one);
    assert_eq!(browser.linked(one), 1, "it has answered");
    browser.tabs[two].asleep = true;
    browser.look_round(one);
    browser.look_round(one);
    assert_eq!(browser.linked(one), 0);
}

#[test]
fn a_frozen_tab_fills_no_queue_and_begins_anew_when_it_wakes_up() {
    let mut browser = Browser::default();
    let (one, frozen) = (browser.open(true), browser.open(true));
    browser.tabs[frozen].asleep = true;
    for at in 0..400 {
        browser.add(one, &at.to_string());
    }
    assert!(browser.tabs[frozen].waiting.len() < 300, "{} packets wait", browser.tabs[frozen].waiting.len());
    browser.tabs[frozen].asleep = false;
    browser.settle();
    browser.look_round(one);
    assert_eq!(browser.records(frozen), 400);
    browser.add(frozen, "Anna");
    assert_eq!(browser.records(one), 401);
}

#[test]
fn what_waits_for_a_neighbour_that_is_gone_does_not_go_to_the_relay() {
    let mut session = Session::recover(ReplicaId(10), Schema::people(), Recovered::default(), NOW);
    let neighbour = session.neighbour_up(NOW, ReplicaId(11), Schema::people()).unwrap();
    let fields = vec![("name".to_owned(), FieldEdit::Assign("Anna".to_owned()))];
    let _none = session.act(NOW, Action::Add(NewRecord { fields, number: None }));
    session.neighbour_down(NOW, neighbour);
    let mut sends = session.connected(NOW, RelayId(1), ReplicaId(1), Schema::people()).unwrap();
    let written = session.take_writes().last().expect("the edit is to be written").id;
    sends.extend(session.persisted(NOW, written));
    assert!(sends.iter().any(|message| matches!(message, Message::Have { .. })), "{sends:?}");
    assert!(!sends.iter().any(|message| matches!(message, Message::Edit(_))), "{sends:?}");
}

#[test]
fn edits_of_another_tab_that_no_relay_has_are_not_told_to_be_safe() {
    let mut net = Net::new();
    let (teller, hearer) = (ReplicaId(0xdddd << 48), net.id(TAB_B));
    let mut other = Session::new(teller, NOW);
    other.neighbour_up(NOW, hearer, Schema::people()).unwrap();
    let fields = vec![("name".to_owned(), FieldEdit::Assign("Anna".to_owned()))];
    let _no_relay = other.act(NOW, Action::Add(NewRecord { fields, number: None }));
    let said = other.take_for_neighbours();
    let status = |net: &Net| net.page(TAB_B).status.parts.join(" · ");
    assert!(status(&net).contains("everything is safe"), "{}", status(&net));
    net.drive(TAB_B, |session, now| {
        let peer = session.neighbour_up(now, teller, Schema::people()).unwrap();
        let heard = said.iter().flat_map(|envelope| session.hear(now, peer, envelope.message.clone()).unwrap());
        (heard.collect(), None)
    });
    assert_eq!(net.page(TAB_B).rows.len(), 1);
    assert!(!status(&net).contains("everything is safe"), "{}", status(&net));
    assert!(status(&net).contains("1 edit of another tab of this browser is on no relay yet"), "{}", status(&net));
}

#[test]
fn a_tab_takes_a_schema_that_extends_its_own_from_a_neighbour() {
    let mut session = Session::new(ReplicaId(10), NOW);
    let fields = vec![("name".to_owned(), FieldEdit::Assign("Anna".to_owned()))];
    let _no_relay = session.act(NOW, Action::Add(NewRecord { fields, number: None }));
    session.neighbour_up(NOW, ReplicaId(11), extended()).unwrap();
    assert_eq!(*session.view().schema(), extended());
    assert_eq!(session.neighbour_up(NOW, ReplicaId(12), Schema::people()), Err(Violation::OtherSchema));
}

/// People with a field more.
fn extended() -> Schema {
    let people = Schema::people();
    let email = FieldSpec { name: "email".to_owned(), kind: FieldKind::Lww, required: false };
    Schema::new(people.fields().map(|(_, spec)| spec.clone()).chain([email]).collect()).unwrap()
}

#[test]
fn a_tab_takes_a_schema_that_extends_its_own_from_a_relay_and_keeps_what_it_has() {
    let mut session = Session::new(ReplicaId(10), NOW);
    let fields = vec![("name".to_owned(), FieldEdit::Assign("Anna".to_owned()))];
    let _no_relay = session.act(NOW, Action::Add(NewRecord { fields, number: None }));
    session.connected(NOW, RelayId(1), ReplicaId(1), extended()).unwrap();
    let anna = session.view().records().next().expect("it is still there").id;
    let edit = FieldEdit::Assign("anna@example.org".to_owned());
    let _sent = session.act(NOW, Action::Edit { record: anna, field: "email".to_owned(), edit, seen: None });
    assert_eq!(session.view().record(anna).unwrap().shown("email"), "anna@example.org");
    let narrower = session.connected(NOW, RelayId(1), ReplicaId(1), Schema::people());
    assert_eq!(narrower.map(drop), Err(Violation::OtherSchema));
}
