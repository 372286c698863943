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

    /// An empty document of the replica `client`.
    fn new(client: u64) -> Self;

    /// Sets the one number of a map that all replicas share; gives the update to send.
    fn set_number(&mut self, number: u64) -> Vec<u8>;

    /// Sets an object with two fields in that map; gives the update to send.
    fn set_object(&mut self, number: u64) -> Vec<u8>;

    fn has_number(&mut self) -> bool;

    fn has_object(&mut self) -> bool;

    fn apply(&mut self, update: &[u8]);

    /// The whole document.
    fn save(&mut self) -> Vec<u8>;

    fn load(client: u64, saved: &[u8]) -> Self;

    fn add_person(&mut self, index: usize, person: &Person);

    fn edit_note(&mut self, index: usize, note: &str);

    /// What `self` has that `other` lacks.
    fn delta_for(&mut self, other: &mut Self) -> Vec<u8>;

    fn note(&mut self, index: usize) -> String;
}
