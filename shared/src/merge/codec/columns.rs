//! The layout for many: like beside like, compressed.
//!
//! The parts go into lanes by what they are. Texts go into lanes by field, each written as the number of bytes that it
//! begins with in common with the text before it, and the rest. The lanes are then put one behind the other and
//! compressed with LZ4, a format that decodes at the speed of memory.

use super::rows::{logical, take_id};
use super::{Sink, Source, Table, put_varint, take_bytes, take_varint, unzigzag, zigzag};
use crate::base::dot::Dot;
use crate::base::encoding::Malformed;
use crate::base::hlc::Stamp;
use crate::schema::FieldId;

/// The longest content that any compressed bytes may have, and the longest that all its texts may be, in bytes: a bound on
/// the memory that a frame can take.
pub const MAX_CONTENT_BYTES: usize = 4 << 20;

/// The lanes that there always are, in the order in which they are written.
const NUMBERS: usize = 0;
const ENTRIES: usize = 1;
const IDS: usize = 2;
const COUNTERS: usize = 3;
const WALLS: usize = 4;
const LOGICALS: usize = 5;
const AMOUNTS: usize = 6;
const LANES: usize = 7;

/// How the content of the lanes is written.
const PLAIN: u64 = 0;
const LZ4: u64 = 1;

/// How many bytes a lane begins with: to grow a lane from nothing costs more than to fill it.
const LANE_BYTES: usize = 64;

/// Gathers parts in lanes. The table is fresh: columns can be read without anything that went before.
pub struct ColumnSink {
    table: Table,
    lanes: [Vec<u8>; LANES],
    texts: Vec<(FieldId, TextSink)>,
}

impl Default for ColumnSink {
    fn default() -> Self {
        ColumnSink { table: Table::default(), lanes: std::array::from_fn(|_| lane()), texts: Vec::new() }
    }
}

fn lane() -> Vec<u8> {
    Vec::with_capacity(LANE_BYTES)
}

/// The texts of one field.
struct TextSink {
    commons: Vec<u8>,
    lengths: Vec<u8>,
    rests: Vec<u8>,
    latest: Vec<u8>,
}

impl Sink for ColumnSink {
    fn number(&mut self, number: u64) {
        put_varint(&mut self.lanes[NUMBERS], number);
    }

    fn dot(&mut self, dot: Dot) {
        let parts = self.table.split(dot);
        put_varint(&mut self.lanes[ENTRIES], parts.entry);
        if let Some(id) = parts.id {
            self.lanes[IDS].extend(id.0.to_le_bytes());
        }
        put_varint(&mut self.lanes[COUNTERS], parts.counter);
    }

    fn stamp(&mut self, stamp: Stamp) {
        put_varint(&mut self.lanes[WALLS], self.table.split_wall(stamp));
        put_varint(&mut self.lanes[LOGICALS], u64::from(stamp.logical));
    }

    fn amount(&mut self, amount: i64) {
        put_varint(&mut self.lanes[AMOUNTS], zigzag(amount));
    }

    fn text(&mut self, field: FieldId, text: &str) {
        let at = self.texts.iter().position(|&(id, _)| id == field).unwrap_or_else(|| {
            self.texts.push((field, TextSink::new()));
            self.texts.len() - 1
        });
        self.texts[at].1.put(text.as_bytes());
    }
}

impl TextSink {
    fn new() -> Self {
        TextSink { commons: lane(), lengths: lane(), rests: lane(), latest: lane() }
    }

    fn put(&mut self, text: &[u8]) {
        let common = self.latest.iter().zip(text).take_while(|(a, b)| a == b).count();
        put_varint(&mut self.commons, common as u64);
        put_varint(&mut self.lengths, (text.len() - common) as u64);
        self.rests.extend(&text[common..]);
        self.latest.truncate(common);
        self.latest.extend(&text[common..]);
    }

    fn lanes(&self) -> impl Iterator<Item = &Vec<u8>> {
        [&self.commons, &self.lengths, &self.rests].into_iter()
    }
}

impl ColumnSink {
    /// How long the content is so far, in bytes.
    #[must_use]
    pub fn content_bytes(&self) -> usize {
        let texts = self.texts.iter().flat_map(|(_, texts)| texts.lanes());
        self.lanes.iter().chain(texts).map(Vec::len).sum()
    }

