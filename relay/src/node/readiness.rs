//! The reasons for which a relay is not ready to work.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::membership::list;
use super::{DEFAULT_ROOM, Node};

/// A commit so short ago says that the disk writes.
const FRESH: Duration = Duration::from_secs(1);

impl Node {
    /// Why this relay cannot do its work for now, in words; nothing if it can. Whether the disk writes is another
    /// question: [`probe_disk`](Self::probe_disk).
    pub(super) fn obstacles(&self) -> Vec<String> {
        let Some((_, open)) = self.rooms.open.iter().find(|(room, _)| room.as_str() == DEFAULT_ROOM) else {
            return vec![format!("the room {DEFAULT_ROOM} is closed: /healthz says why")];
        };
        let Some(membership) = self.membership() else {
            return self.trouble(None, self.me.voter, Some(self.me.replica)).into_iter().collect();
        };
        let mut obstacles = Vec::new();
        let view = open.machine.view();
        if view.is_locally_offline() {
            let linked = self.linked();
            let away: BTreeSet<_> =
                membership.voters.keys().copied().filter(|voter| !linked.contains_key(voter)).collect();
            obstacles.push(if away.is_empty() {
                "no majority of the voters is in sight: wait until the links to the others are open".to_owned()
            } else {
                format!("no majority of the voters is in sight: there is no link to {}; start it", list(&away))
            });
        }
        if view.is_recovering() {
            obstacles.push("it was started lately and asks the others how it has voted: wait".to_owned());
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
