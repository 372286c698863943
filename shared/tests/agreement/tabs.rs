//! Tabs that come back with what was on their disk.

use std::time::Duration;

use shared::base::id::{RecordId, RelayId, ReplicaId};
use shared::base::sorted::SortedMap;
use shared::consensus::Slot;
use shared::ledger::{Operation, Policy};
use shared::replica::io::{Command, CommandId, Input, Message, Now, PeerId, PeerKind, PendingRequest, Recovered};
use shared::replica::{Config, Recovery, Replica, Role};
use shared::schema::{FieldEdit, NAME, Schema};

use super::{ELECTION, elected, forgetful, raise};
use crate::room::{Node, Room, START};

/// A relay and its tab, and a record of the tab's that the relay has.
fn with_anna() -> (Room, Node, RecordId) {
    let mut room = elected(1, 2);
    room.connect(1, 0);
    let anna = room.add(1, "Anna", "");
    (room, 1, anna)
}

fn held(room: &Room, node: Node, record: RecordId) -> Option<u64> {
    room.record(node, record).expect("the record is there").number.held.map(|held| held.get().number)
}

/// Wherever the tab ends, between the operation and what it learns of its outcome.
#[test]
fn a_operation_outlives_its_tab_and_is_granted_once() {
    for steps in 0..40 {
        let (mut room, tab, anna) = with_anna();
        room.begin(tab, [Command::Ask(Operation::Allocate { record: anna })]);
        room.steps(1 + steps);
        room.restart(tab);
        room.connect(tab, 0);
        room.pass(ELECTION);
        assert_eq!(held(&room, 0, anna), Some(1), "after {steps} steps");
        assert_eq!(room.replica(0).view().ledger().highest(), 1, "asked once, though ended after {steps} steps");
        assert_eq!(room.replica(tab).view().pending_operations(), 0);
        assert!(room.durable(tab).pending.is_empty(), "what is answered is kept no longer");
    }
}

#[test]
fn a_operation_made_apart_is_seen_after_the_tab_has_come_back_and_may_not_be_made_again() {
    let (mut room, tab, anna) = with_anna();
    room.disconnect(tab);
    room.ask(tab, Operation::Assign { record: anna, number: 7 });
    room.restart(tab);
    let view = room.record(tab, anna).expect("the record is there");
    assert_eq!(view.number.pending, Some(Operation::Assign { record: anna, number: 7 }));
    assert_eq!(room.replica(tab).view().pending_operations(), 1);
    room.connect(tab, 0);
    room.pass(ELECTION);
    assert_eq!(held(&room, tab, anna), Some(7));
}

/// A snapshot that the tab gets before it has sent its operation says nothing about the operation.
#[test]
fn a_operation_of_a_tab_that_was_away_for_long_is_not_taken_for_a_forgotten_one() {
    let mut room = forgetful(2);
    let (tab, other) = (3, 4);
    room.connect(tab, 0);
    let anna = room.add(tab, "Anna", "");
    room.disconnect(tab);
    room.ask(tab, Operation::Allocate { record: anna });
    room.ask(0, Operation::SetPolicy { policy: Policy { sessions: 1, ..Policy::default() } });
    room.connect(other, 1);
    for _ in 0..3 {
        raise(&mut room, other, 8);
        raise(&mut room, 0, 8);
    }
    room.restart(tab);
    let parts = room.parts;
    room.connect(tab, 0);
    room.pass(ELECTION);
    assert!(room.parts > parts, "it came back by a snapshot");
    assert!(held(&room, tab, anna).is_some(), "{:?}", room.record(tab, anna).unwrap().number);
}

#[test]
fn a_tab_comes_back_with_the_log_behind_its_snapshot() {
    let mut room = forgetful(1);
    let tab = 3;
    raise(&mut room, 0, 40);
    room.connect(tab, 0);
    raise(&mut room, 0, 2);
    assert!(room.durable(tab).snapshot.is_some());
    room.restart(tab);
    assert_eq!(room.replica(tab).view().ledger().highest(), 42, "without a link");
}

#[test]
fn what_a_relay_has_confirmed_is_known_after_the_tab_has_come_back() {
    let (mut room, tab, anna) = with_anna();
    room.disconnect(tab);
    room.edit(tab, anna, NAME, "Anya");
    room.restart(tab);
    assert_eq!(room.replica(tab).view().unsaved_edits(), 1, "of two edits, one was confirmed");
    room.connect(tab, 0);
    assert_eq!(room.replica(tab).view().unsaved_edits(), 0);
    room.restart(tab);
    assert_eq!(room.replica(tab).view().unsaved_edits(), 0, "without a link");
}

