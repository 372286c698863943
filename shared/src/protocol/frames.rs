//! The frames of a link as bytes, in one direction each.

use serde::Serialize;

use crate::base::dot::{Dot, DotSet};
use crate::base::encoding::{self, Malformed};
use crate::base::id::RecordId;
use crate::base::room::Room;
use crate::consensus::Slot;
use crate::consensus::voter_support::VoterSupport;
use crate::ledger::Restores;
use crate::merge::codec::columns::{MAX_CONTENT_BYTES, content_length};
use crate::merge::codec::rows::{RowSink, RowSource};
use crate::merge::codec::{
    Sink, Source, Table, put_dot_set, put_edit, put_varint, take_byte, take_bytes, take_dot_set, take_edit, take_varint,
};
use crate::merge::document::{Delta, Digest, Liveness};
use crate::replica::io::Message;

use super::{DecodeError, Frame, Hello, VERSION, body, delta_bytes, delta_of};

/// How many replicas the table of a link may hold before it begins anew: a bound on the memory that a peer can take.
const MAX_TABLE: usize = 1 << 15;

/// The second byte of a frame: what it is, and two flags.
mod tag {
    pub const HELLO: u8 = 0;
    pub const BYE: u8 = 1;
    pub const HAVE: u8 = 2;
    pub const EDIT: u8 = 3;
    pub const DELTA: u8 = 4;
    pub const MORE: u8 = 5;
    pub const DIGEST: u8 = 6;
    pub const ASK_LIVENESS: u8 = 7;
    pub const LIVENESS: u8 = 8;
    pub const WANT: u8 = 9;
    pub const STORED: u8 = 10;
    pub const PAXOS: u8 = 11;
    pub const SUFFIX: u8 = 12;
    pub const FETCH: u8 = 13;
    pub const PROPOSE: u8 = 14;
    pub const RESTORED: u8 = 15;
    pub const PRESENCE: u8 = 16;
    pub const STATUS: u8 = 17;
    pub const REVIVED: u8 = 18;
    pub const SNAPSHOT_PART: u8 = 19;
    pub const FETCH_PART: u8 = 20;
    pub const OBSERVER: u8 = 21;
    pub const RELEASED: u8 = 22;
    pub const READ_INDEX: u8 = 23;
    pub const READ_AT: u8 = 24;
    pub const RELAYS: u8 = 25;
    pub const LOAD: u8 = 26;
    pub const HELD: u8 = 27;
    pub const RAISED: u8 = 36;
    pub const WATCH: u8 = 28;
    pub const OBSERVED: u8 = 29;
    pub const DOUBTFUL: u8 = 35;
    pub const DOUBT: u8 = 30;
    pub const ATTEST: u8 = 31;
    pub const EQUIVOCATED: u8 = 32;
    pub const PRESENCE_NEWS: u8 = 33;
    pub const STATUS_NEWS: u8 = 34;
    pub const OPENED: u8 = 40;
    pub const CLOSED: u8 = 41;
    pub const UPDATED: u8 = 42;
    pub const PING: u8 = 43;
    /// The name of a room follows.
    pub const IN_ROOM: u8 = 0x40;
    /// The table of replicas begins anew with this frame.
    pub const NEW_TABLE: u8 = 0x80;
}

/// Writes the frames of one link in one direction, in the order in which they are sent.
#[derive(Debug, Default)]
pub struct Encoder {
    table: Table,
}

impl Encoder {
    /// The bytes of the next frame. A goodbye can be read whatever went before, since it may overtake other frames.
    #[must_use]
    pub fn frame(&mut self, frame: &Frame) -> Vec<u8> {
        let mut bytes = self.begin(matches!(frame, Frame::Bye(_)));
        bytes[1] |= match frame {
            Frame::Relays(_) | Frame::InRoom(..) | Frame::Opened(_) | Frame::Closed(_) | Frame::Updated(..)
                if !VoterSupport::EXISTS =>
            {
                unreachable!("only relays say this")
            }
            Frame::Hello(hello) => {
                self.introduce(hello);
                encoding::append(&mut bytes, hello);
                tag::HELLO
            }
            Frame::Bye(violation) => {
                encoding::append(&mut bytes, violation);
                tag::BYE
            }
            Frame::Relays(relays) => {
                encoding::append(&mut bytes, relays);
                tag::RELAYS
            }
            Frame::Ping => tag::PING,
            Frame::Message(message) => self.message(&mut bytes, message),
            Frame::Opened(room) => {
                put_room(&mut bytes, room);
                tag::OPENED
            }
            Frame::Closed(room) => {
                put_room(&mut bytes, room);
                tag::CLOSED
            }
            Frame::Updated(room, update) => {
                put_room(&mut bytes, room);
                encoding::append(&mut bytes, update);
                tag::UPDATED
            }
            Frame::InRoom(room, message) => {
                put_room(&mut bytes, room);
                self.message(&mut bytes, message) | tag::IN_ROOM
            }
        };
        bytes
    }

