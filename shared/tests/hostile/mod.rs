//! Tabs that lie or break the protocol: relays cut them, and nobody else notices.

use std::time::Duration;

mod equivocation;
mod numbers;

use crate::room::{Room, START};
use crate::two_tabs;
use shared::base::dot::{Dot, DotSet};
use shared::base::hlc::{MAX_DRIFT_MS, Stamp};
use shared::base::id::{RecordId, ReplicaId};
use shared::consensus::{self, Ballot, Slot};
use shared::ledger::{Operation, Request, RequestId};
use shared::merge::crdt::Version;
use shared::merge::document::{Delta, Edit, Live, Packed};
use shared::replica::MAX_LEAP;
use shared::replica::io::{Message, Violation};
use shared::schema::{FieldEdit, FieldId, FieldKind, NUMBER, Op};

fn named(value: &str) -> Op {
    Op { field: FieldId(0), kind: FieldKind::Mv, edit: FieldEdit::Assign(value.to_owned()) }
}

fn live_with(dot: Dot, stamp: Stamp, ops: impl IntoIterator<Item = Op>) -> Live {
    let mut version = Version::default();
    version.edit(dot, stamp, ops);
    Live { dot, folded: Vec::new(), version }
}

fn packed(record: RecordId, live: &Live) -> (RecordId, Packed) {
    (record, Packed::new(record, live))
}

fn delta_with(live: Live) -> Message {
    let context = [live.dot].into_iter().collect();
    Message::Delta(Delta { context, versions: vec![packed(RecordId(live.dot), &live)], remaining: 0 })
}

/// A new record.
fn edit_with(dot: Dot, stamp: Stamp, ops: Vec<Op>) -> Edit {
    let superseded = DotSet::default();
    Edit { record: RecordId(dot), dot, stamp, base: Vec::new(), superseded, folds: false, result: 0, ops }
}

type IsExpected = fn(&Violation) -> bool;

#[test]
fn a_tab_that_breaks_the_rules_is_cut_and_the_others_notice_nothing() {
    let now = Stamp { wall_ms: START.wall_ms, logical: 0 };
    let later = Stamp { wall_ms: START.wall_ms + MAX_DRIFT_MS + 5, logical: 0 };
    let own = Dot::new(ReplicaId(100), 1);
    let foreign = Dot::new(ReplicaId(101), 1);
    let id = RequestId { replica: ReplicaId(101), seq: 1 };
    let request = Request { id, settled: 0, seen: Slot(0), after: None, operation: Operation::Raise { number: 5 } };
    let scattered = (1..2000).map(|n| Dot::new(ReplicaId(100), 2 * n)).collect();
    let step_down = consensus::Message::StepDown { ballot: Ballot::ZERO };
    let counted = Op { field: FieldId(2), kind: FieldKind::Counter, edit: FieldEdit::Add(1) };
    let unknown = Op { field: FieldId(9), ..counted.clone() };
    let folded = Live { folded: vec![own], ..live_with(own, now, [named("Eve")]) };
    let folding = Edit { folds: true, ..edit_with(own, now, vec![named("Eve")]) };
    let leaping = Dot::new(ReplicaId(100), MAX_LEAP + 1);
    let mut from_the_future = live_with(own, now, [named("Eve")]);
    from_the_future.version.past.insert(Dot::new(ReplicaId(101), 1 << 40));
    let nobodys = RecordId(Dot::new(ReplicaId(101), 7));
    let squatting = Edit { record: nobodys, ..edit_with(own, now, vec![named("Eve")]) };
    let far = [leaping].into_iter().collect();
    let mut unseen = live_with(foreign, now, [named("Eve")]);
    unseen.version.past.forget(foreign.replica());
    unseen.version.edit(own, now, []);
    unseen.dot = own;
    let attacks: [(Message, IsExpected); 22] = [
        (Message::Edit(edit_with(leaping, now, vec![named("Eve")])), |v| matches!(v, Violation::CounterLeap { .. })),
        (delta_with(live_with(leaping, now, [named("Eve")])), |v| matches!(v, Violation::CounterLeap { .. })),
        (Message::Delta(Delta { context: far, ..Delta::default() }), |v| matches!(v, Violation::CounterLeap { .. })),
        (delta_with(from_the_future), |v| matches!(v, Violation::CounterLeap { .. })),
        (Message::Edit(squatting), |v| matches!(v, Violation::ForeignDot { dot } if dot.counter() == 7)),
        (delta_with(live_with(own, now, [named("Eve"), counted.clone()])), |v| matches!(v, Violation::Schema(_))),
        (delta_with(live_with(own, now, [named("Eve"), unknown.clone()])), |v| matches!(v, Violation::Schema(_))),
        (delta_with(live_with(foreign, now, [named("Eve")])), |v| matches!(v, Violation::ForeignDot { .. })),
        (delta_with(unseen), |v| matches!(v, Violation::ForeignDot { .. })),
        (delta_with(folded), |v| matches!(v, Violation::ForeignDot { .. })),
        (delta_with(live_with(own, later, [named("Eve")])), |v| matches!(v, Violation::Clock(_))),
        (delta_with(live_with(own, now, [named(" ")])), |v| matches!(v, Violation::Schema(_))),
        (delta_with(live_with(own, now, [])), |v| matches!(v, Violation::Schema(_))),
        (Message::Edit(edit_with(own, now, vec![named("Eve"), counted])), |v| matches!(v, Violation::Schema(_))),
        (Message::Edit(edit_with(own, now, vec![named("Eve"), unknown])), |v| matches!(v, Violation::Schema(_))),
        (Message::Edit(edit_with(foreign, now, vec![named("Eve")])), |v| matches!(v, Violation::ForeignDot { .. })),
        (Message::Edit(folding), |v| matches!(v, Violation::ForeignDot { .. })),
        (Message::Edit(edit_with(own, later, vec![named("Eve")])), |v| matches!(v, Violation::Clock(_))),
        (Message::Edit(edit_with(own, now, vec![])), |v| matches!(v, Violation::Schema(_))),
        (Message::Propose(request), |v| matches!(v, Violation::ForeignRequest)),
        (Message::Paxos(step_down), |v| matches!(v, Violation::NotForTabs)),
        (Message::Delta(Delta { context: scattered, ..Delta::default() }), |v| {
            matches!(v, Violation::ScatteredContext { .. })
        }),
    ];
    for (attack, is_expected) in attacks {
        let (mut room, attacker, bystander) = two_tabs();
        let anna = room.add(bystander, "Anna", "");
        let before = room.replica(bystander).view().document().clone();
        room.forge(attacker, 0, attack.clone());
        let [(0, violation)] = &room.cut[..] else { panic!("{attack:?} was not refused: {:?}", room.cut) };
        assert!(is_expected(violation), "{attack:?} was refused for {violation}");
        assert_eq!(room.replica(bystander).view().document(), &before);
        room.edit(bystander, anna, "name", "Anya");
        assert_eq!(room.values(0, anna, "name"), ["Anya"]);
    }
}

