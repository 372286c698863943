//! Scenes of ids that are away for long: their past is taken out of the contexts, and nobody loses anything by it.

use std::collections::BTreeSet;
use std::time::Duration;

use shared::base::id::{RecordId, ReplicaId};
use shared::protocol::{Encoder, Frame};
use shared::replica::Tuning;
use shared::replica::io::{Command, Message, Reply};

use super::{elected_of, outcome_of};
use crate::room::{Node, Room, Setup};
use shared::ledger::Operation;

const RELAYS: u16 = 3;
const RETIRE_AFTER: Duration = Duration::from_secs(60);
/// Long enough for relays to notice who is away, to wait, and to agree.
const LONG: Duration = Duration::from_secs(90);

/// Three relays that retire ids after a minute, and tabs that are connected to nobody.
fn room(tabs: u64) -> Room {
    let tuning = Tuning { retire_after: RETIRE_AFTER, ..Tuning::default() };
    elected_of(Setup { voters: RELAYS, relays: RELAYS, tabs, tuning })
}

fn tab(at: usize) -> Node {
    usize::from(RELAYS) + at
}

fn id(room: &Room, node: Node) -> ReplicaId {
    room.replica(node).view().me()
}

/// The ids that have an entry in the context of a relay, in its memory and on its disk.
fn entries(room: &Room, relay: Node) -> [BTreeSet<ReplicaId>; 2] {
    [room.replica(relay).view().document().context(), &room.durable(relay).context]
        .map(|context| context.replicas().collect())
}

fn retired_up_to(room: &Room, relay: Node, id: ReplicaId) -> u64 {
    room.replica(relay).view().document().retired_up_to(id)
}

/// Adds a record in a tab, and removes it: two edits by which nothing lives.
fn come_and_go(room: &mut Room, tab: Node) {
    let record = room.add(tab, "Anna", "");
    room.command(tab, Command::Remove { record });
}

/// A tab has made two edits, is away, and is retired.
fn retired_tab(tabs: u64) -> (Room, Node) {
    let mut room = room(tabs);
    room.connect(tab(0), 0);
    come_and_go(&mut room, tab(0));
    room.disconnect(tab(0));
    room.pass(LONG);
    let id = id(&room, tab(0));
    assert_eq!([0, 1, 2].map(|relay| retired_up_to(&room, relay, id)), [2; 3], "it is retired");
    (room, tab(0))
}

fn assert_same_everywhere(room: &Room, nodes: &[Node]) {
    let document = room.replica(0).view().document();
    for &node in nodes {
        assert!(room.replica(node).view().document().is_as(document), "node {node} differs from the first relay");
    }
}

#[test]
fn tabs_that_came_and_went_leave_no_entry_in_contexts_nor_on_disks() {
    let tabs = 40;
    let mut room = room(tabs);
    for at in 0..tabs as usize {
        room.connect(tab(at), at % 3);
        come_and_go(&mut room, tab(at));
        room.disconnect(tab(at));
    }
    assert_eq!(entries(&room, 0)[0].len(), 40);
    room.pass(LONG);
    for relay in 0..3 {
        assert_eq!(entries(&room, relay), [BTreeSet::new(), BTreeSet::new()], "relay {relay}");
    }
    (0..3).for_each(|relay| room.restart(relay));
    for (a, b) in [(0, 1), (1, 2), (2, 0)] {
        room.connect(a, b);
    }
    room.pass(LONG);
    assert_eq!(entries(&room, 0), [BTreeSet::new(), BTreeSet::new()], "it stays so");
    assert_eq!(retired_up_to(&room, 0, id(&room, tab(7))), 2);
}

/// How long the digest is that a relay sends to whoever is to compare, in bytes.
fn digest_bytes(room: &Room, relay: Node) -> usize {
    let digest = room.replica(relay).view().document().digest();
    Encoder::default().frame(&Frame::Message(Message::Digest(digest))).len()
}

