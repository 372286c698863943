//! All rows, kept up to date record by record: what an update costs depends on what it changes, not on how many there
//! are.

use std::cmp::Ordering;
use std::rc::Rc;

use client::session::Session;
use client::types::{AgreedView, FieldView, RecordId, RecordView, Rejection, SortedMap, SortedSet};

use super::contested::{Contested, numbers};
use super::row::{TableRow, by_title, row};
use super::{Layout, LocalTime};

/// More rows than this at once are sorted in rather than put in one by one.
const FEW: usize = 32;

/// What rows are made of.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub session: &'a Session,
    pub layout: &'a Layout,
    pub time: LocalTime,
}

/// What the words of a row depend on, besides its own record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stake {
    /// Who has this number.
    Number(u64),
    /// What this record is called.
    Record(RecordId),
}

#[derive(Default)]
pub(super) struct Rows {
    /// By title.
    sorted: Rc<Vec<Rc<TableRow>>>,
    /// The rows as they are now, by record.
    of: SortedMap<RecordId, Rc<TableRow>>,
    /// The records whose rows in `sorted` are not those in `of`; and the former, as far as there are any.
    unsorted: SortedSet<RecordId>,
    gone: Vec<Rc<TableRow>>,
    contested: Contested,
    /// The numbers that each record has, whatever they rest on; also of records that were removed.
    numbers: SortedMap<RecordId, Vec<u64>>,
    /// The rows whose words depend on how things stand elsewhere, and on what.
    restless: SortedMap<RecordId, Vec<Stake>>,
    /// Invariant: the inverse of `restless`.
    stakes: SortedMap<Stake, SortedSet<RecordId>>,
}

impl Rows {
    /// All rows, made from nothing.
    pub(super) fn all(scene: Scene<'_>) -> Self {
        let mut rows = Rows::none(scene.session);
        rows.update(scene, Rows::records(scene.session));
        rows.sort();
        rows
    }

    /// No row yet.
    pub(super) fn none(session: &Session) -> Self {
        let mut rows = Rows::default();
        rows.look_at_conflicts(session, &mut SortedSet::new());
        rows
    }

    /// The records that there is something to know of.
    pub(super) fn records(session: &Session) -> SortedSet<RecordId> {
        let view = session.view();
        view.document().records().chain(view.ledger().numbers().map(|(_, record)| record)).collect()
    }

    pub(super) fn sorted(&self) -> &Rc<Vec<Rc<TableRow>>> {
        &self.sorted
    }

    /// The conflicts may be others: gives the records for which that makes a difference.
    pub(super) fn look_at_conflicts(&mut self, session: &Session, touched: &mut SortedSet<RecordId>) {
        touched.extend(self.contested.look_at_conflicts(session));
    }

