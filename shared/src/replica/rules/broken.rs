//! The rules with one of them broken, for tests.

use super::Rules;
use crate::base::mutation::{Mutation, is};

pub(in crate::replica) struct Broken;

impl Rules for Broken {
    fn ends_unattested() -> bool {
        !is(Mutation::UnattestedUnending)
    }

    fn carries_orphans() -> bool {
        !is(Mutation::OrphansLeft)
    }

    fn names_its_place() -> bool {
        !is(Mutation::SnapshotMisplaced)
    }

    fn heeds_doubts() -> bool {
        !is(Mutation::DoubtIgnored)
    }

    fn bans_equivocators() -> bool {
        !is(Mutation::EquivocatorAdmitted)
    }

    fn confirms_reads() -> bool {
        !is(Mutation::ReadAsksNobody)
    }

    fn repairs_stamps() -> bool {
        !is(Mutation::StampsKept)
    }

    fn writes_own_requests() -> bool {
        !is(Mutation::RegistrationForgotten)
    }

    fn forgets_old_leases() -> bool {
        !is(Mutation::OldLeaseUsed)
    }

    fn waits_for_acks() -> bool {
        !is(Mutation::SentIsHeld)
    }

    fn bounds_leaps() -> bool {
        !is(Mutation::LeapBelieved)
    }

    fn drops_with_link() -> bool {
        !is(Mutation::LinkOutlived)
    }

    fn persists_first() -> bool {
        !is(Mutation::EarlyWord)
    }

    fn merges_raised() -> bool {
        !is(Mutation::RaiseUnmerged)
    }

    fn counts_voters_only() -> bool {
        !is(Mutation::AnyRelayCounts)
    }

    fn takes_back_losers() -> bool {
        !is(Mutation::LoserKept)
    }

    fn drops_old_log() -> bool {
        !is(Mutation::OldLogKept)
    }

    fn gives_lost_numbers_anew() -> bool {
        !is(Mutation::LostNumberLeft)
    }

    fn keeps_own_past() -> bool {
        !is(Mutation::OwnPastForgotten)
    }

    fn waits_for_observers() -> bool {
        !is(Mutation::ToldUnacknowledged)
    }

    fn notices_copies() -> bool {
        !is(Mutation::CopyUnnoticed)
    }

    fn denies() -> bool {
        !is(Mutation::AnythingAllowed)
    }

    fn parts_twins() -> bool {
        !is(Mutation::TwinsLeft)
    }
}
