//! Scenes between tabs and relays, step by step.

mod agreement;
mod clocks;
mod hostile;
mod neighbours;
mod room;

use std::collections::BTreeSet;
use std::time::Duration;

use room::{Node, Room, START};
use shared::base::dot::DotSet;
use shared::base::id::{RecordId, RelayId, ReplicaId};
use shared::consensus::{self, Ballot, Configuration, Slot};
use shared::ledger::{Operation, Rejection};
use shared::merge::document::{Change, Live};
use shared::replica::io::{
    Command, CommandId, CommandRejection, Event, ImportId, Input, Message, Now, PeerId, PeerKind, Recovered, Reply,
    WriteId,
};
use shared::replica::{Config, Replica, Role, Tuning};
use shared::schema::{FieldEdit, MAX_ELEMENTS, Schema};

const ELECTION: Duration = Duration::from_secs(1);

/// Three relays with a leader, and two tabs on the first two of them.
fn two_tabs() -> (Room, Node, Node) {
    let mut room = Room::new(3, 2);
    let (one, two) = (3, 4);
    room.connect(one, 0);
    room.connect(two, 1);
    room.pass(ELECTION);
    (room, one, two)
}

/// How often each replica was told that a record is back.
fn told_restored(room: &Room) -> Vec<usize> {
    let count = |events: &Vec<Event>| events.iter().filter(|event| event.change == Change::Restored).count();
    room.events.iter().map(count).collect()
}

/// The versions of a record that somebody sees at `node` who begins to edit it.
fn seen(room: &Room, node: Node, record: RecordId) -> Vec<Live> {
    room.replica(node).view().document().versions(record)
}

fn rename_from(room: &mut Room, node: Node, record: RecordId, seen: Vec<Live>, name: &str) {
    let edit = FieldEdit::Assign(name.to_owned());
    room.command(node, Command::Edit { record, field: "name".to_owned(), edit, seen: Some(seen) });
}

#[test]
fn a_name_that_comes_while_another_one_is_typed_stands_beside_it() {
    let (mut room, one, two) = two_tabs();
    let anna = room.add(one, "Anna", "");
    let before = seen(&room, one, anna);
    room.edit(two, anna, "name", "Annie");
    assert_eq!(room.values(one, anna, "name"), ["Annie"]);
    rename_from(&mut room, one, anna, before, "Anya");
    for node in 0..5 {
        let candidates: BTreeSet<_> = room.values(node, anna, "name").into_iter().collect();
        assert_eq!(candidates, BTreeSet::from(["Anya".to_owned(), "Annie".to_owned()]), "at {node}");
    }
    let now = seen(&room, one, anna);
    rename_from(&mut room, one, anna, now, "Anya");
    assert_eq!(room.values(two, anna, "name"), ["Anya"], "who has seen both settles it");
}

#[test]
fn what_one_has_done_oneself_while_typing_is_not_taken_back() {
    let (mut room, one, two) = two_tabs();
    let anna = room.add(one, "Anna", "");
    let before = seen(&room, one, anna);
    room.edit(one, anna, "note", "own");
    rename_from(&mut room, one, anna, before, "Anya");
    assert_eq!(room.values(two, anna, "name"), ["Anya"]);
    assert_eq!(room.values(two, anna, "note"), ["own"]);
}

#[test]
fn a_record_that_is_removed_while_it_is_edited_comes_back_with_the_edit() {
    let (mut room, one, two) = two_tabs();
    let anna = room.add(one, "Anna", "note");
    let before = seen(&room, one, anna);
    room.command(two, Command::Remove { record: anna });
    assert!(room.record(one, anna).is_none());
    rename_from(&mut room, one, anna, before, "Anya");
    for node in 0..5 {
        assert_eq!(room.values(node, anna, "name"), ["Anya"], "at {node}");
        assert_eq!(room.values(node, anna, "note"), ["note"], "at {node}");
    }
}

