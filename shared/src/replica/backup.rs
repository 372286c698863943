//! Rebuilds the room of a relay when all relays are restored from a backup of one of them.

use super::durable::BrokenState;
use crate::consensus::{AcceptorState, Ballot, Configuration, RestoreId, Slot};
use crate::ledger::{Accepted, Entry, Log};
use crate::replica::io::Recovered;

impl Recovered {
    /// Returns the state from which every relay continues that is restored from this one. The log ends where the
    /// backup knew it to be decided. It begins anew with an entry that all relays make alike: the same voters, in
    /// incarnations that have given no vote. Entries accepted after the end may have been decided, since a relay
    /// learns of it a little later. So they follow. A room whose log has not begun stays so.
    ///
    /// # Errors
    /// [`BrokenState`] if no replica has left this state, or if a later restore has.
    pub fn restore(mut self, id: RestoreId) -> Result<Recovered, BrokenState> {
        self.check()?;
        let log = Log::recover(self.log_start, std::mem::take(&mut self.log), self.decided);
        let end = log.decided();
        let mut ledger = self.snapshot.as_ref().map(|snapshot| snapshot.read()).transpose()?.unwrap_or_default();
        let applied = self.snapshot.as_ref().map(|snapshot| snapshot.at.slot).unwrap_or_default();
        let decided = log.accepted_from(self.log_start.slot).take_while(|(slot, _)| *slot < end);
        for (slot, accepted) in decided {
            if slot >= applied {
                ledger.apply(slot, &accepted.entry);
            }
            self.log.insert(slot, accepted);
        }
        (self.acceptor_state, self.decided) = (AcceptorState::ZERO, end);
        self.remembered.clear();
        self.cursors.clear();
        if ledger.restores().latest().is_some_and(|latest| latest.id >= id) {
            return Err(BrokenState(format!("it was restored as {id} or later before")));
        }
        if let Some(before) = ledger.configuration() {
            let voters = before.voters.keys().map(|&voter| (voter, id.incarnation_of(voter))).collect();
            let configuration = Configuration { number: before.number + 1, voters };
            let entry = Entry::Restored { id, configuration };
            let accepted = (end.0..).map_while(|slot| log.get(Slot(slot))).map(|accepted| accepted.entry.clone());
            let accepted = accepted.filter(|entry| entry.configuration().is_none());
            for entry in std::iter::once(entry).chain(accepted) {
                self.log.insert(self.decided, Accepted { ballot: Ballot::ZERO, entry });
                self.decided = self.decided.plus(1);
            }
        }
        Ok(self)
    }
}
