//! Tabs that watch what the relays do.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::base::id::{RelayId, ReplicaId};
use shared::consensus::{Slot, Votes};
use shared::ledger::{Operation, Policy};
use shared::replica::io::{Command, Message, Violation};
use shared::replica::observation::{End, Observation};

use super::{ELECTION, elected};
use crate::room::{Node, Room};

/// Long enough for a watcher to be told of all that has happened.
const TOLD: Duration = Duration::from_millis(2500);
/// Longer than anybody is told who does not say any more that it watches.
const GONE: Duration = Duration::from_secs(5);

/// Three relays, a leader among them, and a tab at one that does not lead.
fn at_a_follower() -> (Room, Node, Node) {
    let mut room = elected(3, 2);
    let follower = (room.leader().expect("somebody leads") + 1) % 3;
    room.connect(3, follower);
    (room, 3, follower)
}

/// What the tab was told last by each relay.
fn latest(room: &Room, tab: Node) -> BTreeMap<RelayId, &Observation> {
    room.observed[tab].iter().map(|observed| (observed.by, observed)).collect()
}

fn votes(room: &Room, tab: Node) -> Option<&Votes> {
    latest(room, tab).values().find_map(|observed| observed.votes.as_ref())
}

#[test]
fn a_tab_at_any_relay_sees_who_has_voted_for_what() {
    let (mut room, tab, _) = at_a_follower();
    room.command(tab, Command::Watch(true));
    room.pass(TOLD);
    assert_eq!(latest(&room, tab).len(), 3, "of every relay");
    for number in 1..=3 {
        room.ask(tab, Operation::Raise { number });
    }
    room.pass(TOLD);
    let decided = room.replica(tab).view().log().decided();
    let votes = votes(&room, tab).expect("one of them leads");
    assert_eq!(Some(votes.ballot), room.replica(tab).view().leader());
    assert_eq!(votes.accepted, [1, 2, 3].map(|id| (RelayId(id), decided)), "all three have voted for every slot");
    assert_eq!(votes.next, decided, "and nothing is under way");
}

#[test]
fn a_watcher_is_told_what_goes_over_each_link_and_how_long_that_takes() {
    let (mut room, tab, follower) = at_a_follower();
    room.connect(4, follower);
    room.command(tab, Command::Watch(true));
    room.pass(TOLD);
    room.observed[tab].clear();
    let other = room.replica(4).view().me();
    room.add(4, "Anna", "");
    room.pass(TOLD);
    let seen = room.observed[tab].iter().flat_map(|observed| &observed.links);
    let of_other = seen.filter(|link| link.to == End::Tab(other));
    assert_eq!(of_other.map(|link| link.received).sum::<u32>(), 1, "its edit");
    assert_eq!(room.replica(tab).view().round_trip(), Some(0), "messages arrive at once here");
    let mine = latest(&room, tab)[&RelayId(follower as u16 + 1)];
    let to_me = mine.links.iter().find(|link| link.to == End::Tab(room.replica(tab).view().me()));
    assert_eq!(to_me.expect("the link to this tab").round_trip_us, Some(0), "as this tab has told");
}

#[test]
fn how_long_messages_between_two_relays_take_is_told_also_when_nobody_watches_at_either() {
    let (mut room, tab, _) = at_a_follower();
    room.command(tab, Command::Watch(true));
    room.pass(2 * TOLD);
    for (relay, told) in latest(&room, tab) {
        let to_relays = told.links.iter().filter(|link| matches!(link.to, End::Relay(_)));
        let known: Vec<_> = to_relays.map(|link| link.round_trip_us).collect();
        assert_eq!(known, [Some(0), Some(0)], "{relay:?}");
    }
}

#[test]
fn a_observer_is_seen_to_be_one() {
    let (mut room, tab, _) = at_a_follower();
    room.ask(0, Operation::SetPolicy { policy: Policy { observers: 1, ..Policy::default() } });
    room.command(tab, Command::Watch(true));
    room.pass(TOLD);
    let decided = room.replica(tab).view().log().decided();
    let mut links = latest(&room, tab).into_values().flat_map(|observed| &observed.links);
    assert!(links.any(|link| link.acknowledged == Some(decided)));
}

#[test]
fn a_relay_without_a_majority_tells_what_it_has_accepted_and_does_not_know_to_be_decided() {
    let mut room = elected(3, 1);
    let (tab, leader) = (3, room.leader().expect("somebody leads"));
    room.connect(tab, leader);
    room.command(tab, Command::Watch(true));
    room.pass(TOLD);
    let decided = room.replica(leader).view().log().decided();
    let operations = (1..=20).map(|number| Command::Ask(Operation::Raise { number }));
    room.begin(leader, operations);
    room.steps(1);
    room.disconnect(leader);
    room.connect(tab, leader);
    room.pass(TOLD);
    let told = latest(&room, tab)[&RelayId(leader as u16 + 1)];
    assert_eq!(told.votes, None, "it does not lead any more");
    let slots: Vec<_> = told.undecided.iter().map(|(slot, _)| *slot).collect();
    let first = (0..8).map(|at| decided.plus(at)).collect::<Vec<_>>();
    assert_eq!(slots, first[..slots.len()]);
    assert!(!slots.is_empty() && slots.len() <= 8);
}

#[test]
fn nobody_watches_and_nothing_is_told_nor_waited_for() {
    let (mut room, tab, _) = at_a_follower();
    room.command(tab, Command::Watch(true));
    room.pass(TOLD);
    room.command(tab, Command::Watch(false));
    room.pass(GONE);
    room.observed[tab].clear();
    let resting: Vec<_> = room.nodes().map(|node| room.replica(node).deadline()).collect();
    room.add(tab, "Anna", "");
    room.pass(GONE);
    assert_eq!(room.observed[tab], [], "nothing is told");
    let after: Vec<_> = room.nodes().map(|node| room.replica(node).deadline()).collect();
    assert_eq!(resting[3..], after[3..], "a tab waits for nothing");
    assert_eq!(after[3], None);
}

#[test]
fn a_watcher_that_is_gone_is_told_no_more() {
    let (mut room, tab, follower) = at_a_follower();
    room.command(tab, Command::Watch(true));
    room.pass(TOLD);
    room.disconnect(tab);
    room.pass(GONE);
    room.command(tab, Command::Watch(false));
    room.observed[tab].clear();
    room.connect(tab, follower);
    room.pass(GONE);
    assert_eq!(room.observed[tab], []);
}

#[test]
fn a_tab_does_not_tell_what_relays_see() {
    let (mut room, tab, follower) = at_a_follower();
    let lie = Observation {
        by: RelayId(1),
        incarnation: ReplicaId(1),
        echo: None,
        is_recovering: false,
        votes: None,
        undecided: Vec::new(),
        links: Vec::new(),
    };
    room.forge(tab, follower, Message::Observed(lie));
    assert_eq!(room.cut, [(follower, Violation::NotForTabs)]);
}

#[test]
fn a_tab_that_asks_without_end_is_answered_ten_times_a_second_at_the_most() {
    let (mut room, tab, follower) = at_a_follower();
    room.command(tab, Command::Watch(true));
    room.observed[tab].clear();
    for at in 0..1000 {
        room.forge(tab, follower, Message::Watch { at, round_trip_us: Some(u32::MAX), measures: true });
    }
    assert!(room.observed[tab].len() <= 1, "{} answers at one moment", room.observed[tab].len());
    assert!(room.replica(tab).view().log().decided() > Slot(0) && room.cut.is_empty());
    room.pass(ELECTION);
}
