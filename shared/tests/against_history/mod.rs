//! Holds the engine against the history: each replica reads what the history says for all that it has seen.

use shared::base::dot::Dot;
use shared::base::id::RecordId;
use shared::base::sorted::SortedSet;
use shared::merge::crdt::Field;
use shared::merge::document::Document;

use super::history::{Reading, Workload};
use super::{End, Host, MANY_MESSAGES, Node, Pipe, Room};

impl Room {
    /// Lets all that are connected with a node tell one another everything.
    pub(super) fn settle(&mut self, node: Node) {
        let around = self.around(node);
        let is_busy = |(end, pipe): &(&End, &Pipe)| around.contains(&end.1) && !pipe.frames.is_empty();
        for messages in 0.. {
            let Some(end) = self.pipes.iter().find(is_busy).map(|(&end, _)| end) else { break };
            assert!(messages < MANY_MESSAGES, "{around:?} do not come to rest");
            self.deliver(end);
        }
        let shared = |of: fn(&Host) -> &Workload| -> Workload {
            around.iter().flat_map(|&node| of(&self.hosts[node])).copied().collect()
        };
        let (complete, hinted) = (shared(|host| &host.complete), shared(|host| &host.hinted));
        for &node in &around {
            self.hosts[node].hinted.clone_from(&hinted);
        }
        if self.is_known_to_relays(&around) {
            let first = *around.first().expect("the node itself is around");
            for &other in &around {
                assert!(self.document(first) == self.document(other), "{first} and {other} have met and are equal");
                self.hosts[other].replica.assert_invariants();
                self.hosts[other].complete.clone_from(&complete);
            }
            self.report.resyncs += 1;
        }
        self.check(node);
    }

    /// Whether no tab has seen what the relays around have not: a tab says nothing of what others did.
    fn is_known_to_relays(&self, around: &SortedSet<Node>) -> bool {
        let first = around.first().map(|&first| self.document(first).context());
        first.is_some_and(|first| around.iter().all(|&node| self.document(node).context().is_subset(first)))
    }

    /// What a replica reads is what the history says for all that the replica has seen, if that has had all of its
    /// effect, and nothing else any. Neither needs to be so while a resync is under way.
    pub(super) fn check(&mut self, node: Node) {
        let seen = self.seen(node);
        if !seen.is_subset(&self.hosts[node].complete) || !self.hosts[node].hinted.is_subset(&seen) {
            return;
        }
        let document = self.hosts[node].replica.view().document();
        let records: SortedSet<RecordId> = document.records().collect();
        let expected = self.history.read(&seen);
        assert_eq!(records, expected.keys().copied().collect(), "the records at {node}");
        for (record, expected) in expected {
            let reading = reading(document, record);
            self.report.readings += 1;
            self.report.conflicts += u64::from(expected.names.len() > 1);
            if self.history.story(record).has_returned(&seen) {
                self.report.returned += 1;
                assert_less_lost(&reading, &expected);
            } else {
                assert_eq!(reading, expected, "{record} at {node}");
            }
        }
    }
}

fn reading(document: &Document, record: RecordId) -> Reading {
    let version = document.read(record).expect("the record is there");
    let mut reading = Reading::default();
    for (_, field) in version.fields() {
        match field {
            Field::Mv(register) => {
                reading.names = register.writes().iter().map(|write| (write.dot, write.value.clone())).collect();
            }
            Field::Lww(register) => reading.note = register.latest().map(|write| (write.dot, write.value.clone())),
            Field::Set(set) => reading.tags = set.iter().map(str::to_owned).collect(),
            Field::Counter(counter) => reading.visits = counter.value(),
        }
    }
    reading
}

/// Where an edit has returned, it may count as overwritten, but nothing else is wrong.
fn assert_less_lost(reading: &Reading, expected: &Reading) {
    let is_expected = |(dot, name): (&Dot, &String)| expected.names.get(dot) == Some(name);
    assert!(!reading.names.is_empty() && reading.names.iter().all(is_expected), "{reading:?} of {expected:?}");
    assert!(reading.tags.is_subset(&expected.tags), "{reading:?} of {expected:?}");
    assert_eq!(reading.note, expected.note);
}
