//! What happened, in words: what it was, and what it means.

use shared::document::LostWrite;
use shared::finality::Numbering;
use shared::id::{RecordId, ReplicaId, VoterId};
use shared::io::{CommandRejection, Violation};
use shared::ledger::{Dynamic, Load, Policy, Range, Reason, Rejection, Resolution, Rule, Rung};
use shared::paxos::Slot;
use shared::replica::Undoable;
use shared::schema::FieldName;

use super::number::{owner_in_words, refusal_in_words};
use super::{Layout, LocalTime, Nouns, capitalised, counted, who};
use crate::engine::fact::{Collision, Decided, Decision, Fact, Owner};
use crate::engine::session::{Session, record_of};

/// How much of a lost text is told, in letters.
const QUOTED: usize = 80;
/// How many conflicts of one entry are told one by one.
const TOLD_ONE_BY_ONE: usize = 3;

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

/// A text of this tab that was lost, and can be written again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutBack {
    pub record: RecordId,
    pub field: FieldName,
    pub text: String,
    /// Which record it is.
    pub name: String,
}

pub(super) fn story(session: &Session, layout: &Layout, time: LocalTime) -> Vec<StoryItem> {
    let items = session.feed().entries().map(|entry| StoryItem {
        serial: entry.serial,
        time: time.clock(entry.at_ms),
        text: in_words(&entry.fact, layout, session.view().me()),
        half: half(&entry.fact),
    });
    items.collect()
}

pub(super) fn notices(session: &Session, layout: &Layout, passing: bool) -> Vec<Notice> {
    let notices = session.feed().notices().filter(|entry| entry.fact.is_passing() == passing);
    let notices = notices.map(|entry| Notice {
        serial: entry.serial,
        text: in_words(&entry.fact, layout, session.view().me()),
        urgent: is_urgent(&entry.fact),
        put_back: put_back(session, &entry.fact),
    });
    notices.collect()
}

/// The writes that were lost lately, as far as they can be put back.
pub(super) fn losses(session: &Session, layout: &Layout) -> Vec<Notice> {
    let losses = session.feed().entries().filter_map(|entry| {
        let put_back = Some(put_back(session, &entry.fact)?);
        let text = in_words(&entry.fact, layout, session.view().me());
        Some(Notice { serial: entry.serial, text, urgent: false, put_back })
    });
    losses.collect()
}

fn is_urgent(fact: &Fact) -> bool {
    !matches!(fact, Fact::Restored { .. } | Fact::Lost { .. } | Fact::Undone { outcome: Ok(()), .. })
}

/// What the next undo would undo, in words.
pub(super) fn undo(session: &Session, layout: &Layout) -> Option<String> {
    let what = session.view().undo()?;
    Some(deed_in_words(what, &session.last_name(record_of(what)), layout))
}

fn deed_in_words(what: Undoable, name: &str, layout: &Layout) -> String {
    match what {
        Undoable::Added(_) => format!("adding {name}"),
        Undoable::Edited(_, field) => format!("the change to the {} of {name}", layout.name_of(field)),
        Undoable::Removed(_) => format!("removing {name}"),
    }
}

fn undo_in_words(deed: &str, outcome: &Result<(), CommandRejection>, Nouns { one, .. }: &Nouns) -> String {
    match outcome {
        Ok(()) => format!("Undone: {deed}."),
        Err(CommandRejection::ChangedSince) => {
            format!("Not undone: {deed}. Somebody has changed it since, and undoing it would take that back.")
        }
        Err(CommandRejection::UnknownRecord) => format!("Not undone: {deed}. The {one} was removed since."),
        Err(rejection) => format!("Not undone: {deed}. {}.", capitalised(&rejection.to_string())),
    }
}

/// How to undo a loss, unless the record is gone or the text is back already.
fn put_back(session: &Session, fact: &Fact) -> Option<PutBack> {
    let Fact::Lost { write, field, .. } = fact else { return None };
    let record = session.view().record(write.record)?;
    let worth_it = record.shown(field) != write.value;
    let name = session.names_of(&record).swap_remove(0);
    worth_it.then(|| PutBack { record: write.record, field: field.clone(), text: write.value.clone(), name })
}

fn half(fact: &Fact) -> &'static str {
    match fact {
        Fact::Decided(_) | Fact::Numbered { .. } => "agree",
        Fact::LinkRefused(_) | Fact::LinkCut(_) | Fact::Impossible(_) => "none",
        _ => "merge",
    }
}

