//! What a device has kept, read in slices: the page shows the first rows meanwhile, and is never busy for long.

use std::rc::Rc;
use std::time::Duration;

use shared::base::dot::DotSet;
use shared::base::id::ReplicaId;
use wasm_bindgen_futures::spawn_local;

use super::global;
use super::keeper::{self, Keeper};
use super::store::Store;
use super::{Change, Client, SHOWING, identity};
use crate::connection::ConnectionState;
use crate::neighbours::Neighbours;
use crate::notification::Notification;
use crate::rows::{self, KEY_OF_RECORDS, Kept, Records};
use crate::session::Session;
use crate::storage_error::StorageError;

/// So many rows of sixteen records are read at first; then as many as a slice takes time for.
const FIRST_ROWS: u32 = 32;
const MOST_ROWS: u32 = 512;
/// How long a slice is to take at the most. A row takes a fraction of that.
const SLICE: Duration = Duration::from_millis(30);

/// The part of a database that is still to be read.
pub struct Rest {
    /// The key from which on it is.
    from: Vec<u8>,
    /// How many rows there were to read, and how many have been.
    all: u32,
    read: u32,
    /// How many rows the next slice has.
    rows: u32,
}

/// Reads everything in a database but records, and the first of those.
///
/// # Errors
/// The reason.
pub async fn begin(store: &Store) -> Result<Option<(Kept, Rest)>, StorageError> {
    let mut all = store.rows(rows::BEFORE_RECORDS).await?;
    let mut rest =
        Rest { from: rows::RECORDS.0.to_vec(), all: store.count(rows::RECORDS).await?, read: 0, rows: FIRST_ROWS };
    all.extend(rest.next(store).await?);
    all.extend(store.rows(rows::BEHIND_RECORDS).await?);
    if all.is_empty() {
        return Ok(None);
    }
    let kept = rows::read(all.iter().map(Vec::as_slice)).map_err(|error| StorageError::Corrupt(error.to_string()))?;
    kept.recovered.check().map_err(|error| StorageError::Corrupt(error.to_string()))?;
    Ok(Some((kept, rest)))
}

impl Rest {
    /// Nothing: the database is new.
    #[must_use]
    pub fn none() -> Self {
        Rest { from: rows::RECORDS.1.to_vec(), all: 0, read: 0, rows: FIRST_ROWS }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.read >= self.all
    }

    fn percent(&self) -> u32 {
        100 * self.read / self.all.max(1)
    }

    async fn next(&mut self, store: &Store) -> Result<Vec<Vec<u8>>, StorageError> {
        let rows = store.first_rows((&self.from, rows::RECORDS.1), self.rows).await?;
        self.read = if rows.is_empty() { self.all } else { self.read + rows.len() as u32 };
        if let Some(key) = rows.last().and_then(|row| row.get(..KEY_OF_RECORDS)) {
            // The least key that is greater.
            self.from = [key, &[0]].concat();
        }
        Ok(rows)
    }

    async fn next_records(&mut self, store: &Store, context: &DotSet) -> Result<Records, StorageError> {
        let rows = self.next(store).await?;
        rows::read_records(&rows, context).map_err(|error| StorageError::Corrupt(error.to_string()))
    }

    /// The last slice took so long.
    fn took(&mut self, time: Duration) {
        let rows = if time < SLICE / 2 {
            self.rows * 2
        } else if time > SLICE {
            self.rows / 2
        } else {
            self.rows
        };
        self.rows = rows.clamp(1, MOST_ROWS);
    }
}

/// Reads all the rest for a session that nobody sees.
///
/// # Errors
/// The reason.
pub async fn read_to_end(session: &mut Session, store: &Store, mut rest: Rest) -> Result<(), StorageError> {
    let context = session.view().document().context().clone();
    while !rest.is_empty() {
        let records = rest.next_records(store, &context).await?;
        let began = global::now();
        session.read_on(began, records, rest.percent());
        rest.took(global::now().monotonic - began.monotonic);
    }
    let _nothing_to_send = session.end_reading(global::now());
    Ok(())
}

