//! The inbox of conflicts: provisional numbers that did not become final, with both sides.

use std::rc::Rc;

use client::import::json::json_text;
use client::notification::Collision;
use client::session::Session;
use client::types::text::guarded_cell;
use client::types::{Conflict, ConflictId, RecordId, Rejection, Resolution, SortedSet};
use litemap::LiteMap;

use super::contested::released;
use super::number::{collision_in_words, owner_in_words};
use super::rows::Scene;
use super::{Layout, LocalTime, NumberState, capitalised, folded, story, who};

/// One conflict, as the inbox shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictItem {
    pub id: ConflictId,
    /// Whose number it was.
    pub loser: String,
    pub wanted: u64,
    /// Which tab gave it, and when.
    pub origin: String,
    /// Who has the number, if that is the reason.
    pub winner: Option<String>,
    /// Where in the log the other side got the number.
    pub place: String,
    /// What happened, as a sentence or two.
    pub story: String,
    /// What the loser got in its place.
    pub given: Option<u64>,
    pub state: ConflictState,
}

/// What somebody has done about a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConflictState {
    /// Nothing yet. The number given can be taken back, unless the record has another by now.
    Open {
        undoable: bool,
    },
    Kept,
    Undone,
}

impl ConflictState {
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, ConflictState::Open { .. })
    }

    /// For `data-state`, and in exports.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            ConflictState::Open { .. } => "open",
            ConflictState::Kept => "kept",
            ConflictState::Undone => "undone",
        }
    }
}

impl ConflictItem {
    fn of(session: &Session, layout: &Layout, time: LocalTime, conflict: &Conflict) -> Self {
        let Conflict { id, provisional, because, given, resolution } = *conflict;
        let Collision { loser, winner, log_place, .. } = session.collision(conflict);
        let undoable = given.is_some() && session.view().ledger().number_of(provisional.record) == given;
        let is_taken = matches!(because, Rejection::NumberTaken { .. });
        ConflictItem {
            id,
            loser: capitalised(&owner_in_words(&layout.nouns, &loser)),
            wanted: provisional.number,
            origin: format!(
                "{}, {}",
                who(Some(session.author(provisional.dot.replica())), session.view().me()),
                time.clock(provisional.stamp.wall_ms)
            ),
            winner: is_taken.then(|| owner_in_words(&layout.nouns, &winner)),
            place: story::log_place(log_place),
            story: collision_in_words(session, &layout.nouns, conflict),
            given: given.map(|numbered| numbered.number),
            state: match resolution {
                None => ConflictState::Open { undoable },
                Some(Resolution::Kept) => ConflictState::Kept,
                Some(Resolution::Undone) => ConflictState::Undone,
            },
        }
    }

    /// What became of the number, as the table shows it, too.
    #[must_use]
    pub fn outcome(&self) -> NumberState {
        match (self.state, self.given) {
            (ConflictState::Undone, _) => NumberState::None,
            (_, Some(_)) => NumberState::Renumbered,
            (_, None) => NumberState::Rejected,
        }
    }

    /// Whether the conflict meets a search; `needle` is [`folded`].
    #[must_use]
    pub fn matches(&self, needle: &str) -> bool {
        let numbers = [Some(self.wanted), self.given];
        let texts = [&self.loser, &self.story, &self.origin, &self.place];
        texts.iter().any(|text| folded(text).contains(needle))
            || numbers.iter().flatten().any(|number| number.to_string().contains(needle))
    }
}

/// All conflicts that are kept, each as long as nothing about it changes.
#[derive(Default)]
pub(super) struct Conflicts {
    /// The latest first.
    items: Rc<Vec<Rc<ConflictItem>>>,
    /// What each item was made of.
    of: LiteMap<ConflictId, (Conflict, Rc<ConflictItem>)>,
}

impl Conflicts {
    pub(super) fn all(scene: Scene<'_>) -> Self {
        let mut conflicts = Conflicts::default();
        conflicts.look(scene, &SortedSet::new());
        conflicts
    }

    pub(super) fn items(&self) -> &Rc<Vec<Rc<ConflictItem>>> {
        &self.items
    }

    /// Whether what is told of some conflict depends on one of these records.
    pub(super) fn are_about(&self, touched: &SortedSet<RecordId>) -> bool {
        !touched.is_empty() && self.of.values().any(|(conflict, _)| is_about(conflict, touched))
    }

    /// Makes those items anew that are about one of these records, or whose conflict has changed.
    pub(super) fn look(&mut self, Scene { session, layout, time }: Scene<'_>, touched: &SortedSet<RecordId>) {
        let before = std::mem::take(&mut self.of);
        for conflict in released(session) {
            let item = match before.get(&conflict.id) {
                Some((same, item)) if same == conflict && !is_about(conflict, touched) => Rc::clone(item),
                _ => Rc::new(ConflictItem::of(session, layout, time, conflict)),
            };
            self.of.insert(conflict.id, (*conflict, item));
        }
        self.items = Rc::new(self.of.values().rev().map(|(_, item)| Rc::clone(item)).collect());
    }
}

fn is_about(conflict: &Conflict, touched: &SortedSet<RecordId>) -> bool {
    let winner = match conflict.because {
        Rejection::NumberTaken { owner, .. } => Some(owner),
        _ => None,
    };
    touched.contains(&conflict.provisional.record) || winner.is_some_and(|winner| touched.contains(&winner))
}

const COLUMNS: [&str; 8] = ["conflict", "loser", "wanted", "origin", "winner", "place", "given", "state"];

fn cells(item: &ConflictItem) -> [String; 8] {
    [
        item.id.to_string(),
        item.loser.clone(),
        item.wanted.to_string(),
        item.origin.clone(),
        item.winner.clone().unwrap_or_default(),
        item.place.clone(),
        item.given.map(|given| given.to_string()).unwrap_or_default(),
        item.state.key().to_owned(),
    ]
}

/// A table for a spreadsheet.
#[must_use]
pub fn conflicts_as_csv(items: &[&ConflictItem]) -> String {
    let mut csv = format!("{}\r\n", COLUMNS.join(","));
    for item in items {
        csv.push_str(&cells(item).map(|cell| guarded_cell(&cell)).join(","));
        csv.push_str("\r\n");
    }
    csv
}

/// A list of objects with the columns of the CSV as keys; numbers as numbers.
#[must_use]
pub fn conflicts_as_json(items: &[&ConflictItem]) -> String {
    let objects = items.iter().map(|item| {
        let members = COLUMNS.iter().zip(cells(item)).map(|(key, cell)| match (*key, cell.is_empty()) {
            ("winner" | "given", true) => format!("\"{key}\": null"),
            ("wanted" | "given", false) => format!("\"{key}\": {cell}"),
            _ => format!("\"{key}\": {}", json_text(&cell)),
        });
        format!("  {{{}}}", members.collect::<Vec<_>>().join(", "))
    });
    format!("[\n{}\n]\n", objects.collect::<Vec<_>>().join(",\n"))
}
