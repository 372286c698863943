//! The task that makes writes durable one transaction after the other, and wakes the session when something is due.

#![cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "a client in memory has nothing to keep"))]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use shared::base::id::{ReplicaId, ReplicaSecret};
use shared::replica::io::WriteId;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;

use super::Inner;
use super::error::{Stopped, WriteError};
use crate::rows::Change;
use crate::session::Session;
use crate::writes::Writes;

/// How long the task sleeps where nothing is due.
const LONG: Duration = Duration::from_secs(3600);

/// Where a replica lives beyond its process.
pub(super) trait Store: Send + 'static {
    /// Makes a transaction durable, all or nothing.
    ///
    /// # Errors
    /// Why it cannot. Nobody knows then what is durable.
    fn commit(&mut self, transaction: &Transaction) -> Result<(), WriteError>;
}

/// Changes that become durable together, or not at all.
#[derive(Debug)]
pub(super) enum Transaction {
    /// Changes of the rows of a replica.
    Write {
        replica: ReplicaId,
        changes: Vec<Change>,
        /// Earlier replicas whose work is done again among the changes.
        forget: Vec<ReplicaId>,
        /// The last write in it.
        last: Option<WriteId>,
    },
    /// The client goes on under a new id. The rows of the earlier one stay until its work is done again.
    Succeed { secret: ReplicaSecret },
}

/// The changes that are to become durable, in order.
pub(super) struct Keeper {
    /// The transactions that come before the writes of the present id.
    first: VecDeque<Transaction>,
    writes: Writes,
    forget: Vec<ReplicaId>,
    /// Whether the secret of the present id is on the disk.
    is_founded: bool,
}

impl Keeper {
    pub(super) fn new(writes: Writes) -> Self {
        Keeper { first: VecDeque::new(), writes, forget: Vec::new(), is_founded: true }
    }

    /// Whether the client may show its secret to relays.
    pub(super) fn is_founded(&self) -> bool {
        self.is_founded
    }

    /// The work of an earlier id is done again by what was written last.
    pub(super) fn forget(&mut self, replica: ReplicaId) {
        self.forget.push(replica);
    }

    /// `old` is written to its end. What comes now belongs to a new id.
    pub(super) fn succeed(&mut self, old: &mut Session, secret: ReplicaSecret) {
        self.writes.add(old.take_writes());
        let written = std::mem::take(&mut self.writes).begin_last(&old.view());
        let last = self.transaction(old.view().me(), written);
        self.first.extend(last);
        self.first.push_back(Transaction::Succeed { secret });
        self.is_founded = false;
    }

    /// The transaction that is to become durable next. The one before it is durable already.
    fn next(&mut self, session: &mut Session) -> Option<Transaction> {
        self.writes.add(session.take_writes());
        if let Some(first) = self.first.pop_front() {
            return Some(first);
        }
        let written = self.writes.begin(&session.view());
        self.transaction(session.view().me(), written)
    }

    /// The transaction of what a replica has written, if there is any, and of the ids to be forgotten.
    fn transaction(&mut self, replica: ReplicaId, written: Option<(Vec<Change>, WriteId)>) -> Option<Transaction> {
        if written.is_none() && self.forget.is_empty() {
            return None;
        }
        let (changes, last) = written.map_or((Vec::new(), None), |(changes, last)| (changes, Some(last)));
        Some(Transaction::Write { replica, changes, forget: std::mem::take(&mut self.forget), last })
    }
}

type Committing = JoinHandle<(Box<dyn Store>, Transaction, Result<(), WriteError>)>;

