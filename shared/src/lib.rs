//! The replicas of Duet as a pure state machine: merge what can merge, agree on what must agree.
//!
//! A [`Replica`](replica::Replica) takes an [`Input`](replica::io::Input) and answers with an
//! [`Output`](replica::io::Output). It has no clock, no randomness and does no I/O; that is its host's part. This is the
//! loop that every host runs, here with a single relay that gives a person a number:
//!
//! ```
//! use std::collections::VecDeque;
//! use std::time::Duration;
//!
//! use shared::schema::FieldEdit;
//! use shared::base::id::{ReplicaId, RelayId};
//! use shared::base::sorted::SortedMap;
//! use shared::replica::io::{Command, CommandId, Input, Now, Recovered, Reply};
//! use shared::ledger::Operation;
//! use shared::consensus::Configuration;
//! use shared::replica::{Config, Replica, Role, Tuning};
//! use shared::schema::Schema;
//!
//! let role = Role::Relay {
//!     voter: RelayId(1),
//!     addresses: SortedMap::from([(RelayId(1), "127.0.0.1:5000".to_owned())]),
//!     seed: 7,
//!     tuning: Tuning::default(),
//! };
//! let config = Config { replica: ReplicaId(0xd0e7), schema: Schema::people(), role };
//! let mut now = Now { monotonic: Duration::ZERO, wall_ms: 1_700_000_000_000 };
//! let mut replica = Replica::recover(config, Recovered::default(), now);
//!
//! let fields = vec![("name".to_owned(), FieldEdit::Assign("Anna".to_owned()))];
//! let alone = Configuration { number: 0, voters: SortedMap::from([(RelayId(1), ReplicaId(0xd0e7))]) };
//! let mut inputs = VecDeque::from([Input::Found(alone.into()), Input::Command(CommandId(1), Command::Add { fields })]);
//! let number = loop {
//!     // When nothing happens, sleep until the deadline and wake the replica.
//!     let input = inputs.pop_front().unwrap_or_else(|| {
//!         now.monotonic = replica.deadline().expect("a relay alone elects itself");
//!         Input::Wake
//!     });
//!     let output = replica.handle(now, input);
//!     // Make writes durable, all or nothing, and then say so. What depends on them stays inside until then.
//!     if let Some(batch) = output.write {
//!         inputs.push_back(Input::Persisted(batch.id));
//!     }
//!     // Send `output.sends`, cut `output.cut`, and answer whoever gave the commands.
//!     match output.replies.into_iter().next() {
//!         Some((_, Ok(Reply::Added(record)))) => {
//!             let ask = Command::Ask(Operation::Assign { record, number: 42 });
//!             inputs.push_back(Input::Command(CommandId(2), ask));
//!         }
//!         Some((_, Ok(Reply::Decided(_, outcome)))) => break outcome,
//!         _ => {}
//!     }
//! };
//! assert!(number.is_ok());
//! assert_eq!(replica.view().ledger().highest(), 42);
//! ```

#![deny(missing_docs)]

pub mod base;
pub mod consensus;
pub mod ledger;
pub mod merge;
pub mod protocol;
pub mod replica;
pub mod schema;
#[cfg(feature = "sim")]
pub mod sim;