#[test]
fn two_names_given_offline_stand_side_by_side_until_one_is_kept() {
    let (mut room, one, two) = two_tabs();
    let anna = room.add(one, "Anna", "");
    assert_eq!(room.values(two, anna, "name"), ["Anna"]);
    room.disconnect(one);
    room.disconnect(two);
    room.edit(one, anna, "name", "Anya");
    room.edit(two, anna, "name", "Annie");
    room.connect(one, 0);
    room.connect(two, 1);
    let candidates: BTreeSet<_> = room.values(one, anna, "name").into_iter().collect();
    assert_eq!(candidates, BTreeSet::from(["Anya".to_owned(), "Annie".to_owned()]));
    assert_eq!(room.values(one, anna, "name"), room.values(two, anna, "name"), "both show the same one first");
    room.edit(two, anna, "name", "Anya");
    for node in 0..5 {
        assert_eq!(room.values(node, anna, "name"), ["Anya"], "settled at {node}");
    }
}

#[test]
fn edits_of_different_fields_do_not_conflict() {
    let (mut room, one, two) = two_tabs();
    let anna = room.add(one, "Anna", "old");
    room.disconnect(one);
    room.edit(one, anna, "name", "Anya");
    room.edit(two, anna, "note", "new");
    room.connect(one, 0);
    for node in 0..5 {
        assert_eq!(room.values(node, anna, "name"), ["Anya"]);
        assert_eq!(room.values(node, anna, "note"), ["new"]);
    }
}

/// Whoever comes back first, and also if nobody was away: the edit wins, the record is whole, both are told.
#[test]
fn a_record_removed_by_one_and_edited_by_another_is_whole_and_both_are_told() {
    for order in ["remover first", "editor first"] {
        let (mut room, remover, editor) = two_tabs();
        let anna = room.add(remover, "Anna", "likes tea");
        room.ask(remover, Operation::Assign { record: anna, number: 42 });
        room.disconnect(remover);
        room.disconnect(editor);
        room.command(remover, Command::Remove { record: anna });
        room.edit(editor, anna, "name", "Anya");
        let back = if order == "remover first" { [(remover, 0), (editor, 1)] } else { [(editor, 1), (remover, 0)] };
        back.into_iter().for_each(|(tab, relay)| room.connect(tab, relay));
        for node in 0..5 {
            assert_eq!(room.values(node, anna, "name"), ["Anya"], "{order}, node {node}");
            assert_eq!(room.values(node, anna, "note"), ["likes tea"], "{order}, node {node}");
            assert_eq!(room.record(node, anna).unwrap().number.held.map(|held| held.get().number), Some(42));
        }
        assert_eq!(told_restored(&room), [1; 5], "{order}: everybody is told once");
    }
}

#[test]
fn of_two_concurrent_notes_the_later_stands_and_the_lost_one_is_told() {
    let (mut room, one, two) = two_tabs();
    let anna = room.add(one, "Anna", "old");
    room.disconnect(one);
    room.disconnect(two);
    room.edit(one, anna, "note", "earlier");
    room.pass(Duration::from_millis(5));
    room.edit(two, anna, "note", "later");
    room.connect(one, 0);
    room.connect(two, 1);
    for node in 0..5 {
        assert_eq!(room.values(node, anna, "note"), ["later"]);
        let told: BTreeSet<_> = room.lost[node].iter().map(|lost| (lost.record, lost.value.as_str())).collect();
        assert_eq!(told, BTreeSet::from([(anna, "earlier")]), "node {node} knows what was lost, and only that");
    }
}

/// Also if the winner had been written over by then: by its author, or by somebody else.
#[test]
fn a_lost_note_is_told_whoever_has_overwritten_the_winner_since() {
    for overwriter in ["its author", "another"] {
        let (mut room, one, two) = two_tabs();
        let anna = room.add(one, "Anna", "old");
        room.disconnect(one);
        room.edit(one, anna, "note", "mine");
        room.pass(Duration::from_millis(5));
        room.edit(two, anna, "note", "later");
        room.edit(if overwriter == "another" { 2 } else { two }, anna, "note", "latest");
        room.connect(one, 0);
        assert_eq!(room.values(one, anna, "note"), ["latest"]);
        let told: Vec<_> = room.lost[one].iter().map(|lost| lost.value.as_str()).collect();
        assert_eq!(told, ["mine"], "overwritten by {overwriter}");
    }
}

