//! Experiments with this replica: a worse network, bursts, and a second writer.

use std::rc::Rc;
use std::time::Duration;

use gloo::events::EventListener;
use gloo::timers::callback::Timeout;
use shared::base::id::RecordId;
use shared::schema::FieldEdit;
use web_sys::XmlHttpRequest;

use super::Client;
use super::global;
use crate::burst::{Burst, GuestName, Plan};
use crate::impairment::Impairment;
use crate::import::json::json_text;
use crate::name::Name;
use crate::session::{Action, NewRecord};

/// How often to look how far the two writers are.
const GLANCE: Duration = Duration::from_millis(50);
/// How often the second writer asks a relay that has not heard of the record yet.
const ATTEMPTS: u32 = 20;

/// What is under way.
#[derive(Default)]
pub(super) struct Lab {
    burst: Option<Burst>,
    burst_timer: Option<Timeout>,
    /// What bursts have added and nobody has removed.
    guests: Vec<RecordId>,
    writers: Option<Writers>,
}

/// The names that the two writers give a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriterNames {
    /// The name that both find.
    pub first: String,
    /// The name that this replica gives.
    pub own: String,
    /// The name that the API gives.
    pub other: String,
}

/// How far the two writers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WritersStep {
    /// The record goes to the relays first.
    Saving,
    /// This replica is offline and has written; the other writer writes.
    Apart,
    /// Both have written, and this replica is coming back.
    Returning,
    /// Both names stand side by side.
    Parted {
        /// The names of the record.
        names: Vec<Name>,
    },
    /// Somebody has chosen a name.
    Settled {
        /// The name of the record.
        name: Name,
    },
    /// The relay has not written.
    Failed {
        /// The status of the relay's HTTP answer, 0 if there was none.
        status: u16,
    },
}

/// How the experiments stand.
#[derive(Clone, Copy)]
pub struct LabState<'a> {
    /// How bad the network of this replica is.
    pub impairment: Impairment,
    /// The burst that was begun last.
    pub burst: Option<&'a Burst>,
    /// How many records of bursts are there to be removed.
    pub guests: usize,
    /// How far the two writers are.
    pub writers: Option<&'a WritersStep>,
}

/// Two writers give a record different names: this tab while it is offline, and a relay's API meanwhile.
struct Writers {
    names: WriterNames,
    record: RecordId,
    step: WritersStep,
    attempts: u32,
    timer: Option<Timeout>,
    request: Option<(XmlHttpRequest, EventListener)>,
}

