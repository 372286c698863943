//! A burst of edits, and what comes of them. Pure: the engine drives it.

use std::collections::VecDeque;
use std::time::Duration;

use shared::base::id::RecordId;
use shared::replica::AgreedState;
use shared::replica::io::{Message, Now};
use shared::schema::FieldEdit;

use super::session::{Action, NewRecord, NotRegistered, NumberOperation, Session};

/// The most edits of a burst, and the most a second: less than a relay takes from a tab.
pub const MOST: u32 = 1000;
/// The most edits a second: less than a relay takes from a tab.
pub const FASTEST: u32 = 500;
/// The most at once, that the page stays usable.
const AT_ONCE: u32 = 25;
/// How often to look, which is how exact the times are.
const GLANCE: Duration = Duration::from_millis(10);

/// What is done over and over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// New records.
    #[default]
    Adds,
    /// One record gets one name after another.
    Renames,
    /// New records, each with the next number.
    Numbers,
}

/// The plan of a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The edit that is repeated.
    pub kind: Kind,
    /// How many edits, at most [`MOST`].
    pub count: u32,
    /// How many edits a second, at most [`FASTEST`].
    pub per_second: u32,
}

/// Names the records of a burst: the first one is 1.
pub type GuestName = fn(u32) -> String;

/// What came of it so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Edits that were made.
    pub sent: u32,
    /// Edits and numbers that were refused.
    pub refused: u32,
    /// Numbers that are final.
    pub settled: u32,
    /// Numbers that are provisional.
    pub provisional: u32,
    /// Numbers that nobody has given yet.
    pub waiting: u32,
    /// How long each edit took until a relay had stored it, and each number until it was final, in milliseconds.
    pub stored_ms: Vec<u32>,
    /// How long each number took until it was final, in milliseconds.
    pub final_ms: Vec<u32>,
}

/// A burst under way.
#[derive(Debug)]
pub struct Burst {
    plan: Plan,
    guest_name: GuestName,
    begun: Duration,
    done: u32,
    tally: Tally,
    /// When what no relay has confirmed was done, the oldest first.
    unsaved: VecDeque<Duration>,
    /// Records whose number is not final, with when it was asked for.
    numbers: Vec<(Duration, RecordId)>,
    records: Vec<RecordId>,
}

impl Burst {
    /// Makes a burst that begins now. The figures of the plan are cut to their limits.
    #[must_use]
    pub fn new(plan: Plan, guest_name: GuestName, now: Duration) -> Self {
        let plan = Plan { count: plan.count.clamp(1, MOST), per_second: plan.per_second.clamp(1, FASTEST), ..plan };
        Burst {
            plan,
            guest_name,
            begun: now,
            done: 0,
            tally: Tally::default(),
            unsaved: VecDeque::new(),
            numbers: Vec::new(),
            records: Vec::new(),
        }
    }

    /// Returns the plan, within its limits.
    #[must_use]
    pub fn plan(&self) -> Plan {
        self.plan
    }

    /// Returns the results so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The records that it has added.
    #[must_use]
    pub fn records(&self) -> &[RecordId] {
        &self.records
    }

    /// Does what is due, and looks what came of the rest. Returns when to go on; `None` if all is known.
    pub fn step(&mut self, session: &mut Session, now: Now) -> (Vec<Message>, Option<Duration>) {
        let elapsed = now.monotonic.saturating_sub(self.begun).as_secs_f64();
        let due = (elapsed * f64::from(self.plan.per_second)) as u32 + 1;
        let mut sends = Vec::new();
        for _ in self.done..due.min(self.plan.count).min(self.done + AT_ONCE) {
            sends.extend(self.one(session, now));
        }
        self.look(session, now.monotonic);
        let is_over = self.done == self.plan.count && self.unsaved.is_empty() && self.numbers.is_empty();
        (sends, (!is_over).then_some(GLANCE))
    }

    /// One edit. The first rename needs somebody to be renamed.
    fn one(&mut self, session: &mut Session, now: Now) -> Vec<Message> {
        self.done += 1;
        let name = (self.guest_name)(self.done);
        let title = session.view().schema().title().map(|(_, spec)| spec.name.clone());
        let renamed = self.records.first().copied().filter(|_| self.plan.kind == Kind::Renames);
        let (sends, outcome) = match (renamed, title) {
            (Some(record), Some(field)) => {
                (session.act(now, Action::Edit { record, field, edit: FieldEdit::Assign(name), seen: None }), Ok(None))
            }
            (_, title) => {
                let fields = title.into_iter().map(|field| (field, FieldEdit::Assign(name.clone()))).collect();
                let number = (self.plan.kind == Kind::Numbers).then_some(NumberOperation::Next);
                let (sends, outcome) = session.register(now, NewRecord { fields, number });
                (sends, outcome.map(Some))
            }
        };
        self.note(now.monotonic, outcome);
        sends
    }

    fn note(&mut self, now: Duration, outcome: Result<Option<RecordId>, NotRegistered>) {
        let Ok(record) = outcome else {
            self.tally.refused += 1;
            return;
        };
        self.tally.sent += 1;
        self.unsaved.push_back(now);
        self.records.extend(record);
        if self.plan.kind == Kind::Numbers {
            self.numbers.extend(record.map(|record| (now, record)));
        }
    }

    /// A relay stores edits in their order: the ones that it has not confirmed are the latest.
    fn look(&mut self, session: &Session, now: Duration) {
        let view = session.view();
        let millis = |since: Duration| u32::try_from(now.saturating_sub(since).as_millis()).unwrap_or(u32::MAX);
        while self.unsaved.len() as u64 > view.unsaved_edits() {
            self.tally.stored_ms.extend(self.unsaved.pop_front().map(millis));
        }
        let Tally { final_ms, refused, .. } = &mut self.tally;
        let (mut provisional, mut waiting) = (0, 0);
        self.numbers.retain(|&(since, record)| {
            let Some(number) = view.record(record).map(|record| record.number) else { return false };
            let state = number.state();
            let is_final = matches!(state, AgreedState::Final(_) | AgreedState::Leased(_));
            if is_final {
                final_ms.push(millis(since));
            }
            *refused += u32::from(number.refused.is_some());
            let is_open = !is_final && number.refused.is_none();
            let is_provisional = matches!(state, AgreedState::Provisional(_));
            provisional += u32::from(is_open && is_provisional);
            waiting += u32::from(is_open && !is_provisional);
            is_open
        });
        let settled = final_ms.len() as u32;
        (self.tally.settled, self.tally.provisional, self.tally.waiting) = (settled, provisional, waiting);
    }
}

/// The value below which `percent` of the values are.
#[must_use]
pub fn percentile(values: &[u32], percent: usize) -> Option<u32> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied()
}