#[test]
fn a_set_is_full_at_its_limit_and_still_merges_beyond_it() {
    let (mut room, one, two) = two_tabs();
    let anna = room.add(one, "Anna", "");
    for tag in 1..MAX_ELEMENTS {
        room.change(one, anna, "tags", FieldEdit::Insert(format!("tag {tag}")));
    }
    room.disconnect(one);
    room.change(one, anna, "tags", FieldEdit::Insert("mine".to_owned()));
    room.change(one, anna, "tags", FieldEdit::Insert("one too many".to_owned()));
    room.change(two, anna, "tags", FieldEdit::Insert("yours".to_owned()));
    room.connect(one, 0);
    room.edit(one, anna, "name", "Anya");
    assert_eq!(room.cut, [], "an edit of the full record is taken");
    for node in 0..5 {
        assert_eq!(room.values(node, anna, "name"), ["Anya"]);
        assert_eq!(room.record(node, anna).unwrap().elements("tags").len(), MAX_ELEMENTS + 1);
    }
}

#[test]
fn a_note_that_was_seen_and_overwritten_is_not_a_lost_one() {
    let (mut room, one, two) = two_tabs();
    let anna = room.add(one, "Anna", "old");
    room.edit(two, anna, "note", "new");
    room.disconnect(one);
    room.edit(one, anna, "name", "Anya");
    room.edit(two, anna, "note", "newer");
    room.connect(one, 0);
    assert_eq!(room.values(one, anna, "note"), ["newer"]);
    assert!(room.lost.iter().all(Vec::is_empty), "{:?}", room.lost);
}

#[test]
fn a_tag_added_while_another_removes_it_stays() {
    let (mut room, one, two) = two_tabs();
    let anna = room.add(one, "Anna", "");
    for tag in ["board", "choir"] {
        room.change(one, anna, "tags", FieldEdit::Insert(tag.to_owned()));
    }
    room.disconnect(one);
    room.change(one, anna, "tags", FieldEdit::Insert("board".to_owned()));
    room.change(two, anna, "tags", FieldEdit::Remove("board".to_owned()));
    room.change(two, anna, "tags", FieldEdit::Remove("choir".to_owned()));
    room.connect(one, 0);
    for node in 0..5 {
        assert_eq!(room.record(node, anna).unwrap().elements("tags"), ["board"]);
    }
}

/// Also where much else has happened meanwhile, and where a whole document arrives.
#[test]
fn nobody_is_told_of_a_restored_record_that_was_never_removed() {
    let (mut room, one, two) = two_tabs();
    let anna = room.add(one, "Anna", "");
    room.disconnect(one);
    room.edit(one, anna, "name", "Anya");
    for person in 0..100 {
        let record = room.add(two, &format!("person {person}"), "");
        room.edit(two, record, "note", "edited");
    }
    room.disconnect(two);
    room.edit(two, anna, "note", "edited as well");
    room.connect(one, 0);
    room.connect(two, 2);
    assert_eq!(told_restored(&room), [0; 5]);
}

/// A tab that knows neither the record nor its removal gets the record first, and so takes notice.
#[test]
fn who_joins_after_the_removal_is_told_of_the_restored_record_too() {
    let mut room = Room::new(3, 3);
    let (remover, editor, late) = (3, 4, 5);
    room.connect(remover, 0);
    room.connect(editor, 0);
    let anna = room.add(remover, "Anna", "");
    room.disconnect(editor);
    room.command(remover, Command::Remove { record: anna });
    room.edit(editor, anna, "name", "Anya");
    room.connect(late, 0);
    room.connect(editor, 0);
    assert_eq!(told_restored(&room), [1; 6]);
}

#[test]
fn a_removal_that_nobody_edited_against_leaves_nothing() {
    let (mut room, one, two) = two_tabs();
    let anna = room.add(one, "Anna", "");
    room.disconnect(two);
    room.command(one, Command::Remove { record: anna });
    room.connect(two, 1);
    for node in 0..5 {
        assert_eq!(room.record(node, anna), None);
        assert_eq!(room.replica(node).view().document().context().interval_count(), 1, "only the version vector stays");
    }
}

#[test]
fn of_two_requests_for_one_number_one_wins_and_the_other_learns_who_has_it() {
    let (mut room, one, two) = two_tabs();
    let (anna, bert) = (room.add(one, "Anna", ""), room.add(two, "Bert", ""));
    room.disconnect(one);
    room.disconnect(two);
    room.ask(one, Operation::Assign { record: anna, number: 7 });
    room.ask(two, Operation::Assign { record: bert, number: 7 });
    assert!(room.record(one, anna).unwrap().number.pending.is_some(), "undecided while offline");
    room.connect(one, 0);
    room.connect(two, 1);
    let won = room.record(one, anna).unwrap().number;
    assert_eq!(won.held.map(|held| held.get().number), Some(7));
    let lost = room.record(two, bert).unwrap().number;
    assert_eq!(lost.held, None);
    assert!(matches!(lost.refused, Some(Rejection::NumberTaken { number: 7, owner, .. }) if owner == anna));
    for node in 0..5 {
        assert_eq!(room.replica(node).view().ledger().highest(), 7);
    }
}

