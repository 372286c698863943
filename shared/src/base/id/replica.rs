//! The identity of a replica, and the proof of it.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The identity of one replica's durable state. The host makes it when that state is created: a relay draws it at
/// random, a tab derives it from a [`ReplicaSecret`].
///
/// It dies with the state: a replica that lost its state takes a new id, since under the old one it would issue
/// dots that others have already seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReplicaId(pub u64);

impl fmt::Display for ReplicaId {
    /// The first 16 of the 64 bits, in hexadecimal: enough to tell the replicas of a room apart at a glance.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.0 >> 48)
    }
}

/// The proof that an id belongs to a tab. The tab keeps it beside its durable state and shows it to relays only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaSecret([u8; ReplicaSecret::BYTES]);

impl ReplicaSecret {
    /// The length of a secret, in bytes.
    pub const BYTES: usize = 32;

    /// A secret from bytes that the host has drawn at random, or has kept.
    #[must_use]
    pub const fn new(bytes: [u8; Self::BYTES]) -> Self {
        ReplicaSecret(bytes)
    }

    /// The bytes, to be kept.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The id that this secret proves: the first 64 bits of its SHA-256.
    #[must_use]
    pub fn replica(&self) -> ReplicaId {
        let digest = Sha256::digest(self.0);
        let first = digest.first_chunk().expect("a digest has 32 bytes");
        ReplicaId(u64::from_be_bytes(*first))
    }
}

impl fmt::Debug for ReplicaSecret {
    /// Names the id and never the secret, so that no log shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplicaSecret(of {})", self.replica())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_beginning_of_the_hash_of_its_secret() {
        // SHA-256 of 32 zero bytes begins with 66687aadf862bd77.
        assert_eq!(ReplicaSecret::new([0; 32]).replica(), ReplicaId(0x6668_7aad_f862_bd77));
    }

    #[test]
    fn a_secret_is_never_printed() {
        assert_eq!(format!("{:?}", ReplicaSecret::new([0; 32])), "ReplicaSecret(of 6668)");
    }
}
