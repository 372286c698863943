//! The rows of the table.

use std::cmp::Ordering;

use client::session::Session;
use client::types::{CandidateView, FieldId, FieldView, RecordId, RecordView, text};

use super::contested::Contested;
use super::{Field, Layout, LocalTime, Number, folded, named, who};
use crate::tr;

/// One record, as a row shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRow {
    pub id: RecordId,
    /// Which record it is, in words. Never empty.
    pub called: String,
    /// One for each field of the schema, in its order.
    pub cells: Vec<Cell>,
    pub number: Number,
    pub glow: Option<Glow>,
    /// `called` as searches compare it.
    folded_title: String,
    /// The texts that a search compares, one for each cell.
    folded: Vec<String>,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    Text(Text),
    Count(i64),
    /// In alphabetical order.
    Elements(Vec<String>),
}

/// A text, of which there may be several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The one that stands for all until somebody chooses.
    pub shown: String,
    /// The texts given at the same time; empty where there is but one.
    pub choices: Vec<Choice>,
}

/// One of several values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub value: String,
    /// Who gave it, and when.
    pub origin: String,
}

/// The latest change by another replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glow {
    /// Another one for each change.
    pub serial: u64,
    pub cause: String,
}

impl TableRow {
    #[must_use]
    pub fn new(id: RecordId, called: String, cells: Vec<Cell>, number: Number, glow: Option<Glow>) -> Self {
        let folded_title = folded(&called);
        let folded = cells.iter().map(Cell::folded).collect();
        TableRow { id, called, cells, number, glow, folded_title, folded }
    }

    /// Whether the record meets a search; `needle` is [`folded`].
    #[must_use]
    pub fn matches(&self, needle: &str) -> bool {
        self.number.text.contains(needle) || self.folded.iter().any(|folded| folded.contains(needle))
    }

    /// Its name, in the form that searches compare.
    pub(super) fn folded_title(&self) -> &str {
        &self.folded_title
    }

    /// The text of a cell, as searches compare it.
    pub(super) fn folded(&self, field: FieldId) -> &str {
        self.folded.get(usize::from(field.0)).map_or("", String::as_str)
    }

    #[must_use]
    pub fn cell(&self, field: &Field) -> Option<&Cell> {
        self.cells.get(usize::from(field.id.0))
    }
}

impl Cell {
    fn of(session: &Session, field: &FieldView, time: LocalTime) -> Self {
        match field {
            FieldView::Register(candidates) => Cell::Text(Text::of(session, candidates, time)),
            FieldView::Counter(count) => Cell::Count(*count),
            FieldView::Set(elements) => Cell::Elements(elements.clone()),
        }
    }

    fn folded(&self) -> String {
        match self {
            Cell::Text(text) if text.choices.is_empty() => folded(&text.shown),
            Cell::Text(text) => {
                let values: Vec<_> = text.choices.iter().map(|choice| choice.value.as_str()).collect();
                folded(&values.join("\n"))
            }
            Cell::Count(count) => count.to_string(),
            Cell::Elements(elements) => folded(&elements.join("\n")),
        }
    }
}

impl Text {
    fn of(session: &Session, candidates: &[CandidateView], time: LocalTime) -> Self {
        let shown = candidates.first().map(|first| first.value.clone()).unwrap_or_default();
        let choices = match candidates {
            [] | [_] => Vec::new(),
            several => several.iter().map(|candidate| Choice::of(session, candidate, time)).collect(),
        };
        Text { shown, choices }
    }

    /// The text, unless somebody has to choose one.
    #[must_use]
    pub fn settled(&self) -> Option<&str> {
        self.choices.is_empty().then_some(&self.shown)
    }
}

impl Choice {
    fn of(session: &Session, candidate: &CandidateView, time: LocalTime) -> Self {
        let origin = format!(
            "{}, {}",
            who(Some(session.author(candidate.by)), session.view().me()),
            time.clock(candidate.at_ms)
        );
        Choice { value: candidate.value.clone(), origin }
    }
}

/// What somebody typed for a counter, as what is to be added to the `current` count.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub fn parse_count(field: &Field, typed: &str, current: i64) -> Result<i64, String> {
    let count = text::parse_count(typed).ok_or_else(|| tr!("{field} is a whole number.", field = field.label()))?;
    Ok(count.saturating_sub(current))
}

/// The order of the table, unless somebody wants another: by what the records are called.
pub(super) fn by_title(one: &TableRow, other: &TableRow) -> Ordering {
    (&one.folded_title, one.id).cmp(&(&other.folded_title, other.id))
}

pub(super) fn row(
    session: &Session,
    contested: &Contested,
    layout: &Layout,
    record: &RecordView,
    time: LocalTime,
) -> TableRow {
    let view = session.view();
    let fields = view.schema().fields().filter_map(|(_, spec)| record.fields.get(&spec.name));
    let cells = fields.map(|field| Cell::of(session, field, time)).collect();
    let number = Number::of(session, contested, &layout.nouns, record.id, &record.number);
    let mark = session.mark(record.id);
    let glow =
        mark.map(|mark| Glow { serial: mark.serial, cause: tr!("Changed by {who}", who = who(mark.by, view.me())) });
    TableRow::new(record.id, named(&session.names_of(record).swap_remove(0)), cells, number, glow)
}
