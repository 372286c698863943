//! The layout for little: one part behind the other.

use super::{Sink, Source, Table, put_dot_set, put_varint, take_bytes, take_dot_set, take_varint, unzigzag, zigzag};
use crate::base::dot::{Dot, DotSet};
use crate::base::encoding::Malformed;
use crate::base::hlc::Stamp;
use crate::base::id::ReplicaId;
use crate::schema::FieldId;

/// Writes parts one behind the other.
pub struct RowSink<'a> {
    /// The bytes written so far; new ones follow at the end.
    pub bytes: &'a mut Vec<u8>,
    /// The replicas and the stamp that earlier parts named. It changes with each part.
    pub table: &'a mut Table,
}

/// Reads what a [`RowSink`] with an equal table has written.
pub struct RowSource<'a, 'b> {
    /// The bytes that are not read yet.
    pub bytes: &'a mut &'b [u8],
    /// The table, equal to that of the writer. It changes with each part.
    pub table: &'a mut Table,
}

impl Sink for RowSink<'_> {
    fn number(&mut self, number: u64) {
        put_varint(self.bytes, number);
    }

    fn dot(&mut self, dot: Dot) {
        let parts = self.table.split(dot);
        put_varint(self.bytes, parts.entry);
        if let Some(id) = parts.id {
            self.bytes.extend(id.0.to_le_bytes());
        }
        put_varint(self.bytes, parts.counter);
    }

    fn stamp(&mut self, stamp: Stamp) {
        put_varint(self.bytes, self.table.split_wall(stamp));
        put_varint(self.bytes, u64::from(stamp.logical));
    }

    fn amount(&mut self, amount: i64) {
        put_varint(self.bytes, zigzag(amount));
    }

    fn text(&mut self, _field: FieldId, text: &str) {
        put_varint(self.bytes, text.len() as u64);
        self.bytes.extend(text.as_bytes());
    }
}

impl Source for RowSource<'_, '_> {
    fn number(&mut self) -> Result<u64, Malformed> {
        take_varint(self.bytes)
    }

    fn dot(&mut self) -> Result<Dot, Malformed> {
        let entry = take_varint(self.bytes)?;
        let at = self.table.resolve(entry, || take_id(self.bytes))?;
        let counter = take_varint(self.bytes)?;
        self.table.advance(at, counter)
    }

    fn stamp(&mut self) -> Result<Stamp, Malformed> {
        let wall_ms = self.table.advance_wall(take_varint(self.bytes)?);
        Ok(Stamp { wall_ms, logical: logical(take_varint(self.bytes)?)? })
    }

    fn amount(&mut self) -> Result<i64, Malformed> {
        Ok(unzigzag(take_varint(self.bytes)?))
    }

    fn text(&mut self, _field: FieldId) -> Result<&str, Malformed> {
        let length = take_varint(self.bytes)?;
        let text = take_bytes(self.bytes, length)?;
        str::from_utf8(text).map_err(|_| Malformed("a text is not UTF-8"))
    }
}

pub(super) fn take_id(bytes: &mut &[u8]) -> Result<ReplicaId, Malformed> {
    let id = take_bytes(bytes, 8)?.try_into().expect("eight bytes were taken");
    Ok(ReplicaId(u64::from_le_bytes(id)))
}

pub(super) fn logical(number: u64) -> Result<u32, Malformed> {
    number.try_into().map_err(|_| Malformed("the logical part of a stamp has 32 bits"))
}

/// A set of dots on its own, as it is kept on disk.
#[must_use]
pub fn dot_set_bytes(set: &DotSet) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_dot_set(&mut RowSink { bytes: &mut bytes, table: &mut Table::default() }, set);
    bytes
}

/// Reads a set of dots that [`dot_set_bytes`] has written.
///
/// # Errors
/// [`Malformed`] if the bytes are not those of a set of dots.
pub fn dot_set_of(mut bytes: &[u8]) -> Result<DotSet, Malformed> {
    let set = take_dot_set(&mut RowSource { bytes: &mut bytes, table: &mut Table::default() })?;
    if bytes.is_empty() { Ok(set) } else { Err(Malformed("bytes follow the set of dots")) }
}
