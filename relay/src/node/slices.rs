//! Reading many records without holding up the node: a bounded slice at a time. Between two slices the node handles what
//! else has come, of this room and of others.

use std::sync::{Arc, LazyLock};

use shared::base::dot::{Dot, MAX_COUNTER};
use shared::base::id::{RecordId, ReplicaId};
use shared::base::room::Room;
use shared::merge::document::Document;
use shared::replica::View;
use tokio::sync::Semaphore;

use super::{NoRoom, NodeHandle};

/// How many records one step of the node may decode for a reader.
pub const SLICE_RECORDS: usize = 256;
/// After how many bytes, as records are kept, a slice ends.
const SLICE_BYTES: usize = 64 << 10;
/// How many rooms are read whole at a time; further readers wait. What is read takes memory until it is sent.
const MAX_WHOLE_READS: usize = 4;

/// Which records are wanted, in the order of their ids.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Only those that follow this one.
    pub after: Option<RecordId>,
    /// How many to pick at the most.
    pub picks: usize,
    /// How many to look at at the most.
    pub records: usize,
    /// After how many bytes, as records are kept, to stop.
    pub bytes: usize,
}

impl Wanted {
    pub const ALL: Wanted = Wanted { after: None, picks: usize::MAX, records: usize::MAX, bytes: usize::MAX };
}

/// The records that were picked.
#[derive(Debug)]
pub struct Picked<T> {
    pub items: Vec<T>,
    /// The last record that was looked at, if there are more.
    pub next: Option<RecordId>,
}

impl NodeHandle {
    /// Reads records of a room, as many as are wanted. They are not read at one moment: a change that comes meanwhile may
    /// be in what was read later and not in what was read before.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub async fn read_records<T: Send + 'static>(
        &self,
        room: &Room,
        wanted: Wanted,
        pick: impl Fn(View<'_>, RecordId) -> Option<T> + Send + Sync + 'static,
    ) -> Result<Picked<T>, NoRoom> {
        let pick = Arc::new(pick);
        let mut rest = wanted;
        let mut items = Vec::new();
        loop {
            let pick = Arc::clone(&pick);
            let slice = self.read(room.clone(), move |view| Slice::read(view, rest, &*pick)).await?;
            items.extend(slice.items);
            rest.picks = wanted.picks - items.len();
            rest.records -= slice.records;
            rest.bytes = rest.bytes.saturating_sub(slice.bytes);
            rest.after = slice.next;
            if slice.next.is_none() || rest.picks == 0 || rest.records == 0 || rest.bytes == 0 {
                return Ok(Picked { items, next: slice.next });
            }
        }
    }

    /// Reads all records of a room, as [`read_records`](Self::read_records) does.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub async fn read_all<T: Send + 'static>(
        &self,
        room: &Room,
        pick: impl Fn(View<'_>, RecordId) -> Option<T> + Send + Sync + 'static,
    ) -> Result<Vec<T>, NoRoom> {
        static READERS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(MAX_WHOLE_READS));
        let _turn = READERS.acquire().await;
        Ok(self.read_records(room, Wanted::ALL, pick).await?.items)
    }
}

/// What one step of the node may still read for a reader.
#[derive(Debug)]
pub struct Allowance {
    records: usize,
    bytes: usize,
}

impl Allowance {
    pub fn of_slice() -> Self {
        Allowance { records: SLICE_RECORDS, bytes: SLICE_BYTES }
    }

    /// Whether one more record may be read.
    pub fn is_left(&self) -> bool {
        self.records > 0 && self.bytes > 0
    }

    /// Counts a record that is read.
    pub fn spend(&mut self, document: &Document, record: RecordId) {
        self.spend_bytes(document.packed(record..=record).map(|(_, _, packed)| packed.as_bytes().len()).sum());
    }

