//! What the page *Lab* does to this tab: a worse network, bursts, and a second writer.

use std::rc::Rc;
use std::time::Duration;

use gloo::events::EventListener;
use gloo::timers::callback::Timeout;
use shared::base::id::RecordId;
use shared::schema::FieldEdit;
use web_sys::XmlHttpRequest;

use super::Engine;
use super::burst::{Burst, Plan};
use super::impairment::Impairment;
use super::session::{Action, NewRecord};
use crate::browser;
use crate::import::json::json_text;
use crate::tr;
use crate::view_model::{LabView, WritersStep};

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
    view: Rc<LabView>,
}

/// Two writers give a record different names: this tab while it is offline, and a relay's API meanwhile.
struct Writers {
    record: RecordId,
    step: WritersStep,
    attempts: u32,
    timer: Option<Timeout>,
    request: Option<(XmlHttpRequest, EventListener)>,
}

impl Engine {
    #[must_use]
    pub fn lab_view(&self) -> Rc<LabView> {
        Rc::clone(&self.0.lab.borrow().view)
    }

    /// From now on the link of this tab is as bad as that.
    pub fn impair(&self, impairment: Impairment) {
        self.0.impairment.set(impairment);
        self.show_lab();
    }

    /// Begins a burst, in place of any other.
    pub fn begin_burst(&self, plan: Plan) {
        self.once_read(move |engine| engine.burst(plan));
    }

    fn burst(&self, plan: Plan) {
        {
            let lab = &mut *self.0.lab.borrow_mut();
            let earlier = lab.burst.replace(Burst::new(plan, browser::now().monotonic));
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
        self.show_lab();
    }

    fn burst_on(&self) {
        {
            let (mut state, mut lab) = (self.0.state.borrow_mut(), self.0.lab.borrow_mut());
            let (state, lab) = (&mut *state, &mut *lab);
            let Some(burst) = &mut lab.burst else { return };
            let (messages, next) = burst.step(&mut state.session, browser::now());
            state.send(messages);
            lab.burst_timer = next.map(|wait| self.after(wait, Engine::burst_on));
            self.set_alarm(state);
        }
        self.show_lab();
    }

    fn show_lab(&self) {
        {
            let lab = &mut *self.0.lab.borrow_mut();
            let guests = lab.guests.len() + lab.burst.as_ref().map_or(0, |burst| burst.records().len());
            let step = lab.writers.as_ref().map(|writers| writers.step.clone());
            lab.view = Rc::new(LabView::of(self.0.impairment.get(), lab.burst.as_ref(), guests, step));
        }
        self.announce();
    }

    /// Begins the two writers anew, with a record of their own.
    pub fn begin_writers(&self) {
        self.once_read(Engine::add_for_writers);
    }

    fn add_for_writers(&self) {
        let mut added = None;
        self.advance(|session| {
            let title = session.view().schema().title().map(|(_, spec)| spec.name.clone());
            let fields = title.into_iter().map(|field| (field, FieldEdit::Assign(tr!("Anna")))).collect();
            let (messages, outcome) = session.register(browser::now(), NewRecord { fields, number: None });
            added = outcome.ok();
            messages
        });
        let Some(record) = added else { return };
        let writers = Writers { record, step: WritersStep::Saving, attempts: 0, timer: None, request: None };
        self.0.lab.borrow_mut().writers = Some(writers);
        self.show_lab();
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
                self.at_step(WritersStep::Settled { name: names.concat() })
            }
            _ => {}
        }
        let lab = &mut *self.0.lab.borrow_mut();
        if let Some(writers) = &mut lab.writers {
            let is_over = matches!(writers.step, WritersStep::Settled { .. } | WritersStep::Failed { .. });
            writers.timer = (!is_over).then(|| self.after(GLANCE, Engine::writers_on));
        }
    }

    fn at_step(&self, step: WritersStep) {
        if let Some(writers) = &mut self.0.lab.borrow_mut().writers {
            writers.step = step;
        }
        self.show_lab();
    }

    fn write_apart(&self, record: RecordId) {
        self.set_offline(true);
        let title = self.0.state.borrow().session.view().schema().title().map(|(_, spec)| spec.name.clone());
        if let Some(field) = title {
            self.act(Action::Edit { record, field, edit: FieldEdit::Assign(tr!("Anya")), seen: None });
        }
        self.at_step(WritersStep::Apart);
        self.ask_relay_to_write();
    }

    /// The second writer uses the HTTP API of the relay that the page came from.
    fn ask_relay_to_write(&self) {
        let weak = Rc::downgrade(&self.0);
        let done = move |request: &XmlHttpRequest| {
            if let Some(inner) = weak.upgrade() {
                Engine(inner).on_written(request.status().unwrap_or(0));
            }
        };
        let lab = &mut *self.0.lab.borrow_mut();
        let Some(writers) = &mut lab.writers else { return };
        writers.attempts += 1;
        let title = self.0.state.borrow().session.view().schema().title().map(|(_, spec)| spec.name.clone());
        let dot = writers.record.0;
        let path = format!("/api/v1/rooms/{}/records/{:016x}.{}", self.0.room.as_str(), dot.replica().0, dot.counter());
        let field = json_text(&title.unwrap_or_default());
        let body = format!("{{\"fields\":{{{field}:{}}}}}", json_text(&tr!("Annie")));
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
            let again = self.after(GLANCE, Engine::ask_relay_to_write);
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
