//! Reads that are sure of something: this replica waits until it knows enough.

use crate::base::dot::DotSet;
use crate::consensus::Slot;
use crate::replica::io::{CommandId, PeerId};
use litemap::LiteMap;
use std::collections::VecDeque;
use std::time::Duration;

/// How many reads wait at the most; beyond that the oldest are given up.
pub(super) const MAX_READS: usize = 4096;

/// The reads that wait.
#[derive(Debug, Default)]
pub(super) struct Reads {
    next: u64,
    /// Those that wait for the leader's word from which slot on a read is up to date.
    pub(super) asking: LiteMap<u64, Reader>,
    /// Which of those the round of confirmations under way, that gave the slot, is for. In the leader.
    pub(super) confirming: Option<(Slot, Vec<u64>)>,
    /// Those that wait until the log below the slot is applied.
    pub(super) waiting: LiteMap<(Slot, CommandId), ()>,
    /// Those that wait for what the other relays have, the oldest first.
    pub(super) gathering: VecDeque<Gathering>,
    pub(super) retry_at: Option<Duration>,
}

/// A read that wants all that the relays have which were linked when it began.
#[derive(Debug)]
pub(super) struct Gathering {
    pub(super) id: CommandId,
    /// The links whose other ends have not said yet what they have.
    pub(super) unanswered: Vec<PeerId>,
    /// The edits of those that have answered.
    pub(super) context: DotSet,
    pub(super) decided: Slot,
}

#[derive(Debug)]
pub(super) enum Reader {
    Command(CommandId),
    /// One that asks through this replica, under this number.
    Peer(PeerId, u64),
}

impl Reads {
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.retry_at
    }

    pub(super) fn ask(&mut self, reader: Reader) -> u64 {
        self.next += 1;
        self.asking.insert(self.next, reader);
        if self.asking.len() > MAX_READS
            && let Some((&oldest, _)) = self.asking.first()
        {
            self.asking.remove(&oldest);
        }
        self.next
    }

    /// Whether a read came over this link.
    pub(super) fn is_of(&self, read: u64, peer: PeerId) -> bool {
        matches!(self.asking.get(&read), Some(Reader::Peer(from, _)) if *from == peer)
    }

    pub(super) fn peer_down(&mut self, peer: PeerId) {
        self.asking.retain(|_, reader| !matches!(reader, Reader::Peer(from, _) if *from == peer));
        self.gathering.iter_mut().for_each(|read| read.unanswered.retain(|&other| other != peer));
    }
}
