//! Imports in slices, so that the page stays usable meanwhile; and exports.

use std::rc::Rc;
use std::time::Duration;

use gloo::timers::callback::Timeout;
use shared::id::RecordId;
use shared::io::Message;

use super::Engine;
use super::fact::Fact;
use super::session::Session;
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
    /// Imports a file, unless another one is under way. `number_all`: lines without a number get the next one.
    pub fn import(&self, file: ImportFile, number_all: bool) {
        if self.is_importing() {
            return;
        }
        let run = Run::new(file, number_all, browser::now().monotonic);
        let view = Rc::new(ImportView::of(&run, false, false));
        self.0.import.replace(Some(Importing { run, cancelled: false, timer: None, view }));
        self.import_slice();
    }

    /// Whether a file is being imported.
    #[must_use]
    pub fn is_importing(&self) -> bool {
        self.0.import.borrow().as_ref().is_some_and(|importing| !importing.view.ended)
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

    /// Does some lines, and comes back for more. The import is out of its slot meanwhile.
    fn import_slice(&self) {
        let Some(mut importing) = self.0.import.take() else { return };
        let mut next = None;
        self.advance(|session| {
            let (messages, wait) = importing.slice(session);
            next = wait;
            messages
        });
        importing.timer = next.map(|wait| self.after(wait, Engine::import_slice));
        self.0.import.replace(Some(importing));
        self.announce();
    }
}

impl Importing {
    /// Does lines for a while. Gives what is to be sent, and when to go on, if there is more to do.
    fn slice(&mut self, session: &mut Session) -> (Vec<Message>, Option<Duration>) {
        let until = browser::now().monotonic + SLICE;
        let mut sends = Vec::new();
        let next = loop {
            match self.run.turn(session, browser::now()) {
                Turn::Did(messages) => sends.extend(messages),
                Turn::Wait(wait) => break Some(wait.max(BREATH)),
                Turn::Ended => break None,
            }
            if browser::now().monotonic >= until {
                break Some(BREATH);
            }
        };
        if next.is_none() {
            let report = self.run.report();
            let (added, refused) = (report.added, report.refused_count());
            let fact = Fact::Imported { file: self.run.name().to_owned(), added, refused };
            session.tell(browser::now(), fact);
        }
        self.view = Rc::new(ImportView::of(&self.run, self.cancelled, next.is_none()));
        (sends, next)
    }
}
