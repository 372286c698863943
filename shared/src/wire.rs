//! The wire format: one version byte, then one [`Frame`] in postcard. The only place that knows bytes.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::id::{ReplicaId, VoterId};
use crate::io::{Message, Violation};

/// The version of the format. Peers of different versions do not talk.
pub const VERSION: u8 = 1;

/// The longest frame, in bytes.
pub const MAX_FRAME_BYTES: usize = 4 << 20;

/// The longest frame that a tab may send, in bytes. A tab sends only what it wrote itself.
pub const MAX_TAB_FRAME_BYTES: usize = 1 << 20;

/// The longest name of a room, in bytes.
const MAX_ROOM_BYTES: usize = 64;

/// What goes over a WebSocket, each in a binary message of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frame {
    /// The first frame in either direction.
    Hello(Hello),
    /// On the link of a tab, which is in one room.
    Message(Message),
    /// On the link of two relays, which serves all rooms.
    InRoom(Room, Message),
    /// The last frame: why the link is cut.
    Bye(Violation),
}

/// Who speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hello {
    /// `room` is a name that the relay checks, to say what is wrong with it.
    Tab { replica: ReplicaId, room: String },
    /// A relay to a tab.
    Relay { voter: VoterId },
    /// A relay to a relay. `replica` is the incarnation of its database.
    Link { voter: VoterId, replica: ReplicaId },
}

/// The name of a room: an independent database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Room(String);

impl Room {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Room {
    type Error = Violation;

    fn try_from(name: String) -> Result<Self, Violation> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if (1..=MAX_ROOM_BYTES).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Room(name))
        } else {
            Err(Violation::BadRoom)
        }
    }
}

/// Bytes that are not a value of the format.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    #[error("longer than {limit} bytes")]
    Oversized { limit: usize },
    #[error("written in version {theirs} of the format; this is version {VERSION}")]
    Version { theirs: u8 },
    #[error("not a value of the format: {reason}")]
    Malformed { reason: String },
}

impl From<DecodeError> for Violation {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Oversized { limit } => Violation::Oversized { limit },
            DecodeError::Version { theirs } => Violation::Version { ours: VERSION, theirs },
            DecodeError::Malformed { reason } => Violation::Malformed { reason },
        }
    }
}

/// The bytes of a value.
#[must_use]
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_extend(value, vec![VERSION]).expect("values of this crate have a fixed shape and fit in memory")
}

/// The value that the bytes stand for. Total: any bytes give a value or an error.
///
/// # Errors
/// [`DecodeError`] if the bytes are too long, of another version, broken, or followed by more.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, DecodeError> {
    if bytes.len() > limit {
        return Err(DecodeError::Oversized { limit });
    }
    let malformed = |reason: &str| DecodeError::Malformed { reason: reason.to_owned() };
    match bytes.split_first() {
        None => Err(malformed("it is empty")),
        Some((&VERSION, body)) => match postcard::take_from_bytes(body) {
            Ok((value, [])) => Ok(value),
            Ok((_, rest)) => Err(malformed(&format!("{} bytes too many", rest.len()))),
            Err(error) => Err(malformed(&error.to_string())),
        },
        Some((&theirs, _)) => Err(DecodeError::Version { theirs }),
    }
}