    /// The bytes of the next frame, which is a message on the link of a tab.
    #[must_use]
    pub fn message_frame(&mut self, message: &Message) -> Vec<u8> {
        let mut bytes = self.begin(false);
        bytes[1] |= self.message(&mut bytes, message);
        bytes
    }

    /// The first two bytes of a frame.
    fn begin(&mut self, is_on_its_own: bool) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend([VERSION, 0]);
        if self.table.len() > MAX_TABLE || is_on_its_own {
            self.table = Table::default();
            bytes[1] |= tag::NEW_TABLE;
        }
        bytes
    }

    /// Who says hello need not be introduced again.
    fn introduce(&mut self, hello: &Hello) {
        self.table.introduce(hello.replica());
    }

    /// Writes a message without its tag, and returns the tag.
    fn message(&mut self, bytes: &mut Vec<u8>, message: &Message) -> u8 {
        let sink = &mut RowSink { bytes, table: &mut self.table };
        match message {
            Message::Have { context, fingerprint, decided, chain, restores } => {
                put_have(sink, context, (*fingerprint, *chain), *decided, restores)
            }
            Message::Edit(edit) => {
                put_edit(sink, edit);
                tag::EDIT
            }
            Message::Delta(delta) => put_delta(sink, tag::DELTA, delta),
            Message::Doubtful { delta, doubts } => {
                encoding::append(sink.bytes, doubts);
                put_delta(sink, tag::DOUBTFUL, delta)
            }
            Message::More => tag::MORE,
            Message::Digest(digest) => put_digest(sink, digest),
            Message::AskLiveness { of, buckets } => {
                put_buckets(sink, *of, buckets);
                tag::ASK_LIVENESS
            }
            Message::Liveness(liveness) => put_liveness(sink, liveness),
            Message::Want { record, dots } => {
                sink.dot(record.0);
                put_dots(sink, tag::WANT, dots)
            }
            Message::Stored { context, configuration, majority } => {
                put_dot_set(sink, context);
                sink.number((*configuration).into());
                put_dots(sink, tag::STORED, majority)
            }
            Message::Held { dots } => put_dots(sink, tag::HELD, dots),
            Message::Restored { record, edit } => put_edit_of(sink, tag::RESTORED, *record, *edit),
            Message::Revived { record, edit } => put_edit_of(sink, tag::REVIVED, *record, *edit),
            Message::Paxos(message) => put_by_relay(sink, tag::PAXOS, message),
            Message::Suffix(suffix) => put_plain(sink, tag::SUFFIX, suffix),
            Message::Fetch { first } => put_plain(sink, tag::FETCH, first),
            Message::SnapshotPart { at, length, offset, bytes } => {
                put_plain(sink, tag::SNAPSHOT_PART, &(at, length, offset, bytes))
            }
            Message::FetchPart { at, offset } => put_plain(sink, tag::FETCH_PART, &(at, offset)),
            Message::Propose(request) => put_plain(sink, tag::PROPOSE, request),
            Message::Observer { tab, until, durable } => put_plain(sink, tag::OBSERVER, &(tab, until, durable)),
            Message::Released { until } => put_by_relay(sink, tag::RELEASED, until),
            Message::Raised { number } => put_by_relay(sink, tag::RAISED, number),
            Message::Load(load) => put_by_relay(sink, tag::LOAD, load),
            Message::ReadIndex { id } => put_plain(sink, tag::READ_INDEX, id),
            Message::ReadAt { id, index } => put_by_relay(sink, tag::READ_AT, &(id, index)),
            Message::Presence(presence) => put_by_relay(sink, tag::PRESENCE, presence),
            Message::PresenceNews(news) => put_by_relay(sink, tag::PRESENCE_NEWS, news),
            Message::Status(status) => put_by_relay(sink, tag::STATUS, status),
            Message::StatusNews(news) => put_by_relay(sink, tag::STATUS_NEWS, news),
            Message::Doubt(doubts) => put_plain(sink, tag::DOUBT, doubts),
            Message::Attest(writes) => put_plain(sink, tag::ATTEST, writes),
            Message::Equivocated { dot } => put_by_relay(sink, tag::EQUIVOCATED, dot),
            Message::Watch { at, round_trip_us: us, measures } => put_plain(sink, tag::WATCH, &(at, us, measures)),
            Message::Observed(observation) => put_by_relay(sink, tag::OBSERVED, observation),
        }
    }
}