/// A tab that comes back with many operations is no flood: what it repeats while nothing is decided is bounded.
#[test]
fn many_waiting_operations_are_passed_on_a_few_at_a_time() {
    let config = Config { replica: ReplicaId(9), schema: Schema::people(), role: Role::Tab };
    let mut tab = Replica::recover(config, Recovered::default(), START);
    for operation in 0..1000 {
        let ask = Command::Ask(Operation::Raise { number: operation + 1 });
        let _ = tab.handle(START, Input::Command(CommandId(operation), ask));
    }
    let _ = tab.handle(START, Input::Persisted(WriteId(1000)));
    let up = tab.handle(START, Input::PeerUp(PeerId(1), PeerKind::Relay(RelayId(1), ReplicaId(1))));
    assert_eq!(up.sends.len(), 1, "it asks when it knows what its relay has");
    let have = Message::Have {
        context: DotSet::default(),
        fingerprint: 0,
        decided: Slot(0),
        chain: 0,
        restores: Default::default(),
    };
    // A request is written as it leaves.
    let mut send = |now, input| {
        let output = tab.handle(now, input);
        let persisted = output.write.map(|batch| tab.handle(now, Input::Persisted(batch.id)));
        output.sends.len() + persisted.map_or(0, |persisted| persisted.sends.len())
    };
    let mut sent = vec![send(START, Input::Receive(PeerId(1), have))];
    for second in 1..=3 {
        let now = Now { monotonic: Duration::from_secs(second), ..START };
        sent.push(send(now, Input::Wake));
    }
    assert!(sent.iter().all(|&sent| (1..=129).contains(&sent)), "messages a second: {sent:?}");
    assert_eq!(tab.view().pending_operations(), 1000);
}

#[test]
fn without_a_majority_edits_go_on_and_numbers_wait() {
    let (mut room, one, _) = two_tabs();
    room.disconnect(1);
    room.disconnect(2);
    room.pass(ELECTION);
    let anna = room.add(one, "Anna", "");
    room.ask(one, Operation::Allocate { record: anna });
    room.pass(ELECTION);
    assert_eq!(room.values(0, anna, "name"), ["Anna"], "the relay has the edit");
    assert_eq!(room.record(one, anna).unwrap().number.held, None);
    assert!(!room.replica(one).view().status().unwrap().can_agree());
    room.connect(1, 0);
    room.pass(2 * ELECTION);
    assert_eq!(room.record(one, anna).unwrap().number.held.map(|held| held.get().number), Some(1));
}

/// A tab that has superseded what its new relay has never heard of: the relay may not believe it about other
/// replicas' dots, and yet all become equal when the missing version arrives.
#[test]
fn a_tab_that_moves_ahead_of_its_new_relay_brings_everything_with_it() {
    let (mut room, one, two) = two_tabs();
    let anna = room.add(one, "Anna", "");
    // Relay 0 with both tabs is cut off from the other relays.
    room.disconnect(0);
    room.connect(one, 0);
    room.disconnect(two);
    room.connect(two, 0);
    room.edit(one, anna, "note", "written behind the partition");
    room.edit(two, anna, "name", "Anya");
    room.disconnect(two);
    room.connect(two, 1);
    assert_eq!(room.values(2, anna, "name"), ["Anya"], "the tab's own edit came with it");
    room.connect(0, 1);
    room.connect(0, 2);
    room.pass(ELECTION);
    for node in 0..5 {
        assert_eq!(room.values(node, anna, "name"), ["Anya"]);
        assert_eq!(room.values(node, anna, "note"), ["written behind the partition"]);
        assert_eq!(room.replica(node).view().document(), room.replica(0).view().document());
    }
}

