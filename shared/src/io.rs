//! What goes into a replica and what comes out of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use litemap::LiteMap;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::crdt::FieldEdit;
use crate::document::{Change, Delta, Digest, Edit, Live, Liveness, LostWrite, MAX_VERSION_BYTES, OutOfDots, Packed};
use crate::dot::{Dot, DotSet};
use crate::finality::Numbering;
use crate::hlc::ClockAhead;
use crate::id::{RecordId, ReplicaId, VoterId};
use crate::ledger::{Claim, ClaimId, Load, Outcome, Rejection, Wish};
use crate::observation::Observation;
use crate::paxos::{self, Accepted, Configuration, Position, Slot, Standing, Suffix};
use crate::presence::{PresenceNews, RelayPresence, Status, StatusNews};
use crate::replica::{Distrust, Doubt, Hearsay, NumberWrite};
use crate::schema::{FieldName, SchemaViolation};

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
    Relay(VoterId, ReplicaId),
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
    Found(Configuration),
    /// So many requests have come to this relay, of whatever kind, since its count has begun. Only the rule
    /// [`Counter`](crate::ledger::Rule::Counter) looks at it.
    Requests(u64),
}

/// What a user may want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A new record. The fields must include those that the schema requires.
    Add {
        fields: Vec<(FieldName, FieldEdit)>,
    },
    Edit {
        record: RecordId,
        field: FieldName,
        edit: FieldEdit,
        /// The versions that the user saw when the edit began; `None` for those that are here now. What others have done
        /// since is concurrent with the edit.
        seen: Option<Vec<Live>>,
    },
    Remove {
        record: RecordId,
    },
    /// Undoes what this replica's user did last, as far as nobody has changed it since. Of an import it undoes a part, as
    /// [`UndoImport`](Self::UndoImport) does.
    Undo,
    /// The record, which was added last, belongs to an import: all records of an import are undone as one.
    JoinImport {
        import: ImportId,
        record: RecordId,
    },
    /// Removes the latest records of an import, as far as nobody has changed them since. It takes so many at once that a
    /// relay is not flooded; the reply says how many are left.
    UndoImport {
        import: ImportId,
    },
    /// Gives a record a number: this one, or the next. How, and so whether it is final, depends on the
    /// [epoch](crate::ledger::Epoch), on whether a majority of the voters can be reached, and on this replica's leases.
    Number {
        record: RecordId,
        number: Option<u64>,
    },
    /// A new record with a number: this one, or the next. Costs no more than the record alone where the number needs no
    /// decision. Where the log refuses the number, a relay takes the record back; in a tab it stays, for its user to choose.
    Register {
        fields: Vec<(FieldName, FieldEdit)>,
        number: Option<u64>,
    },
    /// Takes a record's number from it, provisional or not.
    Free {
        record: RecordId,
    },
    /// The user has read why a record got no number.
    Dismiss {
        record: RecordId,
    },
    /// Raises the highest number to this one; a lower one changes nothing. At a relay the log is not asked for it in the
    /// CRDT-only mode or without a majority: then it merges between the relays, and the log follows later.
    Raise {
        number: u64,
    },
    /// Leases so many numbers to this replica, which can then give them while it is offline.
    Lease {
        count: u32,
    },
    /// Asks the ledger; the reply comes when the log has decided.
    Ask(Wish),
    /// Asks the ledger under a name that somebody outside has chosen. Whoever saw no answer may ask again under the
    /// same name, at any relay.
    AskAs(Claim),
    /// Waits until this replica knows enough for a reader.
    Read(Consistency),
    /// Whether this tab acknowledges what is decided. One that nobody looks at should not.
    Witness {
        willing: bool,
        /// Whether what its host says to be persisted survives a crash of the host.
        durable: bool,
    },
    /// Whether this replica is to be told what the relays see of the agreement and of their links.
    Watch(bool),
}

