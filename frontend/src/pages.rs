//! The views, each of them a page of the rail.

pub mod people;
