//! What the log has decided, in words.

use client::author::Author;
use client::name::Name;
use client::notification::{Collision, Decided, Decision, LogPlace, Owner};
use client::types::{
    Dynamic, Level, Load, Policy, Range, Reason, Rejection, RelayId, ReplicaId, Resolution, Rule, Slot,
};

use super::subject;
use crate::view_model::number::{owner_in_words, refusal_in_words};
use crate::view_model::{Nouns, capitalised, named, relay_name, replica_name};
use crate::{tr, trn};

/// How many conflicts of one entry are told one by one.
const TOLD_ONE_BY_ONE: usize = 3;

pub(super) fn decided_in_words(
    Decided { by, leader, slot, what, .. }: &Decided,
    nouns: &Nouns,
    me: ReplicaId,
) -> String {
    let named = |name: &Option<Name>| name.as_ref().map_or_else(|| nouns.stranger.clone(), named);
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
        Decision::Reach { most } => {
            tr!("A number may be {most} above the highest at most ({place}).", most = most, place = place)
        }
        Decision::Unchanged { name } => {
            tr!("{name} has no number, as before ({place}).", name = named(name), place = place)
        }
        Decision::Leased { range: Range { first, last, .. }, to } => {
            let who = replica_name(*to, me);
            tr!(
                "Numbers {first} to {last} are leased to {who} ({place}).",
                first = first,
                last = last,
                who = who,
                place = place
            )
        }
        Decision::Epoch { level, reason, load } => {
            format!("{}{} ({place}).", level_in_words(*level), reason_in_words(*reason, load))
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
            tr!(
                "{who}: away for long, past edits are listed no more ({place}).",
                who = subject(Some(Author::Tab(*replica)), me),
                place = place
            )
        }
        Decision::Refused { rejection, name, owner } => {
            let asker = if *by == Author::Tab(me) { tr!("You") } else { subject(Some(*by), me) };
            refused_in_words(&asker, *rejection, name.as_ref(), owner, nouns)
        }
    }
}

fn refused_in_words(asker: &str, rejection: Rejection, name: Option<&Name>, owner: &Owner, nouns: &Nouns) -> String {
    let wanted = name.map_or_else(|| nouns.stranger.clone(), named);
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
                None => tr!("An operation was refused: {reason}.", reason = reason),
                Some(name) => {
                    tr!("{who} got no number for {name}: {reason}.", who = asker, name = named(name), reason = reason)
                }
            }
        }
    }
}

/// What a level does, as the beginning of a sentence.
fn level_in_words(level: Level) -> String {
    match level {
        Level::Batching => tr!("The relays decide on each number"),
        Level::Leases => tr!("Numbers are given out of leased ranges"),
        Level::Provisional => tr!("New numbers are provisional until there is less to do"),
        Level::Shedding => tr!("No new numbers are given until the provisional ones are settled"),
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
pub(in crate::view_model) fn load_in_words(load: &Load) -> String {
    let Load { asked, window_ms, waiting_ms, p99_ms, unsettled } = *load;
    let mut words = trn!(
        asked.into(),
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
        Rule::Levels => tr!("load decides, step by step"),
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
        [one] if settled == 1 => collision_in_words(one, true, nouns, me),
        few if few.len() <= TOLD_ONE_BY_ONE => {
            let each: Vec<_> = few.iter().map(|one| collision_in_words(one, false, nouns, me)).collect();
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
pub(in crate::view_model) fn collision_in_words(
    collision: &Collision,
    with_place: bool,
    nouns: &Nouns,
    me: ReplicaId,
) -> String {
    let Collision { by, loser, wanted, because, winner, given, log_place: at } = collision;
    let place = if with_place { format!(" ({})", log_place(*at)) } else { String::new() };
    let what = match *because {
        Rejection::NumberTaken { .. } => {
            let name = owner_in_words(nouns, winner);
            tr!("Number {number} went to {name}{place}.", number = wanted, name = name, place = place)
        }
        Rejection::NumberLeased { to, .. } => {
            let who = replica_name(Author::Tab(to), me);
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
                name = owner_first(loser, nouns),
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
    let loser = if *by == me { tr!("Yours") } else { owner_first(loser, nouns) };
    match given {
        Some(given) => tr!("{what} {name} became {number}.", what = what, name = loser, number = given),
        None => tr!("{what} {name} was rejected: ask for another number.", what = what, name = loser),
    }
}

/// An owner at the beginning of a sentence.
fn owner_first(owner: &Owner, nouns: &Nouns) -> String {
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
    match policy.observers {
        0 => tr!("A number is final as soon as the relays have decided"),
        observers => trn!(
            observers.into(),
            "A number is final when a tab has it, too",
            "A number is final when {count} tabs have it, too"
        ),
    }
}

/// Where in the log, and by whom.
pub(in crate::view_model) fn log_place(LogPlace { slot, leader }: LogPlace) -> String {
    match leader {
        Some(leader) => place(leader, slot),
        None => tr!("slot {slot}", slot = slot),
    }
}

fn place(leader: RelayId, slot: Slot) -> String {
    tr!("{relay}, slot {slot}", relay = relay_name(leader), slot = slot)
}