impl Command {
    /// Whether this replica does it by itself, at once: nobody else is asked.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let asks_the_log = match self {
            Command::Read(consistency) => *consistency != Consistency::Local,
            Command::Lease { .. } | Command::Raise { .. } | Command::Ask(_) | Command::AskAs(_) => true,
            Command::Number { .. } | Command::Register { .. } | Command::Free { .. } => true,
            _ => false,
        };
        !asks_the_log
    }

    /// Whether the document may change by it, and not only through the log.
    pub(crate) fn may_edit(&self) -> bool {
        match self {
            Command::Add { .. }
            | Command::Edit { .. }
            | Command::Remove { .. }
            | Command::Undo
            | Command::UndoImport { .. }
            | Command::Number { .. }
            | Command::Register { .. }
            | Command::Free { .. } => true,
            Command::JoinImport { .. }
            | Command::Dismiss { .. }
            | Command::Raise { .. }
            | Command::Lease { .. }
            | Command::Ask(_)
            | Command::AskAs(_)
            | Command::Read(_)
            | Command::Witness { .. }
            | Command::Watch(_) => false,
        }
    }
}

/// What a reader wants to be sure of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// What is known here.
    Local,
    /// All that the reader has seen, which is the log below this slot.
    Session(Slot),
    /// All that anybody was told before the read began.
    Linearizable,
    /// All that the relays linked to this one have when they are asked, edits and log.
    OfAllRelays,
}

/// A command that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    Added(RecordId),
    Done,
    /// What was done last about this record is undone.
    Undone(RecordId),
    /// A part of an import is undone.
    ImportUndone {
        /// So many records were left as they are, since others have changed them.
        changed: usize,
        /// So many records have yet to be looked at.
        left: usize,
    },
    /// The record has a number.
    Numbered(Numbering),
    /// The record was added; and it has a number, unless the log has refused it.
    Registered(RecordId, Result<Numbering, Rejection>),
    /// The highest number is at least what was asked for: `highest`, as far as this relay knows, and the log follows.
    Raised {
        highest: u64,
    },
    /// The log has decided, and it is released. A refusal by the ledger is an outcome too.
    Decided(ClaimId, Outcome),
    /// The log is applied below `applied`; a replica that leads, or is linked to the leader, was in touch with it so
    /// long ago.
    ReadAt {
        applied: Slot,
        age: Option<Duration>,
    },
}

/// A command that cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommandRejection {
    #[error(transparent)]
    Schema(#[from] SchemaViolation),
    #[error("there is no such record any more")]
    UnknownRecord,
    #[error(transparent)]
    OutOfDots(#[from] OutOfDots),
    #[error("there is nothing to undo")]
    NothingToUndo,
    #[error("it was changed since: undoing it would take back what others did")]
    ChangedSince,
    #[error("the record would hold more than {MAX_VERSION_BYTES} bytes: make it smaller, or add another one")]
    TooLarge,
    #[error("{waiting} wishes are waiting already: wait until some are decided")]
    TooManyWaiting { waiting: usize },
    #[error("only those who run the relays may ask for this")]
    NotForTabs,
    /// What the log would answer, as far as is known here.
    #[error(transparent)]
    Refused(Rejection),
    #[error(
        "{unsettled} provisional numbers are waiting to be settled, and no more are given until then: try again in {retry_after_ms} ms"
    )]
    Shedding { unsettled: usize, retry_after_ms: u32 },
    #[error("{up} of the {named} relays named are linked to this one: a majority of them must be, to go on deciding")]
    VotersAway { named: usize, up: usize },
    #[error("replica {replica} cannot be retired yet: it has edits that are not known here, or that are still in use")]
    StillInUse { replica: ReplicaId },
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

/// Writes that become durable together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteBatch {
    pub id: WriteId,
    pub ops: Vec<WriteOp>,
}