impl Client {
    /// Looks at the experiments.
    pub fn look_at_lab<T>(&self, look: impl FnOnce(LabState<'_>) -> T) -> T {
        let lab = self.0.lab.borrow();
        let guests = lab.guests.len() + lab.burst.as_ref().map_or(0, |burst| burst.records().len());
        let writers = lab.writers.as_ref().map(|writers| &writers.step);
        look(LabState { impairment: self.0.impairment.get(), burst: lab.burst.as_ref(), guests, writers })
    }

    /// From now on the link of this tab is as bad as that.
    pub fn impair(&self, impairment: Impairment) {
        self.0.impairment.set(impairment);
        self.announce();
    }

    /// Begins a burst, in place of any other.
    pub fn begin_burst(&self, plan: Plan, guest_name: GuestName) {
        self.once_read(move |client| client.burst(plan, guest_name));
    }

    fn burst(&self, plan: Plan, guest_name: GuestName) {
        {
            let lab = &mut *self.0.lab.borrow_mut();
            let earlier = lab.burst.replace(Burst::new(plan, guest_name, global::now().monotonic));
            lab.guests.extend(earlier.iter().flat_map(|burst| burst.records()));
        }
        self.burst_on();
    }

    /// Removes all that bursts have added.
    pub fn remove_guests(&self) {
        let guests: Vec<_> = {
            let lab = &mut *self.0.lab.borrow_mut();
            let latest = lab.burst.take();
            lab.guests.drain(..).chain(latest.iter().flat_map(|burst| burst.records()).copied()).collect()
        };
        for record in guests {
            if self.0.state.borrow().session.view().document().contains(record) {
                self.act(Action::Remove { record });
            }
        }
        self.announce();
    }

    fn burst_on(&self) {
        {
            let (mut state, mut lab) = (self.0.state.borrow_mut(), self.0.lab.borrow_mut());
            let (state, lab) = (&mut *state, &mut *lab);
            let Some(burst) = &mut lab.burst else { return };
            let (messages, next) = burst.step(&mut state.session, global::now());
            state.send(messages);
            lab.burst_timer = next.map(|wait| self.after(wait, Client::burst_on));
            self.set_alarm(state);
        }
        self.announce();
    }

    /// Begins the two writers anew, with a record of their own.
    pub fn begin_writers(&self, names: WriterNames) {
        self.once_read(move |client| client.add_for_writers(names));
    }

    fn add_for_writers(&self, names: WriterNames) {
        let mut added = None;
        self.advance(|session| {
            let title = session.view().schema().title().map(|(_, spec)| spec.name.clone());
            let fields = title.into_iter().map(|field| (field, FieldEdit::Assign(names.first.clone()))).collect();
            let (messages, outcome) = session.register(global::now(), NewRecord { fields, number: None });
            added = outcome.ok();
            messages
        });
        let Some(record) = added else { return };
        let writers = Writers { names, record, step: WritersStep::Saving, attempts: 0, timer: None, request: None };
        self.0.lab.borrow_mut().writers = Some(writers);
        self.announce();
        self.writers_on();
    }

    /// Takes the two writers as far as they come now.
    fn writers_on(&self) {
        let (record, step) = {
            let lab = self.0.lab.borrow();
            let Some(writers) = &lab.writers else { return };
            (writers.record, writers.step.clone())
        };
        let (is_saved, names) = {
            let state = self.0.state.borrow();
            let view = state.session.view();
            let names = view.record(record).map(|record| state.session.names_of(&record)).unwrap_or_default();
            (view.is_connected() && view.unsaved_edits() == 0, names)
        };
        match step {
            WritersStep::Saving if is_saved => self.write_apart(record),
            WritersStep::Returning if names.len() > 1 => self.at_step(WritersStep::Parted { names }),
            WritersStep::Parted { .. } if names.len() == 1 => {
                names.into_iter().for_each(|name| self.at_step(WritersStep::Settled { name }));
            }
            _ => {}
        }
        let lab = &mut *self.0.lab.borrow_mut();
        if let Some(writers) = &mut lab.writers {
            let is_over = matches!(writers.step, WritersStep::Settled { .. } | WritersStep::Failed { .. });
            writers.timer = (!is_over).then(|| self.after(GLANCE, Client::writers_on));
        }
    }

    fn at_step(&self, step: WritersStep) {
        if let Some(writers) = &mut self.0.lab.borrow_mut().writers {
            writers.step = step;
        }
        self.announce();
    }

    fn write_apart(&self, record: RecordId) {
        self.set_offline(true);
        let title = self.0.state.borrow().session.view().schema().title().map(|(_, spec)| spec.name.clone());
        let own = self.0.lab.borrow().writers.as_ref().map(|writers| writers.names.own.clone());
        if let Some((field, own)) = title.zip(own) {
            self.act(Action::Edit { record, field, edit: FieldEdit::Assign(own), seen: None });
        }
        self.at_step(WritersStep::Apart);
        self.ask_relay_to_write();
    }

    /// The second writer uses the HTTP API of the relay that the page came from.
    fn ask_relay_to_write(&self) {
        let weak = Rc::downgrade(&self.0);
        let done = move |request: &XmlHttpRequest| {
            if let Some(inner) = weak.upgrade() {
                Client(inner).on_written(request.status().unwrap_or(0));
            }
        };
        let lab = &mut *self.0.lab.borrow_mut();
        let Some(writers) = &mut lab.writers else { return };
        writers.attempts += 1;
        let title = self.0.state.borrow().session.view().schema().title().map(|(_, spec)| spec.name.clone());
        let dot = writers.record.0;
        let path = format!("/api/v1/rooms/{}/records/{:016x}.{}", self.0.room.as_str(), dot.replica().0, dot.counter());
        let field = json_text(&title.unwrap_or_default());
        let body = format!("{{\"fields\":{{{field}:{}}}}}", json_text(&writers.names.other));
        writers.request = XmlHttpRequest::new().ok().and_then(|request| {
            request.open("PATCH", &path).ok()?;
            request.set_request_header("Content-Type", "application/json").ok()?;
            let asked = request.clone();
            let listener = EventListener::once(&request, "loadend", move |_| done(&asked));
            request.send_with_opt_str(Some(&body)).ok()?;
            Some((request, listener))
        });
    }

    /// A relay that has not heard of the record yet hears of it soon.
    fn on_written(&self, status: u16) {
        const WRITTEN: u16 = 200;
        const UNKNOWN: u16 = 404;
        let attempts = self.0.lab.borrow().writers.as_ref().map_or(ATTEMPTS, |writers| writers.attempts);
        if status == UNKNOWN && attempts < ATTEMPTS {
            let again = self.after(GLANCE, Client::ask_relay_to_write);
            if let Some(writers) = &mut self.0.lab.borrow_mut().writers {
                writers.timer = Some(again);
            }
            return;
        }
        let step = if status == WRITTEN { WritersStep::Returning } else { WritersStep::Failed { status } };
        self.at_step(step);
        self.set_offline(false);
        self.writers_on();
    }
}