#[test]
fn three_thousand_tabs_that_came_and_went_leave_an_empty_context_and_a_short_digest() {
    let tabs = 3000;
    let mut room = room(tabs);
    let before = digest_bytes(&room, 0);
    for at in 0..tabs as usize {
        room.connect(tab(at), at % 3);
        come_and_go(&mut room, tab(at));
        room.disconnect(tab(at));
    }
    assert_eq!(entries(&room, 0)[0].len() as u64, tabs);
    let full = digest_bytes(&room, 0);
    assert!(full > before + 8 * tabs as usize, "{full} bytes tell of everybody");
    room.pass(LONG);
    for relay in 0..3 {
        assert_eq!(entries(&room, relay), [BTreeSet::new(), BTreeSet::new()], "relay {relay}");
        assert_eq!(digest_bytes(&room, relay), before, "relay {relay}");
    }
}

#[test]
fn a_tab_that_is_linked_keeps_its_entry_however_quiet_it_is() {
    let mut room = room(2);
    room.connect(tab(0), 0);
    room.connect(tab(1), 2);
    come_and_go(&mut room, tab(0));
    come_and_go(&mut room, tab(1));
    room.pass(10 * LONG);
    assert_eq!(entries(&room, 1)[0], [id(&room, tab(0)), id(&room, tab(1))].into());
}

#[test]
fn what_lives_by_edits_of_a_tab_keeps_its_entry_until_others_have_edited_it() {
    let mut room = room(2);
    room.connect(tab(0), 0);
    let anna = room.add(tab(0), "Anna", "");
    room.disconnect(tab(0));
    room.pass(LONG);
    assert!(entries(&room, 0)[0].contains(&id(&room, tab(0))));
    room.connect(tab(1), 0);
    room.edit(tab(1), anna, "name", "Anya");
    room.pass(LONG);
    assert_eq!(entries(&room, 0)[0], [id(&room, tab(1))].into());
    assert_eq!(room.values(2, anna, "name"), ["Anya"]);
}

#[test]
fn a_retired_tab_that_comes_back_goes_on_under_its_id_and_loses_nothing() {
    let (mut room, tab) = retired_tab(1);
    let offline = room.add(tab, "Bert", "");
    room.edit(tab, offline, "note", "sings");
    room.connect(tab, 1);
    let online = room.add(tab, "Cem", "");
    room.pass(Duration::from_secs(1));
    assert!(room.forgot.is_empty(), "it is no copy of itself");
    assert!(online.0.counter() > offline.0.counter(), "no dot is given twice");
    for relay in 0..3 {
        assert_eq!(room.values(relay, offline, "note"), ["sings"], "relay {relay}");
        assert_eq!(room.values(relay, online, "name"), ["Cem"], "relay {relay}");
    }
    let view = room.replica(tab).view();
    assert_eq!((view.unsaved_edits(), view.edits_not_on_majority()), (0, 0));
    assert_same_everywhere(&room, &[1, 2, tab]);
}

#[test]
fn a_retired_tab_drops_its_own_version_that_others_have_removed_while_it_was_away() {
    let mut room = room(2);
    room.connect(tab(0), 0);
    room.connect(tab(1), 0);
    let record = room.add(tab(0), "Anna", "");
    room.disconnect(tab(0));
    room.command(tab(1), Command::Remove { record });
    room.pass(LONG);
    let retired = id(&room, tab(0));
    assert_eq!(retired_up_to(&room, 0, retired), 1, "it is retired");
    assert_eq!(room.values(tab(0), record, "name"), ["Anna"], "it does not know that the record is gone");
    room.connect(tab(0), 1);
    room.pass(Duration::from_secs(1));
    assert!(!room.replica(tab(0)).view().document().contains(record), "its relay knows");
    assert_same_everywhere(&room, &[1, 2, tab(0), tab(1)]);
}

#[test]
fn a_retired_tab_numbers_its_edits_behind_its_past_also_after_a_restart() {
    let (mut room, tab) = retired_tab(1);
    room.connect(tab, 1);
    room.pass(Duration::from_secs(1));
    room.restart(tab);
    let record = room.add(tab, "Bert", "");
    assert_eq!(record.0.counter(), 3);
    room.connect(tab, 2);
    room.pass(Duration::from_secs(1));
    assert_eq!(room.values(0, record, "name"), ["Bert"]);
    assert_eq!(room.replica(tab).view().edits_not_on_majority(), 0);
}

