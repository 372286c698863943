//! The half that merges: the types of fields, the document that is made of them, and their bytes.

pub mod codec;
mod conformity;
pub mod crdt;
pub mod document;
mod rules;
