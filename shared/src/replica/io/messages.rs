//! The messages of replicas, and the reasons to end a link.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::base::dot::{Dot, DotSet};
use crate::base::hlc::ClockAhead;
use crate::base::id::{RecordId, ReplicaId};
use crate::consensus::{Position, Slot};
use crate::ledger::{Load, Request, Restores, Suffix, Vote};
use crate::merge::document::{Delta, Digest, Edit, Liveness, MAX_VERSION_BYTES};
use crate::replica::observation::Observation;
use crate::replica::presence::{PresenceNews, RelayPresence, Status, StatusNews};
use crate::replica::{Doubt, NumberWrite};
use crate::schema::SchemaViolation;

/// A message between replicas. `docs/reference/messages.md` says who may send which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// The first message on every link: the state of the sender, from which the other side finds out what the sender
    /// lacks.
    Have {
        /// All dots that the sender has seen.
        context: DotSet,
        /// The sum of the content hashes of all live dots.
        fingerprint: u128,
        /// The first slot that the sender does not know to be decided.
        decided: Slot,
        /// The hash of the decided log.
        chain: u64,
        /// The restores of all relays that the sender's log has come through.
        restores: Restores,
    },
    /// One edit, with the versions that it builds on.
    Edit(Edit),
    /// Whole versions, and the dots that they supersede.
    Delta(Delta),
    /// A delta with numbers that its sender doubts. Sent between relays, and by a tab that denies numbers.
    Doubtful {
        /// The versions, and the dots that they supersede.
        delta: Delta,
        /// The doubted numbers in these versions.
        doubts: Vec<Doubt>,
    },
    /// The sender has more to send. The receiver answers with `Have`.
    More,
    /// The end of a resync.
    Digest(Digest),
    /// Asks for the live dots in some buckets of a digest.
    AskLiveness {
        /// How many buckets the digest has.
        of: u16,
        /// The buckets that differ, by index.
        buckets: Vec<u16>,
    },
    /// The live dots of some buckets.
    Liveness(Liveness),
    /// Asks for a whole record, and for the fate of some dots: an edit builds on versions that the sender lacks.
    Want {
        /// The record to send.
        record: RecordId,
        /// The dots of the versions that the sender lacks.
        dots: DotSet,
    },
    /// From a relay to a tab: which dots of the tab are durable.
    Stored {
        /// The dots of the tab that are durable at the relay.
        context: DotSet,
        /// The number of the configuration that `majority` is about.
        configuration: u32,
        /// The dots of the tab that are durable on a majority of the voters of that configuration.
        majority: DotSet,
    },
    /// Between relays: dots that came from the receiver are durable at the sender.
    Held {
        /// The durable dots.
        dots: DotSet,
    },
    /// Between relays: a message of the consensus.
    Paxos(Vote),
    /// A part of the decided log.
    Suffix(Suffix),
    /// Asks for the decided log from here on.
    Fetch {
        /// The first slot wanted.
        first: Slot,
    },
    /// A part of a snapshot, for a replica that lags behind the start of the sender's log.
    SnapshotPart {
        /// The position of the snapshot in the log.
        at: Position,
        /// How long the snapshot is, in bytes.
        length: u64,
        /// The place of these bytes in the snapshot, counted in bytes from its start.
        offset: u64,
        /// The bytes of the part.
        bytes: Vec<u8>,
    },
    /// Asks for the next part of a snapshot.
    FetchPart {
        /// The slot of the snapshot.
        at: Slot,
        /// The first byte wanted, counted from the start of the snapshot.
        offset: u64,
    },
    /// Passes a request towards the leader.
    Propose(Request),
    /// The acknowledgement of an observer. It goes from the tab to its relay, and on to the leader.
    Observer {
        /// The tab that acknowledges.
        tab: ReplicaId,
        /// The tab has the log below this slot; `None`: it is no observer any more.
        until: Option<Slot>,
        /// True if the tab would still have it after a crash.
        durable: bool,
    },
    /// From the leader to the relays, and on to the tabs: decisions have become visible.
    Released {
        /// Everything decided below this slot is visible.
        until: Slot,
    },
    /// The leader's measurements, which relays pass on to the tabs.
    Load(Load),
    /// Between relays: the highest number was raised without the log.
    Raised {
        /// The highest number now.
        number: u64,
    },
    /// Asks the leader from which slot on a read is up to date.
    ReadIndex {
        /// A number that the sender chose, to match the answer.
        id: u64,
    },
    /// The answer to [`ReadIndex`](Self::ReadIndex).
    ReadAt {
        /// The number from the question.
        id: u64,
        /// A reader that has applied the log below this slot is up to date.
        index: Slot,
    },
    /// An edit won over a concurrent removal of its record. Only for telling users.
    Restored {
        /// The record that was removed and is back.
        record: RecordId,
        /// The dot of the edit that won.
        edit: Dot,
    },
    /// The replica that removed a record brings it back, by an edit that follows. Only for telling users.
    Revived {
        /// The record that comes back.
        record: RecordId,
        /// The dot of the edit that brings it back.
        edit: Dot,
    },
    /// Asks which relay had these numbers from their authors. An author denies numbers under its own edits with it.
    Doubt(Vec<Doubt>),
    /// Attests numbers that the sender has given, or had from their authors.
    Attest(Vec<NumberWrite>),
    /// Between relays: an author gave one dot to two edits.
    Equivocated {
        /// The dot that was given twice.
        dot: Dot,
    },
    /// Between relays: who is connected to the sender. The first presence message of a link.
    Presence(RelayPresence),
    /// Between relays: the changes of the presence since the last such message.
    PresenceNews(PresenceNews),
    /// From a relay to a tab: the state of the relays and tabs. The first such message of a link.
    Status(Status),
    /// From a relay to a tab: the changes of the status since the last such message.
    StatusNews(StatusNews),
    /// The sender watches for the next seconds, and wants telemetry of the receiver.
    Watch {
        /// A number that the sender chose, which the answer repeats.
        at: u64,
        /// The last round trip over this link, in microseconds.
        round_trip_us: Option<u32>,
        /// True if the sender wants only the answer, to measure the link. Only relays set it.
        measures: bool,
    },
    /// The telemetry of a relay. May be dropped when many messages wait.
    Observed(Observation),
}

