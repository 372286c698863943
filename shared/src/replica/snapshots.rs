//! Snapshots: taken when the log has grown long, and sent in parts to replicas that lag behind its start.

use crate::consensus::Position;
use crate::replica::io::{Message, PeerId, Snapshot};

/// How many bytes of a snapshot go into one message.
const PART_BYTES: usize = 256 << 10;

/// How long a snapshot may be, in bytes.
const MAX_SNAPSHOT_BYTES: u64 = 1 << 30;

/// The snapshots of one replica.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    /// The last one taken or installed.
    pub(super) latest: Option<Snapshot>,
    /// The one that is arriving.
    arriving: Option<Arriving>,
}

#[derive(Debug)]
struct Arriving {
    from: PeerId,
    at: Position,
    length: u64,
    ledger: Vec<u8>,
}

impl Snapshots {
    pub(super) fn recover(latest: Option<Snapshot>) -> Self {
        Snapshots { latest, arriving: None }
    }

    pub(super) fn latest(&self) -> Option<&Snapshot> {
        self.latest.as_ref()
    }

    /// A link is down: what was arriving over it does not come any more.
    pub(super) fn peer_down(&mut self, peer: PeerId) {
        self.arriving.take_if(|arriving| arriving.from == peer);
    }

    pub(super) fn part(&self, offset: u64) -> Option<Message> {
        let Snapshot { at, ledger } = self.latest.as_ref()?;
        let from = usize::try_from(offset).ok().filter(|&from| from <= ledger.len())?;
        let bytes = ledger[from..ledger.len().min(from + PART_BYTES)].to_vec();
        Some(Message::SnapshotPart { at: *at, length: ledger.len() as u64, offset, bytes })
    }

    /// Takes a part in. Gives the whole if it was the last one, else where the next one begins.
    pub(super) fn take(
        &mut self,
        from: PeerId,
        at: Position,
        length: u64,
        (offset, bytes): (u64, Vec<u8>),
    ) -> Progress {
        if length > MAX_SNAPSHOT_BYTES {
            return Progress::Useless;
        }
        if offset == 0 {
            // One at a time; a later one is as good, and begins anew.
            self.arriving = Some(Arriving { from, at, length, ledger: Vec::new() });
        }
        let Some(arriving) = &mut self.arriving else { return Progress::Useless };
        let fits = (arriving.from, arriving.at, arriving.length) == (from, at, length);
        if !fits || arriving.ledger.len() as u64 != offset {
            return Progress::Useless;
        }
        arriving.ledger.extend(bytes);
        if arriving.ledger.len() as u64 >= length {
            let whole = self.arriving.take().expect("it is arriving");
            return Progress::Whole(Snapshot { at, ledger: whole.ledger });
        }
        Progress::More { offset: arriving.ledger.len() as u64 }
    }
}

pub(super) enum Progress {
    Whole(Snapshot),
    More { offset: u64 },
    Useless,
}
