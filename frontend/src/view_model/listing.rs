//! The rows that somebody wants to see, in the order in which they want to see them.

use std::cmp::Ordering;
use std::rc::Rc;

use client::types::FieldId;

use super::row::{Cell, TableRow, by_title};
use super::rows::replace;
use super::{Layout, folded};

/// By what the table is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortKey {
    /// What records are called.
    #[default]
    Title,
    Field(FieldId),
    Number,
}

/// How the table is sorted. Rows without a value are the last ones either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    pub by: SortKey,
    pub descending: bool,
}

/// The number's column in a kept order.
const NUMBER: &str = "#";
/// Stands before the name of a field in a kept order, since names may begin with any sign.
const FIELD: char = '=';

impl Order {
    /// The order after a click on the heading of `by`: the other way round if it is that already.
    #[must_use]
    pub fn clicked(self, by: SortKey) -> Self {
        Order { by, descending: self.by == by && !self.descending }
    }

    /// An order that was kept. One of another schema is none.
    #[must_use]
    pub fn recalled(layout: &Layout, text: &str) -> Self {
        let (descending, column) = text.strip_prefix('-').map_or((false, text), |column| (true, column));
        let field = |name: &str| layout.fields().find(|field| field.name == name).map(|field| SortKey::Field(field.id));
        let by = match column {
            "" => Some(SortKey::Title),
            NUMBER => Some(SortKey::Number),
            column => column.strip_prefix(FIELD).and_then(field),
        };
        by.map(|by| Order { by, descending }).unwrap_or_default()
    }

    /// To be kept; nothing for the usual order.
    #[must_use]
    pub fn kept(self, layout: &Layout) -> Option<String> {
        let column = match self.by {
            SortKey::Title => String::new(),
            SortKey::Field(field) => format!("{FIELD}{}", layout.name_of(field)),
            SortKey::Number => NUMBER.to_owned(),
        };
        let text = if self.descending { format!("-{column}") } else { column };
        (!text.is_empty()).then_some(text)
    }

    fn compare(self, one: &TableRow, other: &TableRow) -> Ordering {
        let (value, other_value) = (Value::of(one, self.by), Value::of(other, self.by));
        let ordering = match (value, other_value) {
            (Value::None, Value::None) => Ordering::Equal,
            (Value::None, _) => return Ordering::Greater,
            (_, Value::None) => return Ordering::Less,
            (Value::Number(one), Value::Number(other)) => one.cmp(&other),
            (Value::Text(one), Value::Text(other)) => one.cmp(other),
            (Value::Number(_), Value::Text(_)) => Ordering::Less,
            (Value::Text(_), Value::Number(_)) => Ordering::Greater,
        };
        let ordering = if self.descending { ordering.reverse() } else { ordering };
        ordering.then_with(|| by_title(one, other))
    }
}

/// What a row is sorted by.
enum Value<'a> {
    None,
    Number(i64),
    Text(&'a str),
}

impl<'a> Value<'a> {
    fn of(row: &'a TableRow, key: SortKey) -> Self {
        let text = match key {
            SortKey::Title => row.folded_title(),
            SortKey::Number => return row.number.text.parse().map_or(Value::None, Value::Number),
            SortKey::Field(field) => match row.cells.get(usize::from(field.0)) {
                Some(Cell::Count(count)) => return Value::Number(*count),
                _ => row.folded(field),
            },
        };
        if text.is_empty() { Value::None } else { Value::Text(text) }
    }
}

/// The rows that meet a search, sorted; kept up to date row by row.
#[derive(Default)]
pub struct Listing {
    order: Order,
    /// [`folded`].
    needle: String,
    all: Rc<Vec<Rc<TableRow>>>,
    found: Rc<Vec<Rc<TableRow>>>,
}

impl Listing {
    /// Those out of `all`, which are by title, that meet the search.
    pub fn look(&mut self, all: &Rc<Vec<Rc<TableRow>>>, order: Order, search: &str) -> Rc<Vec<Rc<TableRow>>> {
        let needle = folded(search.trim());
        let is_same_question = order == self.order && needle == self.needle;
        if is_same_question && Rc::ptr_eq(all, &self.all) {
            return Rc::clone(&self.found);
        }
        if order == Order::default() && needle.is_empty() {
            self.found = Rc::clone(all);
        } else if is_same_question {
            self.follow(all);
        } else {
            let is_narrower = order == self.order && needle.starts_with(&self.needle) && Rc::ptr_eq(all, &self.all);
            let candidates = if is_narrower { &self.found } else { all };
            let mut found: Vec<_> = candidates.iter().filter(|row| row.matches(&needle)).cloned().collect();
            if order != Order::default() && !is_narrower {
                found.sort_by(|one, other| order.compare(one, other));
            }
            self.found = Rc::new(found);
        }
        (self.all, self.order, self.needle) = (Rc::clone(all), order, needle);
        Rc::clone(&self.found)
    }

    fn follow(&mut self, all: &[Rc<TableRow>]) {
        let (gone, mut new) = difference(&self.all, all);
        new.retain(|row| row.matches(&self.needle));
        let order = self.order;
        replace(Rc::make_mut(&mut self.found), gone, new, &|one, other| order.compare(one, other));
    }
}

/// The rows that are only in the one list, and those that are only in the other. Both are by title.
fn difference(before: &[Rc<TableRow>], now: &[Rc<TableRow>]) -> (Vec<Rc<TableRow>>, Vec<Rc<TableRow>>) {
    let (mut gone, mut new) = (Vec::new(), Vec::new());
    let (mut before, mut now) = (before.iter().peekable(), now.iter().peekable());
    loop {
        let which = match (before.peek(), now.peek()) {
            (None, None) => return (gone, new),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) if Rc::ptr_eq(one, other) => {
                before.next();
                now.next();
                continue;
            }
            (Some(one), Some(other)) => by_title(one, other),
        };
        if which.is_le() {
            gone.extend(before.next().cloned());
        }
        if which.is_ge() {
            new.extend(now.next().cloned());
        }
    }
}
