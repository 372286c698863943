//! The wire format: frames and their bytes. `docs/reference/wire-format.md` describes it for others who read it.

mod frames;

use crate::base::room::{BadRoom, Room};
pub use frames::{Decoder, Encoder, bytes_to_decode};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::base::dot::DotSet;
use crate::base::encoding::Malformed;
use crate::base::id::{RecordId, RelayId, ReplicaId, ReplicaSecret};
use crate::base::sorted::SortedMap;
use crate::consensus::Founding;
use crate::merge::codec::columns::{ColumnSink, ColumnSource, MAX_CONTENT_BYTES, content};
use crate::merge::codec::{Sink, Source, put_dot_set, put_varint, take_bytes, take_dot_set, take_varint};
use crate::merge::document::{Delta, Document, Packed};
use crate::replica::io::{Message, Violation};
use crate::schema::Schema;

/// The version of the frames. Peers of different versions do not talk.
pub const VERSION: u8 = 9;

/// The version of documents, which has a number of its own: what is kept outlives the frames of its time.
const DOCUMENT_VERSION: u8 = 2;

/// The longest frame, in bytes.
pub const MAX_FRAME_BYTES: usize = 4 << 20;

/// The longest frame that a tab may send, in bytes. A tab sends only what it wrote itself.
pub const MAX_TAB_FRAME_BYTES: usize = 1 << 20;

/// A frame of a WebSocket, each in a binary message of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The first frame in either direction.
    Hello(Hello),
    /// On the link of a tab, which is in one room.
    Message(Message),
    /// On the link of two relays, which serves all rooms.
    InRoom(Room, Message),
    /// On the link of two relays, before anything in a room, and again when it has changed.
    Relays(Relays),
    /// On the link of two relays: the sender has opened this room from its disk. Its earlier messages in the room
    /// came from its former replica of the room.
    Opened(Room),
    /// On the link of two relays: the sender does not serve this room for now. For this room the link is down.
    Closed(Room),
    /// On the link of two relays: a program of the original system has updated a room. It only reports the event to
    /// listeners; the change itself travels as all changes do.
    Updated(Room, Update),
    /// On the link of a tab: asks for an answer, and is one. A relay answers with the same frame, since browsers hide
    /// the pings of WebSockets from pages.
    Ping,
    /// The last frame: the reason to end the link.
    Bye(Violation),
}

/// The first frame of a link: the identity of the sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hello {
    /// A tab to a relay. The secret proves the id of the tab. The relay checks the name of the room, to say what is
    /// wrong with it.
    Tab {
        /// The secret of the tab, from which its id follows.
        secret: ReplicaSecret,
        /// The name of the room.
        room: String,
    },
    /// A relay to a tab.
    Relay {
        /// The id of the relay, as a voter.
        voter: RelayId,
        /// The incarnation of its database.
        replica: ReplicaId,
        /// The schema of every room.
        schema: Schema,
    },
    /// A relay to a relay.
    Link {
        /// The id of the relay, as a voter.
        voter: RelayId,
        /// The incarnation of its database.
        replica: ReplicaId,
        /// The schema of every room.
        schema: Schema,
    },
}

impl Hello {
    /// The replica that says hello.
    #[must_use]
    pub fn replica(&self) -> ReplicaId {
        match self {
            Hello::Tab { secret, .. } => secret.replica(),
            Hello::Relay { replica, .. } | Hello::Link { replica, .. } => *replica,
        }
    }
}

/// The relays that a relay knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relays {
    /// The founding of every log, if the relays have found one another. Durable at the sender.
    pub founding: Option<Founding>,
    /// The addresses of the sender and of the relays linked to it: host and port.
    pub addresses: SortedMap<RelayId, String>,
}

/// An update by a program of the original system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// The name that was set; empty if only the number was.
    pub name: String,
    /// The number that the program sent.
    pub number: i64,
}