fn in_words(fact: &Fact, layout: &Layout, me: ReplicaId) -> String {
    let Nouns { one, many, .. } = layout.nouns;
    match fact {
        Fact::Added { by, name } => format!("{} added {name}.", subject(*by, me)),
        Fact::AddedMany { count } => format!("{count} {many} were added."),
        Fact::Renamed { by, from, to } => format!("{} renamed {from} to {to}.", subject(*by, me)),
        Fact::NamesParted { names } => {
            format!(
                "One {one} was named at the same time {}: all names are kept until somebody chooses.",
                listed(names)
            )
        }
        Fact::Settled { by, name } => {
            let title = layout.title.as_ref().map_or("", |title| &title.name);
            format!("{} settled the {title}: {name}.", subject(*by, me))
        }
        Fact::Edited { by, name } => format!("{} edited {name}.", subject(*by, me)),
        Fact::Merged { by, from, to } if from == to => {
            format!("{} edited {to} while somebody else did, too: both edits are in.", subject(*by, me))
        }
        Fact::Merged { by, from, to } => format!(
            "{} renamed {from} to {to} while somebody else edited the record: both edits are in.",
            subject(*by, me)
        ),
        Fact::Removed { name } => format!("{name} was removed."),
        Fact::Restored { by, name } => format!(
            "Somebody removed {name} while {} edited the record: the edit wins, so {name} is back with every field.",
            who(*by, me)
        ),
        Fact::Lost { write, field, name } => loss_in_words(write, field, name, me),
        Fact::Decided(decided) => decided_in_words(decided, layout.nouns, me),
        Fact::Numbered { name, numbering: Numbering::Final(number) } => {
            format!("Number {} went to {name}, out of this tab's lease: it is final.", number.get())
        }
        Fact::Numbered { name, numbering: Numbering::Provisional(number) } => {
            format!("{name} has number {} for now: the relays have not been asked.", number.for_now())
        }
        Fact::LinkRefused(violation) => refused_link(violation),
        Fact::LinkCut(Violation::OtherSchema) => format!(
            "The relay keeps other fields than this tab, which has {many} already: copy what you need, then reload the page."
        ),
        Fact::LinkCut(violation) => format!(
            "This tab left a relay that it could not understand: {violation}. Edits go on; it looks for another relay."
        ),
        Fact::Impossible(rejection) => format!("That was not done: {rejection}."),
        Fact::Undone { what, name, outcome } => {
            undo_in_words(&deed_in_words(*what, name, layout), outcome, layout.nouns)
        }
    }
}

fn subject(by: Option<ReplicaId>, me: ReplicaId) -> String {
    capitalised(&who(by, me))
}

fn loss_in_words(write: &LostWrite, field: &str, name: &str, me: ReplicaId) -> String {
    let LostWrite { value, by, winner, .. } = write;
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

fn decided_in_words(Decided { claim, leader, slot, what }: &Decided, nouns: &Nouns, me: ReplicaId) -> String {
    let named = |name: &Option<String>| name.clone().unwrap_or_else(|| nouns.stranger.to_owned());
    let place = place(*leader, *slot);
    match what {
        Decision::Given { number, name } => format!("Number {number} went to {} ({place}).", named(name)),
        Decision::Released { number, name } => {
            format!("Number {number} of {} is free again ({place}).", named(name))
        }
        Decision::Raised { highest } => format!("The highest number is {highest} now ({place})."),
        Decision::Unchanged { name } => format!("{} has no number, as before ({place}).", named(name)),
        Decision::Leased(Range { first, last, to }) => {
            format!("Numbers {first} to {last} are leased to {} ({place}).", who(Some(*to), me))
        }
        Decision::Epoch { rung, reason, load } => {
            format!("{}{} ({place}).", rung_in_words(*rung), reason_in_words(*reason, load))
        }
        Decision::Dynamic(dynamic) => format!("{} ({place}).", settings_in_words(dynamic)),
        Decision::Settled { settled, collisions } => settled_in_words(*settled, collisions, &place, nouns, me),
        Decision::Resolved { resolution, collision } => {
            resolved_in_words(*resolution, collision.as_ref(), &place, nouns)
        }
        Decision::Policy(policy) => format!("{} ({place}).", policy_in_words(*policy)),
        Decision::Waived => {
            format!("Too few tabs were there to see them: the numbers so far are final all the same ({place}).")
        }
        Decision::Configuration { number } => {
            format!("It is settled anew which relays vote: configuration {number} ({place}).")
        }
        Decision::Retired { replica } => format!("{} is gone for good ({place}).", subject(Some(*replica), me)),
        Decision::Refused { rejection, name, owner } => {
            let wanted = named(name);
            let asker = if claim.replica == me { "You".to_owned() } else { subject(Some(claim.replica), me) };
            match *rejection {
                Rejection::NumberTaken { number, slot, .. } => {
                    let owner = owner_in_words(nouns, owner);
                    format!("{asker} wanted {number} for {wanted}, but it belongs to {owner} since slot {slot}.")
                }
                about @ (Rejection::AlreadyNumbered { .. } | Rejection::NotNumbered) => {
                    format!("{asker} asked about the number of {wanted}, which {}.", refusal_in_words(about))
                }
                other if name.is_none() => format!("A wish was refused: {}.", refusal_in_words(other)),
                other => {
                    let reason = refusal_in_words(other);
                    format!("{asker} got no number for {wanted}: {}.", reason.trim_end_matches('.'))
                }
            }
        }
    }
}

/// What a rung does, as the beginning of a sentence.
pub(super) fn rung_in_words(rung: Rung) -> &'static str {
    match rung {
        Rung::Batching => "The relays decide on each number",
        Rung::Leases => "Numbers are given out of leased ranges",
        Rung::Provisional => "New numbers are provisional until there is less to do",
        Rung::Shedding => "No new numbers are given until the provisional ones are settled",
    }
}

