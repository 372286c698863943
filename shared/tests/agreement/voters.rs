//! Who votes, and who does not.

use shared::base::id::ReplicaId;
use shared::ledger::{Granted, Operation, Outcome, Rejection};
use shared::replica::Tuning;
use shared::replica::io::{Command, CommandRejection};
use shared::schema::FieldEdit;

use super::{ELECTION, decided, elected, elected_of, outcome_of, raise};
use crate::room::{Node, Room, Setup};

fn reconfigure(room: &Room, nodes: impl IntoIterator<Item = Node>) -> Operation {
    let ledger = room.replica(0).view().ledger();
    let from = ledger.configuration().expect("the log is founded").number;
    Operation::Reconfigure { from, voters: room.relays(nodes) }
}

fn change_voters(room: &mut Room, node: Node, nodes: impl IntoIterator<Item = Node>) -> Option<Outcome> {
    let operation = reconfigure(room, nodes);
    outcome_of(room, node, operation)
}

fn voters(room: &Room) -> Vec<Node> {
    room.nodes().filter(|&node| room.replica(node).view().is_voter()).collect()
}

/// Whether something can be decided there.
fn can_decide(room: &mut Room, node: Node) -> bool {
    let number = room.replica(node).view().ledger().highest() + 1;
    outcome_of(room, node, Operation::Raise { number }).is_some()
}

#[test]
fn one_voter_becomes_three_and_five_and_three_others() {
    let mut room = elected_of(Setup { voters: 1, relays: 5, tabs: 1, tuning: Tuning::default() });
    let tab = 5;
    room.connect(tab, 4);
    assert_eq!(voters(&room), [0]);
    raise(&mut room, tab, 1);
    for (number, nodes) in [(1, vec![0, 1, 2]), (2, vec![0, 1, 2, 3, 4]), (3, vec![2, 3, 4])] {
        let changed = change_voters(&mut room, 0, nodes.clone());
        assert_eq!(changed, Some(Ok(Granted::Configuration { number })));
        assert_eq!(voters(&room), nodes);
        assert!(room.leader().is_some_and(|leader| nodes.contains(&leader)));
        raise(&mut room, tab, 1);
        for node in 0..=tab {
            let configuration = room.replica(node).view().ledger().configuration().expect("it is founded");
            assert_eq!((configuration.number, &configuration.voters), (number, &room.relays(nodes.iter().copied())));
        }
    }
    room.disconnect(0);
    room.disconnect(1);
    raise(&mut room, tab, 1);
    room.disconnect(3);
    raise(&mut room, tab, 1);
}

#[test]
fn each_configuration_decides_with_its_own_majority_only() {
    let mut room = elected_of(Setup { voters: 3, relays: 5, tabs: 0, tuning: Tuning::default() });
    assert_eq!(change_voters(&mut room, 0, 0..5), Some(Ok(Granted::Configuration { number: 1 })));
    for node in [2, 3, 4] {
        room.disconnect(node);
    }
    assert!(!can_decide(&mut room, 0), "two of five are no majority, though they were one of three");
    room.connect(2, 0);
    room.connect(2, 1);
    assert!(can_decide(&mut room, 0));
}

#[test]
fn two_voters_none_and_too_many_are_refused() {
    let mut room = elected_of(Setup { voters: 3, relays: 10, tabs: 0, tuning: Tuning::default() });
    assert_eq!(change_voters(&mut room, 0, 0..2), Some(Err(Rejection::TwoVoters)));
    assert_eq!(change_voters(&mut room, 0, []), Some(Err(Rejection::NoVoters)));
    assert_eq!(change_voters(&mut room, 0, 0..10), Some(Err(Rejection::TooManyVoters)));
    let stale = Operation::Reconfigure { from: 4, voters: room.relays(0..3) };
    assert_eq!(outcome_of(&mut room, 0, stale), Some(Err(Rejection::OtherConfiguration { number: 0 })));
    assert_eq!(voters(&room), [0, 1, 2]);
}

