//! The replica: it joins the merge half and the agree half.
//!
//! The files of this folder hold its state, by concern. [`handlers`] hold what it does with that state.

pub mod access;
mod accounts;
mod agreed;
mod audit;
mod backup;
mod changes;
mod config;
mod copies;
mod distrust;
mod durable;
mod folds;
mod handlers;
pub mod io;
mod leases;
mod local_durability;
pub mod observation;
mod observers;
mod once;
mod orphans;
mod outbox;
mod peers;
pub mod presence;
mod reads;
mod recent;
mod replication_acks;
mod requests;
mod retiring;
pub mod rows;
mod rules;
mod snapshots;
mod stamps;
mod state;
mod telemetry;
mod unattested;
mod undo;
mod unsettled;
mod view;
mod watched;

pub use agreed::{AgreedState, AgreedView};
pub use audit::Audit;
pub use config::{Config, Role, Tuning};
pub use distrust::{Distrust, Doubt, NumberWrite};
pub use durable::BrokenState;
pub use handlers::{MAX_LEAP, Recovery};
pub use observers::Observer;
pub use state::Replica;
pub use unattested::Unattested;
pub use undo::Undoable;
pub use view::{CandidateView, FieldView, RecordView, View};
