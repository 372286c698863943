//! How long voters wait for one another.

use std::time::Duration;

/// How long after the leader's link dropped a voter starts its own candidacy: this, and a jitter of up to
/// [`ELECTION_JITTER`] that keeps two voters from starting at once.
pub(super) const ELECTION_DELAY: Duration = Duration::from_millis(20);
pub(super) const ELECTION_JITTER: Duration = Duration::from_millis(100);
/// How long a candidate, or one that promised to another candidate, waits for the outcome.
pub(super) const CANDIDACY: Duration = Duration::from_millis(300);