#[test]
fn one_dot_under_two_records_counts_once() {
    let (mut room, attacker, bystander) = two_tabs();
    let dot = Dot::new(ReplicaId(100), 1);
    let live = live_with(dot, Stamp { wall_ms: START.wall_ms, logical: 0 }, [named("Eve")]);
    let records = [RecordId(dot), RecordId(Dot::new(ReplicaId(100), 2))];
    let versions = records.map(|record| packed(record, &live)).into();
    let delta = Delta { versions, context: [dot].into_iter().collect(), remaining: 0 };
    room.forge(attacker, 0, Message::Delta(delta));
    assert_eq!(room.replica(bystander).view().records().count(), 1, "and every invariant holds");
}

/// What is dead goes along with what is live, or the relay would take the tab's context for a scattered one.
#[test]
fn a_tab_that_edited_much_offline_is_taken_in() {
    let (mut room, one, two) = two_tabs();
    room.disconnect(one);
    for person in 0..1500 {
        let record = room.add(one, &format!("person {person}"), "");
        room.edit(one, record, "note", "edited");
    }
    room.connect(one, 0);
    assert_eq!(room.cut, []);
    assert_eq!(room.replica(two).view().document(), room.replica(one).view().document());
}

/// A tab may say of others' dots only what the relay knows as well: it cannot silence what has not arrived yet.
#[test]
fn a_tab_cannot_declare_dead_what_it_has_never_seen() {
    let (mut room, attacker, bystander) = two_tabs();
    room.add(bystander, "Anna", "");
    let unborn: DotSet = (2..10).map(|counter| Dot::new(ReplicaId(101), counter)).collect();
    room.forge(attacker, 0, Message::Delta(Delta { context: unborn, ..Delta::default() }));
    let bert = room.add(bystander, "Bert", "");
    assert_eq!(room.values(0, bert, "name"), ["Bert"]);
}