#[test]
fn no_number_of_a_lease_is_given_twice_by_a_tab_that_came_back() {
    let (mut room, tab, anna) = with_anna();
    let bert = room.add(tab, "Bert", "");
    room.command(tab, Command::Lease { count: 5 });
    room.pass(ELECTION);
    room.disconnect(tab);
    let mut leased = Vec::new();
    for record in [anna, bert] {
        room.restart(tab);
        room.command(tab, Command::Number { record, number: None });
        leased.extend(room.record(tab, record).unwrap().number.leased.map(|leased| *leased.get()));
    }
    assert_eq!(leased, [1, 2]);
    assert_eq!(room.replica(tab).view().leased(), 3);
}

/// A host whose disk is slow: what the user did is seen at once, and is told to be durable when it is.
#[test]
fn a_tab_tells_what_of_its_own_is_durable_and_shows_no_leased_number_before() {
    let (mut room, tab, anna) = with_anna();
    room.command(tab, Command::Lease { count: 5 });
    room.pass(ELECTION);
    room.disconnect(tab);
    let config = Config { replica: ReplicaId(100), schema: Schema::people(), role: Role::Tab };
    let mut slow = Replica::recover(config, room.durable(tab).clone(), START);
    assert_eq!((slow.view().unpersisted_edits(), slow.view().unpersisted_operations()), (0, 0));

    let give = |slow: &mut Replica, command| slow.handle(START, Input::Command(CommandId(1), command));
    let rename = FieldEdit::Assign("Anya".to_owned());
    let edit = give(&mut slow, Command::Edit { record: anna, field: NAME.to_owned(), edit: rename, seen: None });
    let number = give(&mut slow, Command::Number { record: anna, number: None });
    let raise = give(&mut slow, Command::Ask(Operation::Raise { number: 9 }));
    let view = slow.view();
    assert_eq!((view.unpersisted_edits(), view.unpersisted_operations()), (2, 1));
    assert_eq!(view.record(anna).unwrap().number.leased, None, "a crash would give it again");
    assert_eq!(view.record(anna).unwrap().number.pending, Some(Operation::Allocate { record: anna }));

    let persist = |slow: &mut Replica, id| drop(slow.handle(START, Input::Persisted(id)));
    persist(&mut slow, edit.write.expect("an edit is written").id);
    assert_eq!(slow.view().unpersisted_edits(), 1);
    persist(&mut slow, number.write.expect("a cursor is written").id);
    assert_eq!(slow.view().record(anna).unwrap().number.leased.map(|leased| *leased.get()), Some(1));
    persist(&mut slow, raise.write.expect("an operation is written").id);
    assert_eq!((slow.view().unpersisted_edits(), slow.view().unpersisted_operations()), (0, 0));
}

#[test]
fn a_operation_is_written_as_it_leaves() {
    let (mut room, tab, anna) = with_anna();
    room.disconnect(tab);
    room.ask(tab, Operation::Allocate { record: anna });
    let Recovered { pending, .. } = room.durable(tab);
    assert!(matches!(pending.values().next(), Some(PendingRequest { is_fixed: false, is_asked: true, .. })));
    room.begin_link(tab, 0);
    let mut fixed = None;
    while room.replica(tab).view().pending_operations() > 0 {
        room.steps(1);
        let now = room.durable(tab).pending.values().next().cloned();
        if let Some(pending) = now.filter(|pending| pending.is_fixed) {
            assert!(*fixed.get_or_insert(pending.clone()) == pending, "it does not change any more");
        }
    }
    assert!(fixed.is_some());
}

#[test]
fn a_observer_says_whether_it_would_still_have_it_after_a_crash() {
    let mut room = elected(1, 1);
    room.ask(0, Operation::SetPolicy { policy: Policy { observers: 1, ..Policy::default() } });
    room.connect(1, 0);
    let durable = |room: &Room| room.replica(0).view().observers()[&ReplicaId(100)].durable;
    assert!(!durable(&room));
    room.command(1, Command::Observer { willing: true, durable: true });
    assert!(durable(&room));
}

