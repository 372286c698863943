//! The bytes of the merge half: one grammar, two layouts.
//!
//! `grammar` says in which order the parts of a version or an edit follow one another; a [`Sink`] lays
//! them out, and a [`Source`] reads them back. [`rows`] puts one part behind the other: for what is kept in memory and on
//! disk, and for live edits. [`columns`] puts like beside like, where it compresses: for many versions at a time.
//! `docs/reference/wire-format.md` describes both down to the byte.

pub mod columns;
mod grammar;
pub mod rows;
mod table;

pub(crate) use grammar::{
    copy_live, put_dot_set, put_edit, put_live, put_version, take_dot_set, take_edit, take_field_of, take_live,
};
pub(crate) use table::Table;

use crate::base::dot::Dot;
use crate::base::encoding::Malformed;
use crate::base::hlc::Stamp;
use crate::schema::FieldId;

/// Takes the parts of a value, in the order of the grammar.
pub trait Sink {
    /// A count, a flag or a tag: small, most of the time.
    fn number(&mut self, number: u64);
    /// The name of an event.
    fn dot(&mut self, dot: Dot);
    /// A moment on the hybrid logical clock.
    fn stamp(&mut self, stamp: Stamp);
    /// The sum of a counter, or an addition to it.
    fn amount(&mut self, amount: i64);
    /// A text of a field.
    fn text(&mut self, field: FieldId, text: &str);
}

/// Gives the parts back in the same order. Total: any bytes give parts or an error.
pub trait Source {
    /// # Errors
    /// [`Malformed`] if the next part is not there or is none; so for every method.
    fn number(&mut self) -> Result<u64, Malformed>;
    /// # Errors
    /// See [`number`](Self::number).
    fn dot(&mut self) -> Result<Dot, Malformed>;
    /// # Errors
    /// See [`number`](Self::number).
    fn stamp(&mut self) -> Result<Stamp, Malformed>;
    /// # Errors
    /// See [`number`](Self::number).
    fn amount(&mut self) -> Result<i64, Malformed>;
    /// # Errors
    /// See [`number`](Self::number).
    fn text(&mut self, field: FieldId) -> Result<&str, Malformed>;
}

/// Writes a number in LEB128: seven bits to the byte, the lowest first, the top bit set on all but the last.
pub(crate) fn put_varint(bytes: &mut Vec<u8>, number: u64) {
    // Nearly all numbers take one byte.
    if number < 0x80 { bytes.push(number as u8) } else { put_long_varint(bytes, number) }
}

#[cold]
fn put_long_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Takes a number in LEB128 from the front.
pub(crate) fn take_varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    match bytes.split_first() {
        // Nearly all numbers take one byte.
        Some((&byte, rest)) if byte < 0x80 => {
            *bytes = rest;
            Ok(u64::from(byte))
        }
        _ => take_long_varint(bytes),
    }
}

#[cold]
fn take_long_varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take_byte(bytes)?;
        let low = u64::from(byte & 0x7f);
        if shift == 63 && low > 1 {
            break;
        }
        number |= low << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Malformed("a number has more than 64 bits"))
}

pub(crate) fn take_byte(bytes: &mut &[u8]) -> Result<u8, Malformed> {
    let (&first, rest) = bytes.split_first().ok_or(Malformed("it ends too early"))?;
    *bytes = rest;
    Ok(first)
}

/// Takes `count` bytes from the front.
pub(crate) fn take_bytes<'a>(bytes: &mut &'a [u8], count: u64) -> Result<&'a [u8], Malformed> {
    let count = usize::try_from(count).ok().filter(|&count| count <= bytes.len());
    let (taken, rest) = bytes.split_at(count.ok_or(Malformed("it ends too early"))?);
    *bytes = rest;
    Ok(taken)
}

/// Maps small differences of either sign to small numbers: 0, -1, 1, -2, 2 … to 0, 1, 2, 3, 4 ….
pub(crate) fn zigzag(difference: i64) -> u64 {
    ((difference << 1) ^ (difference >> 63)) as u64
}

pub(crate) fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(number in any::<u64>(), shift in 0..64u32) {
            let number = number >> shift;
            let mut bytes = Vec::new();
            put_varint(&mut bytes, number);
            prop_assert_eq!(take_varint(&mut &bytes[..]), Ok(number));
            prop_assert_eq!(zigzag(unzigzag(number)), number);
        }
    }

    #[test]
    fn a_number_of_more_than_64_bits_is_refused() {
        let mut longest = [0xff; 10];
        longest[9] = 1;
        assert_eq!(take_varint(&mut &longest[..]), Ok(u64::MAX));
        longest[9] = 2;
        assert!(take_varint(&mut &longest[..]).is_err());
        assert!(take_varint(&mut &[0x80; 3][..]).is_err());
    }
}
