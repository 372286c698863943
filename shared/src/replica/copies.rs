//! How a tab notices that it is one of several copies of one replica.
//!
//! A browser profile can be copied, or come back out of a backup. Then two replicas write under one id, and give one
//! dot to two edits. A tab keeps with its state how far its edits may have left it, and makes nothing known before that
//! is durable. So whoever tells it of an own edit that it never made, or that has never left it, tells of another copy.
//! The log tells of requests in the same way. Such a tab gives up its id ([`Output::forgot`](crate::replica::io::Output)): the
//! other copy goes on with it.

use super::requests::Requests;
use crate::base::id::ReplicaId;
use crate::consensus::Slot;
use crate::ledger::Request;
use crate::replica::rules::{InForce, Rules};
use litemap::LiteMap;
use std::time::Duration;

/// While a tab is linked, every edit may have left it.
pub(super) const ALL: u64 = u64::MAX;

/// How far the edits of a tab may have left it, and whether another copy was found.
#[derive(Debug)]
pub(super) struct Copies {
    /// The counter of the last own edit that may have left this replica.
    pub(super) sent: u64,
    /// The same, as it was written last, if it was.
    pub(super) written: Option<u64>,
    /// Another copy is at work under this id.
    pub(super) is_found: bool,
}

impl Copies {
    /// As the disk has it; where it says nothing, all may have left. `highest` is the counter of the last own edit: what is
    /// made from now on has not left yet.
    pub(super) fn recover(written: Option<u64>, highest: u64) -> Self {
        Copies { sent: written.unwrap_or(ALL).min(highest), written, is_found: false }
    }

    /// Looks at a request that was made under this tab's id and that the log has decided, which was last restored at `restored`.
    pub(super) fn look_at(&mut self, request: &Request, requests: &Requests, restored: Option<Slot>) {
        if !requests.may_have_made(request, restored) && InForce::notices_copies() {
            self.is_found = true;
        }
    }

    /// The counter of the last own edit that may have left this replica.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }
}

/// How often a relay looks for twins at the most.
const LOOK: Duration = Duration::from_secs(1);

/// The tabs that are linked to this relay and, as another one says, to that one at the same time. A tab that has moved
/// is there for a while, until its old relay notices. Two copies of it stay.
#[derive(Debug, Default)]
pub(super) struct Twins {
    /// Since when.
    pub(super) since: LiteMap<ReplicaId, Duration>,
    /// When to look again, since tabs have come or gone.
    look_at: Option<Duration>,
    pub(super) looked_at: Duration,
}

impl Twins {
    /// A tab has come or gone, here or at another relay.
    pub(super) fn tabs_changed(&mut self) {
        self.look_at.get_or_insert(self.looked_at + LOOK);
    }

    pub(super) fn deadline(&self, grace: Duration) -> Option<Duration> {
        self.since.values().map(|&since| since + grace).chain(self.look_at).min()
    }
}
