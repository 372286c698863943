//! HTTP requests under keys, asked at any relay, as often as somebody likes.

use shared::base::id::{RecordId, ReplicaId};
use shared::consensus::Slot;
use shared::ledger::{Key, Keyed, KeyedOperation, Operation, Policy, Rejection, Request, RequestId};
use shared::replica::io::{Command, CommandRejection, Message, Reply, Violation};
use shared::schema::FieldEdit;

use super::{ELECTION, elected, outcome_of};
use crate::room::{Node, Room};

fn keyed(key: u8) -> Keyed {
    Keyed { key: Key([key; 16]), hash: 1, since: Slot(0) }
}

fn once(keyed: Keyed, command: Command) -> Command {
    Command::Once { keyed, command: Box::new(command) }
}

fn name(name: &str) -> Vec<(String, FieldEdit)> {
    vec![("name".to_owned(), FieldEdit::Assign(name.to_owned()))]
}

fn register(name_of: &str) -> Command {
    Command::Register { fields: name(name_of), number: None }
}

/// The answer to an HTTP request under a key.
fn ask(room: &mut Room, node: Node, keyed: Keyed, command: Command) -> Result<Reply, CommandRejection> {
    room.replies.clear();
    room.command(node, once(keyed, command));
    room.pass(ELECTION);
    room.replies.pop().expect("an answer")
}

fn records(room: &Room, node: Node) -> Vec<RecordId> {
    room.replica(node).view().records().map(|record| record.id).collect()
}

#[test]
fn under_one_key_every_relay_gives_one_answer_and_does_it_once() {
    let mut room = elected(3, 0);
    let anna = room.add(0, "Anna", "");
    let tag = |tag: &str| vec![("tags".to_owned(), FieldEdit::Insert(tag.to_owned()))];
    let commands = [
        Command::Add { fields: name("Béla") },
        register("Cleo"),
        Command::Number { record: anna, number: Some(42) },
        Command::Change { record: anna, edits: tag("a") },
        Command::Free { record: anna },
        Command::Ask(Operation::Raise { number: 77 }),
        Command::Remove { record: anna },
    ];
    for (key, command) in (1..).zip(commands) {
        let first = ask(&mut room, 0, keyed(key), command.clone());
        assert!(first.is_ok(), "{command:?}: {first:?}");
        let (decided, left) = (room.replica(0).view().log().decided(), records(&room, 0));
        for relay in [0, 1, 2] {
            assert_eq!(ask(&mut room, relay, keyed(key), command.clone()), first, "at relay {relay}");
        }
        assert_eq!(room.replica(0).view().log().decided(), decided, "{command:?} was asked of the log again");
        assert_eq!(records(&room, 2), left);
    }
    assert_eq!(room.replica(1).view().ledger().number_of(anna), None);
    assert_eq!(records(&room, 1).len(), 2, "Béla and Cleo");
}

#[test]
fn two_relays_that_are_asked_at_a_time_make_one_record_and_give_one_answer() {
    for command in [register("Anna"), Command::Add { fields: name("Anna") }] {
        let mut room = elected(3, 0);
        room.replies.clear();
        for relay in [1, 2, 1] {
            room.begin(relay, [once(keyed(1), command.clone())]);
        }
        room.pass(ELECTION);
        let answers: Vec<_> = room.replies.drain(..).filter(|reply| *reply != Ok(Reply::UnderWay)).collect();
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
        let made = match answers[0] {
            Ok(Reply::Added(record) | Reply::Registered(record, Ok(_))) => record,
            ref other => panic!("{other:?}"),
        };
        for relay in 0..3 {
            assert_eq!(records(&room, relay), [made], "at relay {relay}");
        }
    }
}

#[test]
fn another_http_request_under_a_key_is_refused_at_every_relay() {
    let mut room = elected(3, 0);
    ask(&mut room, 0, keyed(1), register("Anna")).unwrap();
    for relay in [0, 1, 2] {
        let other = ask(&mut room, relay, Keyed { hash: 2, ..keyed(1) }, register("Béla"));
        assert_eq!(other, Err(CommandRejection::Refused(Rejection::KeyUsedOtherwise)));
    }
    assert_eq!(records(&room, 0).len(), 1);
}

#[test]
fn without_a_majority_an_http_request_under_a_key_is_refused_and_nothing_is_done() {
    let mut room = elected(3, 0);
    room.disconnect(0);
    for command in [register("Anna"), Command::Add { fields: name("Anna") }] {
        assert_eq!(ask(&mut room, 0, keyed(1), command), Err(CommandRejection::NoMajority));
    }
    assert_eq!(records(&room, 0), []);
    [1, 2].into_iter().for_each(|other| room.connect(0, other));
    assert!(ask(&mut room, 0, keyed(1), register("Anna")).is_ok());
}