/// The class of a message. It says who may send the message to whom, and what it costs to answer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageClass {
    /// Edits and versions.
    Edits,
    /// A step by which two replicas become equal. The answer may be long.
    CatchUp,
    /// A remark about an edit or a number, between any two replicas.
    Remark,
    /// For a relay: a request, an acknowledgement, or an attestation.
    ForRelay,
    /// A part of the decided log.
    Log,
    /// The traffic of relays among themselves.
    BetweenRelays,
    /// A statement of a relay about itself or about the room.
    ByRelay,
}

impl Message {
    /// Returns the class of the message.
    #[must_use]
    pub fn class(&self) -> MessageClass {
        match self {
            Message::Edit(_) | Message::Delta(_) | Message::Doubtful { .. } => MessageClass::Edits,
            Message::Have { .. }
            | Message::More
            | Message::Digest(_)
            | Message::AskLiveness { .. }
            | Message::Liveness(_)
            | Message::Want { .. }
            | Message::Fetch { .. }
            | Message::FetchPart { .. } => MessageClass::CatchUp,
            Message::Restored { .. } | Message::Revived { .. } | Message::Doubt(_) => MessageClass::Remark,
            Message::Propose(_)
            | Message::Observer { .. }
            | Message::ReadIndex { .. }
            | Message::Watch { .. }
            | Message::Attest(_) => MessageClass::ForRelay,
            Message::Suffix(_) | Message::SnapshotPart { .. } => MessageClass::Log,
            Message::Paxos(_)
            | Message::Held { .. }
            | Message::Raised { .. }
            | Message::Equivocated { .. }
            | Message::Presence(_)
            | Message::PresenceNews(_) => MessageClass::BetweenRelays,
            Message::Stored { .. }
            | Message::Status(_)
            | Message::StatusNews(_)
            | Message::Released { .. }
            | Message::Load(_)
            | Message::ReadAt { .. }
            | Message::Observed(_) => MessageClass::ByRelay,
        }
    }
}

