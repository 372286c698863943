//! What replicas and relays refuse, in the language of the page. What only a broken peer brings about stays as the core
//! words it.

use client::types::{CommandRejection, MAX_ELEMENTS, Rejection, SchemaViolation, Violation};

use super::capitalised;
use super::layout::field_word;
use super::number::refusal_in_words;
use crate::tr;

pub(super) fn schema_violation_in_words(violation: &SchemaViolation) -> String {
    match violation {
        SchemaViolation::TextTooLong { field, bytes, limit } => tr!(
            "{field} is {bytes} bytes long; at most {limit} are allowed",
            field = field_word(field),
            bytes = bytes,
            limit = limit
        ),
        SchemaViolation::TooManyElements { field } => {
            tr!("{field} may hold {most} elements at most", field = field_word(field), most = MAX_ELEMENTS)
        }
        other => other.to_string(),
    }
}

pub(super) fn rejection_in_words(rejection: &CommandRejection) -> String {
    match rejection {
        CommandRejection::Schema(violation) => schema_violation_in_words(violation),
        CommandRejection::UnknownRecord => tr!("there is no such record any more"),
        CommandRejection::NothingToUndo => tr!("there is nothing to undo"),
        CommandRejection::TooLarge => tr!("the record would become too large: make it smaller, or add another one"),
        CommandRejection::TooManyWaiting { waiting } => {
            tr!("{waiting} operations are waiting already: wait until some are decided", waiting = waiting)
        }
        CommandRejection::Refused(rejection) => refusal_in_words(*rejection),
        CommandRejection::Shedding { unsettled, retry_after_ms } => tr!(
            "{unsettled} provisional numbers are waiting to be settled, and no more are given until then: try again in \
             {seconds} s",
            unsettled = unsettled,
            seconds = retry_after_ms.div_ceil(1000)
        ),
        other => other.to_string(),
    }
}

/// Why a link was ended, or a name is none.
#[must_use]
pub fn violation_in_words(violation: &Violation) -> String {
    match violation {
        Violation::Schema(violation) => schema_violation_in_words(violation),
        Violation::Clock(ahead) => tr!(
            "the clock of this device is {seconds} s ahead of the relay's: set it right and try again",
            seconds = ahead.ahead_ms.div_ceil(1000)
        ),
        Violation::Version { ours, theirs } => {
            tr!(
                "protocol version {theirs} is spoken here in version {ours}: reload the page",
                theirs = theirs,
                ours = ours
            )
        }
        Violation::TooFast { limit } => tr!("more than {limit} messages a second", limit = limit),
        Violation::BadRoom => tr!("the room's name must be 1 to 64 letters, digits, - or _"),
        Violation::TooManyRooms { limit } => tr!("this relay serves {limit} rooms already", limit = limit),
        Violation::OtherSchema => {
            tr!("the schemas differ: start all relays with the same --schema, and reload the page")
        }
        Violation::Diverged => tr!(
            "the relays know another past of this room, as if their database was put back from an older copy: tell whoever \
             runs them to use `relay restore`"
        ),
        Violation::Stopping => tr!("the relay is stopping"),
        Violation::Copied | Violation::Replaced => tr!("another copy of this tab is at work under the same id"),
        Violation::IdOfRelay => tr!("the id belongs to a relay"),
        Violation::ConnectedElsewhere => tr!("another relay still has a connection of this tab"),
        Violation::Equivocation { dot } => {
            tr!("two different edits were made under one name, {edit}", edit = dot)
        }
        Violation::CounterLeap { dot, .. } => tr!("the count of its edits leaps to {edit}", edit = dot),
        Violation::RoomFailed => tr!("the relay had an error in this room and reads it again from its disk"),
        other => other.to_string(),
    }
}

/// Why a record is none, as a sentence.
#[must_use]
pub fn schema_violation(violation: &SchemaViolation) -> String {
    sentence(&schema_violation_in_words(violation))
}

/// Why something was not done, as a sentence.
#[must_use]
pub fn command_rejection(rejection: &CommandRejection) -> String {
    sentence(&rejection_in_words(rejection))
}

/// Why the log gives no number, as a sentence.
#[must_use]
pub fn number_refusal(rejection: Rejection) -> String {
    sentence(&refusal_in_words(rejection))
}

fn sentence(words: &str) -> String {
    format!("{}.", capitalised(words.trim_end_matches('.')))
}
