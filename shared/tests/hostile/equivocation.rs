//! An author who gives one dot to two edits, and tells different relays of them.

use std::time::Duration;

use super::{live_with, named, packed};
use crate::room::{Node, Room, START};
use shared::base::dot::{Dot, MAX_COUNTER};
use shared::base::hlc::Stamp;
use shared::base::id::RecordId;
use shared::merge::document::{Delta, Document, Edit, News};
use shared::replica::io::{Command, CommandRejection, Message, Violation};

const NOW: Stamp = Stamp { wall_ms: START.wall_ms, logical: 0 };
const FIRST: Node = 0;
const SECOND: Node = 2;
const LIAR: Node = 3;
const BYSTANDER: Node = 4;
const A_WHILE: Duration = Duration::from_secs(3);

/// A new record as its author tells of it.
fn addition(record: RecordId, dot: Dot, name: &str) -> Edit {
    let mut document = Document::default();
    let merged = document.edit(record, dot, NOW, vec![named(name)]).expect("it is small");
    let Some(News::Edit(edit)) = merged.news else { panic!("it is an edit") };
    edit
}

/// Three relays with a liar at two of them, and somebody else.
fn room() -> (Room, Dot) {
    let mut room = Room::new(3, 2);
    room.pass(A_WHILE);
    for relay in [FIRST, SECOND] {
        room.connect(LIAR, relay);
    }
    room.connect(BYSTANDER, SECOND);
    let dot = Dot::new(room.replica(LIAR).view().me(), 1);
    (room, dot)
}

/// Keeps what the two relays say to each other from arriving before both have heard the liar.
fn lie(room: &mut Room, to_first: Message, to_second: Message) {
    for relay in [1, SECOND] {
        room.part(FIRST, relay);
    }
    room.forge(LIAR, FIRST, to_first);
    room.forge(LIAR, SECOND, to_second);
    for relay in [1, SECOND] {
        room.connect(FIRST, relay);
    }
    room.pass(A_WHILE);
}

fn assert_all_relays_agree(room: &Room, record: RecordId) {
    let document = |node: Node| room.replica(node).view().document();
    for relay in 1..3 {
        assert_eq!(document(relay), document(0), "relay {relay} differs");
        assert_eq!(document(relay).fingerprint(), document(0).fingerprint());
        assert_eq!(room.values(relay, record, "name"), room.values(0, record, "name"));
    }
    assert_eq!(document(BYSTANDER), document(0), "so do tabs");
}

fn assert_refused(room: &mut Room, dot: Dot) {
    assert!(room.cut.iter().all(|(_, violation)| *violation == Violation::Equivocation { dot }), "{:?}", room.cut);
    assert!(room.cut.len() >= 2, "its links to both relays are cut: {:?}", room.cut);
    room.cut.clear();
    for relay in 0..3 {
        room.restart(relay);
        (0..3).filter(|&other| other != relay).for_each(|other| room.connect(relay, other));
        room.disconnect(LIAR);
        room.connect(LIAR, relay);
        assert_eq!(std::mem::take(&mut room.cut), [(relay, Violation::Equivocation { dot })], "also after a restart");
    }
    room.connect(BYSTANDER, SECOND);
    assert_eq!(room.cut, [], "nobody else is refused");
}

#[test]
fn two_contents_under_one_dot_become_one_everywhere() {
    for (one, two) in [("Alice", "Bob"), ("Bob", "Alice")] {
        let (mut room, dot) = room();
        let record = RecordId(dot);
        lie(&mut room, Message::Edit(addition(record, dot, one)), Message::Edit(addition(record, dot, two)));
        assert_all_relays_agree(&room, record);
        assert_refused(&mut room, dot);
    }
}

/// The relays are linked all the time, so that one content overtakes the other.
#[test]
fn a_live_edit_with_another_content_is_noticed() {
    let (mut room, dot) = room();
    let record = RecordId(dot);
    room.forge(LIAR, FIRST, Message::Edit(addition(record, dot, "Alice")));
    room.forge(LIAR, SECOND, Message::Edit(addition(record, dot, "Bob")));
    room.forge(LIAR, SECOND, whole(record, dot, "Bob"));
    room.pass(A_WHILE);
    assert_all_relays_agree(&room, record);
    assert!(room.cut.iter().any(|(_, violation)| *violation == Violation::Equivocation { dot }), "{:?}", room.cut);
}