impl Client {
    /// Reads what the device has kept and is not there yet; then this tab goes to work.
    pub(super) fn read_on(&self, mut rest: Rest) {
        let state = self.0.state.borrow();
        let Some(store) = state.keeper.as_ref().filter(|_| !rest.is_empty()).map(Keeper::store) else {
            drop(state);
            return self.go_to_work();
        };
        let (replica, context) = (state.session.view().me(), state.session.view().document().context().clone());
        drop(state);
        let weak = Rc::downgrade(&self.0);
        spawn_local(async move {
            while !rest.is_empty() {
                let records = rest.next_records(&store, &context).await;
                let Some(client) = weak.upgrade().map(Client) else { return };
                if !client.is_reading(replica) {
                    return;
                }
                match records {
                    Ok(records) => client.take_in(records, &mut rest),
                    Err(reason) => return client.read_no_further(replica, reason).await,
                }
            }
            if let Some(client) = weak.upgrade().map(Client) {
                client.go_to_work();
            }
        });
    }

    /// Whether this tab reads what it has kept under this id.
    fn is_reading(&self, replica: ReplicaId) -> bool {
        let state = self.0.state.borrow();
        state.session.reading().is_some() && state.session.view().me() == replica
    }

    fn take_in(&self, records: Records, rest: &mut Rest) {
        let began = global::now();
        let ids = {
            let session = &mut self.0.state.borrow_mut().session;
            session.read_on(began, records, rest.percent())
        };
        if self.0.purpose.is_main() {
            self.0.listeners.call(&Change::Read(ids));
        }
        rest.took(global::now().monotonic.saturating_sub(began.monotonic));
        self.announce_within(SHOWING);
    }

    /// All records are there: does what has waited for them, and looks for a relay.
    fn go_to_work(&self) {
        if self.0.purpose.is_main() {
            // Before anything is sent, the first greeting among it.
            self.meet_neighbours();
        }
        self.advance(|session| session.end_reading(global::now()));
        for each in self.0.waiting.take() {
            each(self);
        }
        let is_offline = self.0.state.borrow().link.connection() == &ConnectionState::Offline;
        if !is_offline {
            self.seek();
        }
    }

    /// Does something as soon as all records are there.
    pub(super) fn once_read(&self, then: impl FnOnce(&Client) + 'static) {
        if self.0.state.borrow().session.reading().is_none() {
            return then(self);
        }
        self.0.waiting.borrow_mut().push(Box::new(then));
        self.advance(|session| {
            session.alert(global::now(), Notification::WaitsForReading);
            Vec::new()
        });
    }

    /// The database under this id cannot be read, or the browser has taken it away. It stays as it is, and this
    /// tab goes on under another id.
    pub(super) async fn read_no_further(&self, replica: ReplicaId, reason: StorageError) {
        if !self.is_reading(replica) {
            return;
        }
        // Whoever wants the database may have it.
        drop(self.0.state.borrow_mut().keeper.take());
        if !self.0.purpose.is_main() {
            return self.end_care_of_unreadable();
        }
        let Ok(identity) = identity::take(&self.0.room, Some(replica)).await else { return };
        if !self.is_reading(replica) {
            return; // It was found out in two ways.
        }
        let rest = {
            let (now, state) = (global::now(), &mut *self.0.state.borrow_mut());
            let (left, replica) = (replica, identity.replica());
            let (mut session, keeper, rest) = keeper::begin(replica, identity.disk, now);
            session.succeed(now, &mut state.session);
            for notification in identity.remarks.into_iter().chain([Notification::LeftAlone { replica: left, reason }])
            {
                session.alert(now, notification);
            }
            (state.session, state.keeper, state.secret) = (session, keeper, identity.secret);
            state.neighbours = Neighbours::new(replica, global::random_number());
            self.hear_of_loss(state);
            rest
        };
        self.announce();
        self.read_on(rest);
    }
}
