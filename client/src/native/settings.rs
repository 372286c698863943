//! How a client is opened.

use std::net::IpAddr;
#[cfg(feature = "sqlite")]
use std::path::PathBuf;

use shared::base::id::ReplicaSecret;
use shared::base::room::Room;
use shared::schema::Schema;

/// How a client is opened. By default it lives in memory under a new id, knows no relay, and so works offline.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) room: Room,
    pub(super) schema: Schema,
    pub(super) relays: Vec<String>,
    pub(super) is_bound_to_relays: bool,
    pub(super) from: Option<IpAddr>,
    pub(super) secret: Option<ReplicaSecret>,
    #[cfg(feature = "sqlite")]
    pub(super) file: Option<PathBuf>,
}

impl Settings {
    /// A client of this room.
    #[must_use]
    pub fn new(room: Room) -> Self {
        Settings {
            room,
            schema: Schema::people(),
            relays: Vec::new(),
            is_bound_to_relays: false,
            from: None,
            secret: None,
            #[cfg(feature = "sqlite")]
            file: None,
        }
    }

    /// Keeps one of these relays linked: hosts with ports, such as `relay.example:5000`. The first one is tried first. The
    /// relays tell of others, which are tried, too.
    #[must_use]
    pub fn relays<A: Into<String>>(mut self, addresses: impl IntoIterator<Item = A>) -> Self {
        self.relays = addresses.into_iter().map(Into::into).collect();
        self
    }

    /// Goes to no other relays than the given ones. Needed where relays call one another by addresses that lead elsewhere
    /// from here.
    #[must_use]
    pub fn no_other_relays(mut self) -> Self {
        self.is_bound_to_relays = true;
        self
    }

    /// The fields of records, until a relay has said which ones it has. A client that begins offline in a room with other
    /// fields than people's needs to know them.
    #[must_use]
    pub fn schema(mut self, schema: Schema) -> Self {
        self.schema = schema;
        self
    }

    /// Connects from this address of the machine.
    #[must_use]
    pub fn from_address(mut self, address: IpAddr) -> Self {
        self.from = Some(address);
        self
    }

    /// Lives in memory under the id that this secret proves. No other replica may ever have had it.
    #[must_use]
    pub fn under(mut self, secret: ReplicaSecret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// Keeps everything in this SQLite file, which is made if there is none. The client goes on as the replica that the file
    /// has, and any [secret](Self::under) is ignored.
    #[cfg(feature = "sqlite")]
    #[must_use]
    pub fn file(mut self, file: impl Into<PathBuf>) -> Self {
        self.file = Some(file.into());
        self
    }
}
