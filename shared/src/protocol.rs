//! The wire format: frames and their bytes. `docs/reference/wire-format.md` describes it for others who read it.

mod frames;

use crate::base::room::{BadRoom, Room};
pub use frames::{Decoder, Encoder, bytes_to_decode};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::base::dot::DotSet;
use crate::base::encoding::Malformed;
use crate::base::id::{RecordId, RelayId, ReplicaId, ReplicaSecret};
use crate::consensus::Founding;
use crate::merge::codec::columns::{ColumnSink, ColumnSource, MAX_CONTENT_BYTES, content};
use crate::merge::codec::rows::{RowSink, RowSource};
use crate::merge::codec::{Sink, Source, Table, put_dot_set, put_varint, take_bytes, take_dot_set, take_varint};
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

/// What goes over a WebSocket, each in a binary message of its own.
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
    /// On the link of two relays: the sender has opened this room with what its disk has of it. Whatever it said in the
    /// room before on this link was its former replica of the room.
    Opened(Room),
    /// On the link of two relays: the sender does not serve this room for now. To this room the link is down.
    Closed(Room),
    /// On the link of two relays: a program of the original system has updated a room, for those who listen there. Tells
    /// of it and nothing more: what it has changed goes the ways of all changes.
    Updated(Room, Update),
    /// On the link of a tab: asks for a sign, and is one. A relay answers with the same; a browser tells a page nothing of the
    /// pings of WebSockets.
    Ping,
    /// The last frame: why the link is cut.
    Bye(Violation),
}

/// Who speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hello {
    /// A tab to a relay. `secret` proves the id of the tab. `room` is a name that the relay checks, to say what is wrong
    /// with it.
    Tab { secret: ReplicaSecret, room: String },
    /// A relay to a tab. `replica` is the incarnation of its database; the schema is that of every room.
    Relay { voter: RelayId, replica: ReplicaId, schema: Schema },
    /// A relay to a relay. `replica` is the incarnation of its database.
    Link { voter: RelayId, replica: ReplicaId, schema: Schema },
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

/// What a relay knows of the relays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relays {
    /// How every log begins, if the relays have found one another. Durable at the sender.
    pub founding: Option<Founding>,
    /// Where the sender, and those to whom it has a link, are reached: host and port.
    pub addresses: BTreeMap<RelayId, String>,
}

/// The event of a program of the original system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Empty if it was about the number alone.
    pub name: String,
    pub number: i64,
}

/// Bytes that are not a value of the format.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    #[error("longer than {limit} bytes")]
    Oversized { limit: usize },
    #[error("written in version {theirs} of the format; this is version {ours}")]
    Version { ours: u8, theirs: u8 },
    #[error("not a value of the format: {reason}")]
    Malformed { reason: String },
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

/// A whole document as bytes, or what of it a replica with the context `theirs` lacks: the version of the format, and
/// then deltas, each after its length.
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

/// A set of dots on its own, as it is kept on disk.
#[must_use]
pub fn dot_set_bytes(set: &DotSet) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_dot_set(&mut RowSink { bytes: &mut bytes, table: &mut Table::default() }, set);
    bytes
}

/// # Errors
/// [`Malformed`] if the bytes are not those of a set of dots.
pub fn dot_set_of(mut bytes: &[u8]) -> Result<DotSet, Malformed> {
    let set = take_dot_set(&mut RowSource { bytes: &mut bytes, table: &mut Table::default() })?;
    if bytes.is_empty() { Ok(set) } else { Err(Malformed("bytes follow the set of dots")) }
}

/// What follows the version, which must be `ours`.
fn body(bytes: &[u8], ours: u8) -> Result<&[u8], DecodeError> {
    match bytes.split_first() {
        None => Err(Malformed("it is empty").into()),
        Some((&version, body)) if version == ours => Ok(body),
        Some((&theirs, _)) => Err(DecodeError::Version { ours, theirs }),
    }
}
