//! The rules of a replica that no layer below knows, each with a name.
//!
//! A replica asks them through [`InForce`]. A build with the feature `mutations` puts `Broken` there, which breaks one rule at a
//! time, so that a test can see that the simulator notices.

#[cfg(feature = "mutations")]
mod broken;

#[cfg(not(feature = "mutations"))]
pub(super) use Kept as InForce;
#[cfg(feature = "mutations")]
pub(super) use broken::Broken as InForce;

/// Each rule is kept.
#[cfg(not(feature = "mutations"))]
pub(super) struct Kept;

#[cfg(not(feature = "mutations"))]
impl Rules for Kept {}

pub(super) trait Rules {
    /// Whether a tab stops waiting for its relay to tell of edits that no relay has.
    fn ends_unattested() -> bool {
        true
    }

    /// Whether a tab carries to the relays edits of others that they have lost.
    fn carries_orphans() -> bool {
        true
    }

    /// Whether a snapshot says up to where it goes.
    fn names_its_place() -> bool {
        true
    }

    /// Whether a number that is doubted or denied stays unsettled.
    fn heeds_doubts() -> bool {
        true
    }

    /// Whether a tab that gave one dot to two edits stays banned.
    fn bans_equivocators() -> bool {
        true
    }

    /// Whether a linearizable read asks a majority first.
    fn confirms_reads() -> bool {
        true
    }

    /// Whether edits that a wrong clock has stamped are stamped anew when the clock is right again.
    fn repairs_stamps() -> bool {
        true
    }

    /// Whether a relay writes the requests that are to outlive it.
    fn writes_own_requests() -> bool {
        true
    }

    /// Whether a relay leaves alone the leases of its earlier lives.
    fn forgets_old_leases() -> bool {
        true
    }

    /// Whether a relay counts as holding an edit only after it has said so.
    fn waits_for_acks() -> bool {
        true
    }

    /// Whether a counter that leaps too far is refused.
    fn bounds_leaps() -> bool {
        true
    }

    /// Whether messages that wait for a link are dropped with it.
    fn drops_with_link() -> bool {
        true
    }

    /// Whether everything that leaves waits for the writes before it.
    fn persists_first() -> bool {
        true
    }

    /// Whether a relay merges how far others have raised the highest number without the log.
    fn merges_raised() -> bool {
        true
    }

    /// Whether only relays with a vote count towards a majority.
    fn counts_voters_only() -> bool {
        true
    }

    /// Whether a relay takes back the record that it added under a key that another relay has.
    fn takes_back_losers() -> bool {
        true
    }

    /// Whether a tab drops the log that it knows when all relays were restored.
    fn drops_old_log() -> bool {
        true
    }

    /// Whether a number that was lost by a restore is given anew.
    fn gives_lost_numbers_anew() -> bool {
        true
    }

    /// Whether a retired replica keeps its own entry of the context.
    fn keeps_own_past() -> bool {
        true
    }

    /// Whether a decision is released only when observers have it.
    fn waits_for_observers() -> bool {
        true
    }

    /// Whether a tab notices another copy of itself.
    fn notices_copies() -> bool {
        true
    }

    /// Whether an act that is not allowed is refused.
    fn denies() -> bool {
        true
    }

    /// Whether relays part two copies of a tab.
    fn parts_twins() -> bool {
        true
    }
}