    /// The bytes of all lanes.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let mut content = Vec::with_capacity(self.content_bytes() + 64);
        self.lanes.iter().for_each(|lane| put_varint(&mut content, lane.len() as u64));
        put_varint(&mut content, self.texts.len() as u64);
        for (field, texts) in &self.texts {
            put_varint(&mut content, u64::from(field.0));
            texts.lanes().for_each(|lane| put_varint(&mut content, lane.len() as u64));
        }
        self.lanes.iter().for_each(|lane| content.extend(lane));
        for (_, texts) in &self.texts {
            texts.lanes().for_each(|lane| content.extend(lane));
        }
        compressed(&content)
    }
}

/// How the content is written, its length, and the content, in the shorter way.
fn compressed(content: &[u8]) -> Vec<u8> {
    let compressed = lz4_flex::block::compress(content);
    let (way, body) = if compressed.len() < content.len() { (LZ4, &compressed[..]) } else { (PLAIN, content) };
    let mut bytes = Vec::with_capacity(body.len() + 8);
    put_varint(&mut bytes, way);
    put_varint(&mut bytes, content.len() as u64);
    bytes.extend(body);
    bytes
}

/// How long the content of bytes that [`ColumnSink::finish`] has made is, as they say themselves.
///
/// # Errors
/// [`Malformed`] if they do not say.
pub fn content_length(mut bytes: &[u8]) -> Result<u64, Malformed> {
    let _way = take_varint(&mut bytes)?;
    take_varint(&mut bytes)
}

/// The content of bytes that [`ColumnSink::finish`] has made, for a [`ColumnSource`] to read.
///
/// # Errors
/// [`Malformed`] if they are none, or if the content is longer than `limit` bytes.
pub fn content(mut bytes: &[u8], limit: usize) -> Result<Vec<u8>, Malformed> {
    let way = take_varint(&mut bytes)?;
    let length = take_varint(&mut bytes)?;
    let length = usize::try_from(length).ok().filter(|&length| length <= limit);
    let length = length.ok_or(Malformed("the content is too long"))?;
    match way {
        PLAIN if bytes.len() == length => Ok(bytes.to_vec()),
        // A byte of LZ4 stands for 255 bytes at the most.
        LZ4 if length <= bytes.len().saturating_mul(255) => {
            let content = lz4_flex::block::decompress(bytes, length).map_err(|_| Malformed("LZ4 cannot read it"))?;
            if content.len() == length { Ok(content) } else { Err(Malformed("the content has another length")) }
        }
        _ => Err(Malformed("the content is written in an unknown way")),
    }
}

/// Gives back the parts that a [`ColumnSink`] has taken.
pub struct ColumnSource<'a> {
    table: Table,
    /// How many bytes of text may still be given: what texts have in common is written once and given often.
    text_bytes: usize,
    lanes: [&'a [u8]; LANES],
    /// Invariant: ascending by field, each once.
    texts: Vec<(FieldId, TextSource<'a>)>,
}

struct TextSource<'a> {
    commons: &'a [u8],
    lengths: &'a [u8],
    rests: &'a [u8],
    latest: Vec<u8>,
}

