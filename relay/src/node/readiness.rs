//! The reasons for which a relay is not ready to work.

use std::collections::BTreeSet;
use std::time::Duration;

use shared::base::id::RelayId;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::membership::Trouble;
use super::{DEFAULT_ROOM, Node};

/// A commit so short ago says that the disk writes.
const FRESH: Duration = Duration::from_secs(1);

/// Why a relay cannot do its work for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The room of those who name none is closed.
    RoomClosed,
    NoVote(Trouble),
    /// No majority of the voters is in sight: there are no links to these.
    NoMajority {
        away: BTreeSet<RelayId>,
    },
    /// It has been started lately, and asks the others how it has voted.
    Recovering,
}

impl Node {
    /// Why this relay cannot do its work for now; nothing if it can. Whether the disk writes is another question:
    /// [`probe_disk`](Self::probe_disk).
    pub(super) fn obstacles(&self) -> Vec<Obstacle> {
        let Some((_, open)) = self.rooms.open.iter().find(|(room, _)| room.as_str() == DEFAULT_ROOM) else {
            return vec![Obstacle::RoomClosed];
        };
        let Some(membership) = self.membership() else {
            let trouble = self.trouble(None, self.me.voter, Some(self.me.replica));
            return trouble.map(Obstacle::NoVote).into_iter().collect();
        };
        let mut obstacles = Vec::new();
        let view = open.machine.view();
        if view.is_locally_offline() {
            let linked = self.linked();
            let voters = membership.voters.keys().copied();
            obstacles.push(Obstacle::NoMajority { away: voters.filter(|voter| !linked.contains_key(voter)).collect() });
        }
        if view.is_recovering() {
            obstacles.push(Obstacle::Recovering);
        }
        obstacles
    }

    /// Answers as soon as something is known to have become durable after, or shortly before, this moment.
    pub(super) fn probe_disk(&mut self, answer: oneshot::Sender<()>) {
        if self.committed_at.is_some_and(|at| at.elapsed() < FRESH) {
            let _asker_is_gone = answer.send(());
            return;
        }
        if self.probes.is_empty() {
            self.writer.probe();
        }
        self.probes.push(answer);
    }

    /// Something has become durable; a probe, if it was one.
    pub(super) fn disk_has_written(&mut self, was_probe: bool) {
        self.committed_at = Some(Instant::now());
        if was_probe {
            for probe in self.probes.drain(..) {
                let _asker_is_gone = probe.send(());
            }
        }
    }
}
