//! What happened, in words: what it was, and what it means.

use shared::document::LostWrite;
use shared::id::{RecordId, ReplicaId, VoterId};
use shared::io::Violation;
use shared::ledger::Rejection;
use shared::paxos::Slot;
use shared::schema;

use super::number::{owner_in_words, refusal_in_words};
use super::{LocalTime, capitalised, who};
use crate::engine::fact::{Decided, Decision, Fact, Feed};
use crate::engine::session::Session;

/// How much of a lost text is told, in letters.
const QUOTED: usize = 80;

/// An entry of "What happened".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoryItem {
    pub serial: u64,
    pub time: String,
    pub text: String,
    /// For `data-half`: which half of Duet did it, to colour it by.
    pub half: &'static str,
}

/// Something that nobody should miss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub serial: u64,
    pub text: String,
    /// Whether something was lost or refused, rather than saved.
    pub urgent: bool,
    pub put_back: Option<PutBack>,
}

/// A note of this tab that was lost, and can be written again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutBack {
    pub record: RecordId,
    pub note: String,
    /// Whose note it is.
    pub name: String,
}

pub(super) fn story(feed: &Feed, me: ReplicaId, time: LocalTime) -> Vec<StoryItem> {
    let items = feed.entries().map(|entry| StoryItem {
        serial: entry.serial,
        time: time.clock(entry.at_ms),
        text: in_words(&entry.fact, me),
        half: half(&entry.fact),
    });
    items.collect()
}

pub(super) fn notices(session: &Session) -> Vec<Notice> {
    let notices = session.feed().notices().map(|entry| Notice {
        serial: entry.serial,
        text: in_words(&entry.fact, session.view().me()),
        urgent: !matches!(entry.fact, Fact::Restored { .. } | Fact::Lost { .. }),
        put_back: put_back(session, &entry.fact),
    });
    notices.collect()
}

/// How to undo a loss, unless the person is gone or the note is back already.
fn put_back(session: &Session, fact: &Fact) -> Option<PutBack> {
    let Fact::Lost { write, .. } = fact else { return None };
    let person = session.view().record(write.record)?;
    let worth_it = write.field == schema::NOTE && person.shown(schema::NOTE) != write.value;
    let name = person.shown(schema::NAME).to_owned();
    worth_it.then(|| PutBack { record: write.record, note: write.value.clone(), name })
}

fn half(fact: &Fact) -> &'static str {
    match fact {
        Fact::Decided(_) => "agree",
        Fact::LinkRefused(_) | Fact::LinkCut(_) | Fact::Impossible(_) => "none",
        _ => "merge",
    }
}

fn in_words(fact: &Fact, me: ReplicaId) -> String {
    match fact {
        Fact::Added { by, name } => format!("{} added {name}.", subject(*by, me)),
        Fact::AddedMany { count } => format!("{count} people were added."),
        Fact::Renamed { by, from, to } => format!("{} renamed {from} to {to}.", subject(*by, me)),
        Fact::NamesParted { names } => {
            format!(
                "One person was named at the same time {}: all names are kept until somebody chooses.",
                listed(names)
            )
        }
        Fact::Settled { by, name } => format!("{} settled the name: {name}.", subject(*by, me)),
        Fact::Edited { by, name } => format!("{} edited {name}.", subject(*by, me)),
        Fact::Removed { name } => format!("{name} was removed."),
        Fact::Restored { by, name } => format!(
            "Somebody removed {name} while {} edited the record: the edit wins, so {name} is back with every field.",
            who(*by, me)
        ),
        Fact::Lost { write, name } => loss_in_words(write, name, me),
        Fact::Decided(decided) => decided_in_words(decided, me),
        Fact::LinkRefused(violation) => refused_link(violation),
        Fact::LinkCut(violation) => format!(
            "This tab left a relay that it could not understand: {violation}. Edits go on; it looks for another relay."
        ),
        Fact::Impossible(rejection) => format!("That was not done: {rejection}."),
    }
}

fn subject(by: Option<ReplicaId>, me: ReplicaId) -> String {
    capitalised(&who(by, me))
}

fn loss_in_words(LostWrite { field, value, by, winner, .. }: &LostWrite, name: &str, me: ReplicaId) -> String {
    let winner = who(Some(*winner), me);
    if value.is_empty() {
        let loser = if *by == me { "You".to_owned() } else { subject(Some(*by), me) };
        return format!("{loser} emptied the {field} of {name}, but {winner} wrote it at the same time, so it stays.");
    }
    let owner = if *by == me { "Your".to_owned() } else { format!("{}'s", subject(Some(*by), me)) };
    format!("{owner} {field} “{}” for {name} was replaced by {winner}'s, written at the same time.", quoted(value))
}

/// The beginning of a text, if it is long.
fn quoted(text: &str) -> String {
    if text.chars().count() <= QUOTED {
        return text.to_owned();
    }
    let beginning: String = text.chars().take(QUOTED).collect();
    format!("{} …", beginning.trim_end())
}

fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn decided_in_words(Decided { claim, leader, slot, what }: &Decided, me: ReplicaId) -> String {
    let place = place(*leader, *slot);
    match what {
        Decision::Given { number, name } => format!("Number {number} went to {} ({place}).", named(name.as_ref())),
        Decision::Released { number, name } => {
            format!("Number {number} of {} is free again ({place}).", named(name.as_ref()))
        }
        Decision::Raised { highest } => format!("The highest number is {highest} now ({place})."),
        Decision::Refused { rejection, name, owner } => {
            let wanted = named(name.as_ref());
            let asker = if claim.replica == me { "You".to_owned() } else { subject(Some(claim.replica), me) };
            match *rejection {
                Rejection::NumberTaken { number, slot, .. } => {
                    let owner = owner_in_words(owner);
                    format!("{asker} wanted {number} for {wanted}, but it belongs to {owner} since slot {slot}.")
                }
                Rejection::OutOfRange { .. } | Rejection::Exhausted => {
                    format!(
                        "{asker} got no number for {wanted}: {}.",
                        refusal_in_words(*rejection).trim_end_matches('.')
                    )
                }
                other => format!("{asker} asked about the number of {wanted}, which {}.", refusal_in_words(other)),
            }
        }
    }
}

fn named(name: Option<&String>) -> &str {
    name.map_or("somebody who has not arrived here yet", String::as_str)
}

fn place(leader: VoterId, slot: Slot) -> String {
    format!("{leader}, slot {slot}")
}

fn refused_link(violation: &Violation) -> String {
    let next = match violation {
        Violation::Version { .. } => "What you edit stays in this tab, so copy what you need before you reload.",
        _ => "What you edit stays in this tab. It tries again later; switch offline and back on to try at once.",
    };
    format!("The relay refused this tab: {violation}. {next}")
}
