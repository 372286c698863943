//! The model of the page: follows the changes of the client, and has what the components show.

use std::cell::RefCell;
use std::ops::Deref;
use std::rc::{Rc, Weak};
use std::time::Duration;

use client::listeners::{Listeners, Subscription};
use client::notification::Notification;
use client::route::Route;
use client::types::{Changed, Room};
use client::web::{self, Change, Client};
use gloo::timers::callback::Timeout;
use wasm_bindgen_futures::spawn_local;

use crate::language::Language;
use crate::view_model::agreement::AgreementView;
use crate::view_model::merges::{MergeFilter, MergesView, Pause};
use crate::view_model::nodes::NodesView;
use crate::view_model::{ImportView, LabView, LocalTime, PageState, Projection, report_as_csv};
use crate::{browser, words};

/// How long changes are gathered before the components hear of them: about one frame of the screen.
const GATHER: Duration = Duration::from_millis(12);

/// How often they hear of what takes many slices of work.
const SHOWING: Duration = Duration::from_millis(400);

/// A handle on the model of this page. Clones are handles on the same model. Whatever the user does goes to the client
/// that it derefs to.
#[derive(Clone)]
pub struct Model(Rc<Inner>);

impl PartialEq for Model {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Deref for Model {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0.client
    }
}

struct Inner {
    client: Client,
    state: RefCell<State>,
    /// Called after each change of the state of the page.
    listeners: Listeners<()>,
    _changes: Subscription<Change>,
}

struct State {
    projection: Projection,
    page_state: Rc<PageState>,
    /// Whether the relay serves a newer version of the page.
    outdated: bool,
    /// The rows are made that the last state of the page had not.
    catching_up: Option<Timeout>,
}

impl Model {
    /// Starts the replica of this tab, and follows it.
    ///
    /// # Errors
    /// If the browser has no source of randomness.
    pub async fn start(room: Room, route: Route) -> Result<Self, web::NoRandomness> {
        let client = Client::start(room, route).await?;
        let mut projection = Projection::default();
        let look =
            |session: &_, connection: &_| projection.look(session, Changed::default(), connection, LocalTime::here());
        let page_state = client.look(look);
        let state = State { projection, page_state, outdated: false, catching_up: None };
        Ok(Model(Rc::new_cyclic(|weak: &Weak<Inner>| {
            let own = weak.clone();
            let changes = client.subscribe(move |change| {
                if let Some(inner) = own.upgrade() {
                    Model(inner).follow(change);
                }
            });
            Inner { client, state: RefCell::new(state), listeners: Listeners::default(), _changes: changes }
        })))
    }

    /// Everything that the page shows, as last told.
    #[must_use]
    pub fn page_state(&self) -> Rc<PageState> {
        self.0.state.borrow().page_state.clone()
    }

    /// Calls `listener` after each change of the state of the page.
    #[must_use]
    pub fn subscribe(&self, listener: impl Fn() + 'static) -> Subscription<()> {
        self.0.listeners.subscribe(move |()| listener())
    }

    /// The import that the user is told of.
    #[must_use]
    pub fn import_view(&self) -> Option<Rc<ImportView>> {
        self.look_at_import(|state| Rc::new(ImportView::of(state)))
    }

    /// The lines of the import with problems, as CSV.
    #[must_use]
    pub fn import_report(&self) -> String {
        self.look_at_import(|state| report_as_csv(state.report())).unwrap_or_default()
    }

    /// The experiments of this tab.
    #[must_use]
    pub fn lab_view(&self) -> Rc<LabView> {
        self.look_at_lab(|state| Rc::new(LabView::of(state)))
    }

    /// The page *Nodes*, at this moment.
    #[must_use]
    pub fn nodes_view(&self) -> NodesView {
        self.look(|session, connection| NodesView::of(session, connection, LocalTime::here()))
    }

    /// The page *Agreement*, at this moment.
    #[must_use]
    pub fn agreement_view(&self) -> AgreementView {
        self.look(|session, _| AgreementView::of(session, LocalTime::here()))
    }

    /// The page *Merges*, at this moment.
    #[must_use]
    pub fn merges_view(&self, filter: MergeFilter, pause: Pause) -> MergesView {
        self.look(|session, _| MergesView::of(session, filter, pause, LocalTime::here()))
    }

    /// Changes the language of the page as soon as its words are there.
    pub fn speak(&self, language: Language) {
        let model = self.clone();
        spawn_local(async move {
            match words::choose(language).await {
                Ok(()) => model.announce_within(GATHER),
                Err(words::Unavailable) => model.tell_of_missing_words(language),
            }
        });
    }

    /// The page speaks another language than was wanted.
    pub fn tell_of_missing_words(&self, language: Language) {
        self.alert(Notification::OfHost(language.code()));
    }

    fn follow(&self, change: &Change) {
        match change {
            Change::Read(records) => {
                let projection = &mut self.0.state.borrow_mut().projection;
                self.look(|session, _| projection.take_in(session, records.clone()));
            }
            Change::Changed(changed) => self.show(changed.clone()),
            Change::CaughtUp => {
                browser::keep_page();
                self.look_for_version();
            }
        }
    }

    /// Makes the next state of the page. The listeners are called without any borrow: they may call the model.
    fn show(&self, changed: Changed) {
        {
            let state = &mut *self.0.state.borrow_mut();
            let projection = &mut state.projection;
            state.page_state =
                self.look(|session, connection| projection.look(session, changed, connection, LocalTime::here()));
            if state.outdated {
                Rc::make_mut(&mut state.page_state).outdated = true;
            }
            if self.has_waiting_commands() {
                Rc::make_mut(&mut state.page_state).at_risk = true;
            }
            if state.projection.is_behind() {
                state.catching_up = Some(self.after_this(Model::catch_up));
            }
        }
        self.0.listeners.call(&());
    }

    /// Makes rows, slice by slice, and tells of them now and then.
    fn catch_up(&self) {
        let is_behind = {
            let state = &mut *self.0.state.borrow_mut();
            self.look(|session, _| state.projection.catch_up(session));
            let is_behind = state.projection.is_behind();
            state.catching_up = is_behind.then(|| self.after_this(Model::catch_up));
            is_behind
        };
        self.announce_within(if is_behind { SHOWING } else { GATHER });
    }

    /// The relay that was found may have a newer version of the page.
    fn look_for_version(&self) {
        let model = self.clone();
        spawn_local(async move {
            let outdated = browser::is_outdated().await;
            model.0.state.borrow_mut().outdated = outdated;
            model.announce_within(GATHER);
        });
    }

    /// Calls the model when the browser has done what is due, unless the timer or the model is dropped before.
    fn after_this(&self, then: impl FnOnce(&Model) + 'static) -> Timeout {
        let weak = Rc::downgrade(&self.0);
        Timeout::new(0, move || {
            if let Some(inner) = weak.upgrade() {
                then(&Model(inner));
            }
        })
    }
}