#[test]
fn the_leader_folds_what_many_have_written_at_one_time() {
    let mut room = Room::new(3, 40);
    let tabs: Vec<Node> = (3..43).collect();
    tabs.iter().for_each(|&tab| room.connect(tab, tab % 3));
    room.pass(ELECTION);
    let anna = room.add(3, "Anna", "");
    tabs.iter().for_each(|&tab| room.disconnect(tab));
    tabs.iter().for_each(|&tab| room.edit(tab, anna, "note", &format!("written by {tab}")));
    tabs.iter().for_each(|&tab| room.connect(tab, tab % 3));
    room.pass(Duration::from_secs(2));
    for node in 0..43 {
        let document = room.replica(node).view().document();
        assert_eq!(document.version_count(anna), 1, "folded at {node}");
        assert_eq!(document, room.replica(0).view().document());
        assert_eq!(room.values(node, anna, "note").len(), 1);
    }
    assert!(told_restored(&room).iter().all(|&told| told == 0));
}

/// The fold changes nothing: it is no edit against which a removal would lose.
#[test]
fn a_removal_that_has_seen_what_was_folded_removes_the_fold() {
    let mut room = Room::new(3, 3);
    let (one, two, remover) = (3, 4, 5);
    [one, two, remover].into_iter().for_each(|tab| room.connect(tab, 0));
    room.pass(ELECTION);
    let anna = room.add(one, "Anna", "");
    room.disconnect(one);
    room.edit(one, anna, "note", "one");
    room.edit(two, anna, "note", "two");
    room.connect(one, 0);
    assert_eq!(room.replica(remover).view().document().version_count(anna), 2);
    room.disconnect(remover);
    room.command(remover, Command::Remove { record: anna });
    room.pass(Duration::from_secs(2));
    assert_eq!(room.replica(one).view().document().version_count(anna), 1, "folded meanwhile");
    room.connect(remover, 0);
    for node in 0..6 {
        assert_eq!(room.record(node, anna), None, "removed at {node}");
    }
}

fn undo(room: &mut Room, node: Node) -> Result<Reply, CommandRejection> {
    room.command(node, Command::Undo);
    room.replies.pop().expect("an undo is answered at once")
}

#[test]
fn what_a_user_did_is_undone_step_by_step() {
    let (mut room, one, two) = two_tabs();
    let anna = room.add(one, "Anna", "old");
    room.edit(one, anna, "name", "Annie");
    room.edit(one, anna, "name", "Anya");
    room.change(one, anna, "tags", FieldEdit::Insert("board".to_owned()));
    room.change(one, anna, "tags", FieldEdit::Insert("choir".to_owned()));
    room.change(one, anna, "tags", FieldEdit::Remove("board".to_owned()));
    room.command(one, Command::Remove { record: anna });
    assert_eq!(room.record(two, anna), None);
    assert_eq!(undo(&mut room, one), Ok(Reply::Undone(anna)));
    assert_eq!(room.values(two, anna, "name"), ["Anya"]);
    assert_eq!(room.record(two, anna).unwrap().elements("tags"), ["choir"]);
    assert_eq!(undo(&mut room, one), Ok(Reply::Undone(anna)));
    assert_eq!(room.record(two, anna).unwrap().elements("tags"), ["board", "choir"]);
    assert_eq!(undo(&mut room, one), Ok(Reply::Undone(anna)));
    assert_eq!(undo(&mut room, one), Ok(Reply::Undone(anna)));
    assert_eq!(room.record(two, anna).unwrap().elements("tags"), <[String; 0]>::default());
    assert_eq!(undo(&mut room, one), Ok(Reply::Undone(anna)));
    assert_eq!(room.values(two, anna, "name"), ["Annie"]);
    assert_eq!(undo(&mut room, one), Ok(Reply::Undone(anna)));
    assert_eq!(room.values(two, anna, "name"), ["Anna"]);
    assert_eq!(undo(&mut room, one), Ok(Reply::Undone(anna)));
    assert_eq!(room.record(two, anna), None);
    assert_eq!(undo(&mut room, one), Err(CommandRejection::NothingToUndo));
    for node in 0..5 {
        assert_eq!(room.replica(node).view().document(), room.replica(0).view().document());
    }
    assert_eq!(told_restored(&room), [0; 5], "who brings back what he removed is in no conflict");
}

