//! Imports in slices, so that the page stays usable meanwhile; and exports.

use std::rc::Rc;
use std::time::Duration;

use gloo::timers::callback::Timeout;
use shared::id::RecordId;

use super::Engine;
use super::fact::Fact;
use crate::browser;
use crate::import::export::Format;
use crate::import::{ImportFile, Run, Turn};
use crate::view_model::ImportView;

/// How long a slice takes at the most: half a frame of the screen.
const SLICE: Duration = Duration::from_millis(8);
/// What is left to the page between two slices.
const BREATH: Duration = Duration::from_millis(8);

pub(super) struct Importing {
    run: Run,
    cancelled: bool,
    /// The next slice.
    timer: Option<Timeout>,
    view: Rc<ImportView>,
}

impl Engine {
    /// Imports a file, in place of any other import. `number_all`: lines without a number get the next one.
    pub fn import(&self, file: ImportFile, number_all: bool) {
        let run = Run::new(file, number_all, browser::now().monotonic);
        let view = Rc::new(ImportView::of(&run, false, false));
        self.0.import.replace(Some(Importing { run, cancelled: false, timer: None, view }));
        self.import_slice();
    }

    /// How the import stands, if there is one.
    #[must_use]
    pub fn import_view(&self) -> Option<Rc<ImportView>> {
        self.0.import.borrow().as_ref().map(|importing| Rc::clone(&importing.view))
    }

    /// Reads no more lines; what is in stays in.
    pub fn cancel_import(&self) {
        if let Some(importing) = &mut *self.0.import.borrow_mut() {
            importing.cancelled = true;
            importing.run.cancel();
        }
        self.import_slice();
    }

    /// The report has been read.
    pub fn dismiss_import(&self) {
        self.0.import.replace(None);
        self.announce();
    }

    /// The lines that were refused, as CSV.
    #[must_use]
    pub fn import_report(&self) -> String {
        self.0.import.borrow().as_ref().map(|importing| importing.run.report().as_csv()).unwrap_or_default()
    }

    /// These records as a file.
    #[must_use]
    pub fn export(&self, format: Format, records: &[RecordId]) -> String {
        let state = self.0.state.borrow();
        let view = state.session.view();
        format.write(view.schema(), records.iter().filter_map(|&record| view.record(record)))
    }

    fn import_slice(&self) {
        {
            let (mut state, mut slot) = (self.0.state.borrow_mut(), self.0.import.borrow_mut());
            let (state, Some(importing)) = (&mut *state, &mut *slot) else { return };
            let until = browser::now().monotonic + SLICE;
            let mut next = Some(BREATH);
            loop {
                let now = browser::now();
                match importing.run.turn(&mut state.session, now) {
                    Turn::Did(messages) => state.send(messages),
                    Turn::Wait(wait) => next = Some(wait.max(BREATH)),
                    Turn::Ended => next = None,
                }
                if now.monotonic >= until || next != Some(BREATH) {
                    break;
                }
            }
            if next.is_none() {
                let report = importing.run.report();
                let (added, refused) = (report.added, report.refused_count());
                let fact = Fact::Imported { file: importing.run.name().to_owned(), added, refused };
                state.session.tell(browser::now(), fact);
            }
            importing.timer = next.map(|wait| self.after(wait, Engine::import_slice));
            importing.view = Rc::new(ImportView::of(&importing.run, importing.cancelled, next.is_none()));
            self.set_alarm(state);
            self.watch(state);
        }
        self.announce();
    }
}
