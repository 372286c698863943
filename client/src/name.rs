//! The name of a record, for users.

use shared::base::id::RecordId;

/// The name of a record: a value of its title, or its id where it has none. The host puts an id into words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// A value of the title.
    Title(String),
    /// The record has no title.
    Untitled(RecordId),
}
