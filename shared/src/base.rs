//! The words that all layers use: ids, dots and sets of dots, clocks, and plain encodings.

pub mod dot;
pub mod encoding;
pub mod hlc;
pub mod id;
#[cfg(feature = "mutations")]
pub mod mutation;
pub mod room;
mod rules;
pub mod sorted;
pub mod split_mix;
pub mod version_vector;