#[test]
fn forgotten_key_does_not_do_an_http_request_again_whose_client_says_what_it_had_seen() {
    let mut room = elected(1, 0);
    ask(&mut room, 0, keyed(1), register("Anna")).unwrap();
    outcome_of(&mut room, 0, Operation::SetPolicy { policy: Policy { sessions: 2, ..Policy::default() } });
    for key in 2..=3 {
        ask(&mut room, 0, keyed(key), Command::Ask(Operation::Raise { number: 10 * u64::from(key) })).unwrap();
    }
    let forgotten = ask(&mut room, 0, keyed(1), register("Anna"));
    assert_eq!(forgotten, Err(CommandRejection::Refused(Rejection::Forgotten)));
    assert_eq!(records(&room, 0).len(), 1);
    let since = room.replica(0).view().log().decided();
    assert!(ask(&mut room, 0, Keyed { since, ..keyed(1) }, register("Anna")).is_ok(), "else it is a new one");
    assert_eq!(records(&room, 0).len(), 2);
}

/// Wherever a relay is killed while it is at an HTTP request: it finishes it when it is back, or the key is free again.
#[test]
fn relay_that_is_killed_finishes_what_it_has_begun_under_a_key_or_frees_the_key() {
    for command in [register("Anna"), Command::Add { fields: name("Anna") }] {
        for steps in 0..60 {
            let mut room = elected(3, 0);
            let relay = (room.leader().expect("there is one") + 1) % 3;
            room.begin(relay, [once(keyed(1), command.clone())]);
            room.steps(steps);
            room.restart(relay);
            (0..3).filter(|&other| other != relay).for_each(|other| room.connect(relay, other));
            room.pass(ELECTION);
            let left = records(&room, 0);
            let is_whole = |&record: &RecordId| {
                let needs_number = matches!(command, Command::Register { .. });
                !needs_number || room.replica(0).view().ledger().number_of(record).is_some()
            };
            assert!(left.len() <= 1 && left.iter().all(is_whole), "killed after {steps} steps: {left:?}");
            let answer = ask(&mut room, (relay + 1) % 3, keyed(1), command.clone());
            assert!(matches!(answer, Ok(Reply::Added(_) | Reply::Registered(_, Ok(_)))), "{steps}: {answer:?}");
            assert_eq!(records(&room, 0).len(), 1, "killed after {steps} steps, and asked again");
        }
    }
}

/// Without a key, too: the record and the request for its number become durable together.
#[test]
fn relay_that_is_killed_while_it_registers_leaves_no_record_without_its_number() {
    for number in [None, Some(7)] {
        let mut halves = 0;
        for steps in 0..60 {
            let mut room = elected(3, 0);
            let leader = room.leader().expect("there is one");
            let relay = (leader + 1) % 3;
            let other = room.add(leader, "Béla", "");
            if number.is_some() {
                room.begin(leader, [Command::Number { record: other, number }]);
            }
            room.begin(relay, [Command::Register { fields: name("Anna"), number }]);
            room.steps(steps);
            room.restart(relay);
            let is_half = |room: &Room, &record: &RecordId| {
                record != other && room.replica(relay).view().ledger().number_of(record).is_none()
            };
            halves += records(&room, relay).iter().filter(|record| is_half(&room, record)).count();
            (0..3).filter(|&other| other != relay).for_each(|other| room.connect(relay, other));
            room.pass(ELECTION);
            for node in 0..3 {
                assert!(
                    !records(&room, node).iter().any(|record| is_half(&room, record)),
                    "killed after {steps} steps"
                );
            }
        }
        assert!(halves > 0, "it was killed between the record and its number");
    }
}

#[test]
fn keys_are_not_for_tabs() {
    let (mut room, tab) = (elected(3, 1), 3);
    room.connect(tab, 0);
    assert_eq!(ask(&mut room, tab, keyed(1), register("Anna")), Err(CommandRejection::NotForTabs));
    let id = RequestId { replica: room.replica(tab).view().me(), seq: 1 };
    let operations = [
        Operation::Once { keyed: keyed(1), operation: KeyedOperation::Begin },
        Operation::Finish { key: keyed(1).key, by: RequestId { replica: ReplicaId(1), seq: 1 }, made: None },
    ];
    for operation in operations {
        room.disconnect(tab);
        room.connect(tab, 0);
        let request = Request { id, settled: 0, seen: Slot(0), after: None, operation };
        room.forge(tab, 0, Message::Propose(request));
        assert_eq!(std::mem::take(&mut room.cut), [(0, Violation::NotForTabs)]);
    }
}
