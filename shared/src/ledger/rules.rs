//! The rules of the ledger, each a small pure function.
//!
//! The ledger asks them through [`InForce`]. A build with the feature `mutations` puts `Broken` there, which breaks one rule at a
//! time, so that a test can see that the simulator notices.

use crate::consensus::Slot;

#[cfg(feature = "mutations")]
mod broken;

#[cfg(not(feature = "mutations"))]
pub(super) use Promised as InForce;
#[cfg(feature = "mutations")]
pub(super) use broken::Broken as InForce;

/// The rules as they are.
pub(super) struct Promised;

impl Rules for Promised {}

pub(super) trait Rules {
    /// Whether an operation that is to end epoch `from` is out of date in the `present` one.
    fn is_out_of_date(from: Option<u64>, present: u64) -> bool {
        from.is_some_and(|from| from != present)
    }

    /// Whether another change of the voters must wait, where `granted` says that one is granted and not in force.
    fn must_wait(granted: bool) -> bool {
        granted
    }

    /// Whether the outcome of a request that was done is remembered, so that the request is not done again.
    fn remembers_outcomes() -> bool {
        true
    }

    /// Whether a request may have been done and forgotten: its asker knew the log below `seen`, and the ledger knows all requests of
    /// those who knew it below `knows_from`.
    fn may_be_forgotten(seen: Slot, knows_from: Slot) -> bool {
        seen < knows_from
    }

    /// Whether a leased number is withheld from everybody.
    fn withholds_leased() -> bool {
        true
    }

    /// How far an entry may raise the highest number, where the setting is `reach`.
    fn reach(reach: u64) -> u64 {
        reach
    }

    /// Whether a lease raises the highest number to its last one.
    fn lease_raises_highest() -> bool {
        true
    }

    /// Whether it is remembered that a key was used.
    fn remembers_keys() -> bool {
        true
    }

    /// Whether a key may have been used and forgotten: its client knew the log below `since`, and keys used below `forgotten`
    /// are forgotten.
    fn key_may_be_forgotten(since: Slot, forgotten: Slot) -> bool {
        since < forgotten
    }

    /// Whether it is remembered that a provisional number was settled.
    fn remembers_settled() -> bool {
        true
    }

    /// Whether those records that get their provisional numbers by an entry come before the others get other numbers.
    fn winners_come_first() -> bool {
        true
    }

    /// Whether a provisional number that its record did not get is listed among the conflicts.
    fn lists_conflicts() -> bool {
        true
    }
}
