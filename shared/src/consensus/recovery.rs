//! A voter that was restarted: before it votes again, the others tell what they remember of it.
//!
//! A database that was restored from an older copy, or has lost its last writes, has the incarnation that it had, and
//! has forgotten votes. The voter itself cannot tell; whoever has received those votes can.

use std::time::Duration;

use super::Configuration;
use crate::base::id::RelayId;
use crate::base::sorted::SortedSet;

/// After how long whoever has not answered is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(300);

/// A restarted voter that does not vote yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recovery {
    /// The other relays known at the start. The log that was found may be so old that it does not speak of them.
    known: SortedSet<RelayId>,
    /// Who has told what it remembers.
    heard: SortedSet<RelayId>,
    /// Of those, who has told it as a voter of the configuration, in its incarnation.
    heard_voters: SortedSet<RelayId>,
    /// From then on the voter votes without having heard everybody, so that a majority can go on without the rest.
    until: Duration,
    ask_at: Duration,
}

impl Recovery {
    pub(super) fn new(known: SortedSet<RelayId>, now: Duration, grace: Duration) -> Self {
        Recovery {
            known,
            heard: SortedSet::new(),
            heard_voters: SortedSet::new(),
            until: now.saturating_add(grace),
            ask_at: now + ASK_AGAIN,
        }
    }

    /// A relay has told. Another incarnation of a voter remembers nothing of what the voter was told.
    pub(super) fn heard(&mut self, relay: RelayId, is_voter: bool) {
        self.heard.insert(relay);
        if is_voter {
            self.heard_voters.insert(relay);
        }
    }

    /// Who has not told yet.
    pub(super) fn unheard(&self, configuration: &Configuration, me: RelayId) -> SortedSet<RelayId> {
        let voters = configuration.voters.keys().filter(|&&voter| voter != me && !self.heard_voters.contains(&voter));
        voters.copied().chain(self.known.difference(&self.heard).copied()).collect()
    }

    pub(super) fn is_over(&self, now: Duration, configuration: &Configuration, me: RelayId) -> bool {
        // Who votes may not be known yet.
        let all_heard = !configuration.voters.is_empty() && self.unheard(configuration, me).is_empty();
        all_heard || now >= self.until
    }

    pub(super) fn deadline(&self) -> Duration {
        self.until.min(self.ask_at)
    }

    /// Says whether it is time to ask again.
    pub(super) fn asks_again(&mut self, now: Duration) -> bool {
        let due = now >= self.ask_at;
        if due {
            self.ask_at = now + ASK_AGAIN;
        }
        due
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::base::id::ReplicaId;
    use crate::base::sorted::SortedMap;

    const GRACE: Duration = Duration::from_secs(1);

    fn voters(ids: &[u16]) -> Configuration {
        let voters = ids.iter().map(|&id| (RelayId(id), ReplicaId(id.into()))).collect::<SortedMap<_, _>>();
        Configuration { number: 0, voters }
    }

    fn recovery(known: &[u16]) -> Recovery {
        Recovery::new(known.iter().copied().map(RelayId).collect(), Duration::ZERO, GRACE)
    }

    /// It would decide what others have decided otherwise.
    #[test]
    fn one_whose_old_log_says_that_it_votes_alone_waits_for_the_relays_that_it_knows() {
        let mut recovery = recovery(&[2, 3]);
        recovery.heard(RelayId(2), false);
        assert!(!recovery.is_over(Duration::ZERO, &voters(&[1]), RelayId(1)));
        recovery.heard(RelayId(3), false);
        assert!(recovery.is_over(Duration::ZERO, &voters(&[1]), RelayId(1)));
    }

    #[test]
    fn another_incarnation_of_a_voter_does_not_speak_for_it() {
        let mut recovery = recovery(&[2]);
        recovery.heard(RelayId(2), false);
        assert!(!recovery.is_over(Duration::ZERO, &voters(&[1, 2, 3]), RelayId(1)));
        recovery.heard(RelayId(2), true);
        recovery.heard(RelayId(3), true);
        assert!(recovery.is_over(Duration::ZERO, &voters(&[1, 2, 3]), RelayId(1)));
    }

    #[test]
    fn who_cannot_be_heard_is_not_waited_for_beyond_the_grace() {
        assert!(recovery(&[2, 3]).is_over(GRACE, &voters(&[1, 2, 3]), RelayId(1)));
    }
}