#[test]
fn a_change_of_the_voters_is_refused_while_another_is_under_way() {
    let mut room = elected_of(Setup { voters: 3, relays: 5, tabs: 0, tuning: Tuning::default() });
    let leader = room.leader().expect("there is one");
    let changes = [reconfigure(&room, 0..5), reconfigure(&room, 2..5)];
    room.replies.clear();
    room.begin(leader, changes.map(Command::Ask));
    room.pass(ELECTION);
    let outcomes: Vec<_> = std::iter::from_fn(|| super::told_outcome(&mut room)).collect();
    assert_eq!(outcomes.len(), 2);
    assert!(outcomes.contains(&Ok(Granted::Configuration { number: 1 })), "{outcomes:?}");
    assert!(outcomes.contains(&Err(Rejection::ReconfigurationUnderWay { number: 1 })), "{outcomes:?}");
    assert_eq!(voters(&room), [0, 1, 2, 3, 4]);
}

#[test]
fn voters_that_are_away_are_not_named() {
    let mut room = elected_of(Setup { voters: 3, relays: 5, tabs: 0, tuning: Tuning::default() });
    room.disconnect(3);
    room.disconnect(4);
    let operation = reconfigure(&room, [0, 3, 4]);
    room.replies.clear();
    room.ask(0, operation);
    assert_eq!(room.replies.pop(), Some(Err(CommandRejection::VotersAway { named: 3, up: 1 })));
}

#[test]
fn a_wiped_relay_has_no_vote_until_it_is_admitted() {
    let mut room = elected(3, 0);
    raise(&mut room, 0, 3);
    room.wipe(2, ReplicaId(77));
    [0, 1].into_iter().for_each(|other| room.connect(2, other));
    room.pass(ELECTION);
    assert_eq!(voters(&room), [0, 1]);
    let status = room.replica(0).view().status().expect("a relay knows");
    assert!(status.relays[2].up && !status.relays[2].votes);
    assert_eq!(room.replica(2).view().ledger(), room.replica(0).view().ledger(), "it learns what was decided");
    room.disconnect(1);
    assert!(!can_decide(&mut room, 0), "it does not make up a majority");
    room.connect(1, 0);
    room.connect(1, 2);
    assert!(can_decide(&mut room, 0));
    assert_eq!(change_voters(&mut room, 0, 0..3), Some(Ok(Granted::Configuration { number: 1 })));
    assert_eq!(voters(&room), [0, 1, 2]);
    room.disconnect(1);
    assert!(can_decide(&mut room, 0), "now it does");
}

/// Also when those who tell were restarted since.
#[test]
fn a_relay_that_was_rolled_back_is_told_and_does_not_vote() {
    for others_restart in [false, true] {
        let mut room = Room::new(3, 0);
        let leader = loop {
            room.pass(ELECTION / 100);
            if let Some(leader) = room.leader() {
                break leader;
            }
        };
        let victim = (leader + 1) % 3;
        let (other, old) = ((leader + 2) % 3, room.durable(victim).clone());
        room.disconnect(other);
        raise(&mut room, leader, 100);
        assert!(room.durable(victim).log.len() >= 100, "its votes have decided");
        room.connect(other, leader);
        if others_restart {
            room.restart(leader);
            room.restart(other);
            room.connect(leader, other);
        }
        room.restore(victim, old);
        assert!(!room.forgot.contains(&victim));
        room.connect(victim, leader);
        room.connect(victim, other);
        assert!(room.forgot.contains(&victim), "the others remember more (restarted: {others_restart})");
        assert!(can_decide(&mut room, leader), "the others go on without it");
        room.disconnect(other);
        assert!(!can_decide(&mut room, leader), "it does not vote");
    }
}

fn add_named(name: &str) -> Command {
    Command::Add { fields: vec![("name".to_owned(), FieldEdit::Assign(name.to_owned()))] }
}