    fn spend_bytes(&mut self, bytes: usize) {
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// What one step of the node reads.
#[derive(Debug)]
struct Slice<T> {
    items: Vec<T>,
    /// The last record that was looked at, if there are more.
    next: Option<RecordId>,
    records: usize,
    bytes: usize,
}

impl<T> Slice<T> {
    fn read(view: View<'_>, wanted: Wanted, pick: &impl Fn(View<'_>, RecordId) -> Option<T>) -> Self {
        let mut slice = Slice { items: Vec::new(), next: None, records: 0, bytes: 0 };
        let mut allowance = Allowance::of_slice();
        let mut last = None;
        for (record, bytes) in following(view.document(), wanted.after) {
            let is_enough = slice.items.len() >= wanted.picks
                || slice.records >= wanted.records
                || slice.bytes >= wanted.bytes
                || !allowance.is_left();
            if is_enough {
                slice.next = last;
                break;
            }
            allowance.spend_bytes(bytes);
            slice.bytes += bytes;
            slice.records += 1;
            slice.items.extend(pick(view, record));
            last = Some(record);
        }
        slice
    }
}

/// The records that follow one in the order of their ids, each with how many bytes are kept of it.
fn following(document: &Document, after: Option<RecordId>) -> impl Iterator<Item = (RecordId, usize)> {
    let (first, last) = (Dot::new(ReplicaId(0), 1), Dot::new(ReplicaId(u64::MAX), MAX_COUNTER));
    let versions = document.packed(after.unwrap_or(RecordId(first))..=RecordId(last));
    let mut versions = versions.skip_while(move |(record, ..)| Some(*record) == after).peekable();
    std::iter::from_fn(move || {
        let (record, _, packed) = versions.next()?;
        let mut bytes = packed.as_bytes().len();
        while let Some((_, _, packed)) = versions.next_if(|(next, ..)| *next == record) {
            bytes += packed.as_bytes().len();
        }
        Some((record, bytes))
    })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    use shared::replica::io::{Command, CommandId, Input, Now, Recovered};
    use shared::replica::{Config, Replica, Role};
    use shared::schema::FieldEdit;
    use shared::schema::Schema;
    use tokio::sync::{broadcast, mpsc, watch};

    use super::super::handle::{Event, Me, Memory};
    use super::*;
    use crate::budget::Budgets;
    use crate::outbox::Total;

    /// A room with so many records of so many bytes.
    fn room_of(records: usize, bytes: usize) -> Replica {
        let now = Now { monotonic: Duration::ZERO, wall_ms: 1 };
        let config = Config { replica: ReplicaId(1), schema: Schema::people(), role: Role::Tab };
        let mut replica = Replica::recover(config, Recovered::default(), now);
        for id in 0..records {
            let fields = vec![("name".to_owned(), FieldEdit::Assign("n".repeat(bytes)))];
            let _output = replica.handle(now, Input::Command(CommandId(id as u64), Command::Add { fields }));
        }
        assert_eq!(replica.view().document().records().len(), records);
        replica
    }

    fn id(_: View<'_>, record: RecordId) -> Option<RecordId> {
        Some(record)
    }

    #[test]
    fn one_step_of_the_node_reads_no_more_than_a_slice() {
        let small = room_of(1000, 10);
        let slice = Slice::read(small.view(), Wanted::ALL, &id);
        assert_eq!((slice.items.len(), slice.next), (SLICE_RECORDS, slice.items.last().copied()));
        let big = room_of(100, 4000);
        let slice = Slice::read(big.view(), Wanted::ALL, &id);
        assert!(slice.bytes < SLICE_BYTES + 5000, "{} bytes", slice.bytes);
        assert_eq!(slice.next, slice.items.last().copied());
        // Also of a search that finds nothing.
        let looked_at = RefCell::new(0);
        let slice = Slice::read(small.view(), Wanted::ALL, &|_, _| {
            *looked_at.borrow_mut() += 1;
            None::<()>
        });
        assert_eq!((slice.items.len(), looked_at.into_inner()), (0, SLICE_RECORDS));
    }

    /// A handle, and what the node gets of it.
    fn handle() -> (NodeHandle, mpsc::Receiver<Event>) {
        let (events, inbox) = mpsc::channel(1024);
        let handle = NodeHandle {
            me: Arc::new(Me { voter: shared::base::id::RelayId(1), replica: ReplicaId(1), schema: Schema::people() }),
            events,
            next_peer: Arc::new(AtomicU64::new(0)),
            connections: watch::Sender::new(0),
            others: watch::channel(Default::default()).1,
            changes: broadcast::Sender::new(1),
            told: broadcast::Sender::new(1),
            http_requests: Arc::default(),
            clocks: Arc::default(),
            waiting_for_tabs: Total::new(1 << 20),
            budgets: Budgets::default(),
            memory: Memory::new(1 << 20),
        };
        (handle, inbox)
    }

    fn room(name: &str) -> Room {
        Room::try_from(name.to_owned()).unwrap()
    }

    #[tokio::test]
    async fn whole_rooms_are_read_while_other_rooms_go_on() {
        const READERS: usize = 8;
        let (handle, mut inbox) = handle();
        let (big, small) = (room_of(3000, 10), room_of(1, 10));
        let readers = (0..READERS).map(|_| {
            let handle = handle.clone();
            tokio::spawn(async move { handle.read_all(&room("big"), id).await.unwrap().len() })
        });
        let readers: Vec<_> = readers.collect();
        let bystander = tokio::spawn(async move {
            let mut answers = 0;
            while handle.read(room("small"), |_| ()).await.is_ok() {
                answers += 1;
            }
            answers
        });
        let (mut since_other, mut most, mut others) = (0, 0, 0);
        while readers.iter().any(|reader| !reader.is_finished()) {
            let Ok(event) = inbox.try_recv() else {
                tokio::task::yield_now().await;
                continue;
            };
            let Event::Look(name, look) = event else { panic!("a reader only looks") };
            if name == room("small") {
                (since_other, others) = (0, others + 1);
                look(Ok(small.view()));
            } else {
                since_other += 1;
                most = most.max(since_other);
                look(Ok(big.view()));
            }
        }
        drop(inbox);
        for reader in readers {
            assert_eq!(reader.await.unwrap(), 3000);
        }
        assert!(bystander.await.unwrap() > 0 && others > 3000 / SLICE_RECORDS);
        assert!(most <= 2 * MAX_WHOLE_READS, "{most} slices in a row while another room waited");
    }

    #[tokio::test]
    async fn a_page_ends_where_it_should_and_the_next_one_goes_on_there() {
        let (handle, mut inbox) = handle();
        tokio::spawn(async move {
            let replica = room_of(700, 10);
            while let Some(Event::Look(_, look)) = inbox.recv().await {
                look(Ok(replica.view()));
            }
        });
        let mut wanted = Wanted { picks: 300, ..Wanted::ALL };
        let (mut read, mut pages) = (Vec::new(), 0);
        loop {
            let page = handle.read_records(&room("a"), wanted, id).await.unwrap();
            read.extend(page.items);
            pages += 1;
            let Some(next) = page.next else { break };
            wanted.after = Some(next);
        }
        assert_eq!((pages, read.len()), (3, 700));
        assert!(read.is_sorted());
        let few = Wanted { after: None, records: 600, ..Wanted::ALL };
        let found = handle.read_records(&room("a"), few, |_, _| None::<()>).await.unwrap();
        assert_eq!((found.items.len(), found.next), (0, read.get(599).copied()));
    }
}
