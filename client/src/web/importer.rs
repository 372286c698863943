//! Imports in slices, so that the page stays usable meanwhile; and exports.

use std::time::Duration;

use gloo::timers::callback::Timeout;
use shared::base::id::{RecordId, ReplicaId};
use shared::replica::Undoable;
use shared::replica::io::Message;

use super::global;
use super::{Client, store};
use crate::import::export::Format;
use crate::import::{ImportFile, Left, LineError, Report, Run, Turn};
use crate::notification::Notification;
use crate::session::{Action, Session};

/// How long a slice takes at the most: half a frame of the screen.
const SLICE: Duration = Duration::from_millis(8);
/// What is left to the page between two slices.
const BREATH: Duration = Duration::from_millis(8);
/// How long to wait before the next part of an import is undone. A part is a hundred records: eight hundred a second.
const UNDO_PAUSE: Duration = Duration::from_millis(125);
/// How often the report is saved that is to outlive the tab.
const SAVING: Duration = Duration::from_secs(1);

pub(super) struct Importing {
    run: Run,
    cancelled: bool,
    /// Whether nothing more happens.
    ended: bool,
    /// How the host tells of a problem, in the report that is saved.
    words: LineWords,
    /// The next slice.
    timer: Option<Timeout>,
    /// Where the report is saved, and when it was.
    key: String,
    saved: Option<Duration>,
}

/// Puts the problem of a line into words.
pub type LineWords = fn(&LineError) -> String;

/// How an import stands.
#[derive(Clone, Copy)]
pub enum ImportState<'a> {
    /// It was begun in this replica.
    Begun {
        /// The import.
        run: &'a Run,
        /// Whether somebody has stopped it.
        cancelled: bool,
        /// Whether nothing more happens.
        ended: bool,
    },
    /// A tab that is closed has left it.
    Left {
        /// The file, and whether it came to its end.
        left: &'a Left,
        /// The report as it was saved last.
        report: &'a Report,
    },
}

impl<'a> ImportState<'a> {
    /// Returns what came of the lines.
    #[must_use]
    pub fn report(self) -> &'a Report {
        match self {
            ImportState::Begun { run, .. } => run.report(),
            ImportState::Left { report, .. } => report,
        }
    }
}

/// The import that a user is told of.
pub(super) enum Shown {
    Importing(Box<Importing>),
    /// The report of a tab that was closed.
    Left {
        left: Left,
        report: Report,
        key: String,
    },
}

impl Shown {
    fn state(&self) -> ImportState<'_> {
        match self {
            Shown::Importing(importing) => {
                let Importing { run, cancelled, ended, .. } = &**importing;
                ImportState::Begun { run, cancelled: *cancelled, ended: *ended }
            }
            Shown::Left { left, report, .. } => ImportState::Left { left, report },
        }
    }

    fn key(&self) -> &str {
        match self {
            Shown::Importing(importing) => &importing.key,
            Shown::Left { key, .. } => key,
        }
    }
}

impl Client {
    /// Imports a file as soon as all records are there. `number_all`: lines without a number get the next one. Returns
    /// false, and imports nothing, while another file is being imported or waits to be. `words` goes into the report that
    /// outlives the tab.
    #[must_use]
    pub fn import(&self, file: ImportFile, number_all: bool, words: LineWords) -> bool {
        if self.is_importing() {
            return false;
        }
        self.dismiss_import();
        let run = Run::new(file, number_all, global::now().monotonic);
        let key = self.report_key(self.look(|session, _| session.view().me()));
        let importing = Importing { run, cancelled: false, ended: false, words, timer: None, key, saved: None };
        self.0.import.replace(Some(Shown::Importing(Box::new(importing))));
        self.announce();
        self.once_read(Client::import_slice);
        true
    }

    /// Whether a file is being imported, or waits to be.
    #[must_use]
    pub fn is_importing(&self) -> bool {
        self.look_at_import(|state| matches!(state, ImportState::Begun { ended: false, .. })).unwrap_or(false)
    }