/// A page reads a long database in slices.
#[test]
fn a_tab_that_comes_back_record_by_record_is_the_one_that_comes_back_at_once() {
    let (mut room, tab, anna) = with_anna();
    let bert = room.add(tab, "Bert", "");
    let gone = room.add(tab, "Cem", "");
    room.command(tab, Command::Remove { record: gone });
    room.disconnect(tab);
    room.edit(0, anna, NAME, "Annie");
    room.edit(tab, anna, NAME, "Anya");
    room.connect(tab, 0);
    assert_eq!(room.values(tab, anna, NAME).len(), 2, "versions side by side");
    room.disconnect(tab);
    room.command(tab, Command::Number { record: bert, number: None });
    assert_eq!(room.record(tab, bert).unwrap().number.provisional.len(), 1);

    let config = Config { replica: ReplicaId(100), schema: Schema::people(), role: Role::Tab };
    let durable = room.durable(tab).clone();
    let at_once = Replica::recover(config.clone(), durable.clone(), START);
    let mut recovery = Recovery::begin(config, Recovered { records: SortedMap::new(), ..durable.clone() }, START);
    let records: Vec<_> = durable.records.into_iter().collect();
    for (record, versions) in records.into_iter().rev() {
        assert_eq!(recovery.view().record(record), None);
        recovery.add(START, record, versions);
        assert_eq!(recovery.view().record(record), at_once.view().record(record), "it reads right at once");
    }
    let sliced = recovery.finish();
    sliced.assert_invariants();
    let (sliced, at_once) = (sliced.view(), at_once.view());
    assert!(sliced.records().eq(at_once.records()));
    assert_eq!(sliced.document(), at_once.document());
    assert_eq!(sliced.document().fingerprint(), at_once.document().fingerprint());
    assert_eq!(
        (sliced.unsettled_count(), sliced.unsaved_edits()),
        (at_once.unsettled_count(), at_once.unsaved_edits())
    );
}

#[test]
fn a_recovered_clock_is_not_behind_what_the_tab_wrote() {
    let (mut room, tab, anna) = with_anna();
    room.restart(tab);
    let late = Now { monotonic: Duration::ZERO, wall_ms: 1 };
    let config = Config { replica: ReplicaId(100), schema: Schema::people(), role: Role::Tab };
    let mut tab = Replica::recover(config, room.durable(tab).clone(), late);
    let rename = FieldEdit::Assign("Anya".to_owned());
    let command = Command::Edit { record: anna, field: NAME.to_owned(), edit: rename, seen: None };
    drop(tab.handle(late, Input::Command(CommandId(1), command)));
    assert_eq!(tab.view().record(anna).unwrap().shown(NAME), "Anya");
}

/// As in a database of a version that did not write it down.
#[test]
fn a_tab_whose_disk_does_not_say_what_it_has_sent_is_no_copy_of_itself() {
    let (room, tab, _anna) = with_anna();
    let relay = room.replica(0).view();
    for (sent, is_copy) in [(None, false), (Some(u64::MAX), false), (Some(0), true)] {
        let durable = Recovered { sent, ..room.durable(tab).clone() };
        let config = Config { replica: room.replica(tab).view().me(), schema: Schema::people(), role: Role::Tab };
        let mut again = Replica::recover(config, durable, START);
        let peer = PeerId(1);
        let _up = again.handle(START, Input::PeerUp(peer, PeerKind::Relay(RelayId(1), ReplicaId(1))));
        let context = relay.document().context().clone();
        let have = Message::Have { context, fingerprint: 0, decided: Slot(0), chain: 0, restores: Default::default() };
        assert_eq!(again.handle(START, Input::Receive(peer, have)).forgot, is_copy, "{sent:?}");
    }
}

/// What decides nothing may leave a relay before its `Have`, which waits for the disk.
#[test]
fn a_tab_fetches_the_log_that_came_before_its_relay_said_which_log_it_has() {
    let (mut room, tab, _anna) = with_anna();
    let before = room.durable(tab).clone();
    room.ask(0, Operation::Raise { number: 9 });
    let relay = room.replica(0).view();
    let config = Config { replica: room.replica(tab).view().me(), schema: Schema::people(), role: Role::Tab };
    let mut tab = Replica::recover(config, before, START);
    let (peer, first) = (PeerId(1), tab.view().log().decided());
    let (decided, chain) = (relay.log().decided(), relay.log().chain());
    let suffix = relay.log().suffix(first).expect("the relay has it");
    let have = Message::Have {
        context: relay.document().context().clone(),
        fingerprint: relay.document().fingerprint(),
        decided,
        chain,
        restores: Default::default(),
    };
    let mut take = |input| {
        let output = tab.handle(START, input);
        let batch = output.write.map(|batch| tab.handle(START, Input::Persisted(batch.id)).sends);
        let sends = output.sends.into_iter().chain(batch.into_iter().flatten());
        let fetches =
            sends.filter(|sent| matches!(sent.message, Message::Fetch { first: from } if from == first)).count();
        (tab.view().log().decided(), fetches)
    };
    take(Input::PeerUp(peer, PeerKind::Relay(RelayId(1), ReplicaId(1))));
    assert_eq!(take(Input::Receive(peer, Message::Suffix(suffix.clone()))), (first, 0), "it may be another log");
    assert_eq!(take(Input::Receive(peer, have)), (first, 1));
    assert_eq!(take(Input::Receive(peer, Message::Suffix(suffix))), (decided, 0));
}
