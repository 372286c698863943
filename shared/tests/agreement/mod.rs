//! Scenes of what the relays agree on: who votes, what is decided, what of it is kept, and what readers see.

mod dynamic;
mod keys;
mod majority;
mod observers;
mod raised;
mod reads;
mod requests;
mod restored;
mod retiring;
mod settling;
mod snapshots;
mod tabs;
mod voters;
mod watching;

use std::time::Duration;

use shared::consensus::Slot;
use shared::ledger::{Operation, Outcome};
use shared::replica::Tuning;
use shared::replica::io::Reply;

use crate::room::{Node, Room, Setup};

/// Longer than an election takes, also after a restart.
const ELECTION: Duration = Duration::from_secs(3);

/// So many relays that vote and are connected to one another, with a leader, and tabs that are connected to nobody.
fn elected(relays: u16, tabs: u64) -> Room {
    elected_of(Setup { voters: relays, relays, tabs, tuning: Tuning::default() })
}

fn elected_of(setup: Setup) -> Room {
    let mut room = Room::with(setup);
    room.pass(ELECTION);
    room
}

/// Three relays that keep little of the log, and tabs.
fn forgetful(tabs: u64) -> Room {
    let tuning = Tuning { log_kept: 4, ..Tuning::default() };
    elected_of(Setup { voters: 3, relays: 3, tabs, tuning })
}

/// What comes of an operation, if it is decided soon.
fn outcome_of(room: &mut Room, node: Node, operation: Operation) -> Option<Outcome> {
    room.replies.clear();
    room.ask(node, operation);
    room.pass(ELECTION);
    told_outcome(room)
}

/// The outcome that the last answer told.
fn told_outcome(room: &mut Room) -> Option<Outcome> {
    match room.replies.pop()? {
        Ok(Reply::Decided(_, outcome)) => Some(outcome),
        other => panic!("an operation was answered with {other:?}"),
    }
}

fn decided(room: &Room, node: Node) -> Slot {
    room.replica(node).view().log().decided()
}

/// Raises the highest number so many times, and by so much.
fn raise(room: &mut Room, node: Node, times: u64) {
    for _ in 0..times {
        let number = room.replica(node).view().ledger().highest() + 1;
        assert!(matches!(outcome_of(room, node, Operation::Raise { number }), Some(Ok(_))), "{number} is decided");
    }
}