/// One change of the durable state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteOp {
    PutVersion {
        record: RecordId,
        dot: Dot,
        version: Packed,
    },
    DropVersion {
        record: RecordId,
        dot: Dot,
    },
    /// For each replica in the set: these are its dots in the context now.
    PutContext(DotSet),
    Standing(Standing),
    /// What is remembered of another voter.
    Remember {
        voter: VoterId,
        incarnation: ReplicaId,
        standing: Standing,
    },
    /// Takes the place of the log below `log_start`, from where on entries are kept for those who lag behind.
    Snapshot {
        snapshot: Snapshot,
        log_start: Position,
    },
    Accept {
        slot: Slot,
        accepted: Accepted,
    },
    Decided(Slot),
    /// A tab was told that everything decided below is released. May lag behind.
    Released(Slot),
    ClaimSeq(u64),
    /// A tab has asked something.
    Ask(PendingClaim),
    /// The log has answered a tab's own claim with this `seq`.
    Answered(u64),
    /// Why a record got no number when a tab asked for one last; `None` when that is of no interest any more.
    Refused {
        record: RecordId,
        rejection: Option<Rejection>,
    },
    /// These of a tab's own dots are durable on a relay. May lag behind.
    Stored(DotSet),
    /// The counter of the last own edit that may have left a tab.
    Sent(u64),
    /// What a tab has heard from its neighbours alone.
    Hearsay(Hearsay),
    /// What the replica was told and does not believe.
    Distrust(Distrust),
    /// A relay's highest number was raised to this one without the log.
    Raised(u64),
    /// Out of the lease that begins with `first`, the next number to give is `next`.
    Cursor {
        first: u64,
        next: u64,
    },
}

/// A claim of a tab's own that is not decided, as far as it knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingClaim {
    pub claim: Claim,
    /// Whether it may have left the tab: then it must not change any more.
    pub is_fixed: bool,
    /// Whether its user waits for the outcome.
    pub is_asked: bool,
}

/// The state that the log has driven up to a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub at: Position,
    /// The ledger, in the wire format.
    pub ledger: Vec<u8>,
}

/// The durable state, as [`WriteOp`]s have left it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    pub context: DotSet,
    pub records: BTreeMap<RecordId, BTreeMap<Dot, Packed>>,
    pub standing: Standing,
    pub remembered: BTreeMap<VoterId, (ReplicaId, Standing)>,
    pub snapshot: Option<Snapshot>,
    pub log_start: Position,
    pub log: BTreeMap<Slot, Accepted>,
    pub decided: Slot,
    pub claim_seq: u64,
    /// By the `seq` of each.
    pub pending: LiteMap<u64, PendingClaim>,
    pub stored: DotSet,
    /// The counter of the last own edit that may have left a tab.
    pub sent: u64,
    pub hearsay: Hearsay,
    pub distrust: Distrust,
    /// In a relay: how far the highest number was raised without the log.
    pub raised: u64,
    /// In a tab: everything decided below is released, as far as it was told.
    pub released: Slot,
    /// Why a tab's records got no number when it asked for them last.
    pub refused: BTreeMap<RecordId, Rejection>,
    /// For each lease, by its first number, the next number to give.
    pub cursors: LiteMap<u64, u64>,
}

