//! What happened, in words: what it was, and what it means.

mod decided;

use std::rc::Rc;

use client::author::Author;
use client::name::Name;
use client::notification::{Notification, Subject};
use client::session::Session;
use client::types::text::isolated;
use client::types::{CommandRejection, FieldName, Numbering, RecordId, ReplicaId, Undoable, Violation};

use super::errors::{rejection_in_words, violation_in_words};
use super::layout::field_word;
use super::{Layout, LocalTime, Nouns, capitalised, named, storage_error, who};
use crate::language::Language;
use crate::{tr, trn};
use decided::decided_in_words;
pub(super) use decided::{collision_in_words, load_in_words, log_place};

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
            text: in_words(&entry.notification, layout, session.view().me()),
            half: half(&entry.notification),
        })
    });
    items.collect()
}

pub(super) fn notices(session: &Session, layout: &Layout, passing: bool) -> Vec<Notice> {
    let notices = session.feed().notices().filter(|entry| entry.notification.is_passing() == passing);
    let notices = notices.map(|entry| Notice {
        serial: entry.serial,
        text: in_words(&entry.notification, layout, session.view().me()),
        urgent: is_urgent(&entry.notification),
        put_back: put_back(session, &entry.notification),
    });
    notices.collect()
}

/// The writes that were lost lately, as far as they can be put back.
pub(super) fn losses(session: &Session, layout: &Layout) -> Vec<Notice> {
    let losses = session.feed().entries().filter_map(|entry| {
        let put_back = Some(put_back(session, &entry.notification)?);
        let text = in_words(&entry.notification, layout, session.view().me());
        Some(Notice { serial: entry.serial, text, urgent: false, put_back })
    });
    losses.collect()
}

fn is_urgent(notification: &Notification) -> bool {
    !matches!(
        notification,
        Notification::Restored { .. }
            | Notification::Lost { .. }
            | Notification::LookedAfter { .. }
            | Notification::CarriedOver { .. }
            | Notification::Undone { outcome: Ok(()), .. }
            | Notification::ImportUndone { changed: 0, .. }
    )
}

/// What the next undo would undo, in words.
pub(super) fn undo(session: &Session, layout: &Layout) -> Option<String> {
    let what = session.view().undo()?;
    Some(deed_in_words(what, &session.subject_of(what), layout))
}