#[test]
fn an_import_is_one_deed_and_leaves_what_others_changed_since() {
    let (mut room, one, two) = two_tabs();
    let import = ImportId(1);
    let mut records = Vec::new();
    for line in 0..250 {
        let record = room.add(one, &format!("Person {line}"), "");
        room.command(one, Command::JoinImport { import, record });
        records.push(record);
        if line == 99 {
            room.edit(one, records[0], "note", "by hand, meanwhile");
        }
    }
    room.edit(two, records[200], "note", "by another");
    let zoe = room.add(one, "Zoe", "");
    assert_eq!(undo(&mut room, one), Ok(Reply::Undone(zoe)));
    assert_eq!(undo(&mut room, one), Ok(Reply::Undone(records[0])), "the import stands where it began");
    assert_eq!(undo(&mut room, one), Ok(Reply::ImportUndone { changed: 1, left: 150 }));
    let last = room.add(one, "Yann", "");
    for left in [50, 0] {
        room.command(one, Command::UndoImport { import });
        assert_eq!(room.replies.pop(), Some(Ok(Reply::ImportUndone { changed: 0, left })));
    }
    for node in [one, two] {
        let all: Vec<_> = room.replica(node).view().records().map(|record| record.id).collect();
        assert_eq!(all, [records[200], last]);
    }
    assert_eq!(undo(&mut room, one), Ok(Reply::Undone(last)));
    assert_eq!(undo(&mut room, one), Err(CommandRejection::NothingToUndo));
}

#[test]
fn an_undo_takes_back_nothing_that_others_did_since() {
    let (mut room, one, two) = two_tabs();
    let anna = room.add(one, "Anna", "old");
    room.edit(one, anna, "note", "mine");
    room.edit(two, anna, "note", "yours");
    assert_eq!(undo(&mut room, one), Err(CommandRejection::ChangedSince));
    assert_eq!(room.values(one, anna, "note"), ["yours"]);
    assert_eq!(undo(&mut room, one), Err(CommandRejection::ChangedSince), "others have edited the record since");
    assert_eq!(room.values(one, anna, "name"), ["Anna"]);
    assert_eq!(undo(&mut room, two), Ok(Reply::Undone(anna)), "and every user undoes what is his own");
    assert_eq!(room.values(one, anna, "note"), ["mine"]);
}

/// An undo may bring back what somebody else wrote: that is then not the user's own to undo.
#[test]
fn an_undo_does_not_go_on_beyond_what_another_wrote_between() {
    let (mut room, one, two) = two_tabs();
    let anna = room.add(one, "Anna", "old");
    room.edit(one, anna, "note", "first");
    room.edit(two, anna, "note", "yours");
    room.edit(one, anna, "note", "second");
    assert_eq!(undo(&mut room, one), Ok(Reply::Undone(anna)));
    assert_eq!(undo(&mut room, one), Err(CommandRejection::ChangedSince));
    assert_eq!(room.values(two, anna, "note"), ["yours"]);
}

#[test]
fn nothing_leaves_before_what_it_depends_on_is_durable() {
    let addresses = (1..=3).map(|id| (RelayId(id), String::new())).collect();
    let tuning = Tuning { recovery_grace: Duration::ZERO, ..Tuning::default() };
    let role = Role::Relay { voter: RelayId(1), addresses, seed: 1, tuning };
    let mut relay =
        Replica::recover(Config { replica: ReplicaId(1), schema: Schema::people(), role }, Recovered::default(), START);
    let voters = (1..=3).map(|id| (RelayId(id), ReplicaId(id.into()))).collect();
    let _ = relay.handle(START, Input::Found(Configuration { number: 0, voters }.into()));
    let _ = relay.handle(START, Input::PeerUp(PeerId(1), PeerKind::Relay(RelayId(2), ReplicaId(2))));
    let ballot = Ballot { configuration: 0, round: 1, voter: RelayId(2) };
    let prepare = Message::Paxos(consensus::Message::Prepare { ballot, decided: Slot(0) });
    let output = relay.handle(START, Input::Receive(PeerId(1), prepare));
    let write = output.write.expect("a promise is written");
    assert_eq!(output.sends, [], "and not given before");
    let output = relay.handle(START, Input::Persisted(write.id));
    let promised = |message: &Message| matches!(message, Message::Paxos(consensus::Message::Promise { .. }));
    assert!(output.sends.iter().any(|envelope| promised(&envelope.message)), "given once it is durable");
}
