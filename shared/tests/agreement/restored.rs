//! A tab and its requests when all relays are restored from a backup.

use shared::base::dot::DotSet;
use shared::consensus::{RestoreId, Slot};
use shared::ledger::{Entry, Operation, Outcome, Policy, Rejection};
use shared::replica::Tuning;
use shared::replica::io::{Command, Message, Recovered};

use super::{ELECTION, decided, elected_of, outcome_of, raise, told_outcome};
use crate::room::{Node, Room, Setup};

const RELAY: Node = 0;
const TAB: Node = 1;

/// One relay that keeps little of the log and remembers one asker at a time, and a tab that is connected to it.
fn forgetful_room() -> Room {
    let tuning = Tuning { log_kept: 4, ..Tuning::default() };
    let mut room = elected_of(Setup { voters: 1, relays: 1, tabs: 1, tuning });
    outcome_of(&mut room, RELAY, Operation::SetPolicy { policy: Policy { sessions: 1, ..Policy::default() } });
    room.connect(TAB, RELAY);
    room
}

/// The tab asks for a new number for a record, and the relay accepts it. The tab is gone before it hears of that.
fn ask_unheard(room: &mut Room) {
    let record = room.add(TAB, "Anna", "");
    room.begin(TAB, [Command::Ask(Operation::Allocate { record })]);
    while !has_accepted_request_of_tab(room) {
        room.steps(1);
    }
    room.disconnect(TAB);
    assert_eq!(room.replica(TAB).view().pending_operations(), 1, "it was not answered");
    assert!(room.durable(TAB).pending.values().all(|pending| pending.is_fixed), "it was sent");
}

fn has_accepted_request_of_tab(room: &Room) -> bool {
    let me = room.replica(TAB).view().me();
    let is_of_tab = |entry: &Entry| matches!(entry, Entry::Command(request) if request.id.replica == me);
    room.durable(RELAY).log.values().any(|accepted| is_of_tab(&accepted.entry))
}

fn restore(room: &mut Room, backup: Recovered) {
    room.restore_relays(RELAY..TAB, backup, RestoreId(1));
    room.pass(ELECTION);
}

/// Connects the tab again. Returns what it is told of the request that it had made.
fn come_back(room: &mut Room) -> Option<Outcome> {
    room.replies.clear();
    room.connect(TAB, RELAY);
    room.pass(ELECTION);
    assert!(room.forgot.is_empty(), "the tab is no copy of itself");
    assert_eq!(room.replica(TAB).view().pending_operations(), 0);
    told_outcome(room)
}

/// A backup may hold a request behind what it knows to be decided, and the restored log then decides it as it was sent.
#[test]
fn a_request_that_a_restored_log_decides_is_still_the_tabs_own() {
    for since in [0, 20] {
        let mut room = forgetful_room();
        raise(&mut room, RELAY, 2);
        ask_unheard(&mut room);
        let until = Slot(decided(&room, TAB).0 - 1);
        let backup = Recovered { decided: until, ..room.durable(RELAY).clone() };
        restore(&mut room, backup);
        outcome_of(&mut room, RELAY, Operation::SetPolicy { policy: Policy::default() });
        raise(&mut room, RELAY, since);
        assert_eq!(room.replica(RELAY).view().log().start().slot > until, since > 0, "a snapshot has its outcome");
        let outcome = come_back(&mut room);
        assert!(matches!(outcome, Some(Ok(_))), "{since} later: {outcome:?}");
        assert_eq!(decided(&room, TAB), decided(&room, RELAY));
    }
}

/// The log that the restore took away was longer than the present one is when the request goes once more.
#[test]
fn a_request_from_before_a_restore_is_not_done_twice() {
    let mut room = forgetful_room();
    let backup = room.durable(RELAY).clone();
    raise(&mut room, RELAY, 40);
    ask_unheard(&mut room);
    restore(&mut room, backup);
    room.begin_link(TAB, RELAY);
    while !has_accepted_request_of_tab(&room) {
        room.steps(1);
    }
    room.disconnect(TAB);
    assert_eq!(room.replica(TAB).view().pending_operations(), 1, "it was not answered once more");
    raise(&mut room, RELAY, 20);
    assert_eq!(come_back(&mut room), Some(Err(Rejection::Forgotten)));
}

/// A tab hears that something is released before it has the log up to there. A restore takes that log away.
#[test]
fn a_release_from_before_a_restore_says_nothing_of_the_log_that_follows() {
    let mut room = forgetful_room();
    let known = decided(&room, TAB);
    room.forge(RELAY, TAB, Message::Released { until: Slot(known.0 + 30) });
    room.disconnect(TAB);
    raise(&mut room, RELAY, 2);
    let backup = room.durable(RELAY).clone();
    assert!(backup.decided >= known, "the tab knows no more of the log than the backup");
    restore(&mut room, backup);
    outcome_of(&mut room, RELAY, Operation::SetPolicy { policy: Policy { observers: 2, ..Policy::default() } });
    room.connect(TAB, RELAY);
    room.begin(RELAY, (1..9).map(|number| Command::Ask(Operation::Raise { number })));
    room.steps(1000);
    assert!(decided(&room, TAB) > Slot(known.0 + 8), "the tab learns the log");
    assert!(room.replica(TAB).view().released() < decided(&room, TAB), "no observer has it");
    assert_eq!(room.durable(TAB).released, room.replica(TAB).view().released());
}

/// The tab hears of a configuration before it has the log up to there. A restore takes that configuration away.
#[test]
fn what_is_on_a_majority_is_told_anew_after_a_restore() {
    let mut room = forgetful_room();
    room.add(TAB, "Anna", "");
    let backup = room.durable(RELAY).clone();
    let context = room.replica(RELAY).view().document().context().clone();
    room.forge(RELAY, TAB, Message::Stored { context, configuration: 9, majority: DotSet::default() });
    assert_eq!(room.replica(TAB).view().edits_not_on_majority(), 1);
    room.disconnect(TAB);
    restore(&mut room, backup);
    room.connect(TAB, RELAY);
    room.pass(ELECTION);
    assert_eq!(room.replica(TAB).view().edits_not_on_majority(), 0);
    assert_eq!(room.replica(TAB).view().unsaved_edits(), 0);
}