#[test]
fn a_tab_can_be_retired_again_after_it_came_back() {
    let (mut room, tab) = retired_tab(1);
    room.connect(tab, 1);
    come_and_go(&mut room, tab);
    room.disconnect(tab);
    room.pass(LONG);
    assert_eq!(retired_up_to(&room, 0, id(&room, tab)), 4);
    assert_eq!(entries(&room, 2), [BTreeSet::new(), BTreeSet::new()]);
}

#[test]
fn final_numbers_out_of_the_lease_of_a_retired_tab_stay_final() {
    let mut room = room(1);
    room.connect(tab(0), 0);
    come_and_go(&mut room, tab(0));
    let to = id(&room, tab(0));
    assert!(matches!(outcome_of(&mut room, tab(0), Operation::GrantRange { to, count: 4, above: 0 }), Some(Ok(_))));
    room.disconnect(tab(0));
    room.pass(LONG);
    assert_eq!(retired_up_to(&room, 0, to), 2, "it is retired");
    let record = room.add(tab(0), "Bert", "");
    room.replies.clear();
    room.command(tab(0), Command::Number { record, number: None });
    let told = room.replies.pop();
    assert!(matches!(told, Some(Ok(Reply::Numbered(_)))), "{told:?}");
    room.connect(tab(0), 1);
    room.pass(LONG);
    let numbered = room.replica(0).view().ledger().number_of(record).expect("it is settled");
    assert_eq!(numbered.number, 1);
}

#[test]
fn edits_that_lay_at_a_relay_in_a_minority_are_taken_in_though_their_author_is_retired() {
    let mut room = room(1);
    let tab = tab(0);
    room.connect(tab, 2);
    come_and_go(&mut room, tab);
    room.part(2, 0);
    room.part(2, 1);
    let record = room.add(tab, "Bert", "");
    room.disconnect(tab);
    room.pass(LONG);
    let id = id(&room, tab);
    assert_eq!([0, 1, 2].map(|relay| retired_up_to(&room, relay, id)), [2, 2, 0]);
    room.connect(2, 0);
    room.connect(2, 1);
    room.pass(Duration::from_secs(1));
    for relay in 0..3 {
        assert_eq!(room.values(relay, record, "name"), ["Bert"], "relay {relay}");
        assert_eq!(retired_up_to(&room, relay, id), 2);
    }
    assert_same_everywhere(&room, &[1, 2]);
}

#[test]
fn what_a_neighbour_alone_has_of_a_retired_tab_waits_for_it() {
    let mut room = room(2);
    let (anne, bert) = (tab(0), tab(1));
    room.connect(anne, 0);
    come_and_go(&mut room, anne);
    room.disconnect(anne);
    room.connect(anne, bert);
    let record = room.add(anne, "Cem", "");
    room.disconnect(anne);
    room.connect(bert, 1);
    room.pass(LONG);
    assert_eq!(retired_up_to(&room, 0, id(&room, anne)), 2);
    assert_eq!(room.values(bert, record, "name"), ["Cem"], "the neighbour keeps it");
    room.connect(anne, 2);
    room.pass(Duration::from_secs(1));
    assert_eq!(room.values(0, record, "name"), ["Cem"]);
    assert_same_everywhere(&room, &[1, 2, anne, bert]);
}

#[test]
fn an_older_copy_of_a_retired_tab_is_told_by_its_relay_that_it_is_one() {
    let mut room = room(1);
    let tab = tab(0);
    room.connect(tab, 0);
    come_and_go(&mut room, tab);
    room.disconnect(tab);
    let older = room.durable(tab).clone();
    room.connect(tab, 0);
    come_and_go(&mut room, tab);
    room.disconnect(tab);
    room.pass(LONG);
    assert_eq!(retired_up_to(&room, 0, id(&room, tab)), 4);
    room.restore(tab, older);
    let record: RecordId = room.add(tab, "Bert", "");
    assert_eq!(record.0.counter(), 3, "that dot was given before");
    room.connect(tab, 1);
    assert_eq!(room.forgot, [tab].into(), "it takes a new id and does again what it did");
    assert_eq!(room.record(0, record), None);
}
