//! The headless replica of Duet, for programs.
//!
//! This crate is pure but for its hosts: a [`Session`](session::Session) takes commands and messages, and gives messages,
//! writes and typed [notifications](notification). It knows no words and no language: a host puts values into words. The
//! feature `web` adds `web::Client`, the host of a browser, which works in a page and in a worker. The feature `native`
//! adds `native::Client`, a host over tokio that lives in memory; with the feature `sqlite` it lives in a file, too.

#![deny(missing_docs)]

pub mod author;
pub mod burst;
pub mod clock;
pub mod connection;
pub mod decisions;
pub mod heartbeat;
pub mod impairment;
pub mod import;
pub mod listeners;
pub mod load_history;
pub mod merges;
pub mod name;
#[cfg(feature = "native")]
pub mod native;
pub mod neighbours;
pub mod network;
pub mod notification;
pub mod route;
pub mod rows;
pub mod session;
pub mod storage_error;
pub mod types;
#[cfg(feature = "web")]
pub mod web;
pub mod writes;