fn whole(record: RecordId, dot: Dot, name: &str) -> Message {
    let live = live_with(dot, NOW, [named(name)]);
    let context = [dot].into_iter().collect();
    Message::Delta(Delta { context, versions: vec![packed(record, &live)], remaining: 0 })
}

#[test]
fn one_dot_in_two_records_is_in_one_of_them_everywhere() {
    for swapped in [false, true] {
        let (mut room, dot) = room();
        let anna = room.add(BYSTANDER, "Anna", "");
        let bert = room.add(BYSTANDER, "Bert", "");
        let lies = if swapped { [bert, anna] } else { [anna, bert] };
        let [one, two] = lies.map(|record| whole(record, dot, "Eve"));
        lie(&mut room, one, two);
        assert_all_relays_agree(&room, anna);
        assert_all_relays_agree(&room, bert);
        assert_refused(&mut room, dot);
    }
}

/// Somebody honest builds on one of the contents: that edit has one content everywhere, and its author is not accused.
#[test]
fn who_edits_one_of_two_contents_is_not_accused() {
    let (mut room, dot) = room();
    let record = RecordId(dot);
    for relay in [1, SECOND] {
        room.part(FIRST, relay);
    }
    room.forge(LIAR, FIRST, Message::Edit(addition(record, dot, "Alice")));
    room.forge(LIAR, SECOND, Message::Edit(addition(record, dot, "Bob")));
    room.edit(BYSTANDER, record, "note", "likes tea");
    for relay in [1, SECOND] {
        room.connect(FIRST, relay);
    }
    room.pass(A_WHILE);
    assert_all_relays_agree(&room, record);
    assert_eq!(room.values(FIRST, record, "name"), ["Bob"], "who has edited it has seen Bob");
    let author = room.replica(BYSTANDER).view().me();
    let is_accused =
        |violation: &Violation| matches!(violation, Violation::Equivocation { dot } if dot.replica() == author);
    assert!(!room.cut.iter().any(|(_, violation)| is_accused(violation)), "{:?}", room.cut);
}

/// The relays fold the record meanwhile, so that the content that they had is not known any more.
#[test]
fn a_fold_outranks_what_its_author_says_later() {
    let (mut room, dot) = room();
    let record = RecordId(dot);
    let anna = room.add(BYSTANDER, "Anna", "");
    room.forge(LIAR, FIRST, whole(anna, dot, "Eve"));
    room.edit(BYSTANDER, anna, "name", "Anya");
    room.pass(A_WHILE);
    room.forge(LIAR, SECOND, Message::Edit(addition(record, dot, "Eve")));
    room.pass(A_WHILE);
    for relay in 1..3 {
        assert_eq!(room.replica(relay).view().document(), room.replica(0).view().document());
    }
    assert_eq!(room.replica(BYSTANDER).view().document(), room.replica(0).view().document());
}

#[test]
fn an_id_that_is_used_up_refuses_edits_and_does_not_panic() {
    let mut room = Room::new(1, 0);
    room.pass(A_WHILE);
    let anna = room.add(0, "Anna", "");
    let mut used_up = room.durable(0).clone();
    used_up.context.insert(Dot::new(room.replica(0).view().me(), MAX_COUNTER));
    room.restore(0, used_up);
    room.pass(A_WHILE);
    room.replies.clear();
    room.edit(0, anna, "name", "Anya");
    room.command(0, Command::Remove { record: anna });
    room.command(0, Command::Number { record: anna, number: None });
    assert!(matches!(room.replies[0], Err(CommandRejection::OutOfDots(_))), "{:?}", room.replies);
    assert!(matches!(room.replies[1], Err(CommandRejection::OutOfDots(_))), "{:?}", room.replies);
    assert_eq!(room.values(0, anna, "name"), ["Anna"]);
}
