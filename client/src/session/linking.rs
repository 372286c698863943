//! What a session tells the host that links it: which relays there are, and how soon it matters whether one answers.

use shared::base::id::RelayId;

use super::{Safety, Session};
use crate::heartbeat::Hurry;

impl Session {
    /// How soon this replica has to know whether its relay answers. `is_awaited` says that somebody waits for it.
    #[must_use]
    pub fn hurry(&self, is_awaited: bool) -> Hurry {
        match () {
            () if is_awaited => Hurry::Urgent,
            () if self.shown || self.safety() < Safety::Relay => Hurry::Usual,
            () => Hurry::None,
        }
    }

    /// Returns the addresses of all relays, as the relay of this replica has told last.
    #[must_use]
    pub fn addresses_of_relays(&self) -> Vec<String> {
        let status = self.view().status();
        status.into_iter().flat_map(|status| status.relays).map(|relay| relay.address).collect()
    }

    /// Returns the addresses of one relay: the one that was `dialled`, and the relay's own name for itself.
    #[must_use]
    pub fn addresses_of(&self, voter: RelayId, dialled: &str) -> Vec<String> {
        let relays = self.view().status().map(|status| status.relays).unwrap_or_default();
        let own = relays.into_iter().find(|relay| relay.voter == voter);
        std::iter::once(dialled.to_owned()).chain(own.map(|relay| relay.address)).collect()
    }
}
