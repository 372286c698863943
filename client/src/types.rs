//! The types of the core that a host shows or asks for. A page needs no other crate for them.

pub use shared::base::id::{RecordId, RelayId, ReplicaId};
pub use shared::base::room::Room;
pub use shared::base::sorted::{SortedMap, SortedSet};
pub use shared::consensus::{Ballot, Slot};
pub use shared::ledger::finality::{Final, Numbering, Provisional};
pub use shared::ledger::{
    Accepted, Conflict, ConflictId, Dynamic, Entry, Granted, Level, Load, Mode, Numbered, OnCollision, Operation,
    Outcome, Policy, Range, Reason, Rejection, Request, Resolution, Rule, Setting, UnsettledNumber,
};
pub use shared::merge::document::{Change, Live, LostWrite};
pub use shared::replica::io::{Changed, CommandRejection, Violation};
pub use shared::replica::observation::End;
pub use shared::replica::presence::{RelayStatus, Status};
pub use shared::replica::{AgreedState, AgreedView, CandidateView, FieldView, RecordView, Undoable};
pub use shared::schema::{
    FieldEdit, FieldId, FieldKind, FieldName, FieldSpec, MAX_ELEMENTS, MAX_NUMBER, NAME, NOTE, Schema, SchemaViolation,
    TAGS, text,
};
