//! One room's replica, as the node drives it.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use shared::consensus::{Ballot, Slot};
use shared::replica::io::{Input, Now, Output, Recovered};
use shared::replica::{Config, Replica, View};

/// What the node needs of a replica. A test can put one in its place that panics.
pub(super) trait Machine: Debug + Send {
    fn handle(&mut self, now: Now, input: Input) -> Output;
    fn deadline(&self) -> Option<Duration>;
    fn view(&self) -> View<'_>;
}

impl Machine for Replica {
    fn handle(&mut self, now: Now, input: Input) -> Output {
        Replica::handle(self, now, input)
    }

    fn deadline(&self) -> Option<Duration> {
        Replica::deadline(self)
    }

    fn view(&self) -> View<'_> {
        Replica::view(self)
    }
}

/// Makes a replica out of what the disk has.
pub(super) type Recover = fn(Config, Recovered, Now) -> Box<dyn Machine>;

/// The replica of the core.
pub(super) fn recover(config: Config, recovered: Recovered, now: Now) -> Box<dyn Machine> {
    Box::new(Replica::recover(config, recovered, now))
}

/// A room's code has panicked. Its state cannot be relied on any more.
#[derive(Debug)]
pub(super) struct Panicked(pub(super) String);

/// Runs a room's code, which must not take the node with it.
pub(super) fn contained<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        Panicked(text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no reason".to_owned()))
    })
}

/// By what a room reads as it does: the document, the log, how far it is released, who leads, and the highest number.
pub(super) type Reading = (u128, Slot, Slot, Option<Ballot>, u64);

/// The consequences of one step of a replica.
pub(super) struct Step {
    pub(super) output: Output,
    pub(super) leader: Option<Ballot>,
    /// The number of the configuration.
    pub(super) configuration: Option<u32>,
    pub(super) reading: Reading,
    pub(super) is_blank: bool,
    pub(super) deadline: Option<Duration>,
}

impl Step {
    /// Lets a replica take one step, and looks at it afterwards.
    pub(super) fn take(machine: &mut dyn Machine, now: Now, input: Input) -> Result<Self, Panicked> {
        contained(|| {
            let output = machine.handle(now, input);
            let view = machine.view();
            let leader = view.leader();
            Step {
                output,
                leader,
                is_blank: is_blank(view),
                configuration: view.ledger().configuration().map(|configuration| configuration.number),
                reading: (view.document().fingerprint(), view.log().decided(), view.released(), leader, view.highest()),
                deadline: machine.deadline(),
            }
        })
    }
}

/// Whether a room has no records and had none, and its log says nothing but who votes first.
pub fn is_blank(view: View<'_>) -> bool {
    let log = view.log();
    view.document().context().is_empty()
        && log.decided() <= Slot(1)
        && log.accepted_from(Slot(1)).next().is_none()
        && view.pending_requests().next().is_none()
}
