//! Versions as they are kept: as bytes, since a record at rest need not be anything else.

use std::sync::Arc;

use super::Live;
use crate::base::dot::Dot;
use crate::base::encoding::Malformed;
use crate::base::hlc::Stamp;
use crate::base::id::RecordId;
use crate::merge::codec::rows::{RowSink, RowSource};
use crate::merge::codec::{Sink, Source, Table, copy_live, put_live, put_version, take_field_of, take_live};
use crate::merge::crdt::Field;
use crate::schema::FieldId;

/// The bytes of a live version of a record, in memory, on disk and between replicas. Equal versions have equal bytes. A
/// clone shares them, since a version goes into the document, to the disk and to everybody who is linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed(Arc<[u8]>);

/// The first parts of a version, which can be read without the rest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub dot: Dot,
    pub stamp: Stamp,
    pub is_folded: bool,
}

impl Packed {
    /// Packs a live version of `record`.
    #[must_use]
    pub fn new(record: RecordId, live: &Live) -> Self {
        let mut bytes = Vec::with_capacity(128);
        put_live(&mut RowSink { bytes: &mut bytes, table: &mut Table::with(record.0) }, live);
        Packed(bytes.into())
    }

    /// The content of a live version: the version without the dots by which it lives, if it was folded.
    pub(super) fn content(record: RecordId, live: &Live) -> Self {
        let mut bytes = Vec::with_capacity(128);
        let sink = &mut RowSink { bytes: &mut bytes, table: &mut Table::with(record.0) };
        put_version(sink, live.dot, &[], &live.version);
        Packed(bytes.into())
    }

    /// A version from bytes that were written to disk.
    ///
    /// # Errors
    /// [`Malformed`] if they are not what was written.
    pub fn from_bytes(record: RecordId, mut bytes: &[u8]) -> Result<Self, Malformed> {
        let whole = bytes;
        let packed = Packed::read(record, &mut RowSource { bytes: &mut bytes, table: &mut Table::with(record.0) })?;
        if bytes.is_empty() && *packed.0 == *whole { Ok(packed) } else { Err(Malformed("bytes follow the version")) }
    }

    /// A version in any layout.
    pub(crate) fn read(record: RecordId, source: &mut impl Source) -> Result<Self, Malformed> {
        let mut bytes = Vec::with_capacity(128);
        copy_live(source, &mut RowSink { bytes: &mut bytes, table: &mut Table::with(record.0) })?;
        Ok(Packed(bytes.into()))
    }

    /// Lays the version out in another way.
    pub(crate) fn write(&self, record: RecordId, sink: &mut impl Sink) {
        let bytes = &mut &self.0[..];
        copy_live(&mut RowSource { bytes, table: &mut Table::with(record.0) }, sink).expect(CHECKED);
    }

    /// Returns the bytes, for the disk.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Unpacks the version. `record` must be the one that it was packed for.
    #[must_use]
    pub fn unpack(&self, record: RecordId) -> Live {
        let bytes = &mut &self.0[..];
        take_live(&mut RowSource { bytes, table: &mut Table::with(record.0) }).expect(CHECKED)
    }

    /// Returns one field of the version; `None` if the version does not have it.
    pub(crate) fn field(&self, record: RecordId, id: FieldId) -> Option<Field> {
        let bytes = &mut &self.0[..];
        take_field_of(&mut RowSource { bytes, table: &mut Table::with(record.0) }, id).expect(CHECKED)
    }

    pub(crate) fn head(&self, record: RecordId) -> Head {
        let bytes = &mut &self.0[..];
        let mut source = RowSource { bytes, table: &mut Table::with(record.0) };
        take_head(&mut source).expect(CHECKED).0
    }

    /// Returns the first parts, and whether the version builds on an edit that `is_meant`, given the latest dot of a
    /// replica.
    pub(super) fn head_building_on(&self, record: RecordId, is_meant: impl Fn(Dot) -> bool) -> (Head, bool) {
        let mut builds_on = false;
        let head = self.parse_head(record, |entry| builds_on |= is_meant(entry));
        (head, builds_on || is_meant(head.dot))
    }

    /// Reads the head, and each entry of the past but the version's own.
    fn parse_head(&self, record: RecordId, mut entry: impl FnMut(Dot)) -> Head {
        let bytes = &mut &self.0[..];
        let mut source = RowSource { bytes, table: &mut Table::with(record.0) };
        let mut parse = || {
            let (head, entries) = take_head(&mut source)?;
            for _ in 0..entries {
                entry(source.dot()?);
            }
            Ok::<_, Malformed>(head)
        };
        parse().expect(CHECKED)
    }
}

/// The head, and how many entries of the past follow.
fn take_head(source: &mut impl Source) -> Result<(Head, u64), Malformed> {
    let (dot, stamp, head) = (source.dot()?, source.stamp()?, source.number()?);
    Ok((Head { dot, stamp, is_folded: head & 1 == 1 }, head >> 1))
}

const CHECKED: &str = "packed by this crate, or checked";

/// The live versions of one record: one, nearly always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Versions {
    /// Not a folded one.
    One(Packed),
    /// Not packed, since more versions are likely to come. In the order of their dots. Invariant: two at least, or a
    /// folded one.
    Many(Box<Vec<Live>>),
}

impl Versions {
    /// Of versions in any order; `None` if there are none. `latest` is perhaps one of them, packed already.
    pub(super) fn new(record: RecordId, mut versions: Vec<Live>, latest: Option<Packed>) -> Option<Self> {
        match &versions[..] {
            [] => None,
            [only] if only.folded.is_empty() => {
                let packed = latest.filter(|packed| packed.head(record).dot == only.dot);
                Some(Versions::One(packed.unwrap_or_else(|| Packed::new(record, only))))
            }
            _ => {
                versions.sort_unstable_by_key(|live| live.dot);
                Some(Versions::Many(Box::new(versions)))
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Versions::One(_) => 1,
            Versions::Many(versions) => versions.len(),
        }
    }

    /// The dots that name the versions.
    pub(super) fn names(&self, record: RecordId) -> impl Iterator<Item = Dot> + '_ {
        let (one, many) = match self {
            Versions::One(version) => (Some(version.head(record).dot), &[][..]),
            Versions::Many(versions) => (None, &versions[..]),
        };
        one.into_iter().chain(many.iter().map(|live| live.dot))
    }

    /// The dots that name the versions, and those by which they live.
    pub(super) fn dots(&self, record: RecordId) -> impl Iterator<Item = Dot> + '_ {
        let (one, many) = match self {
            Versions::One(version) => (Some(version.head(record).dot), &[][..]),
            Versions::Many(versions) => (None, &versions[..]),
        };
        one.into_iter().chain(many.iter().flat_map(Live::dots))
    }

    /// All versions, in the order of their dots.
    pub(super) fn unpack(&self, record: RecordId) -> Vec<Live> {
        match self {
            Versions::One(version) => vec![version.unpack(record)],
            Versions::Many(versions) => versions.to_vec(),
        }
    }

    /// All versions, packed.
    pub(super) fn packed(&self, record: RecordId) -> Vec<Packed> {
        match self {
            Versions::One(version) => vec![version.clone()],
            Versions::Many(versions) => versions.iter().map(|live| Packed::new(record, live)).collect(),
        }
    }

    /// All versions. Many are taken out, and must be put back.
    pub(super) fn take(&mut self, record: RecordId) -> Vec<Live> {
        match self {
            Versions::One(version) => vec![version.unpack(record)],
            Versions::Many(versions) => std::mem::take(versions),
        }
    }
}