    /// The rows that tell how this tab stands to the relays.
    pub(super) fn restless(&self) -> impl Iterator<Item = RecordId> + '_ {
        self.restless.keys().copied()
    }

    /// Makes the rows of these records anew, and those that depend on them, to be [sorted](Self::sort) in.
    pub(super) fn update(&mut self, scene: Scene<'_>, touched: SortedSet<RecordId>) {
        let mut stale = touched.clone();
        for record in touched {
            self.look_at_numbers(scene, record, &mut stale);
        }
        for record in stale {
            let made = scene.session.view().record(record).map(|view| {
                self.look_at_stakes(record, Some(&view));
                Rc::new(row(scene.session, &self.contested, scene.layout, &view, scene.time))
            });
            let before = match &made {
                Some(row) if self.of.get(&record) == Some(row) => continue,
                Some(row) => self.of.insert(record, Rc::clone(row)),
                None => {
                    self.look_at_stakes(record, None);
                    self.of.remove(&record)
                }
            };
            // One that was made since the last time is in no place yet.
            if self.unsorted.insert(record) {
                self.gone.extend(before);
            }
        }
    }

    /// Puts rows that were made anew into their places.
    pub(super) fn sort(&mut self) {
        let unsorted = std::mem::take(&mut self.unsorted);
        let new: Vec<_> = unsorted.iter().filter_map(|record| self.of.get(record).cloned()).collect();
        let gone = std::mem::take(&mut self.gone);
        if !(gone.is_empty() && new.is_empty()) {
            replace(Rc::make_mut(&mut self.sorted), gone, new, &by_title);
        }
    }

    /// A record may have other numbers than before, which matters to whoever has a stake in them.
    fn look_at_numbers(&mut self, scene: Scene<'_>, record: RecordId, stale: &mut SortedSet<RecordId>) {
        let now = scene.session.view().number(record);
        let before = self.numbers.remove(&record).unwrap_or_default();
        self.contested.numbers_changed(record, &before, &now);
        let after = numbers(&now);
        let about = before.iter().chain(&after).map(|&number| Stake::Number(number));
        for stake in about.chain([Stake::Record(record)]) {
            stale.extend(self.stakes.get(&stake).into_iter().flatten());
        }
        if !after.is_empty() {
            self.numbers.insert(record, after);
        }
    }

    /// A row is about to be made of this, or to go.
    fn look_at_stakes(&mut self, record: RecordId, view: Option<&RecordView>) {
        for stake in self.restless.remove(&record).unwrap_or_default() {
            if let Some(records) = self.stakes.get_mut(&stake) {
                records.remove(&record);
                if records.is_empty() {
                    self.stakes.remove(&stake);
                }
            }
        }
        let Some(RecordView { number, fields, .. }) = view else { return };
        let stakes = stakes(&self.contested, record, number);
        // Each choice names its author.
        let has_choices = fields.values().any(|field| matches!(field, FieldView::Register(values) if values.len() > 1));
        if stakes.is_empty() && number.pending.is_none() && number.leased.is_none() && !has_choices {
            return;
        }
        for &stake in &stakes {
            self.stakes.entry(stake).or_default().insert(record);
        }
        self.restless.insert(record, stakes);
    }
}

fn stakes(contested: &Contested, record: RecordId, number: &AgreedView) -> Vec<Stake> {
    let mut stakes: Vec<_> =
        number.provisional.iter().map(|unsettled| Stake::Number(unsettled.for_now().number)).collect();
    if let Some(Rejection::NumberTaken { number, .. }) = number.refused {
        stakes.push(Stake::Number(number));
    }
    if let Some(conflict) = contested.open(record) {
        stakes.push(Stake::Record(record));
        if let Rejection::NumberTaken { owner, .. } = conflict.because {
            stakes.push(Stake::Record(owner));
        }
    }
    stakes
}

/// Takes rows out of a list in an order, and puts others in.
pub(super) fn replace(
    sorted: &mut Vec<Rc<TableRow>>,
    gone: Vec<Rc<TableRow>>,
    new: Vec<Rc<TableRow>>,
    order: &dyn Fn(&TableRow, &TableRow) -> Ordering,
) {
    if gone.len() + new.len() > FEW {
        let gone: SortedSet<_> = gone.iter().map(|row| row.id).collect();
        if !gone.is_empty() {
            sorted.retain(|row| !gone.contains(&row.id));
        }
        return merge(sorted, new, order);
    }
    for row in gone {
        if let Ok(at) = sorted.binary_search_by(|other| order(other, &row)) {
            sorted.remove(at);
        }
    }
    for row in new {
        let at = sorted.partition_point(|other| order(other, &row).is_lt());
        sorted.insert(at, row);
    }
}

/// Puts many rows into a list in an order. To sort the whole list would compare all of it again and again.
fn merge(sorted: &mut Vec<Rc<TableRow>>, mut new: Vec<Rc<TableRow>>, order: &dyn Fn(&TableRow, &TableRow) -> Ordering) {
    new.sort_by(|one, other| order(one, other));
    let mut held = std::mem::take(sorted).into_iter();
    sorted.reserve(held.len() + new.len());
    for row in new {
        let before = held.as_slice().partition_point(|other| order(other, &row).is_lt());
        sorted.extend(held.by_ref().take(before));
        sorted.push(row);
    }
    sorted.extend(held);
}