impl Recovered {
    /// What one write does to the durable state: the meaning that every store must give it.
    pub fn apply(&mut self, op: WriteOp) {
        match op {
            WriteOp::PutVersion { record, dot, version } => {
                self.records.entry(record).or_default().insert(dot, version);
            }
            WriteOp::DropVersion { record, dot } => {
                if let Some(versions) = self.records.get_mut(&record) {
                    versions.remove(&dot);
                    if versions.is_empty() {
                        self.records.remove(&record);
                    }
                }
            }
            WriteOp::PutContext(part) => self.context.replace(&part),
            WriteOp::Standing(standing) => self.standing = standing,
            WriteOp::Remember { voter, incarnation, standing } => {
                self.remembered.insert(voter, (incarnation, standing));
            }
            WriteOp::Snapshot { snapshot, log_start } => {
                self.log = self.log.split_off(&log_start.slot);
                self.log_start = log_start;
                self.decided = self.decided.max(snapshot.at.slot);
                self.snapshot = Some(snapshot);
            }
            WriteOp::Accept { slot, accepted } => {
                self.log.insert(slot, accepted);
            }
            WriteOp::Decided(slot) => self.decided = slot,
            WriteOp::Released(until) => self.released = until,
            WriteOp::ClaimSeq(seq) => self.claim_seq = seq,
            WriteOp::Ask(pending) => {
                self.pending.insert(pending.claim.id.seq, pending);
            }
            WriteOp::Answered(seq) => {
                self.pending.remove(&seq);
            }
            WriteOp::Refused { record, rejection: Some(rejection) } => {
                self.refused.insert(record, rejection);
            }
            WriteOp::Refused { record, rejection: None } => {
                self.refused.remove(&record);
            }
            WriteOp::Stored(dots) => self.stored = dots,
            WriteOp::Sent(counter) => self.sent = counter,
            WriteOp::Hearsay(hearsay) => self.hearsay = hearsay,
            WriteOp::Distrust(distrust) => self.distrust = distrust,
            WriteOp::Raised(number) => self.raised = number,
            WriteOp::Cursor { first, next } => {
                self.cursors.insert(first, next);
            }
        }
    }
}

/// What replicas say to one another. `docs/protocol.md` says who may send what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// The first on every link: what the sender has, so that the other side can send what it lacks.
    Have {
        context: DotSet,
        /// Of what is live, with its content.
        fingerprint: u128,
        decided: Slot,
        /// The hash of the decided log.
        chain: u64,
    },
    Edit(Edit),
    Delta(Delta),
    /// A delta with what its sender doubts about its versions. Between relays; and from a tab, which denies numbers.
    Doubtful {
        delta: Delta,
        doubts: Vec<Doubt>,
    },
    /// There is more to send; the receiver is to say what it has by now.
    More,
    /// The end of a resync.
    Digest(Digest),
    /// Asks what is live in some of `of` buckets of a digest.
    AskLiveness {
        of: u16,
        buckets: Vec<u16>,
    },
    Liveness(Liveness),
    /// Asks for a record whole, and what became of these dots: an edit builds on versions that the sender lacks.
    Want {
        record: RecordId,
        dots: DotSet,
    },
    /// To a tab: these of its own dots are durable on the relay, and these on a majority of the voters of a
    /// configuration.
    Stored {
        context: DotSet,
        configuration: u32,
        majority: DotSet,
    },
    /// Between relays: these dots, which came from the receiver, are durable at the sender.
    Held {
        dots: DotSet,
    },
    Paxos(paxos::Message),
    Suffix(Suffix),
    /// Asks for the decided log from here on.
    Fetch {
        first: Slot,
    },
    /// A part of a snapshot, for whoever lags behind the start of the sender's log.
    SnapshotPart {
        at: Position,
        /// How long the snapshot is, in bytes.
        length: u64,
        offset: u64,
        bytes: Vec<u8>,
    },
    /// Asks for the next part of the snapshot at a slot.
    FetchPart {
        at: Slot,
        offset: u64,
    },
    /// Passes a claim towards the leader.
    Propose(Claim),
    /// A tab has the log below `until`; with `None` it resigns. Goes from the tab to its relay, and on to the leader.
    Witness {
        tab: ReplicaId,
        until: Option<Slot>,
        /// Whether it would still have it after a crash.
        durable: bool,
    },
    /// From the leader to the relays, and on to the tabs: everything below is released.
    Released {
        until: Slot,
    },
    /// What the leader has measured, and what its relays pass on to the tabs.
    Load(Load),
    /// Between relays: the highest number was raised to this one without the log.
    Raised {
        number: u64,
    },
    /// Asks the leader from which slot on a read is up to date.
    ReadIndex {
        id: u64,
    },
    /// The answer to it.
    ReadAt {
        id: u64,
        index: Slot,
    },
    /// A record was removed by somebody while the edit `edit` was made: the edit won. For telling people.
    Restored {
        record: RecordId,
        edit: Dot,
    },
    /// Whoever had removed a record has brought it back by this edit, which follows. For telling people.
    Revived {
        record: RecordId,
        edit: Dot,
    },
    /// Asks who had these numbers from their authors, or gave them; or denies numbers under the sender's own edits.
    Doubt(Vec<Doubt>),
    /// Numbers that the sender has given, or that came to it from their authors.
    Attest(Vec<NumberWrite>),
    /// Between relays: somebody gave this dot to two edits.
    Equivocated {
        dot: Dot,
    },
    /// Between relays: who is connected to the sender. The first of a link.
    Presence(RelayPresence),
    /// Between relays: what has changed of it since.
    PresenceNews(PresenceNews),
    /// To a tab: how things stand. The first of a link.
    Status(Status),
    /// To a tab: what has changed of it since.
    StatusNews(StatusNews),
    /// The sender watches for the next seconds, and is to be told what the receiver sees.
    Watch {
        /// By what the sender knows the answer.
        at: u64,
        /// How long the last answer took over this link, in microseconds.
        round_trip_us: Option<u32>,
        /// The sender wants nothing but the answer, to measure the link. Of relays alone.
        measures: bool,
    },
    /// What a relay has seen. May be dropped where much waits.
    Observed(Observation),
}