/// A version may say that it builds on edits that nobody has made yet: it cannot take their effect.
#[test]
fn a_version_that_builds_on_the_future_silences_nobody() {
    let (mut room, attacker, bystander) = two_tabs();
    let anna = room.add(bystander, "Anna", "");
    let dot = Dot::new(ReplicaId(100), 1);
    let mut live = live_with(dot, Stamp { wall_ms: START.wall_ms, logical: 0 }, [named("Eve")]);
    live.version.past.insert(Dot::new(ReplicaId(101), MAX_LEAP));
    let delta = Delta { context: [dot].into_iter().collect(), versions: vec![packed(anna, &live)], remaining: 0 };
    room.forge(attacker, 0, Message::Delta(delta));
    room.edit(bystander, anna, "name", "Anya");
    for node in 0..3 {
        assert_eq!(room.values(node, anna, "name"), ["Anya"]);
    }
}

/// The only name of a record stands under the next edit of a tab. When that tab edits the record, no relay refuses the tab
/// for a record without a name.
#[test]
fn a_record_whose_name_was_forged_under_the_next_edit_of_a_tab_keeps_a_name() {
    for is_sent_live in [true, false] {
        let (mut room, attacker, bystander) = two_tabs();
        let next = Dot::new(ReplicaId(101), 1);
        let own = Dot::new(ReplicaId(100), 1);
        let stamp = Stamp { wall_ms: START.wall_ms, logical: 0 };
        let mut live = live_with(next, stamp, [named("Eve")]);
        live.version.edit(own, stamp, []);
        let eve = RecordId(own);
        room.forge(attacker, 0, delta_with(Live { dot: own, ..live }));
        if !is_sent_live {
            room.disconnect(bystander);
        }
        room.edit(bystander, eve, "note", "who is this?");
        room.connect(bystander, 0);
        assert_eq!(room.cut, []);
        for node in 0..3 {
            assert_eq!(room.values(node, eve, "name"), ["Eve"]);
            assert_eq!(room.values(node, eve, "note"), ["who is this?"]);
        }
    }
}

/// Edits made at one time on one version reach a relay one after the other: the second finds its base superseded.
#[test]
fn an_edit_whose_base_is_gone_brings_the_record_whole() {
    let (mut room, one, two) = two_tabs();
    let anna = room.add(one, "Anna", "old");
    let edit = |dot, base, op| {
        let stamp = Stamp { wall_ms: START.wall_ms, logical: 9 };
        Message::Edit(Edit { record: anna, base: vec![base], ..edit_with(dot, stamp, vec![op]) })
    };
    let unknown_base = Dot::new(ReplicaId(101), 7);
    room.forge(two, 1, edit(Dot::new(ReplicaId(101), 8), unknown_base, named("never made")));
    assert_eq!(room.cut, []);
    assert_eq!(room.values(1, anna, "name"), ["Anna"], "what cannot be made sense of changes nothing");
    assert!(!room.replica(1).view().document().context().contains(Dot::new(ReplicaId(101), 8)));
}

/// A version of a new record that a tab wrote, with a number that was given by the edit `by`, as it says.
fn with_number(own: Dot, by: Dot, number: &str) -> Live {
    let mut version = Version::default();
    let stamp = Stamp { wall_ms: START.wall_ms, logical: 0 };
    let assign = |field, text: &str| {
        let edit = FieldEdit::Assign(text.to_owned());
        Op { field, kind: FieldKind::Mv, edit }
    };
    version.edit(by, stamp, [assign(NUMBER, number)]);
    version.edit(own, stamp, [assign(FieldId(0), "Eve")]);
    Live { dot: own, folded: Vec::new(), version }
}

fn delta_of(versions: &[Live]) -> Message {
    let context = versions.iter().map(|live| live.dot).collect();
    let versions = versions.iter().map(|live| packed(RecordId(live.dot), live)).collect();
    Message::Delta(Delta { context, versions, remaining: 0 })
}

#[test]
fn a_tab_that_puts_one_edit_under_two_records_breaks_nothing() {
    let (mut room, attacker) = (Room::new(3, 1), 3);
    room.pass(Duration::from_secs(3));
    room.connect(attacker, 0);
    let me = room.replica(attacker).view().me();
    let twice = Dot::new(me, 9);
    room.forge(attacker, 0, delta_of(&[10, 11].map(|own| with_number(Dot::new(me, own), twice, "5 0"))));
    room.pass(Duration::from_secs(3));
    for node in 0..3 {
        let view = room.replica(node).view();
        assert_eq!((view.unsettled_count(), view.ledger().count()), (0, 1), "one of them has it, at node {node}");
        assert_eq!(view.records().count(), 2);
    }
}
