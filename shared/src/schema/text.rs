//! Texts at the doors: how numbers are read, how cells and sentences are written, how searches compare. The page, its
//! files, the API and the original's interface all use these rules.

mod cells;
mod isolation;
mod numbers;
mod search;

pub use cells::{guarded_cell, unguarded};
pub use isolation::isolated;
pub use numbers::{parse_count, parse_number};
pub use search::folded;
