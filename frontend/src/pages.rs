//! The views, each of them a page of the rail.

pub mod agreement;
pub mod conflicts;
pub mod dynamic;
pub mod lab;
pub mod merges;
pub mod nodes;
pub mod people;

/// The field for searching, on every page that has one.
pub const SEARCH_ID: &str = "search";
