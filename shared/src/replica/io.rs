//! What goes into a replica and what comes out of it.

mod commands;
mod durable;
mod messages;

pub use commands::{Command, CommandRejection, Consistency, Reply};
pub use durable::{PendingClaim, Recovered, Snapshot, WriteBatch, WriteOp};
pub use messages::{Message, Violation};

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::dot::Dot;
use crate::base::id::{RecordId, RelayId, ReplicaId};
use crate::consensus::{Founding, Slot};
use crate::merge::document::{Change, LostWrite};
use crate::replica::observation::Observation;

/// The host's clocks at the moment of an input.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Since any fixed moment; never falls. Timers go by it.
    pub monotonic: Duration,
    /// Milliseconds since the Unix epoch; may jump. Only the hybrid logical clock looks at it.
    pub wall_ms: u64,
}

/// One link to another replica, named by the host; a new link has a new id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u64);

/// The host's name for a command, to match the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u64);

/// The host's name for an import: many records out of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImportId(pub u64);

/// The host's name for a batch of writes. Later batches have larger ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteId(pub u64);

/// What the replica at the other end of a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeerKind {
    /// With its incarnation.
    Relay(RelayId, ReplicaId),
    Tab(ReplicaId),
}

/// What happens to a replica.
#[derive(Clone, Debug)]
pub enum Input {
    /// The user wants something.
    Command(CommandId, Command),
    Receive(PeerId, Message),
    PeerUp(PeerId, PeerKind),
    PeerDown(PeerId),
    /// This batch, and every one before it, is durable.
    Persisted(WriteId),
    /// The deadline has come, or may have.
    Wake,
    /// The relays have found one another, and these vote from the first slot on. Takes no effect on a log that has
    /// begun.
    Found(Founding),
    /// So many requests have come to this relay, of whatever kind, since its count has begun. Only the rule
    /// [`Counter`](crate::ledger::Rule::Counter) looks at it.
    Requests(u64),
    /// Most relays, this one among them, agree about the time that the host gives, and did not before, or agreed about
    /// another one.
    ClockConfirmed,
}

/// What the host must do after an input.
#[derive(Debug, Default)]
pub struct Output {
    /// To be made durable, all or nothing, before anything later is; then answered with [`Input::Persisted`].
    pub write: Option<WriteBatch>,
    pub sends: Vec<Envelope>,
    pub replies: Vec<(CommandId, Result<Reply, CommandRejection>)>,
    /// Links to cut: tell the peer why, then close.
    pub cut: Vec<(PeerId, Violation)>,
    /// What others did to the document, for people to see.
    pub events: Vec<Event>,
    /// Dots that turned out to be those of two edits, and whose authors are refused from now on.
    pub equivocations: Vec<Dot>,
    /// Writes to last-writer-wins registers that lost against concurrent ones.
    pub lost: Vec<LostWrite>,
    /// What may read otherwise than before this step.
    pub changed: Changed,
    /// What relays have seen, while this replica watches.
    pub observed: Vec<Observation>,
    /// This replica cannot go on under its id. A relay has forgotten votes that others remember: its database was restored
    /// from an older copy, or has lost its last writes. It votes no more; the host must give the database a new
    /// incarnation. A tab is one of two copies; the host must go on with its work under a new id.
    pub forgot: bool,
    /// A tab has learnt that all relays were restored from a backup. So many numbers that were final are not any more; it gives
    /// them anew.
    pub restored: Option<usize>,
    /// The tabs that have come to this relay and know the log as it was before a restore.
    pub forks: Vec<Fork>,
}

/// A tab knows the log as it was before a restore of all relays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fork {
    pub tab: ReplicaId,
    /// The log that the tab knows, and that of the relay, are the same below.
    pub at: Slot,
    /// How far the tab knew it.
    pub known: Slot,
}

/// What may read otherwise than before, for a host that shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Each record whose fields or number may be others, or which has come or gone.
    pub records: BTreeSet<RecordId>,
    /// Whether the conflicts that people may be told of may be others.
    pub conflicts: bool,
}

impl Changed {
    /// Adds what has changed later.
    pub fn join(&mut self, later: Changed) {
        // Not `append`, which walks through all that is there already.
        self.records.extend(later.records);
        self.conflicts |= later.conflicts;
    }
}

/// A message with its receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    pub to: PeerId,
    pub message: Message,
}

/// Something that another replica did, for people to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub record: RecordId,
    pub change: Change,
    /// Whose edit did it, where one did.
    pub by: Option<ReplicaId>,
}