/// The reason to end a link: the peer broke the protocol, or the sender cannot serve it.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum Violation {
    /// A tab sent an edit or a version under a dot of another replica.
    #[error("a tab may not write under the name of another replica ({dot})")]
    ForeignDot {
        /// The dot of another replica.
        dot: Dot,
    },
    /// A tab brought too many numbers by others that this relay does not know.
    #[error(
        "records hold too many numbers that others gave, {dot} among them, and this relay does not know of them: it may soon, so try again"
    )]
    UnknownNumber {
        /// The edit that gave one of those numbers.
        dot: Dot,
    },
    /// A tab sent a message that only relays may send.
    #[error("a tab may not send this kind of message")]
    NotForTabs,
    /// A tab sent a request, an acknowledgement or a statement about a number under the id of another replica.
    #[error("a tab may not ask under the name of another replica")]
    ForeignRequest,
    /// An edit or a version does not fit the schema.
    #[error("{0}")]
    Schema(SchemaViolation),
    /// A version is longer than [`MAX_VERSION_BYTES`].
    #[error("a version of a record is longer than {MAX_VERSION_BYTES} bytes")]
    TooLarge,
    /// A stamp is too far ahead of the clock of this replica.
    #[error("{0}")]
    Clock(ClockAhead),
    /// The causal context has too many gaps.
    #[error("the causal context is scattered over more than {limit} intervals")]
    ScatteredContext {
        /// The most intervals allowed.
        limit: usize,
    },
    /// The bytes of a frame do not decode.
    #[error("the message cannot be read: {reason}")]
    Malformed {
        /// The part of the format that they break.
        reason: String,
    },
    /// A frame is too long.
    #[error("the message is longer than {limit} bytes")]
    Oversized {
        /// The longest frame allowed, in bytes.
        limit: usize,
    },
    /// The peer speaks another version of the wire format.
    #[error("protocol version {theirs} is spoken here in version {ours}: reload the page")]
    Version {
        /// The version of the side that ends the link.
        ours: u8,
        /// The version of the other side.
        theirs: u8,
    },
    /// More messages wait for the peer than are kept for it.
    #[error("too many messages are waiting for this peer; it may connect again")]
    SlowPeer,
    /// The peer sends too many messages.
    #[error("more than {limit} messages a second")]
    TooFast {
        /// The most messages allowed, per second.
        limit: u32,
    },
    /// The name of the room breaks the rules of room names.
    #[error("the room's name must be 1 to 64 letters, digits, - or _")]
    BadRoom,
    /// The relay serves as many rooms as it may.
    #[error("this relay serves {limit} rooms already")]
    TooManyRooms {
        /// The most rooms allowed.
        limit: usize,
    },
    /// The decided logs of the two replicas differ, and no restore explains it.
    #[error(
        "the logs differ: this relay belongs to other ones, or its database was put back from an older copy, or is damaged"
    )]
    Diverged,
    /// The schema of the peer does not fit the schema of this replica.
    #[error("the schemas differ: start all relays with the same --schema, and reload the page")]
    OtherSchema,
    /// The same replica has a newer link, which replaces this one.
    #[error("the same replica has connected anew")]
    Replaced,
    /// A tab uses an id under which a relay runs.
    #[error("this id belongs to a relay: a tab needs an id of its own")]
    IdOfRelay,
    /// A tab under the same id is linked to another relay.
    #[error("this tab is still connected to another relay: it may connect here once that connection has ended")]
    ConnectedElsewhere,
    /// One dot was given to two edits, whose author must go on under a new id.
    #[error("two different edits were made under one name ({dot}): their author must take a new id")]
    Equivocation {
        /// The dot that was given twice.
        dot: Dot,
    },
    /// The counter of a dot is too far above the known ones of its replica.
    #[error("the counter of {dot} is more than {limit} above all that are known: take a new id")]
    CounterLeap {
        /// The dot that is too far ahead.
        dot: Dot,
        /// How far above the known counters a dot may be.
        limit: u64,
    },
    /// The room had an internal error, and the relay reads it anew from disk.
    #[error("this room had an internal error and is read anew from disk: connect again")]
    RoomFailed,
    /// The relay is shutting down.
    #[error("the relay is stopping")]
    Stopping,
    /// One address has opened too many new rooms within a minute.
    #[error("too many new rooms come from this address: use a room that exists, or try again in a minute")]
    TooManyNewRooms,
    /// Another tab is at work under the same id, as a copy of this one.
    #[error("another copy of this tab is at work under the same id, as in a copied browser profile: take a new id")]
    Copied,
    /// The other relays were restored from a backup, and this one was not.
    #[error(
        "the other relays were restored from a backup, and this one was not: stop it and restore it from the same backup, or move its database away"
    )]
    LeftOut,
}
