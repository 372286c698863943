//! The guided tour: five steps, each of which waits for what somebody does. Pure.

use client::types::{RecordId, SortedSet};

use super::{Cell, NumberState, PageState, TableRow};
use crate::page::Page;
use crate::tr;

/// How many steps there are.
pub const STEPS: usize = 5;

/// How far somebody is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tour {
    /// From zero; [`STEPS`] at the end.
    step: usize,
    /// The stages of this step that are behind.
    stage: usize,
    /// The records that were there when the tour began.
    known: SortedSet<RecordId>,
    /// The record that this step is about.
    record: Option<RecordId>,
    /// The highest number when this step began.
    highest: u64,
}

/// A step, as the panel shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TourView {
    /// From one; after the last one it is over.
    pub place: usize,
    pub title: String,
    pub text: String,
    /// What is to be done, and whether it is done.
    pub tasks: Vec<(String, bool)>,
    /// The page on which it happens.
    pub page: Page,
    pub help: Help,
    pub over: bool,
}

/// What the panel offers besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Help {
    None,
    /// Another tab is wanted.
    OpenTab,
    /// Something for the relays to decide is wanted.
    AskForNumber,
}

impl Tour {
    #[must_use]
    pub fn begin(page_state: &PageState) -> Self {
        let known = page_state.rows.iter().map(|row| row.id).collect();
        Tour { known, highest: page_state.highest, ..Tour::default() }
    }

    #[must_use]
    pub fn is_over(&self) -> bool {
        self.step == STEPS
    }

    /// The tour after what somebody has done, on this page.
    #[must_use]
    pub fn advanced(mut self, page_state: &PageState, page: Page) -> Self {
        while self.step < STEPS && self.advance(page_state, page) {
            self.stage += 1;
            if self.stage == stages(self.step) {
                self.step += 1;
                (self.stage, self.record, self.highest) = (0, None, page_state.highest);
            }
        }
        self
    }

    /// On to the next step, whatever is done.
    #[must_use]
    pub fn skipped(self, page_state: &PageState) -> Self {
        let step = (self.step + 1).min(STEPS);
        Tour { step, stage: 0, record: None, highest: page_state.highest, ..self }
    }

    /// Whether the present stage is behind.
    fn advance(&mut self, page_state: &PageState, page: Page) -> bool {
        let is_this = |row: &&TableRow| Some(row.id) == self.record;
        match (self.step, self.stage) {
            (0, 0) => {
                self.record = rows(page_state).find(|row| !self.known.contains(&row.id)).map(|row| row.id);
                self.record.is_some()
            }
            // Whoever adds several may give any of them a number.
            (0, _) => rows(page_state).any(|row| !self.known.contains(&row.id) && is_final(row)),
            (1, _) => page_state.relays.iter().map(|relay| relay.tabs.len()).sum::<usize>() > 1,
            (2, 0) => page_state.offline,
            (2, 1) => {
                self.record = rows(page_state).find(|row| is_parted(row)).map(|row| row.id);
                self.record.is_some()
            }
            (2, _) => rows(page_state).find(is_this).is_none_or(|row| !is_parted(row)),
            (3, 0) => page == Page::Agreement,
            (3, _) => page_state.highest > self.highest,
            (4, 0) => page_state.offline,
            (4, 1) => {
                let given =
                    |row: &&TableRow| matches!(row.number.state, NumberState::Provisional | NumberState::Leased);
                self.record = rows(page_state).find(given).map(|row| row.id);
                page_state.offline && self.record.is_some()
            }
            (4, _) => !page_state.offline && rows(page_state).find(is_this).is_none_or(is_settled),
            _ => false,
        }
    }

    #[must_use]
    pub fn view(&self) -> TourView {
        let (title, text, page, help) = match self.step {
            0 => (
                tr!("Merge and agree"),
                tr!(
                    "A name is a merge field: it is in at once. A number is an agree field: the relays decide, so that nobody else can have it."
                ),
                Page::People,
                Help::None,
            ),
            1 => (
                tr!("In two tabs at once"),
                tr!(
                    "Every tab is a whole replica. Open a second one beside this one, and change something there: it arrives here by itself."
                ),
                Page::People,
                Help::OpenTab,
            ),
            2 => (
                tr!("Two names at the same time"),
                tr!(
                    "Switch both tabs to Offline, rename the same record differently in each, and switch both back: nothing is lost."
                ),
                Page::People,
                Help::None,
            ),
            3 => (
                tr!("How a number is agreed on"),
                tr!(
                    "On the page Agreement the log grows by one place for each decision: the leader proposes, a majority accepts, and nobody can change it any more."
                ),
                Page::Agreement,
                Help::AskForNumber,
            ),
            4 => (
                tr!("Numbers without the relays"),
                tr!(
                    "Offline, a number is provisional, or out of a lease and final. Back online the relays settle it; whoever was later gets another one and stands in Conflicts. Dynamic shows the same levels under load."
                ),
                Page::People,
                Help::None,
            ),
            _ => (
                tr!("That is Duet"),
                tr!(
                    "Merge what can merge, agree on what must agree. The Lab has a worse network and bursts; Dynamic has the levels, to set by hand."
                ),
                Page::Lab,
                Help::None,
            ),
        };
        let tasks = tasks(self.step).into_iter().enumerate().map(|(place, task)| (task, place < self.stage));
        TourView { place: self.step + 1, title, text, tasks: tasks.collect(), page, help, over: self.is_over() }
    }
}

fn tasks(step: usize) -> Vec<String> {
    match step {
        0 => vec![tr!("Add somebody in the form"), tr!("Give them a number, and wait until it is final")],
        1 => vec![tr!("Open this page in a second tab")],
        2 => vec![
            tr!("Go offline here and there"),
            tr!("Rename in both, and come back in both"),
            tr!("Click the name that is to stay"),
        ],
        3 => vec![tr!("Go to Agreement"), tr!("Ask for a number, and watch it being decided")],
        4 => vec![tr!("Go offline"), tr!("Give somebody a number"), tr!("Come back, and see it settled")],
        _ => Vec::new(),
    }
}

fn stages(step: usize) -> usize {
    [2, 1, 3, 2, 3][step]
}

fn rows(page_state: &PageState) -> impl Iterator<Item = &TableRow> {
    page_state.rows.iter().map(|row| &**row)
}

fn is_final(row: &TableRow) -> bool {
    matches!(row.number.state, NumberState::Final | NumberState::Leased)
}

fn is_parted(row: &TableRow) -> bool {
    row.cells.iter().any(|cell| matches!(cell, Cell::Text(text) if !text.choices.is_empty()))
}

fn is_settled(row: &TableRow) -> bool {
    let is_open = matches!(row.number.state, NumberState::Provisional | NumberState::Pending | NumberState::Unreleased);
    !is_open
}
