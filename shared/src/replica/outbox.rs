//! Persist before you answer: what a step lets out waits for what the step, or any before it, writes.

use std::collections::VecDeque;

use crate::consensus::Slot;
use crate::ledger::Vote;
use crate::replica::io::{CommandId, CommandRejection, Envelope, Output, PeerId, Reply, WriteBatch, WriteId, WriteOp};
use crate::replica::rules::{InForce, Rules};

/// Something that leaves the replica, or comes back to it as a message to itself.
#[derive(Debug)]
pub(super) enum Item {
    Send(Envelope),
    Reply(CommandId, Result<Reply, CommandRejection>),
    ToSelf(Vote),
}

/// The writes and items of the step under way, and the items that wait for writes.
///
/// Everything leaves in the order in which it was pushed, and only after all writes pushed earlier are durable. This
/// holds more back than necessary, but no rule of the replica has to say which message depends on which write. One
/// exception makes agreement twice as fast: items that bind nobody, such as proposals and decisions, wait only for
/// edits and requests. So the disks of the voters work at the same time.
#[derive(Debug)]
pub(super) struct Outbox {
    writes: Vec<WriteOp>,
    step: Vec<Item>,
    step_unbound: Vec<Item>,
    /// Invariant: ascending by write.
    held: VecDeque<(WriteId, Item)>,
    /// The items that wait for edits and requests alone. Invariant: ascending by write.
    held_unbound: VecDeque<(WriteId, Item)>,
    to_self: VecDeque<Vote>,
    issued: WriteId,
    /// The last write that holds anything but the log.
    issued_edits: WriteId,
    persisted: WriteId,
    /// How far the log's decided part has been written. It may lag: it only saves learning again after a restart, so
    /// it rides along with other writes and never causes one.
    decided_written: Slot,
}

impl Outbox {
    pub(super) fn new(decided_written: Slot) -> Self {
        Outbox {
            writes: Vec::new(),
            step: Vec::new(),
            step_unbound: Vec::new(),
            held: VecDeque::new(),
            held_unbound: VecDeque::new(),
            to_self: VecDeque::new(),
            issued: WriteId(0),
            issued_edits: WriteId(0),
            persisted: WriteId(0),
            decided_written,
        }
    }

    /// The log begins anew.
    pub(super) fn log_dropped(&mut self) {
        self.decided_written = Slot(0);
    }

    /// The writes of the step under way.
    pub(super) fn writes(&mut self) -> &mut Vec<WriteOp> {
        &mut self.writes
    }

    pub(super) fn push(&mut self, item: Item) {
        self.step.push(item);
    }

    /// Pushes what says nothing that a crash of this replica could undo, as long as its edits and requests are durable.
    pub(super) fn push_unbound(&mut self, item: Item) {
        self.step_unbound.push(item);
    }

    /// A link is down: messages that wait for it must not leave over another one.
    pub(super) fn forget(&mut self, peer: PeerId) {
        if !InForce::drops_with_link() {
            return;
        }
        let stays = |item: &Item| !matches!(item, Item::Send(envelope) if envelope.to == peer);
        self.step.retain(stays);
        self.step_unbound.retain(stays);
        self.held.retain(|(_, item)| stays(item));
        self.held_unbound.retain(|(_, item)| stays(item));
    }

    /// Writes what a layer below has changed.
    pub(super) fn write<T: Into<WriteOp>>(&mut self, writes: impl IntoIterator<Item = T>) {
        self.writes.extend(writes.into_iter().map(Into::into));
    }

    pub(super) fn persisted(&mut self, id: WriteId) {
        self.persisted = self.persisted.max(id);
    }

    /// A message to this replica itself that may be handled now.
    pub(super) fn next_to_self(&mut self) -> Option<Vote> {
        self.to_self.pop_front()
    }

    /// Ends a step: its writes join the batch of the output, and what may leave leaves.
    pub(super) fn close_step(&mut self, decided: Slot, output: &mut Output) {
        if !self.writes.is_empty() {
            if decided > self.decided_written {
                self.writes.push(WriteOp::Decided(decided));
                self.decided_written = decided;
            }
            let batch = output.write.get_or_insert_with(|| {
                self.issued = WriteId(self.issued.0 + 1);
                WriteBatch { id: self.issued, ops: Vec::new() }
            });
            if self.writes.iter().any(|op| !is_of_the_log(op)) {
                self.issued_edits = self.issued;
            }
            batch.ops.append(&mut self.writes);
        }
        let Outbox { held, held_unbound, step, step_unbound, issued, issued_edits, persisted, to_self, .. } = self;
        let mut leave = |item: Item| match item {
            Item::Send(envelope) => output.sends.push(envelope),
            Item::Reply(id, reply) => output.replies.push((id, reply)),
            Item::ToSelf(message) => to_self.push_back(message),
        };
        let may_leave = |after: WriteId| after <= *persisted || !InForce::persists_first();
        // Edits before the requests that depend on them.
        for (queue, step, after) in [(held, step, *issued), (held_unbound, step_unbound, *issued_edits)] {
            while let Some((_, item)) = queue.pop_front_if(|(after, _)| may_leave(*after)) {
                leave(item);
            }
            if queue.is_empty() && may_leave(after) {
                step.drain(..).for_each(&mut leave);
            } else {
                queue.extend(step.drain(..).map(|item| (after, item)));
            }
        }
    }
}

/// Whether what a write says is known elsewhere, too.
fn is_of_the_log(op: &WriteOp) -> bool {
    match op {
        WriteOp::AcceptorState(_)
        | WriteOp::Remember { .. }
        | WriteOp::Snapshot { .. }
        | WriteOp::Accept { .. }
        | WriteOp::Decided(_)
        | WriteOp::Released(_)
        | WriteOp::Stored(_) => true,
        WriteOp::PutVersion { .. }
        | WriteOp::DropVersion { .. }
        | WriteOp::PutContext(_)
        | WriteOp::DropContext(_)
        | WriteOp::RequestSeq(_)
        | WriteOp::Ask(_)
        | WriteOp::Sent(_)
        | WriteOp::Unattested(_)
        | WriteOp::Distrust(_)
        | WriteOp::Raised(_)
        | WriteOp::LogDropped
        | WriteOp::LostNumber { .. }
        | WriteOp::Answered(_)
        | WriteOp::Refused { .. }
        | WriteOp::Cursor { .. } => false,
    }
}
