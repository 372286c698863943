//! What happened, in words: what it was, and what it means.

use std::rc::Rc;

use shared::document::LostWrite;
use shared::finality::Numbering;
use shared::id::{RecordId, ReplicaId, VoterId};
use shared::io::{CommandRejection, Violation};
use shared::ledger::{Dynamic, Load, Policy, Range, Reason, Rejection, Resolution, Rule, Rung};
use shared::paxos::Slot;
use shared::replica::Undoable;
use shared::schema::FieldName;

use super::errors::{rejection_in_words, violation_in_words};
use super::layout::field_word;
use super::number::{owner_in_words, refusal_in_words};
use super::{Layout, LocalTime, Nouns, capitalised, relay_name, who};
use crate::engine::fact::{Collision, Decided, Decision, Fact, Owner};
use crate::engine::session::{Session, record_of};
use crate::{tr, trn};

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

/// `last` lends the items that it has already, which must be in the same words.
pub(super) fn story(session: &Session, layout: &Layout, time: LocalTime, last: &[Rc<StoryItem>]) -> Vec<Rc<StoryItem>> {
    let items = session.feed().entries().map(|entry| {
        if let Ok(at) = last.binary_search_by(|item| entry.serial.cmp(&item.serial)) {
            return Rc::clone(&last[at]);
        }
        Rc::new(StoryItem {
            serial: entry.serial,
            time: time.clock(entry.at_ms),
            text: in_words(&entry.fact, layout, session.view().me()),
            half: half(&entry.fact),
        })
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
    !matches!(
        fact,
        Fact::Restored { .. } | Fact::Lost { .. } | Fact::LookedAfter { .. } | Fact::Undone { outcome: Ok(()), .. }
    )
}

/// What the next undo would undo, in words.
pub(super) fn undo(session: &Session, layout: &Layout) -> Option<String> {
    let what = session.view().undo()?;
    Some(deed_in_words(what, &session.last_name(record_of(what)), layout))
}

fn deed_in_words(what: Undoable, name: &str, layout: &Layout) -> String {
    match what {
        Undoable::Added(_) => tr!("adding {name}", name = name),
        Undoable::Edited(_, field) => {
            tr!("the change to the {field} of {name}", field = field_word(layout.name_of(field)), name = name)
        }
        Undoable::Removed(_) => tr!("removing {name}", name = name),
    }
}

fn undo_in_words(deed: &str, outcome: &Result<(), CommandRejection>, Nouns { one, .. }: &Nouns) -> String {
    match outcome {
        Ok(()) => tr!("Undone: {deed}.", deed = deed),
        Err(CommandRejection::ChangedSince) => {
            tr!("Not undone: {deed}. Somebody has changed it since, and undoing it would take that back.", deed = deed)
        }
        Err(CommandRejection::UnknownRecord) => {
            tr!("Not undone: {deed}. The {one} was removed since.", deed = deed, one = one)
        }
        Err(rejection) => {
            let reason = capitalised(&rejection_in_words(rejection));
            tr!("Not undone: {deed}. {reason}.", deed = deed, reason = reason)
        }
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
        Fact::LinkRefused(_)
        | Fact::LinkCut(_)
        | Fact::WordsMissing(_)
        | Fact::Impossible(_)
        | Fact::InMemoryOnly { .. }
        | Fact::DeviceLost { .. }
        | Fact::Retired
        | Fact::LeftAlone { .. } => "none",
        _ => "merge",
    }
}

fn in_words(fact: &Fact, layout: &Layout, me: ReplicaId) -> String {
    let Nouns { one, many, .. } = &layout.nouns;
    match fact {
        Fact::Added { by, name } => tr!("{who} added {name}.", who = subject(*by, me), name = name),
        Fact::AddedMany { count } => {
            trn!(*count as u64, "{count} {one} was added.", "{count} {many} were added.", one = one, many = many)
        }
        Fact::Imported { file, added, refused: 0 } => {
            trn!(
                *added as u64,
                "{count} line of {file} was imported.",
                "{count} lines of {file} were imported.",
                file = file
            )
        }
        Fact::Imported { file, added, refused } => tr!(
            "{added} lines of {file} were imported, and {refused} were not: the report says why.",
            added = added,
            file = file,
            refused = refused
        ),
        Fact::Renamed { by, from, to } => {
            tr!("{who} renamed {from} to {to}.", who = subject(*by, me), from = from, to = to)
        }
        Fact::NamesParted { names } => {
            tr!(
                "One {one} was named at the same time {names}: all names are kept until somebody chooses.",
                one = one,
                names = listed(names)
            )
        }
        Fact::Settled { by, name } => {
            let title = layout.title.as_ref().map_or_else(String::new, |title| title.word());
            tr!("{who} settled the {field}: {name}.", who = subject(*by, me), field = title, name = name)
        }
        Fact::Edited { by, name } => tr!("{who} edited {name}.", who = subject(*by, me), name = name),
        Fact::Merged { by, from, to } if from == to => {
            let who = subject(*by, me);
            tr!("{who} edited {name} while somebody else did, too: both edits are in.", who = who, name = to)
        }
        Fact::Merged { by, from, to } => tr!(
            "{who} renamed {from} to {to} while somebody else edited the record: both edits are in.",
            who = subject(*by, me),
            from = from,
            to = to
        ),
        Fact::Removed { name } => tr!("{name} was removed.", name = name),
        Fact::Restored { by, name } => tr!(
            "Somebody removed {name} while {who} edited the record: the edit wins, so {name} is back with every field.",
            name = name,
            who = who(*by, me)
        ),
        Fact::Lost { write, field, name } => loss_in_words(write, field, name, me),
        Fact::Decided(decided) => decided_in_words(decided, &layout.nouns, me),
        Fact::Numbered { name, numbering: Numbering::Final(number) } => {
            let number = number.get();
            tr!("Number {number} went to {name}, out of this tab's lease: it is final.", number = number, name = name)
        }
        Fact::Numbered { name, numbering: Numbering::Provisional(number) } => {
            let number = number.for_now();
            tr!("{name} has number {number} for now: the relays have not been asked.", name = name, number = number)
        }
        Fact::LinkRefused(violation) => refused_link(violation),
        Fact::LinkCut(Violation::OtherSchema) => tr!(
            "The relay keeps other fields than this tab, which has {many} already: copy what you need, then reload the \
             page.",
            many = many
        ),
        Fact::LinkCut(violation) => tr!(
            "This tab left a relay that it could not understand: {problem}. Edits go on; it looks for another relay.",
            problem = violation_in_words(violation)
        ),
        Fact::WordsMissing(language) => {
            let name = language.name();
            tr!(
                "The words of this language cannot be fetched: {name}. Try again when the relay can be reached.",
                name = name
            )
        }
        Fact::Impossible(rejection) => {
            tr!("That was not done: {reason}.", reason = rejection_in_words(rejection).trim_end_matches('.'))
        }
        Fact::InMemoryOnly { reason } => {
            tr!("This tab keeps its edits in memory only, until a relay has them: {reason}.", reason = reason)
        }
        Fact::DeviceLost { reason } => tr!(
            "This device keeps nothing more for this tab ({reason}). New edits are in this tab only, until a relay has them: keep it open.",
            reason = reason
        ),
        Fact::Retired => tr!(
            "The relays have taken this tab for gone, and take nothing from it any more: copy what you need, then reload the page."
        ),
        Fact::LeftAlone { replica, reason } => tr!(
            "What tab {replica} has left on this device cannot be read here, and stays as it is: {reason}.",
            replica = replica,
            reason = reason
        ),
        Fact::LookedAfter { replica } => {
            tr!("The edits that tab {replica} had left on this device are on a relay now.", replica = replica)
        }
        Fact::Undone { what, name, outcome } => {
            undo_in_words(&deed_in_words(*what, name, layout), outcome, &layout.nouns)
        }
    }
}

fn subject(by: Option<ReplicaId>, me: ReplicaId) -> String {
    capitalised(&who(by, me))
}

fn loss_in_words(write: &LostWrite, field: &str, name: &str, me: ReplicaId) -> String {
    let LostWrite { value, by, winner, .. } = write;
    let (winner, field) = (who(Some(*winner), me), field_word(field));
    if value.is_empty() {
        let loser = if *by == me { tr!("You") } else { subject(Some(*by), me) };
        return tr!(
            "{who} emptied the {field} of {name}, but {winner} wrote it at the same time, so it stays.",
            who = loser,
            field = field,
            name = name,
            winner = winner
        );
    }
    let owner = if *by == me { tr!("Your") } else { tr!("{who}'s", who = subject(Some(*by), me)) };
    tr!(
        "{owner} {field} “{text}” for {name} was replaced by {winner}'s, written at the same time.",
        owner = owner,
        field = field,
        text = quoted(value),
        name = name,
        winner = winner
    )
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
        [first @ .., last] => tr!("{names} and {last}", names = first.join(", "), last = last),
    }
}

fn decided_in_words(Decided { claim, leader, slot, what }: &Decided, nouns: &Nouns, me: ReplicaId) -> String {
    let named = |name: &Option<String>| name.clone().unwrap_or_else(|| nouns.stranger.clone());
    let place = place(*leader, *slot);
    match what {
        Decision::Given { number, name } => {
            tr!("Number {number} went to {name} ({place}).", number = number, name = named(name), place = place)
        }
        Decision::Released { number, name } => {
            tr!(
                "Number {number} of {name} is free again ({place}).",
                number = number,
                name = named(name),
                place = place
            )
        }
        Decision::Raised { highest } => {
            tr!("The highest number is {highest} now ({place}).", highest = highest, place = place)
        }
        Decision::Unchanged { name } => {
            tr!("{name} has no number, as before ({place}).", name = named(name), place = place)
        }
        Decision::Leased(Range { first, last, to }) => {
            let who = who(Some(*to), me);
            tr!(
                "Numbers {first} to {last} are leased to {who} ({place}).",
                first = first,
                last = last,
                who = who,
                place = place
            )
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
            tr!(
                "Too few tabs were there to see them: the numbers so far are final all the same ({place}).",
                place = place
            )
        }
        Decision::Configuration { number } => {
            tr!(
                "It is settled anew which relays vote: configuration {number} ({place}).",
                number = number,
                place = place
            )
        }
        Decision::Retired { replica } => {
            tr!("{who} is gone for good ({place}).", who = subject(Some(*replica), me), place = place)
        }
        Decision::Refused { rejection, name, owner } => {
            let asker = if claim.replica == me { tr!("You") } else { subject(Some(claim.replica), me) };
            refused_in_words(&asker, *rejection, name.as_ref(), owner, nouns)
        }
    }
}

fn refused_in_words(asker: &str, rejection: Rejection, name: Option<&String>, owner: &Owner, nouns: &Nouns) -> String {
    let wanted = name.unwrap_or(&nouns.stranger);
    match rejection {
        Rejection::NumberTaken { number, slot, .. } => tr!(
            "{who} wanted {number} for {name}, but it belongs to {owner} since slot {slot}.",
            who = asker,
            number = number,
            name = wanted,
            owner = owner_in_words(nouns, owner),
            slot = slot
        ),
        about @ (Rejection::AlreadyNumbered { .. } | Rejection::NotNumbered) => {
            let refusal = refusal_in_words(about);
            tr!(
                "{who} asked about the number of {name}, which {refusal}.",
                who = asker,
                name = wanted,
                refusal = refusal
            )
        }
        other => {
            let reason = refusal_in_words(other);
            let reason = reason.trim_end_matches('.');
            match name {
                None => tr!("A wish was refused: {reason}.", reason = reason),
                Some(name) => {
                    tr!("{who} got no number for {name}: {reason}.", who = asker, name = name, reason = reason)
                }
            }
        }
    }
}

/// What a rung does, as the beginning of a sentence.
pub(super) fn rung_in_words(rung: Rung) -> String {
    match rung {
        Rung::Batching => tr!("The relays decide on each number"),
        Rung::Leases => tr!("Numbers are given out of leased ranges"),
        Rung::Provisional => tr!("New numbers are provisional until there is less to do"),
        Rung::Shedding => tr!("No new numbers are given until the provisional ones are settled"),
    }
}

fn reason_in_words(reason: Reason, load: &Load) -> String {
    match reason {
        Reason::Founded => String::new(),
        Reason::Load => tr!(", since too much was asked for: {load}", load = load_in_words(load)),
        Reason::Calm => tr!(", since it has been calm"),
        Reason::ByHand => tr!(", since somebody wanted it so"),
        Reason::Resumed => tr!(", and load decides again"),
    }
}

/// `120 requests in 200 ms, the longest wait 310 ms`
pub(super) fn load_in_words(load: &Load) -> String {
    let Load { requests, window_ms, waiting_ms, p99_ms, unsettled } = *load;
    let mut words = trn!(
        requests.into(),
        "{count} request in {window_ms} ms",
        "{count} requests in {window_ms} ms",
        window_ms = window_ms
    );
    let waited = waiting_ms.max(p99_ms);
    if waited > 0 {
        words.push_str(&tr!(", the longest wait {waited_ms} ms", waited_ms = waited));
    }
    if unsettled > 0 {
        words.push_str(&trn!(unsettled.into(), ", {count} provisional", ", {count} provisional"));
    }
    words
}

fn settings_in_words(dynamic: &Dynamic) -> String {
    let Dynamic { rule, high_request, window_ms, .. } = dynamic;
    let rule = match rule {
        Rule::Ladder => tr!("load decides, step by step"),
        Rule::Counter => tr!("a count of requests decides, and never back"),
        Rule::Hand => tr!("only people decide"),
    };
    trn!(
        (*high_request).into(),
        "New settings of the dynamic method: {rule}; {count} request in {window_ms} ms is a high load",
        "New settings of the dynamic method: {rule}; {count} requests in {window_ms} ms are a high load",
        rule = rule,
        window_ms = window_ms
    )
}

fn settled_in_words(settled: u32, collisions: &[Collision], place: &str, nouns: &Nouns, me: ReplicaId) -> String {
    match collisions {
        [] => trn!(
            settled.into(),
            "{count} provisional number is final now ({place}).",
            "{count} provisional numbers are final now ({place}).",
            place = place
        ),
        [one] if settled == 1 => collision_in_words(one, Some(place), nouns, me),
        few if few.len() <= TOLD_ONE_BY_ONE => {
            let each: Vec<_> = few.iter().map(|one| collision_in_words(one, None, nouns, me)).collect();
            trn!(
                settled.into(),
                "{count} provisional number is settled now ({place}). {each}",
                "{count} provisional numbers are settled now ({place}). {each}",
                place = place,
                each = each.join(" ")
            )
        }
        many => trn!(
            settled.into(),
            "{count} provisional number is settled now, {conflicts} of them in conflict ({place}): see Conflicts.",
            "{count} provisional numbers are settled now, {conflicts} of them in conflict ({place}): see Conflicts.",
            conflicts = many.len(),
            place = place
        ),
    }
}

/// Who has the number that was given provisionally, and what its record has instead.
pub(super) fn collision_in_words(collision: &Collision, place: Option<&str>, nouns: &Nouns, me: ReplicaId) -> String {
    let Collision { by, loser, wanted, because, winner, given } = collision;
    let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
    let what = match *because {
        Rejection::NumberTaken { .. } => {
            let name = owner_in_words(nouns, winner);
            tr!("Number {number} went to {name}{place}.", number = wanted, name = name, place = place)
        }
        Rejection::NumberLeased { to, .. } => {
            let who = who(Some(to), me);
            tr!(
                "Number {number} is leased to {who}, which alone may give it{place}.",
                number = wanted,
                who = who,
                place = place
            )
        }
        Rejection::AlreadyNumbered { number, .. } => {
            return tr!(
                "{name} had number {number} already{place}: {wanted} was not needed.",
                name = named(loser, nouns),
                number = number,
                place = place,
                wanted = wanted
            );
        }
        other => {
            let reason = refusal_in_words(other);
            tr!("Number {number} cannot be given: {reason}{place}.", number = wanted, reason = reason, place = place)
        }
    };
    let loser = if *by == me { tr!("Yours") } else { named(loser, nouns) };
    match given {
        Some(given) => tr!("{what} {name} became {number}.", what = what, name = loser, number = given),
        None => tr!("{what} {name} was rejected: ask for another number.", what = what, name = loser),
    }
}

fn named(owner: &Owner, nouns: &Nouns) -> String {
    capitalised(&owner_in_words(nouns, owner))
}

fn resolved_in_words(resolution: Resolution, about: Option<&Collision>, place: &str, nouns: &Nouns) -> String {
    let Some(Collision { loser, wanted, given, .. }) = about else {
        return tr!("A conflict was seen to ({place}).", place = place);
    };
    let loser = owner_in_words(nouns, loser);
    match (resolution, given) {
        (Resolution::Undone, Some(given)) => tr!(
            "Undone: number {number} of {name} is free again ({place}).",
            number = given,
            name = loser,
            place = place
        ),
        (Resolution::Kept, Some(given)) => tr!(
            "{name} keeps {number} in place of {wanted} ({place}).",
            name = capitalised(&loser),
            number = given,
            wanted = wanted,
            place = place
        ),
        (_, None) => tr!(
            "The conflict of {name} about number {wanted} was seen to ({place}).",
            name = loser,
            wanted = wanted,
            place = place
        ),
    }
}

fn policy_in_words(policy: Policy) -> String {
    match policy.witnesses {
        0 => tr!("A number is final as soon as the relays have decided"),
        witnesses => trn!(
            witnesses.into(),
            "A number is final when a tab has it, too",
            "A number is final when {count} tabs have it, too"
        ),
    }
}

pub(super) fn place(leader: VoterId, slot: Slot) -> String {
    tr!("{relay}, slot {slot}", relay = relay_name(leader), slot = slot)
}

fn refused_link(violation: &Violation) -> String {
    let next = match violation {
        Violation::Version { .. } => tr!("What you edit stays in this tab, so copy what you need before you reload."),
        _ => {
            tr!("What you edit stays in this tab. It tries again later; switch offline and back on to try at once.")
        }
    };
    let problem = violation_in_words(violation);
    tr!("The relay refused this tab: {problem}. {next}", problem = problem, next = next)
}
