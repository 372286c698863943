//! Messages of replicas to one another, and why a link is cut.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::base::dot::{Dot, DotSet};
use crate::base::hlc::ClockAhead;
use crate::base::id::{RecordId, ReplicaId};
use crate::consensus::{Position, Slot};
use crate::ledger::{Claim, Load, Restores, Suffix, Vote};
use crate::merge::document::{Delta, Digest, Edit, Liveness, MAX_VERSION_BYTES};
use crate::replica::observation::Observation;
use crate::replica::presence::{PresenceNews, RelayPresence, Status, StatusNews};
use crate::replica::{Doubt, NumberWrite};
use crate::schema::SchemaViolation;

/// What replicas say to one another. `docs/reference/messages.md` says who may send what.
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
        /// The restores of all relays that the log has come through.
        restores: Restores,
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
    Paxos(Vote),
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
    #[error(
        "the logs differ: this relay belongs to other ones, or its database was put back from an older copy, or is damaged"
    )]
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
    #[error(
        "the other relays were restored from a backup, and this one was not: stop it and restore it from the same backup, or move its database away"
    )]
    LeftOut,
}