/// Its next edit would have the dot of one that it has forgotten, and others have.
#[test]
fn a_relay_that_was_rolled_back_edits_nothing_before_it_has_heard_from_the_others() {
    let mut room = elected(3, 0);
    let (relay, old) = (1, room.durable(1).clone());
    let forgotten = room.add(relay, "Anna", "forgotten");
    room.restore(relay, old);
    room.command(relay, add_named("Bob"));
    assert_eq!(room.replica(relay).view().document().records().count(), 0);
    room.connect(relay, 0);
    room.connect(relay, 2);
    room.pass(ELECTION);
    assert!(room.forgot.contains(&relay), "the others know its edit");
    assert_eq!(room.values(relay, forgotten, "name"), ["Anna"]);
    assert_eq!(room.replica(relay).view().document().records().count(), 1);
}

#[test]
fn a_restarted_relay_edits_once_it_has_heard_from_the_others() {
    let mut room = elected(3, 0);
    room.restart(1);
    room.replies.clear();
    room.command(1, add_named("Bob"));
    assert!(room.replies.is_empty());
    room.connect(1, 0);
    room.connect(1, 2);
    assert_eq!(room.replies.len(), 1);
    assert_eq!(room.replica(0).view().document().records().count(), 1);
}

/// Wherever the other one, with which it has decided, is cut off: that one holds the entry, and nobody has ever told
/// anybody that the leader did.
#[test]
fn a_leader_that_was_rolled_back_does_not_lose_what_it_had_decided() {
    let mut decided_by_two = 0;
    for steps in 0..40 {
        let mut room = elected(3, 0);
        raise(&mut room, 0, 1);
        let leader = room.leader().expect("there is one");
        let (observer, other) = ((leader + 1) % 3, (leader + 2) % 3);
        let old = room.durable(leader).clone();
        room.disconnect(other);
        room.begin(leader, [Command::Ask(Operation::Raise { number: 50 })]);
        room.steps(steps);
        room.disconnect(observer);
        if room.replica(leader).view().ledger().highest() < 50 || decided(&room, observer) == decided(&room, leader) {
            continue;
        }
        decided_by_two += 1;
        room.restore(leader, old);
        room.connect(leader, observer);
        room.connect(leader, other);
        room.disconnect(observer);
        room.pass(ELECTION);
        assert!(can_decide(&mut room, leader), "it votes (cut off after {steps} steps)");
        assert!(room.replica(other).view().ledger().highest() >= 50, "cut off after {steps} steps");
        [leader, other].into_iter().for_each(|node| room.connect(observer, node));
        room.pass(ELECTION);
        assert_eq!(room.cut, [], "nobody's log differs");
    }
    assert!(decided_by_two > 0, "the other one is cut off before it learns that it is decided");
}

/// Nobody is there to tell it: it waits for a while, and votes on.
#[test]
fn a_restarted_voter_does_not_wait_for_ever_for_who_is_away() {
    let mut room = elected(3, 0);
    raise(&mut room, 0, 1);
    room.disconnect(2);
    room.restart(1);
    room.connect(1, 0);
    room.replies.clear();
    room.ask(0, Operation::Raise { number: 9 });
    assert!(room.replies.is_empty(), "relay 2 may remember more of relay 1 than relay 0 does");
    room.pass(ELECTION);
    assert!(super::told_outcome(&mut room).is_some());
}

/// It asks the others before it votes, and must hear of the leader although nothing is going on.
#[test]
fn a_restarted_voter_follows_the_leader_that_is_at_work() {
    let mut room = elected(3, 0);
    raise(&mut room, 0, 1);
    let leader = room.replica(0).view().leader();
    room.restart(1);
    room.connect(1, 0);
    room.connect(1, 2);
    room.pass(ELECTION);
    assert_eq!(room.replica(1).view().leader(), leader);
    assert_eq!(room.replica(0).view().leader(), leader, "it was not deposed");
}
