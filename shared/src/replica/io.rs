//! The inputs and outputs of a replica.

mod commands;
mod durable;
mod ids;
mod messages;

pub use commands::{Command, CommandRejection, Consistency, Reply};
pub use durable::{PendingRequest, Recovered, Snapshot, WriteBatch, WriteOp};
pub use ids::{CommandId, ImportId, Now, PeerId, PeerKind, WriteId};
pub use messages::{Message, MessageClass, Violation};

use crate::base::dot::Dot;
use crate::base::id::{RecordId, ReplicaId};
use crate::base::sorted::SortedSet;
use crate::consensus::{Founding, Slot};
use crate::merge::document::{Change, LostWrite};
use crate::replica::observation::Observation;

/// An input of a replica.
#[derive(Clone, Debug)]
pub enum Input {
    /// A user, or a program, gives a command.
    Command(CommandId, Command),
    /// A message has arrived over a link that is up.
    Receive(PeerId, Message),
    /// A link has come up; the other end is of this kind.
    PeerUp(PeerId, PeerKind),
    /// A link is down. Nothing arrives over it any more.
    PeerDown(PeerId),
    /// This batch, and every one before it, is durable.
    Persisted(WriteId),
    /// The deadline has come, or may have.
    Wake,
    /// The relays have found one another, and these vote from the first slot on. Has no effect on a log that has
    /// begun.
    Found(Founding),
    /// How many HTTP requests of every kind have come to this relay since it began to count. Only the rule
    /// [`Counter`](crate::ledger::Rule::Counter) uses it.
    Calls(u64),
    /// The host's time agrees with most relays. It did not before, or it agreed with another time.
    ClockConfirmed,
}

/// The work of the host after an input.
#[derive(Debug, Default)]
pub struct Output {
    /// To be made durable, all or nothing, before anything later is; then answered with [`Input::Persisted`].
    pub write: Option<WriteBatch>,
    /// Messages to send, in this order for each link.
    pub sends: Vec<Envelope>,
    /// Commands that are done or rejected, each with its answer.
    pub replies: Vec<(CommandId, Result<Reply, CommandRejection>)>,
    /// Links to cut: tell the peer why, then close.
    pub cut: Vec<(PeerId, Violation)>,
    /// Changes of the document by other replicas, for users to see.
    pub events: Vec<Event>,
    /// Dots that were given to two edits. Their authors are refused from now on.
    pub equivocations: Vec<Dot>,
    /// Writes to last-writer-wins registers that lost against concurrent ones.
    pub lost: Vec<LostWrite>,
    /// The parts of the state that may read differently than before this step.
    pub changed: Changed,
    /// Telemetry of relays, while this replica watches.
    pub observed: Vec<Observation>,
    /// This replica cannot go on under its id. A relay has forgotten votes that others remember: its database was restored
    /// from an older copy, or has lost its last writes. It votes no more; the host must give the database a new
    /// incarnation. A tab is one of two copies; the host must go on with its work under a new id.
    pub forgot: bool,
    /// Set if a tab has learnt that all relays were restored from a backup. It is the count of numbers that were
    /// final and are not any more; the tab gives them anew.
    pub restored: Option<usize>,
    /// Tabs that came to this relay with the log as it was before a restore.
    pub forks: Vec<Fork>,
}

/// A tab knows the log as it was before a restore of all relays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The tab that knows the other log.
    pub tab: ReplicaId,
    /// The first slot at which the log of the tab may differ from that of the relay.
    pub at: Slot,
    /// The first slot that the tab did not know to be decided.
    pub known: Slot,
}

/// The parts of the state that may read differently than before, for a host that shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Records whose fields or number may have changed, and records that came or went.
    pub records: SortedSet<RecordId>,
    /// True if the list of conflicts may have changed.
    pub conflicts: bool,
}

impl Changed {
    /// Adds later changes.
    pub fn join(&mut self, later: Changed) {
        // Not `append`, which walks through all that is there already.
        self.records.extend(later.records);
        self.conflicts |= later.conflicts;
    }
}

/// A message with its receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The link to send over.
    pub to: PeerId,
    /// The message to send.
    pub message: Message,
}

/// A change by another replica, for users to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The record that changed.
    pub record: RecordId,
    /// The change.
    pub change: Change,
    /// The author of the edit that made the change, if an edit made it.
    pub by: Option<ReplicaId>,
}