fn deed_in_words(what: Undoable, about: &Subject, layout: &Layout) -> String {
    let name = match about {
        Subject::Record(name) => named(name),
        Subject::File(file) => file.clone(),
    };
    match what {
        Undoable::Added(_) => tr!("adding {name}", name = name),
        Undoable::Imported(_) => tr!("the import of {file}", file = name),
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
fn put_back(session: &Session, notification: &Notification) -> Option<PutBack> {
    let Notification::Lost { write, field, .. } = notification else { return None };
    let record = session.view().record(write.record)?;
    let worth_it = record.shown(field) != write.value;
    let name = named(&session.names_of(&record).swap_remove(0));
    worth_it.then(|| PutBack { record: write.record, field: field.clone(), text: write.value.clone(), name })
}

fn half(notification: &Notification) -> &'static str {
    match notification {
        Notification::Decided(_) | Notification::Numbered { .. } => "agree",
        Notification::LinkRefused(_)
        | Notification::LinkCut(_)
        | Notification::OfHost(_)
        | Notification::Impossible(_)
        | Notification::InMemoryOnly { .. }
        | Notification::NotSecure
        | Notification::ClosedDoor { .. }
        | Notification::WaitsForReading
        | Notification::DeviceBack
        | Notification::DeviceLost { .. }
        | Notification::WrongClock(_)
        | Notification::NewId(_)
        | Notification::RelaysRestored { .. }
        | Notification::LeaseLost { .. }
        | Notification::LeftAlone { .. } => "none",
        _ => "merge",
    }
}

fn in_words(notification: &Notification, layout: &Layout, me: ReplicaId) -> String {
    let Nouns { one, many, .. } = &layout.nouns;
    match notification {
        Notification::Added { by, name } => tr!("{who} added {name}.", who = subject(*by, me), name = named(name)),
        Notification::AddedMany { count } => {
            trn!(*count as u64, "{count} {one} was added.", "{count} {many} were added.", one = one, many = many)
        }
        Notification::Imported { file, added, refused: 0 } => {
            trn!(
                *added as u64,
                "{count} line of {file} was imported.",
                "{count} lines of {file} were imported.",
                file = file
            )
        }
        Notification::Imported { file, added, refused } => tr!(
            "{added} lines of {file} were imported, and {refused} were not: the report says why.",
            added = added,
            file = file,
            refused = refused
        ),
        Notification::Renamed { by, from, to } => {
            tr!("{who} renamed {from} to {to}.", who = subject(*by, me), from = named(from), to = named(to))
        }
        Notification::NamesParted { names } => {
            tr!(
                "One {one} was named at the same time {names}: all names are kept until somebody chooses.",
                one = one,
                names = listed(names)
            )
        }
        Notification::Settled { by, name } => {
            let title = layout.title.as_ref().map_or_else(String::new, |title| title.word());
            tr!("{who} settled the {field}: {name}.", who = subject(*by, me), field = title, name = named(name))
        }
        Notification::Edited { by, name } => tr!("{who} edited {name}.", who = subject(*by, me), name = named(name)),
        Notification::Merged { by, from, to } if from == to => {
            let who = subject(*by, me);
            tr!("{who} edited {name} while somebody else did, too: both edits are in.", who = who, name = named(to))
        }
        Notification::Merged { by, from, to } => tr!(
            "{who} renamed {from} to {to} while somebody else edited the record: both edits are in.",
            who = subject(*by, me),
            from = named(from),
            to = named(to)
        ),
        Notification::Removed { name } => tr!("{name} was removed.", name = named(name)),
        Notification::Restored { by, name } => tr!(
            "Somebody removed {name} while {who} edited the record: the edit wins, so {name} is back with every field.",
            name = named(name),
            who = who(*by, me)
        ),
        Notification::Lost { write, field, name, by, winner } => {
            loss_in_words(&write.value, (*by, *winner), field, &named(name), me)
        }
        Notification::Decided(decided) => decided_in_words(decided, &layout.nouns, me),
        Notification::Numbered { name, numbering: Numbering::Final(number) } => {
            let number = number.get();
            tr!(
                "Number {number} went to {name}, out of this tab's lease: it is final.",
                number = number,
                name = named(name)
            )
        }
        Notification::Numbered { name, numbering: Numbering::Provisional(number) } => {
            let number = number.for_now();
            tr!(
                "{name} has number {number} for now: the relays have not been asked.",
                name = named(name),
                number = number
            )
        }
        Notification::LinkRefused(violation) => refused_link(violation),
        Notification::LinkCut(Violation::OtherSchema) => tr!(
            "The relay keeps other fields than this tab, which has {many} already: copy what you need, then reload the \
             page.",
            many = many
        ),
        Notification::LinkCut(violation) => tr!(
            "This tab left a relay that it could not understand: {problem}. Edits go on; it looks for another relay.",
            problem = violation_in_words(violation)
        ),
        Notification::OfHost(code) => {
            let name = Language::of_code(code).unwrap_or_default().name();
            tr!(
                "The words of this language cannot be fetched: {name}. Try again when the relay can be reached.",
                name = name
            )
        }
        Notification::Impossible(rejection) => {
            tr!("That was not done: {reason}.", reason = rejection_in_words(rejection).trim_end_matches('.'))
        }
        Notification::InMemoryOnly { reason } => {
            tr!(
                "This tab keeps its edits in memory only, until a relay has them: {reason}.",
                reason = storage_error(reason)
            )
        }
        Notification::NotSecure => tr!(
            "This page came over plain http, so the browser keeps nothing here: edits are in this tab only until a relay has them, tabs of this browser do not merge directly, and the page does not open without a relay. Ask who runs the relay for an address with https."
        ),
        Notification::ClosedDoor { address, page } => tr!(
            "The relay at {address} answers, but takes no connection from this page. It must be started with --allow-origin {page}, and a proxy before it must pass WebSockets on.",
            address = address,
            page = page
        ),
        Notification::WaitsForReading => {
            tr!("This is done as soon as all {many} are read. Keep the page open until then.", many = many)
        }
        Notification::DeviceBack => {
            tr!("This device keeps edits again. This tab has a new id, and gives up its leased numbers.")
        }
        Notification::DeviceLost { reason } => tr!(
            "This device keeps nothing more for this tab ({reason}). New edits are in this tab only, until a relay has them: keep it open.",
            reason = storage_error(reason)
        ),
        Notification::WrongClock(ahead) => tr!(
            "The clock of this device is {minutes} min ahead of the relay's: set it right. Until then this tab goes by the relay's clock, and edits are sent as ever.",
            minutes = ahead.ahead_ms / 60_000
        ),
        Notification::NewId(violation) => tr!(
            "The relays take nothing more under the id of this tab ({problem}), so it has a new id: edits that no relay had are sent again, and its leased numbers are given up.",
            problem = violation_in_words(violation)
        ),
        Notification::CarriedOver { replica, edits } => trn!(
            *edits as u64,
            "{count} edit of tab {replica} that no relay had was made again by this tab.",
            "{count} edits of tab {replica} that no relay had were made again by this tab.",
            replica = replica
        ),
        Notification::RelaysRestored { numbers: 0 } => {
            tr!("The relays were restored from a backup. This tab brings them what they lack.")
        }
        Notification::RelaysRestored { numbers } => trn!(
            *numbers as u64,
            "The relays were restored from a backup. This tab brings them what they lack; {count} number that was final is settled anew, and shown under Conflicts if it went to somebody else.",
            "The relays were restored from a backup. This tab brings them what they lack; {count} numbers that were final are settled anew, and shown under Conflicts where one went to somebody else."
        ),
        Notification::LeaseLost { name, number } => tr!(
            "Number {number} of {name} was out of a lease that this tab has no more: {name} gets another one.",
            number = number,
            name = named(name)
        ),
        Notification::LeftAlone { replica, reason } => tr!(
            "What tab {replica} has left on this device cannot be read here, and stays as it is: {reason}.",
            replica = replica,
            reason = storage_error(reason)
        ),
        Notification::LookedAfter { replica } => {
            tr!("The edits that tab {replica} had left on this device are on a relay now.", replica = replica)
        }
        Notification::ImportUndone { file, changed: 0 } => {
            tr!("Undone: {deed}.", deed = tr!("the import of {file}", file = file))
        }
        Notification::ImportUndone { file, changed } => trn!(
            *changed as u64,
            "Undone: the import of {file}, but for {count} record that others have changed since.",
            "Undone: the import of {file}, but for {count} records that others have changed since.",
            file = file
        ),
        Notification::Undone { what, about, outcome } => {
            undo_in_words(&deed_in_words(*what, about, layout), outcome, &layout.nouns)
        }
    }
}

fn subject(by: Option<Author>, me: ReplicaId) -> String {
    capitalised(&who(by, me))
}

/// `value` is the text that was lost.
fn loss_in_words(value: &str, (by, winner): (Author, Author), field: &str, name: &str, me: ReplicaId) -> String {
    let (winner, field) = (who(Some(winner), me), field_word(field));
    if value.is_empty() {
        let loser = if by == Author::Tab(me) { tr!("You") } else { subject(Some(by), me) };
        return tr!(
            "{who} emptied the {field} of {name}, but {winner} wrote it at the same time, so it stays.",
            who = loser,
            field = field,
            name = name,
            winner = winner
        );
    }
    let owner = if by == Author::Tab(me) { tr!("Your") } else { tr!("{who}'s", who = subject(Some(by), me)) };
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

fn listed(names: &[Name]) -> String {
    match names {
        [] => String::new(),
        [only] => named(only),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(|name| isolated(&named(name)).into_owned()).collect();
            tr!("{names} and {last}", names = first.join(", "), last = named(last))
        }
    }
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