/// Why a link is cut: the peer broke the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum Violation {
    #[error("a tab may not write under the name of another replica ({dot})")]
    ForeignDot { dot: Dot },
    #[error(
        "records hold too many numbers that others gave, {dot} among them, and this relay does not know of them: it may soon, so try again"
    )]
    UnknownNumber { dot: Dot },
    #[error("a tab may not send this kind of message")]
    NotForTabs,
    #[error("a tab may not claim under the name of another replica")]
    ForeignClaim,
    #[error("{0}")]
    Schema(SchemaViolation),
    #[error("a version of a record is longer than {MAX_VERSION_BYTES} bytes")]
    TooLarge,
    #[error("{0}")]
    Clock(ClockAhead),
    #[error("the causal context is scattered over more than {limit} intervals")]
    ScatteredContext { limit: usize },
    #[error("the message cannot be read: {reason}")]
    Malformed { reason: String },
    #[error("the message is longer than {limit} bytes")]
    Oversized { limit: usize },
    #[error("protocol version {theirs} is spoken here in version {ours}: reload the page")]
    Version { ours: u8, theirs: u8 },
    #[error("too many messages are waiting for this peer; it may connect again")]
    SlowPeer,
    #[error("more than {limit} messages a second")]
    TooFast { limit: u32 },
    #[error("the room's name must be 1 to 64 letters, digits, - or _")]
    BadRoom,
    #[error("this relay serves {limit} rooms already")]
    TooManyRooms { limit: usize },
    #[error("the logs differ: this relay belongs to other ones, or a database is damaged")]
    Diverged,
    #[error("the schemas differ: start all relays with the same --schema, and reload the page")]
    OtherSchema,
    #[error("the same replica has connected anew")]
    Replaced,
    #[error("this id belongs to a relay: a tab needs an id of its own")]
    IdOfRelay,
    #[error("this tab is still connected to another relay: it may connect here once that connection has ended")]
    ConnectedElsewhere,
    #[error("two different edits were made under one name ({dot}): their author must take a new id")]
    Equivocation { dot: Dot },
    #[error("the counter of {dot} is more than {limit} above all that are known: take a new id")]
    CounterLeap { dot: Dot, limit: u64 },
    #[error("this room had an internal error and is read anew from disk: connect again")]
    RoomFailed,
    #[error("the relay is stopping")]
    Stopping,
    #[error("too many new rooms come from this address: use a room that exists, or try again in a minute")]
    TooManyNewRooms,
    #[error("another copy of this tab is at work under the same id, as in a copied browser profile: take a new id")]
    Copied,
}

/// Something that another replica did, for people to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub record: RecordId,
    pub change: Change,
    /// Whose edit did it, where one did.
    pub by: Option<ReplicaId>,
}
