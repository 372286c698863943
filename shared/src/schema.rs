//! What a record may hold.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::crdt::Version;

/// The longest value of a field, in bytes.
pub const MAX_VALUE_BYTES: usize = 4096;

/// The *merge* fields of a person: every one of them a multi-value register.
///
/// The person's number is the one *agree* field; it lives in the [ledger](crate::ledger).
pub const FIELDS: [&str; 2] = [NAME, NOTE];

pub const NAME: &str = "name";
pub const NOTE: &str = "note";

/// A value that the schema does not allow.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum SchemaViolation {
    #[error("a person has no field `{field}`; the fields are name and note")]
    UnknownField { field: String },
    #[error("the {field} is {bytes} bytes long; at most {MAX_VALUE_BYTES} are allowed")]
    ValueTooLong { field: String, bytes: usize },
    #[error("a person needs a name")]
    NameMissing,
    #[error("the values of {field} contradict one another")]
    UnsoundRegister { field: String },
}

/// Checks one value of one field.
///
/// # Errors
/// The rule that it breaks.
pub fn check_value(field: &str, value: &str) -> Result<(), SchemaViolation> {
    if !FIELDS.contains(&field) {
        return Err(SchemaViolation::UnknownField { field: field.chars().take(64).collect() });
    }
    if value.len() > MAX_VALUE_BYTES {
        return Err(SchemaViolation::ValueTooLong { field: field.to_owned(), bytes: value.len() });
    }
    if field == NAME && value.trim().is_empty() {
        return Err(SchemaViolation::NameMissing);
    }
    Ok(())
}

/// Checks a whole version, as it arrives from a replica that is not trusted.
///
/// # Errors
/// The first rule that it breaks.
pub fn check_version(version: &Version) -> Result<(), SchemaViolation> {
    for (field, register) in &version.fields {
        for write in register.writes() {
            check_value(field, write.value)?;
        }
        if !register.is_sound() {
            return Err(SchemaViolation::UnsoundRegister { field: field.clone() });
        }
    }
    let named = version.fields.get(NAME).is_some_and(|name| name.writes().next().is_some());
    if named { Ok(()) } else { Err(SchemaViolation::NameMissing) }
}
