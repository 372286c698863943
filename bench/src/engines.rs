//! The engines under comparison, behind one interface.

mod automerge;
mod duet;
mod loro;
mod yrs;

pub use automerge::Automerge;
pub use duet::Duet;
pub use loro::Loro;
pub use yrs::Yrs;

/// A record of the record workload.
pub struct Person {
    pub name: String,
    pub note: String,
    pub city: String,
}

/// A document that merges.
pub trait Engine: Sized {
    const NAME: &'static str;

    /// What is kept for the updates of one author; nothing for engines whose updates stand alone.
    type Link;

    /// An empty document of the replica with the number `client`. Its id is random, and as long as one that the engine
    /// would draw by itself.
    fn new(client: u64) -> Self;

    /// What the author sends when a link begins, before any update.
    fn greeting(&mut self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    /// The other end of a link that began with this greeting.
    fn link(greeting: &[Vec<u8>]) -> Self::Link;

    /// Sets the one number of a map that all replicas share; gives the update to send.
    fn set_number(&mut self, number: u64) -> Vec<u8>;

    /// Sets an object with two fields in that map; gives the update to send.
    fn set_object(&mut self, number: u64) -> Vec<u8>;

    /// Sets one key of that map; gives the update to send.
    fn set_key(&mut self, key: &str, value: &str) -> Vec<u8>;

    /// What [`set_key`](Self::set_key) set.
    fn key(&mut self, key: &str) -> String;

    fn has_number(&mut self) -> bool;

    fn has_object(&mut self) -> bool;

    fn apply(&mut self, link: &mut Self::Link, update: &[u8]);

    /// The whole document.
    fn save(&mut self) -> Vec<u8>;

    fn load(client: u64, saved: &[u8]) -> Self;

    fn add_person(&mut self, index: usize, person: &Person);

    fn edit_note(&mut self, index: usize, note: &str);

    /// What `self` has that `other` lacks.
    fn delta_for(&mut self, other: &mut Self) -> Vec<u8>;

    /// Applies what [`delta_for`](Self::delta_for) gave.
    fn apply_delta(&mut self, delta: &[u8]);

    fn note(&mut self, index: usize) -> String;

    /// Reads the note of every person, in any order.
    fn for_each_note(&mut self, read: impl FnMut(&str));
}