/// Keeps the writes of a client until that is closed and all is durable.
pub(super) async fn keep(inner: Arc<Inner>, mut store: Option<Box<dyn Store>>) {
    let mut committing: Option<Committing> = None;
    loop {
        if let Some(at_rest) = store.take() {
            match inner.next_transaction() {
                Some(transaction) => committing = Some(commit(at_rest, transaction)),
                None => store = Some(at_rest),
            }
        }
        if committing.is_none() && inner.has_stopped() {
            break;
        }
        tokio::select! {
            done = async { committing.as_mut().expect("it is under way").await }, if committing.is_some() => {
                committing = None;
                let (at_rest, transaction, result) = done.expect("a store does not panic");
                store = Some(at_rest);
                match result {
                    Ok(()) => inner.on_durable(&transaction),
                    Err(error) => {
                        inner.stop(Stopped::CannotWrite(error));
                        break;
                    }
                }
            }
            () = sleep(inner.until_due().unwrap_or(LONG)) => inner.wake_if_due(),
            () = inner.work.notified() => {}
        }
    }
    // To close a database may take as long as to write it.
    let _closed = spawn_blocking(move || drop(store)).await;
    inner.forget_askers();
}

fn commit(mut store: Box<dyn Store>, transaction: Transaction) -> Committing {
    spawn_blocking(move || {
        let result = store.commit(&transaction);
        (store, transaction, result)
    })
}

impl Inner {
    fn next_transaction(&self) -> Option<Transaction> {
        let state = &mut *self.lock();
        state.keeper.as_mut()?.next(&mut state.session)
    }

    fn on_durable(&self, transaction: &Transaction) {
        self.advance(|state, now| {
            let Some(keeper) = &mut state.keeper else { return Vec::new() };
            match transaction {
                Transaction::Succeed { .. } => keeper.is_founded = true,
                Transaction::Write { replica, last: Some(last), .. } if *replica == state.session.view().me() => {
                    keeper.writes.end();
                    return state.session.persisted(now, *last);
                }
                Transaction::Write { .. } => {}
            }
            Vec::new()
        });
    }

    /// Until when nothing is due.
    fn until_due(&self) -> Option<Duration> {
        let state = &mut *self.lock();
        let now = state.now().monotonic;
        state.session.deadline().map(|at| at.saturating_sub(now))
    }

    fn wake_if_due(&self) {
        if self.until_due().is_some_and(|wait| wait.is_zero()) {
            self.advance(|state, now| state.session.wake(now));
        }
    }

    /// Nobody will be answered any more.
    fn forget_askers(&self) {
        let state = &mut *self.lock();
        state.askers.clear();
        state.link.held.clear();
    }
}

#[cfg(test)]
mod tests {
    use shared::base::room::Room;
    use shared::replica::io::Recovered;
    use shared::schema::{FieldEdit, NAME, Schema};

    use super::super::error::CommandError;
    use super::super::state::now_by_device;
    use super::super::{Client, Home, Settings, new_secret};
    use super::*;

    /// A disk that has room for so many transactions.
    struct Full(usize);

    impl Store for Full {
        fn commit(&mut self, _transaction: &Transaction) -> Result<(), WriteError> {
            self.0 = self.0.checked_sub(1).ok_or_else(|| WriteError("the disk is full".to_owned()))?;
            Ok(())
        }
    }

    #[tokio::test]
    async fn client_whose_file_takes_no_more_writes_stops_and_says_so_to_whoever_waits() {
        let secret = new_secret().unwrap();
        let session = Session::recover(secret.replica(), Schema::people(), Recovered::default(), now_by_device());
        let store: Box<dyn Store> = Box::new(Full(2));
        let home = Home { session, secret, earlier: Vec::new(), store: Some((Keeper::new(Writes::default()), store)) };
        let settings = Settings::new(Room::try_from("people".to_owned()).unwrap());
        let client = Client::start(home, &settings, None);
        let add = || client.add(vec![(NAME.to_owned(), FieldEdit::Assign("Anna".to_owned()))]);
        let full = Stopped::CannotWrite(WriteError("the disk is full".to_owned()));
        let mut kept = 0;
        let why = loop {
            match add().await {
                Ok(_) => kept += 1,
                Err(why) => break why,
            }
        };
        assert_eq!((why, kept > 0), (CommandError::Stopped(full.clone()), true));
        assert_eq!(client.look(|session, _| session.view().unpersisted_edits()), 1, "it does not count as kept");
        assert_eq!(add().await, Err(CommandError::Stopped(full.clone())));
        assert_eq!(client.close().await, Err(full));
    }
}