/// Writes a value in the plain encoding, and gives the tag back.
fn put_plain<T: Serialize>(sink: &mut RowSink<'_>, tag: u8, value: &T) -> u8 {
    encoding::append(sink.bytes, value);
    tag
}

/// The same for a message that only relays say. A page has no code to write it.
fn put_by_relay<T: Serialize>(sink: &mut RowSink<'_>, tag: u8, value: &T) -> u8 {
    if !VoterSupport::EXISTS {
        unreachable!("only relays say this")
    }
    put_plain(sink, tag, value)
}

fn put_have(
    sink: &mut RowSink<'_>,
    context: &DotSet,
    (fingerprint, chain): (u128, u64),
    decided: Slot,
    restores: &Restores,
) -> u8 {
    put_dot_set(sink, context);
    sink.bytes.extend(fingerprint.to_le_bytes());
    sink.bytes.extend(chain.to_le_bytes());
    sink.number(decided.0);
    put_plain(sink, tag::HAVE, restores)
}

fn put_delta(sink: &mut RowSink<'_>, tag: u8, delta: &Delta) -> u8 {
    sink.bytes.extend(delta_bytes(delta));
    tag
}

fn put_dots(sink: &mut impl Sink, tag: u8, dots: &DotSet) -> u8 {
    put_dot_set(sink, dots);
    tag
}

fn put_edit_of(sink: &mut impl Sink, tag: u8, record: RecordId, edit: Dot) -> u8 {
    sink.dot(record.0);
    sink.dot(edit);
    tag
}

fn put_digest(sink: &mut RowSink<'_>, Digest { context, whole, buckets }: &Digest) -> u8 {
    put_dot_set(sink, context);
    sink.bytes.extend(whole.to_le_bytes());
    sink.number(buckets.len() as u64);
    buckets.iter().for_each(|hash| sink.bytes.extend(hash.to_le_bytes()));
    tag::DIGEST
}

fn put_liveness(sink: &mut RowSink<'_>, Liveness { context, whole, of, buckets, live }: &Liveness) -> u8 {
    put_dot_set(sink, context);
    sink.bytes.extend(whole.to_le_bytes());
    put_buckets(sink, *of, buckets);
    put_dots(sink, tag::LIVENESS, live)
}

fn put_room(bytes: &mut Vec<u8>, room: &Room) {
    put_varint(bytes, room.as_str().len() as u64);
    bytes.extend(room.as_str().as_bytes());
}

fn take_room(bytes: &mut &[u8]) -> Result<Room, Malformed> {
    let length = take_varint(bytes)?;
    let name = take_bytes(bytes, length)?;
    let room = str::from_utf8(name).ok().and_then(|name| Room::try_from(name.to_owned()).ok());
    room.ok_or(Malformed("no room can have this name"))
}

fn take_hash(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    Ok(u64::from_le_bytes(take_bytes(bytes, 8)?.try_into().expect("eight bytes were taken")))
}

fn take_wide_hash(bytes: &mut &[u8]) -> Result<u128, Malformed> {
    Ok(u128::from_le_bytes(take_bytes(bytes, 16)?.try_into().expect("sixteen bytes were taken")))
}

fn put_buckets(sink: &mut impl Sink, of: u16, buckets: &[u16]) {
    sink.number(of.into());
    sink.number(buckets.len() as u64);
    buckets.iter().for_each(|&at| sink.number(at.into()));
}

fn take_buckets(source: &mut impl Source) -> Result<(u16, Vec<u16>), Malformed> {
    let narrow = |number: u64| number.try_into().map_err(|_| Malformed("there are fewer buckets"));
    let of = narrow(source.number()?)?;
    let mut buckets = Vec::new();
    for _ in 0..source.number()? {
        buckets.push(narrow(source.number()?)?);
    }
    Ok((of, buckets))
}

