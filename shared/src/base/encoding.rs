//! The plain encoding of values in bytes: [postcard](https://postcard.jamesmunns.com), for all that is not content of the
//! document.

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// Bytes that are not what they should be, with the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

/// The bytes of a value.
#[must_use]
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    append(&mut bytes, value);
    bytes
}

/// The value that [`encode`] made these bytes of.
///
/// # Errors
/// [`Malformed`] if the bytes are not those of such a value, or more follow.
pub fn decode<T: DeserializeOwned>(mut bytes: &[u8]) -> Result<T, Malformed> {
    let value = take(&mut bytes)?;
    if bytes.is_empty() { Ok(value) } else { Err(Malformed("bytes follow the value")) }
}

/// Appends the bytes of a value.
pub(crate) fn append<T: Serialize>(bytes: &mut Vec<u8>, value: &T) {
    let whole = postcard::to_extend(value, std::mem::take(bytes));
    *bytes = whole.expect("values of this crate have a fixed shape and fit in memory");
}

/// Takes a value from the front of `bytes`.
pub(crate) fn take<T: DeserializeOwned>(bytes: &mut &[u8]) -> Result<T, Malformed> {
    let taken = postcard::take_from_bytes(bytes);
    let (value, rest) = taken.map_err(|_| Malformed("a value is broken or ends too early"))?;
    *bytes = rest;
    Ok(value)
}