impl<'a> ColumnSource<'a> {
    /// A source that gives at the most `text_bytes` of text.
    ///
    /// # Errors
    /// [`Malformed`] if the content is not that of columns.
    pub fn new(mut content: &'a [u8], text_bytes: usize) -> Result<Self, Malformed> {
        let bytes = &mut content;
        let mut lengths = [0; LANES];
        for length in &mut lengths {
            *length = take_varint(bytes)?;
        }
        let mut text_lengths = Vec::new();
        for _ in 0..text_lanes(take_varint(bytes)?)? {
            let field = take_varint(bytes)?.try_into().map_err(|_| Malformed("there is no such field"))?;
            text_lengths.push((FieldId(field), [take_varint(bytes)?, take_varint(bytes)?, take_varint(bytes)?]));
        }
        let mut lanes = [&[][..]; LANES];
        for (lane, length) in lanes.iter_mut().zip(lengths) {
            *lane = take_bytes(bytes, length)?;
        }
        let mut texts = Vec::new();
        for (field, [commons, lengths, rests]) in text_lengths {
            let source = TextSource {
                commons: take_bytes(bytes, commons)?,
                lengths: take_bytes(bytes, lengths)?,
                rests: take_bytes(bytes, rests)?,
                latest: Vec::new(),
            };
            texts.push((field, source));
        }
        texts.sort_unstable_by_key(|&(field, _)| field);
        if texts.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(Malformed("a field has its texts twice"));
        }
        let source = ColumnSource { table: Table::default(), text_bytes, lanes, texts };
        if bytes.is_empty() { Ok(source) } else { Err(Malformed("bytes follow the last lane")) }
    }

    /// # Errors
    /// [`Malformed`] if parts are left over.
    pub fn finish(self) -> Result<(), Malformed> {
        let texts = self.texts.iter().all(|(_, t)| t.commons.is_empty() && t.lengths.is_empty() && t.rests.is_empty());
        if texts && self.lanes.iter().all(|lane| lane.is_empty()) {
            Ok(())
        } else {
            Err(Malformed("parts are left over"))
        }
    }
}

/// Checks a number of text lanes: there are no more fields. Little compresses better than empty lanes.
fn text_lanes(count: u64) -> Result<u64, Malformed> {
    if count > 1 << 16 { Err(Malformed("there are not so many fields")) } else { Ok(count) }
}

impl Source for ColumnSource<'_> {
    fn number(&mut self) -> Result<u64, Malformed> {
        take_varint(&mut self.lanes[NUMBERS])
    }

    fn dot(&mut self) -> Result<Dot, Malformed> {
        let entry = take_varint(&mut self.lanes[ENTRIES])?;
        let at = self.table.resolve(entry, || take_id(&mut self.lanes[IDS]))?;
        let counter = take_varint(&mut self.lanes[COUNTERS])?;
        self.table.advance(at, counter)
    }

    fn stamp(&mut self) -> Result<Stamp, Malformed> {
        let wall_ms = self.table.advance_wall(take_varint(&mut self.lanes[WALLS])?);
        Ok(Stamp { wall_ms, logical: logical(take_varint(&mut self.lanes[LOGICALS])?)? })
    }

    fn amount(&mut self) -> Result<i64, Malformed> {
        Ok(unzigzag(take_varint(&mut self.lanes[AMOUNTS])?))
    }

    fn text(&mut self, field: FieldId) -> Result<&str, Malformed> {
        let at =
            self.texts.binary_search_by_key(&field, |&(id, _)| id).map_err(|_| Malformed("a field has no texts"))?;
        let text = self.texts[at].1.take()?;
        let left = self.text_bytes.checked_sub(text.len());
        self.text_bytes = left.ok_or(Malformed("the texts are too long"))?;
        Ok(text)
    }
}

impl TextSource<'_> {
    fn take(&mut self) -> Result<&str, Malformed> {
        let common =
            usize::try_from(take_varint(&mut self.commons)?).ok().filter(|&common| common <= self.latest.len());
        let length = take_varint(&mut self.lengths)?;
        self.latest.truncate(common.ok_or(Malformed("a text has too much in common with the one before"))?);
        self.latest.extend(take_bytes(&mut self.rests, length)?);
        str::from_utf8(&self.latest).map_err(|_| Malformed("a text is not UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Content of empty lanes, some of them for texts of these fields.
    fn empty_lanes(fields: &[u8]) -> Vec<u8> {
        let mut content = vec![0; LANES];
        put_varint(&mut content, fields.len() as u64);
        fields.iter().for_each(|&field| content.extend([field, 0, 0, 0]));
        content
    }

    /// A frame of a few kilobytes may stand for a million empty lanes: to look for a field among them must not take long.
    #[test]
    fn a_field_has_its_texts_once() {
        assert!(ColumnSource::new(&empty_lanes(&[2, 0, 1]), 0).is_ok());
        assert_eq!(
            ColumnSource::new(&empty_lanes(&[2, 0, 2]), 0).err(),
            Some(Malformed("a field has its texts twice"))
        );
        let many = empty_lanes(&[0; (1 << 16) + 1]);
        assert_eq!(ColumnSource::new(&many, 0).err(), Some(Malformed("there are not so many fields")));
    }
}