/// Bytes that are not a value of the format.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The bytes are too many.
    #[error("longer than {limit} bytes")]
    Oversized {
        /// The most bytes allowed.
        limit: usize,
    },
    /// The bytes are of another version of the format.
    #[error("written in version {theirs} of the format; this is version {ours}")]
    Version {
        /// The version that is read here.
        ours: u8,
        /// The version in the bytes.
        theirs: u8,
    },
    /// The bytes do not follow the format.
    #[error("not a value of the format: {reason}")]
    Malformed {
        /// The rule that they break.
        reason: String,
    },
}

impl From<Malformed> for DecodeError {
    fn from(Malformed(reason): Malformed) -> Self {
        DecodeError::Malformed { reason: reason.to_owned() }
    }
}

impl From<BadRoom> for Violation {
    fn from(BadRoom: BadRoom) -> Self {
        Violation::BadRoom
    }
}

impl From<DecodeError> for Violation {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Oversized { limit } => Violation::Oversized { limit },
            DecodeError::Version { ours, theirs } => Violation::Version { ours, theirs },
            DecodeError::Malformed { reason } => Violation::Malformed { reason },
        }
    }
}

/// A delta in columns, which need no table.
fn delta_bytes(delta: &Delta) -> Vec<u8> {
    let mut sink = ColumnSink::default();
    sink.number(delta.remaining);
    put_dot_set(&mut sink, &delta.context);
    sink.number(delta.versions.len() as u64);
    for (record, version) in &delta.versions {
        sink.dot(record.0);
        version.write(*record, &mut sink);
    }
    sink.finish()
}

/// How many bytes of its limit a delta needs for each version, at the least: otherwise a short frame could hold so many
/// empty versions that they fill the memory. The parts of a document carry 256 KiB of versions, of 17 bytes each at the
/// least, so they stay below.
const BYTES_PER_VERSION: u64 = 128;

/// `limit` bounds the content, and the texts in it, in bytes.
fn delta_of(bytes: &[u8], limit: usize) -> Result<Delta, Malformed> {
    let content = content(bytes, limit)?;
    let mut source = ColumnSource::new(&content, limit)?;
    let remaining = source.number()?;
    let context = take_dot_set(&mut source)?;
    let mut versions = Vec::new();
    let count = source.number()?;
    if count > limit as u64 / BYTES_PER_VERSION {
        return Err(Malformed("a delta has too many versions"));
    }
    for _ in 0..count {
        let record = RecordId(source.dot()?);
        versions.push((record, Packed::read(record, &mut source)?));
    }
    source.finish()?;
    Ok(Delta { context, versions, remaining })
}

/// A document as bytes, or the part of it that a replica with the context `theirs` lacks. The version of the format
/// comes first, then deltas, each after its length.
#[must_use]
pub fn document_bytes(document: &Document, theirs: &DotSet) -> Vec<u8> {
    let mut bytes = vec![DOCUMENT_VERSION];
    for delta in document.parts(theirs) {
        let delta = delta_bytes(&delta);
        put_varint(&mut bytes, delta.len() as u64);
        bytes.extend(delta);
    }
    bytes
}

/// The deltas of a document's bytes, to be merged one by one.
///
/// # Errors
/// [`DecodeError`] for the first that is broken, after which nothing more comes.
pub fn document_deltas(bytes: &[u8]) -> Result<impl Iterator<Item = Result<Delta, DecodeError>> + '_, DecodeError> {
    let mut rest = body(bytes, DOCUMENT_VERSION)?;
    Ok(std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let length = take_varint(&mut rest);
        let delta = length.and_then(|length| take_bytes(&mut rest, length));
        let delta = delta.and_then(|bytes| delta_of(bytes, MAX_CONTENT_BYTES));
        if delta.is_err() {
            rest = &[];
        }
        Some(delta.map_err(DecodeError::from))
    }))
}

/// Returns the bytes after the version, which must be `ours`.
fn body(bytes: &[u8], ours: u8) -> Result<&[u8], DecodeError> {
    match bytes.split_first() {
        None => Err(Malformed("it is empty").into()),
        Some((&version, body)) if version == ours => Ok(body),
        Some((&theirs, _)) => Err(DecodeError::Version { ours, theirs }),
    }
}
