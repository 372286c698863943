//! The page of Duet. Every tab is a full replica: [`engine`] runs it, [`view_model`] says in words how it stands, and
//! the components show those words. No component sees the replica itself.

pub mod app;
pub mod browser;
pub mod clock;
pub mod components;
pub mod engine;
pub mod hooks;
pub mod import;
pub mod language;
pub mod page;
pub mod pages;
pub mod view_model;