fn reason_in_words(reason: Reason, load: &Load) -> String {
    match reason {
        Reason::Founded => String::new(),
        Reason::Load => format!(", since too much was asked for: {}", load_in_words(load)),
        Reason::Calm => ", since it has been calm".to_owned(),
        Reason::ByHand => ", since somebody wanted it so".to_owned(),
        Reason::Resumed => ", and load decides again".to_owned(),
    }
}

/// `120 requests in 200 ms, the longest wait 310 ms`
pub(super) fn load_in_words(load: &Load) -> String {
    let Load { requests, window_ms, waiting_ms, p99_ms, unsettled } = *load;
    let mut words = format!("{} in {window_ms} ms", counted(requests.into(), "request"));
    let waited = waiting_ms.max(p99_ms);
    if waited > 0 {
        words.push_str(&format!(", the longest wait {waited} ms"));
    }
    if unsettled > 0 {
        words.push_str(&format!(", {unsettled} provisional"));
    }
    words
}

fn settings_in_words(dynamic: &Dynamic) -> String {
    let Dynamic { rule, high_request, window_ms, .. } = dynamic;
    let rule = match rule {
        Rule::Ladder => "load decides, step by step",
        Rule::Counter => "a count of requests decides, and never back",
        Rule::Hand => "only people decide",
    };
    format!("New settings of the dynamic method: {rule}; {high_request} requests in {window_ms} ms are a high load")
}

fn settled_in_words(settled: u32, collisions: &[Collision], place: &str, nouns: &Nouns, me: ReplicaId) -> String {
    let numbers = match settled {
        1 => "1 provisional number is".to_owned(),
        many => format!("{many} provisional numbers are"),
    };
    match collisions {
        [] => format!("{numbers} final now ({place})."),
        [one] if settled == 1 => collision_in_words(one, Some(place), nouns, me),
        few if few.len() <= TOLD_ONE_BY_ONE => {
            let each: Vec<_> = few.iter().map(|one| collision_in_words(one, None, nouns, me)).collect();
            format!("{numbers} settled now ({place}). {}", each.join(" "))
        }
        many => format!("{numbers} settled now, {} of them in conflict ({place}): see Conflicts.", many.len()),
    }
}

/// Who has the number that was given provisionally, and what its record has instead.
pub(super) fn collision_in_words(collision: &Collision, place: Option<&str>, nouns: &Nouns, me: ReplicaId) -> String {
    let Collision { by, loser, wanted, because, winner, given } = collision;
    let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
    let what = match *because {
        Rejection::NumberTaken { .. } => format!("Number {wanted} went to {}{place}.", owner_in_words(nouns, winner)),
        Rejection::NumberLeased { to, .. } => {
            format!("Number {wanted} is leased to {}, which alone may give it{place}.", who(Some(to), me))
        }
        Rejection::AlreadyNumbered { number, .. } => {
            return format!("{} had number {number} already{place}: {wanted} was not needed.", named(loser, nouns));
        }
        other => format!("Number {wanted} cannot be given: {}{place}.", refusal_in_words(other)),
    };
    let loser = if *by == me { "Yours".to_owned() } else { named(loser, nouns) };
    match given {
        Some(given) => format!("{what} {loser} became {given}."),
        None => format!("{what} {loser} was rejected: ask for another number."),
    }
}

fn named(owner: &Owner, nouns: &Nouns) -> String {
    capitalised(&owner_in_words(nouns, owner))
}

fn resolved_in_words(resolution: Resolution, about: Option<&Collision>, place: &str, nouns: &Nouns) -> String {
    let Some(Collision { loser, wanted, given, .. }) = about else {
        return format!("A conflict was seen to ({place}).");
    };
    let loser = owner_in_words(nouns, loser);
    match (resolution, given) {
        (Resolution::Undone, Some(given)) => format!("Undone: number {given} of {loser} is free again ({place})."),
        (Resolution::Kept, Some(given)) => {
            format!("{} keeps {given} in place of {wanted} ({place}).", capitalised(&loser))
        }
        (_, None) => format!("The conflict of {loser} about number {wanted} was seen to ({place})."),
    }
}

fn policy_in_words(policy: Policy) -> String {
    match policy.witnesses {
        0 => "A number is final as soon as the relays have decided".to_owned(),
        1 => "A number is final when a tab has it, too".to_owned(),
        witnesses => format!("A number is final when {witnesses} tabs have it, too"),
    }
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