    /// Looks at the import, if there is one.
    pub fn look_at_import<T>(&self, look: impl FnOnce(ImportState<'_>) -> T) -> Option<T> {
        self.0.import.borrow().as_ref().map(|shown| look(shown.state()))
    }

    /// Reads no more lines; what is in stays in.
    pub fn cancel_import(&self) {
        if let Some(Shown::Importing(importing)) = &mut *self.0.import.borrow_mut() {
            importing.cancelled = true;
            importing.run.cancel();
        }
        self.import_slice();
    }

    /// The report has been read.
    pub fn dismiss_import(&self) {
        if let Some(shown) = self.0.import.take() {
            global::remember(shown.key(), None);
            self.announce();
        }
    }

    /// Shows what a tab that is closed has left of its import, unless something else is shown: then it waits.
    pub(super) fn show_left_report(&self, replica: ReplicaId) {
        let key = self.report_key(replica);
        let mut slot = self.0.import.borrow_mut();
        if slot.is_some() {
            return;
        }
        let Some((left, report)) = global::recall(&key).and_then(|saved| Report::recalled(&saved)) else {
            return;
        };
        *slot = Some(Shown::Left { left, report, key });
        drop(slot);
        self.announce();
    }

    /// Undoes what was done last. An import that is undone reads no more lines.
    pub(super) fn undo(&self) {
        let is_import = self.look(|session, _| matches!(session.view().undo(), Some(Undoable::Imported(_))));
        if is_import && self.is_importing() {
            self.cancel_import();
        }
        self.advance(|session| session.act(global::now(), Action::Undo));
        self.undo_import_on();
    }

    /// Goes on undoing an import, if one is being undone and nobody does it yet.
    fn undo_import_on(&self) {
        let is_undoing = self.look(|session, _| session.is_undoing_import());
        let mut timer = self.0.undoing.borrow_mut();
        if is_undoing && timer.is_none() {
            *timer = Some(self.after(UNDO_PAUSE, |client| {
                client.0.undoing.replace(None);
                client.advance(|session| session.undo_import_further(global::now()));
                client.undo_import_on();
            }));
        }
    }

    fn report_key(&self, replica: ReplicaId) -> String {
        format!("{}/import", store::name_of(&self.0.room, replica))
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
        let mut importing = match self.0.import.take() {
            // One that was stopped while it waited has ended.
            Some(Shown::Importing(importing)) if !importing.ended => importing,
            other => return drop(self.0.import.replace(other)),
        };
        let mut next = None;
        self.advance(|session| {
            let (messages, wait) = importing.slice(session);
            next = wait;
            importing.save(session);
            messages
        });
        importing.timer = next.map(|wait| self.after(wait, Client::import_slice));
        self.0.import.replace(Some(Shown::Importing(importing)));
        self.announce();
    }
}

impl Importing {
    /// Does lines for a while. Gives what is to be sent, and when to go on, if there is more to do.
    fn slice(&mut self, session: &mut Session) -> (Vec<Message>, Option<Duration>) {
        let until = global::now().monotonic + SLICE;
        let mut sends = Vec::new();
        let next = loop {
            match self.run.turn(session, global::now()) {
                Turn::Did(messages) => sends.extend(messages),
                Turn::Wait(wait) => break Some(wait.max(BREATH)),
                Turn::Ended => break None,
            }
            if global::now().monotonic >= until {
                break Some(BREATH);
            }
        };
        if next.is_none() {
            let &Report { added, refused, .. } = self.run.report();
            let notification = Notification::Imported { file: self.run.name().to_owned(), added, refused };
            session.notify(global::now(), notification);
        }
        self.ended = next.is_none();
        (sends, next)
    }

    /// Saves the report now and then, so that it is not gone with the tab. One that tells of no problem is needed no more
    /// at the end. Records that are in memory only are gone with the tab, and so is their report.
    fn save(&mut self, session: &Session) {
        let now = global::now().monotonic;
        let ended = self.ended;
        if !session.is_on_device() || !ended && self.saved.is_some_and(|saved| now < saved + SAVING) {
            return;
        }
        self.saved = Some(now);
        let report = self.run.report();
        let saved = (!ended || report.problem_count() > 0)
            .then(|| report.saved(self.run.name(), ended && !self.cancelled, self.words));
        global::remember(&self.key, saved.as_deref());
    }
}
