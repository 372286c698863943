//! Relays as users run them: real processes, real WebSockets, real databases.

mod agreement;
mod api;
mod client;
mod clocks;
mod cluster;
mod crash;
mod health;
mod hostile;
mod legacy;
mod membership;
mod operation;
mod restore;
mod resync;
mod retiring;
mod schema;
mod tab;
