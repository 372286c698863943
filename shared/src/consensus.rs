//! Multi-Paxos (Lamport, "Paxos Made Simple", 2001, §3): one log per room, decided by a majority of voters.
//!
//! [`Log`] is what a learner knows and an acceptor has accepted; every replica has one. [`Voter`] is the rest of a
//! relay's part: acceptor, candidate, leader. Who votes is a fact in the log, too: a [`Configuration`] ends the one
//! before it (the stop-sign of Lamport, Malkhi and Zhou, "Reconfiguring a State Machine", 2010, §3).
//! `docs/reference/messages.md` has the table of messages, and `docs/explanation/consensus.md` the argument for safety.

mod acceptor_state;
mod ballot;
mod candidate;
mod configuration;
mod effects;
mod entry;
mod founding;
mod leader;
mod log;
mod message;
mod recovery;
mod restore_id;
mod rules;
mod voter;
pub(crate) mod voter_support;
mod votes;

pub use acceptor_state::AcceptorState;
pub use ballot::{Ballot, Slot};
pub use configuration::Configuration;
pub use effects::{Effects, LogWrite};
pub use entry::{Accepted, Entry, Payload, Suffix};
pub use founding::Founding;
pub use log::{Diverged, Log, Position};
pub use message::{Message, RecoveryResponse};
pub use restore_id::RestoreId;
pub use voter::Voter;
pub use votes::Votes;
