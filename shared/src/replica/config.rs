//! The settings of one replica.

use std::time::Duration;

use crate::base::id::{RelayId, ReplicaId};
use crate::base::sorted::SortedMap;
use crate::schema::Schema;

/// The identity of a replica, its schema and its role.
#[derive(Clone, Debug)]
pub struct Config {
    /// The id under which the replica makes edits: of a relay the incarnation of its database. A tab also sends
    /// requests under it.
    pub replica: ReplicaId,
    /// The same for all replicas of a room.
    pub schema: Schema,
    /// Tab or relay.
    pub role: Role,
}

/// The role of a replica besides merging and learning.
#[derive(Clone, Debug)]
pub enum Role {
    /// Votes, if the log says so.
    Relay {
        /// The id of the relay, under which the log names it as a voter.
        voter: RelayId,
        /// The addresses of all relays that it knows of, this one among them: host and port.
        addresses: SortedMap<RelayId, String>,
        /// Drawn at random with each start, for the jitter of elections and the names of requests.
        seed: u64,
        /// The settings that depend on where the relay runs.
        tuning: Tuning,
    },
    /// Reaches the others through one relay at a time. Links to other tabs are those to tabs of the same browser, its
    /// neighbours: it believes them, and speaks for itself alone when it passes things on to the relay.
    Tab,
}

/// Settings that depend on where a replica runs.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// How many decided entries are kept at the least for those who lag behind.
    pub log_kept: u64,
    /// For how long at the most a voter that was restarted waits, before it votes, for all others to tell what they
    /// remember of it.
    pub recovery_grace: Duration,
    /// How long a tab may seem to be linked to two relays before it is taken for two copies: longer than it takes to notice
    /// that a link is dead.
    pub twin_grace: Duration,
    /// How long nobody is linked under an id before its past is [retired](crate::ledger::Operation::Retire).
    pub retire_after: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning {
            log_kept: 4096,
            recovery_grace: Duration::from_millis(1500),
            twin_grace: Duration::from_secs(20),
            retire_after: Duration::from_secs(60 * 60),
        }
    }
}
