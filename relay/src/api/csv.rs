//! Conflicts as a table (RFC 4180).

use shared::schema::text::guarded_cell;

use super::conflicts::Conflict;
use super::number::Number;

/// The first line.
pub const HEAD: &str =
    "id,wanted,loser,loser name,winner,winner name,winner since,why,given,given state,resolution,by,at ms\r\n";

/// The line of a conflict.
pub fn row(conflict: &Conflict) -> String {
    let Conflict { id, loser, wanted, by, at_ms, winner, winner_since, why, given, resolution } = conflict;
    let or_empty = |number: Option<String>| number.unwrap_or_default();
    let winner_name = winner.as_ref().and_then(|winner| winner.name.clone());
    let cells = [
        id.clone(),
        wanted.to_string(),
        loser.record.clone(),
        or_empty(loser.name.clone()),
        or_empty(winner.as_ref().map(|winner| winner.record.clone())),
        or_empty(winner_name),
        or_empty(winner_since.map(|slot| slot.to_string())),
        why.clone(),
        or_empty(given.as_ref().and_then(Number::value_for_now).map(|number| number.to_string())),
        or_empty(given.as_ref().map(|number| number.state().to_owned())),
        or_empty(resolution.map(|resolution| format!("{resolution:?}").to_lowercase())),
        by.clone(),
        at_ms.to_string(),
    ];
    cells.map(|cell| guarded_cell(&cell)).join(",") + "\r\n"
}
