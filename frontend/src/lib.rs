//! The page of Duet. Every tab is a full replica, which the crate `client` runs. [`model`] follows its changes,
//! [`view_model`] puts them into words, and the components show those words. No component sees the replica itself.

pub mod app;
pub mod browser;
pub mod components;
pub mod hooks;
pub mod language;
pub mod model;
pub mod page;
pub mod pages;
pub mod view_model;
pub mod words;
