//! Names of rooms.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The longest name of a room, in bytes.
const MAX_ROOM_BYTES: usize = 64;

/// The name of a room: an independent database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Room(String);

/// A text that is no name of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the room's name must be 1 to {MAX_ROOM_BYTES} letters, digits, - or _")]
pub struct BadRoom;

impl Room {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Room {
    type Error = BadRoom;

    fn try_from(name: String) -> Result<Self, BadRoom> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if (1..=MAX_ROOM_BYTES).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Room(name))
        } else {
            Err(BadRoom)
        }
    }
}
