//! Stamps of a clock that was wrong: their author makes them once more, under right ones, when its clock is right again.
//!
//! The records are edited without changing anything. A tab does so before it links to a relay, which would refuse its stamps
//! otherwise. A relay does so as soon as [most relays agree](crate::replica::io::Input::ClockConfirmed) about the time: a single clock
//! cannot tell whether it was too fast before or is too slow now.

use crate::base::hlc::Hlc;
use crate::base::id::RecordId;
use crate::merge::crdt::Write;
use crate::merge::document::Live;
use crate::replica::io::{Now, PeerKind};
use crate::replica::rules::{InForce, Rules};
use crate::replica::state::Replica;
use crate::schema::{FieldEdit, FieldKind, Op};

/// How many records a relay looks through in one step.
const SLICE: usize = 256;

impl Replica {
    /// Before a tab links to a relay: gives right stamps to what its user did while its clock was wrong.
    pub(super) fn restamp(&mut self, now: Now, kind: PeerKind) {
        let is_of_no_use = self.is_relay() || self.is_neighbour(kind);
        if is_of_no_use || !self.has_far_stamps(now) {
            return;
        }
        for record in self.core.document.records().collect::<Vec<_>>() {
            self.restamp_record(now, record);
        }
    }

    /// Most relays agree about the time: what this relay has stamped far ahead of it gets right stamps, slice by slice.
    pub(super) fn on_clock_confirmed(&mut self, now: Now) {
        let has_far_stamps = self.has_far_stamps(now);
        if let Some(relay) = self.role.relay_mut().filter(|_| has_far_stamps) {
            relay.restamping.0 = self.core.document.records().collect();
        }
    }

    /// Goes on with the next slice. A relay that recovers must not edit, and waits.
    pub(super) fn restamp_slice(&mut self, now: Now) {
        let Some(relay) = self.role.relay_mut().filter(|relay| !relay.voter.is_recovering()) else { return };
        let end = relay.restamping.0.len().min(SLICE);
        for record in relay.restamping.0.drain(..end).collect::<Vec<_>>() {
            self.restamp_record(now, record);
        }
    }

    /// Whether there is more to look through at once.
    pub(super) fn has_slices_to_restamp(&self) -> bool {
        self.role.relay().is_some_and(|relay| !relay.restamping.0.is_empty() && !relay.voter.is_recovering())
    }

    fn has_far_stamps(&self, now: Now) -> bool {
        !self.core.clock.all_were_right(now.wall_ms) && InForce::repairs_stamps()
    }

    fn restamp_record(&mut self, now: Now, record: RecordId) {
        let versions = self.core.document.versions(record);
        // A fold has the stamp of its parts, of which their authors take care.
        let is_own_far = |live: &Live| {
            live.dot.replica() == self.core.me
                && live.folded.is_empty()
                && Hlc::check(live.version.stamp, now.wall_ms).is_err()
        };
        if versions.iter().any(is_own_far) || !self.own_far_writes(now, record, &versions).is_empty() {
            // One that is too large is refused by relays, and stays here.
            let _edited = self.edit_record(now, record, Vec::new());
        }
    }

    /// The writes in a record with these versions that this replica has stamped far ahead of what its clock says now, to be
    /// written again. They are looked for at each edit: others may have edited the record since, under stamps that are right.
    pub(super) fn own_far_writes(&self, now: Now, record: RecordId, versions: &[Live]) -> Vec<Op> {
        let is_far = |write: &Write| Hlc::check(write.stamp, now.wall_ms).is_err();
        let has_far = |live: &Live| live.version.ranked_writes_of(self.core.me).any(|(_, write)| is_far(write));
        let version = if versions.iter().any(has_far) { self.core.document.read(record) } else { None };
        let own = version.iter().flat_map(|version| version.ranked_writes_of(self.core.me));
        own.filter(|(_, write)| is_far(write))
            .map(|(field, write)| Op { field, kind: FieldKind::Lww, edit: FieldEdit::Assign(write.value.clone()) })
            .collect()
    }
}