/// Reads the frames that one [`Encoder`] has written, in the same order.
#[derive(Debug)]
pub struct Decoder {
    table: Table,
    /// The longest frame, in bytes.
    limit: usize,
    /// The longest content of a compressed frame, in bytes: a delta carries 16 KiB of versions, or one longer version.
    content_limit: usize,
}

/// How many times longer than its bytes what a frame says may be in memory: two bytes are an interval of dots.
const GROWTH: usize = 16;

/// How many bytes of memory it takes at the most to decode a frame, before it is decoded. `limit` is that of the decoder.
#[must_use]
pub fn bytes_to_decode(frame: &[u8], limit: usize) -> usize {
    match frame {
        [_, what, delta @ ..] if what & !tag::NEW_TABLE == tag::DELTA => {
            let content = content_length(delta).ok().and_then(|length| usize::try_from(length).ok());
            let content_limit = content_limit(limit);
            // What texts have in common is written once and given often.
            content.unwrap_or(0).min(content_limit).saturating_mul(GROWTH).saturating_add(content_limit)
        }
        _ => frame.len().saturating_mul(GROWTH),
    }
}

fn content_limit(limit: usize) -> usize {
    limit.saturating_mul(2).min(MAX_CONTENT_BYTES)
}

impl Decoder {
    /// Creates the decoder of one direction of a link. `limit` is the longest frame that it reads, in bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Decoder { table: Table::default(), limit, content_limit: content_limit(limit) }
    }

    /// The frame that the bytes stand for. Total: any bytes give a frame or an error, after which the link is of no
    /// more use.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are too long, of another version, broken, or followed by more.
    pub fn frame(&mut self, bytes: &[u8]) -> Result<Frame, DecodeError> {
        if bytes.len() > self.limit {
            return Err(DecodeError::Oversized { limit: self.limit });
        }
        let mut rest = body(bytes, VERSION)?;
        let tag = take_byte(&mut rest)?;
        if tag & tag::NEW_TABLE != 0 {
            self.table = Table::default();
        } else if self.table.len() > MAX_TABLE {
            return Err(Malformed("the table of replicas is full").into());
        }
        let frame = match tag & !tag::NEW_TABLE {
            what if !VoterSupport::EXISTS
                && (matches!(what, tag::RELAYS | tag::OPENED | tag::CLOSED | tag::UPDATED)
                    || what & tag::IN_ROOM != 0) =>
            {
                return Err(Malformed("only relays are told this").into());
            }
            tag::HELLO => {
                let hello: Hello = encoding::take(&mut rest)?;
                self.table.introduce(hello.replica());
                Frame::Hello(hello)
            }
            tag::BYE => Frame::Bye(encoding::take(&mut rest)?),
            tag::RELAYS => Frame::Relays(encoding::take(&mut rest)?),
            tag::OPENED => Frame::Opened(take_room(&mut rest)?),
            tag::CLOSED => Frame::Closed(take_room(&mut rest)?),
            tag::UPDATED => Frame::Updated(take_room(&mut rest)?, encoding::take(&mut rest)?),
            tag::PING => Frame::Ping,
            what if what & tag::IN_ROOM != 0 => {
                let room = take_room(&mut rest)?;
                Frame::InRoom(room, self.message(what & !tag::IN_ROOM, &mut rest)?)
            }
            what => Frame::Message(self.message(what, &mut rest)?),
        };
        if rest.is_empty() { Ok(frame) } else { Err(Malformed("bytes follow the frame").into()) }
    }

    fn message(&mut self, what: u8, rest: &mut &[u8]) -> Result<Message, DecodeError> {
        if is_for_relays_only(what) && !VoterSupport::EXISTS {
            return Err(Malformed("only relays are told this").into());
        }
        let mut source = RowSource { bytes: rest, table: &mut self.table };
        Ok(match what {
            tag::HAVE => {
                let context = take_dot_set(&mut source)?;
                let (fingerprint, chain) = (take_wide_hash(source.bytes)?, take_hash(source.bytes)?);
                let decided = Slot(source.number()?);
                Message::Have { context, fingerprint, chain, decided, restores: encoding::take(source.bytes)? }
            }
            tag::EDIT => Message::Edit(take_edit(&mut source)?),
            tag::DELTA => Message::Delta(delta_of(std::mem::take(rest), self.content_limit)?),
            tag::DOUBTFUL => {
                let doubts = encoding::take(rest)?;
                Message::Doubtful { doubts, delta: delta_of(std::mem::take(rest), self.content_limit)? }
            }
            tag::MORE => Message::More,
            tag::DIGEST => {
                let context = take_dot_set(&mut source)?;
                let whole = take_wide_hash(source.bytes)?;
                let count = source.number()?;
                let hashes = take_bytes(source.bytes, count.saturating_mul(4))?.chunks_exact(4);
                let hashes = hashes.map(|hash| u32::from_le_bytes(hash.try_into().expect("a chunk has four bytes")));
                Message::Digest(Digest { context, whole, buckets: hashes.collect() })
            }
            tag::ASK_LIVENESS => {
                let (of, buckets) = take_buckets(&mut source)?;
                Message::AskLiveness { of, buckets }
            }
            tag::LIVENESS => {
                let context = take_dot_set(&mut source)?;
                let whole = take_wide_hash(source.bytes)?;
                let (of, buckets) = take_buckets(&mut source)?;
                Message::Liveness(Liveness { context, whole, of, buckets, live: take_dot_set(&mut source)? })
            }
            tag::WANT => Message::Want { record: RecordId(source.dot()?), dots: take_dot_set(&mut source)? },
            tag::STORED => {
                let context = take_dot_set(&mut source)?;
                let number = source.number()?.try_into();
                let configuration = number.map_err(|_| Malformed("configurations have shorter numbers"))?;
                Message::Stored { context, configuration, majority: take_dot_set(&mut source)? }
            }
            tag::HELD => Message::Held { dots: take_dot_set(&mut source)? },
            tag::RESTORED => Message::Restored { record: RecordId(source.dot()?), edit: source.dot()? },
            tag::REVIVED => Message::Revived { record: RecordId(source.dot()?), edit: source.dot()? },
            _ => take_plain(what, rest)?,
        })
    }
}

