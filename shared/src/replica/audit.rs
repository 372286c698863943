//! Checking the invariants of a replica, again and again.

use super::state::Replica;
use crate::merge::document::{self, SoundVersions};

/// The state that passed the last check of a replica. Unchanged parts are not checked again.
#[derive(Debug, Default)]
pub struct Audit {
    document: document::Audit,
    document_seen: Option<u64>,
    log_seen: Option<u64>,
    ledger_seen: Option<u64>,
    unsettled_seen: Option<u64>,
}

impl Audit {
    /// Panics if an invariant written on the fields of the state does not hold. It must always be the same replica.
    /// `sound` is what was found sound in the documents of this and other replicas.
    pub fn check(&mut self, replica: &Replica, sound: &mut SoundVersions) {
        if replica.core.document.is_news(&mut self.document_seen) {
            self.document.check(&replica.core.document, sound);
        }
        if replica.numbers.unsettled.is_news(&mut self.unsettled_seen) {
            replica.numbers.unsettled.assert_invariants();
        }
        if replica.core.log.is_news(&mut self.log_seen) {
            replica.core.log.assert_invariants();
        }
        if replica.core.ledger.is_news(&mut self.ledger_seen) {
            replica.core.ledger.assert_invariants();
        }
        if let Some(voter) = replica.voter() {
            voter.assert_invariants();
        }
        assert_eq!(replica.core.applied, replica.core.log.decided(), "the ledger lags behind the log");
    }
}

impl Replica {
    /// Panics if an invariant written on the fields of the state does not hold.
    pub fn assert_invariants(&self) {
        Audit::default().check(self, &mut SoundVersions::default());
        if let Some(tab) = self.role.tab() {
            tab.unattested.assert_merged(&self.core.document);
        }
        self.numbers.unsettled.assert_complete(&self.core.document, (&self.core.ledger, &self.trust.distrust));
    }
}
