//! The page's picture of a session, kept up to date from what has changed.

use std::rc::Rc;

use client::connection::ConnectionState;
use client::session::Session;
use client::types::{Changed, RecordId, ReplicaId};

use super::conflicts::Conflicts;
use super::rows::{Rows, Scene};
use super::{Layout, LocalTime, PageState};
use crate::language::{self, Language};

/// So many rows are made at a time: making all of a large room would keep the page busy for long.
const SLICE: usize = 1000;

/// Makes one state of the page out of the last one: the projection of a session, as event sourcing calls it.
#[derive(Default)]
pub struct Projection {
    /// In whose words, and in what time, everything is told.
    teller: Option<Teller>,
    bearing: Bearing,
    rows: Rows,
    conflicts: Conflicts,
    /// The records that have changed and whose rows have not been looked at since, the next ones last.
    behind: Vec<RecordId>,
    last: Option<Rc<PageState>>,
}

/// What every word may depend on.
#[derive(PartialEq)]
struct Teller {
    layout: Rc<Layout>,
    me: ReplicaId,
    time: LocalTime,
    language: Language,
}

/// How this tab stands to the others, as far as rows tell of it.
#[derive(Default, PartialEq)]
struct Bearing {
    is_connected: bool,
    is_locally_offline: bool,
    settles: bool,
    keeps_leased: bool,
    /// The number of the configuration, which says which authors are relays.
    configuration: Option<u32>,
}

impl Bearing {
    fn of(session: &Session) -> Self {
        let view = session.view();
        Bearing {
            is_connected: view.is_connected(),
            is_locally_offline: view.is_locally_offline(),
            settles: view.ledger().epoch().level.settles(),
            keeps_leased: session.can_keep_leased(),
            configuration: view.ledger().configuration().map(|configuration| configuration.number),
        }
    }
}

impl Projection {
    /// How everything stands now. `changed` is what has changed since the last time. Of very many changes the state of the page has the
    /// first: [`catch_up`](Self::catch_up) takes in the others.
    pub fn look(
        &mut self,
        session: &Session,
        changed: Changed,
        connection: &ConnectionState,
        time: LocalTime,
    ) -> Rc<PageState> {
        let (me, language) = (session.view().me(), language::current());
        let is_same = |teller: &Teller| {
            (teller.me, teller.time, teller.language) == (me, time, language)
                && teller.layout.is_of(session.view().schema())
        };
        let last = self.last.take();
        let page_state = match self.teller.take().filter(is_same) {
            Some(teller) => {
                self.follow(Scene { session, layout: &teller.layout, time }, changed);
                let page_state = self.page_state(session, connection, &teller, last.as_deref());
                self.teller = Some(teller);
                page_state
            }
            None => {
                let layout = Rc::new(Layout::of(session.view().schema()));
                let scene = Scene { session, layout: &layout, time };
                (self.rows, self.conflicts) = (Rows::none(session), Conflicts::all(scene));
                self.behind = Rows::records(session).into_iter().rev().collect();
                self.bearing = Bearing::of(session);
                self.make_slice(scene);
                self.rows.sort();
                let teller = Teller { layout, me, time, language };
                let page_state = self.page_state(session, connection, &teller, None);
                self.teller = Some(teller);
                page_state
            }
        };
        self.last = Some(Rc::clone(&page_state));
        page_state
    }

    fn follow(&mut self, scene: Scene<'_>, changed: Changed) {
        let Changed { mut records, conflicts } = changed;
        if conflicts {
            self.rows.look_at_conflicts(scene.session, &mut records);
        }
        if conflicts || self.conflicts.are_about(&records) {
            self.conflicts.look(scene, &records);
        }
        let bearing = Bearing::of(scene.session);
        if bearing != self.bearing {
            if bearing.configuration != self.bearing.configuration {
                self.conflicts = Conflicts::all(scene);
            }
            self.bearing = bearing;
            records.extend(self.rows.restless());
        }
        if records.len() > SLICE {
            self.behind.extend(records);
        } else if !records.is_empty() {
            self.rows.update(scene, records);
        }
        self.make_slice(scene);
        self.rows.sort();
    }

    /// Whether the last state of the page had not all changes.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        !self.behind.is_empty()
    }

    /// Takes in the next changes that the last state of the page had not, for the next one.
    pub fn catch_up(&mut self, session: &Session) {
        if let Some(teller) = self.teller.take() {
            self.make_slice(Scene { session, layout: &teller.layout, time: teller.time });
            self.teller = Some(teller);
        }
    }

    /// Takes in a few records that were read from the device, for the next state of the page.
    pub fn take_in(&mut self, session: &Session, records: Vec<RecordId>) {
        if let Some(teller) = &self.teller {
            self.rows
                .update(Scene { session, layout: &teller.layout, time: teller.time }, records.into_iter().collect());
        }
    }

    fn make_slice(&mut self, scene: Scene<'_>) {
        let slice = self.behind.split_off(self.behind.len().saturating_sub(SLICE));
        if !slice.is_empty() {
            self.rows.update(scene, slice.into_iter().collect());
        }
    }

    fn page_state(
        &self,
        session: &Session,
        connection: &ConnectionState,
        teller: &Teller,
        last: Option<&PageState>,
    ) -> Rc<PageState> {
        let parts = (&self.rows, &self.conflicts);
        Rc::new(PageState::with(session, connection, teller.time, &teller.layout, parts, last))
    }
}