/// The messages that are not about the document.
fn take_plain(what: u8, rest: &mut &[u8]) -> Result<Message, DecodeError> {
    Ok(match what {
        tag::PAXOS => Message::Paxos(encoding::take(rest)?),
        tag::SUFFIX => Message::Suffix(encoding::take(rest)?),
        tag::FETCH => Message::Fetch { first: encoding::take(rest)? },
        tag::SNAPSHOT_PART => {
            let (at, length, offset, bytes) = encoding::take(rest)?;
            Message::SnapshotPart { at, length, offset, bytes }
        }
        tag::FETCH_PART => {
            let (at, offset) = encoding::take(rest)?;
            Message::FetchPart { at, offset }
        }
        tag::PROPOSE => Message::Propose(encoding::take(rest)?),
        tag::OBSERVER => {
            let (tab, until, durable) = encoding::take(rest)?;
            Message::Observer { tab, until, durable }
        }
        tag::RELEASED => Message::Released { until: encoding::take(rest)? },
        tag::RAISED => Message::Raised { number: encoding::take(rest)? },
        tag::LOAD => Message::Load(encoding::take(rest)?),
        tag::READ_INDEX => Message::ReadIndex { id: encoding::take(rest)? },
        tag::READ_AT => {
            let (id, index) = encoding::take(rest)?;
            Message::ReadAt { id, index }
        }
        tag::PRESENCE => Message::Presence(encoding::take(rest)?),
        tag::PRESENCE_NEWS => Message::PresenceNews(encoding::take(rest)?),
        tag::STATUS => Message::Status(encoding::take(rest)?),
        tag::STATUS_NEWS => Message::StatusNews(encoding::take(rest)?),
        tag::DOUBT => Message::Doubt(encoding::take(rest)?),
        tag::ATTEST => Message::Attest(encoding::take(rest)?),
        tag::EQUIVOCATED => Message::Equivocated { dot: encoding::take(rest)? },
        tag::WATCH => {
            let (at, round_trip_us, measures) = encoding::take(rest)?;
            Message::Watch { at, round_trip_us, measures }
        }
        tag::OBSERVED => Message::Observed(encoding::take(rest)?),
        _ => return Err(Malformed("there is no such message").into()),
    })
}

/// Whether only relays are told a message of this tag. A page has no code to read it.
fn is_for_relays_only(what: u8) -> bool {
    matches!(
        what,
        tag::PAXOS
            | tag::HELD
            | tag::PRESENCE
            | tag::PRESENCE_NEWS
            | tag::ATTEST
            | tag::EQUIVOCATED
            | tag::RAISED
            | tag::PROPOSE
            | tag::OBSERVER
            | tag::READ_INDEX
            | tag::WATCH
    )
}
