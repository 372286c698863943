//! The database of one replica of one room, in this browser.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use gloo::events::EventListener;
use js_sys::{Array, Function, Promise, Reflect, Uint8Array};
use shared::base::id::ReplicaId;
use shared::base::room::Room;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbFactory, IdbKeyRange, IdbObjectStore, IdbOpenDbRequest, IdbRequest, IdbTransaction};

use super::global;
use super::patience::within;
use crate::rows::Change;
use crate::storage_error::StorageError;

/// Of the layout of the rows. A newer database is left alone; in an older one, version 1, the secret is missing.
const VERSION: u32 = 2;
/// The one object store.
const ROWS: &str = "rows";

/// How long the browser may take to open a database, to list or delete some, to read a part of one, and to write. A browser
/// whose storage is broken may never answer.
const OPENING: Duration = Duration::from_secs(6);
const LISTING: Duration = Duration::from_secs(3);
const READING: Duration = Duration::from_secs(20);
const WRITING: Duration = Duration::from_secs(20);

/// An open database, closed when dropped.
pub struct Store {
    database: IdbDatabase,
    /// Told when the browser takes the database away.
    ends: RefCell<Vec<EventListener>>,
}

/// Why the browser takes a database away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Somebody has cleared it.
    Cleared,
    /// Another page wants to change or delete it.
    Wanted,
}

impl Store {
    /// Opens the database of this name, and makes it if there is none.
    ///
    /// # Errors
    /// Why it cannot be used. [`StorageError::Older`] leaves it as it is.
    pub async fn open(name: &str) -> Result<Self, StorageError> {
        let request = open_factory()?.open_with_u32(name, VERSION).map_err(reason)?;
        let is_older = Rc::new(Cell::new(false));
        let make = {
            let (request, is_older) = (request.clone(), Rc::clone(&is_older));
            Closure::once_into_js(move || {
                let database = request.result().map(JsCast::unchecked_into::<IdbDatabase>);
                if database.and_then(|database| database.create_object_store(ROWS)).is_err() {
                    // The rows of an older version are there. Only an abort leaves it that version.
                    let aborted = request.transaction().map(|upgrade| upgrade.abort().is_ok());
                    is_older.set(aborted.is_some());
                }
            })
        };
        request.set_onupgradeneeded(Some(make.unchecked_ref()));
        match within(OPENING, done(&request)).await {
            Some(Ok(database)) => Ok(Store::of(database)),
            Some(Err(_)) if is_older.get() => Err(StorageError::Older),
            Some(Err(reason)) => Err(reason),
            None => {
                close_late(&request);
                Err(StorageError::Silent)
            }
        }
    }

    /// Opens a database that is [`Older`](StorageError::Older), in its own version, to read it.
    ///
    /// # Errors
    /// The reason.
    pub async fn open_older(name: &str) -> Result<Self, StorageError> {
        let request = open_factory()?.open(name).map_err(reason)?;
        within(OPENING, done(&request)).await.ok_or(StorageError::Silent)?.map(Store::of)
    }

    fn of(database: JsValue) -> Self {
        Store { database: database.unchecked_into(), ends: RefCell::default() }
    }

    /// Tells when the browser takes the database away.
    pub fn on_taken(&self, tell: impl Fn(Taken) + 'static) {
        let tell = Rc::new(tell);
        let ends = [("close", Taken::Cleared), ("versionchange", Taken::Wanted)].map(|(event, taken)| {
            let tell = Rc::clone(&tell);
            EventListener::new(&self.database, event, move |_| tell(taken))
        });
        self.ends.replace(ends.into());
    }

    /// The rows whose keys are in a range.
    ///
    /// # Errors
    /// The reason.
    pub async fn rows(&self, (from, until): (&[u8], &[u8])) -> Result<Vec<Vec<u8>>, StorageError> {
        rows_of(self.reading()?.get_all_with_key(&range(from, until)?).map_err(reason)?).await
    }

    /// The first rows whose keys are in a range, in the order of their keys: at the most so many.
    ///
    /// # Errors
    /// The reason.
    pub async fn first_rows(&self, (from, until): (&[u8], &[u8]), most: u32) -> Result<Vec<Vec<u8>>, StorageError> {
        let request = self.reading()?.get_all_with_key_and_limit(&range(from, until)?, most).map_err(reason)?;
        rows_of(request).await
    }

    /// How many rows have keys in a range.
    ///
    /// # Errors
    /// The reason.
    pub async fn count(&self, (from, until): (&[u8], &[u8])) -> Result<u32, StorageError> {
        let request = self.reading()?.count_with_key(&range(from, until)?).map_err(reason)?;
        let count = within(READING, done(&request)).await.ok_or(StorageError::Silent)??;
        Ok(count.as_f64().unwrap_or_default() as u32)
    }

    /// The rows, to read some.
    fn reading(&self) -> Result<IdbObjectStore, StorageError> {
        let transaction = self.database.transaction_with_str(ROWS).map_err(reason)?;
        transaction.object_store(ROWS).map_err(reason)
    }

    /// Makes changes durable, all or none.
    ///
    /// # Errors
    /// The reason: there is no room, or the database is gone. Then nobody knows what is durable.
    pub async fn commit(&self, changes: Vec<Change>) -> Result<(), StorageError> {
        let transaction = self.strict_transaction()?;
        let rows = transaction.object_store(ROWS).map_err(reason)?;
        for change in changes {
            if let Err(why) = carry_out(&rows, change) {
                // What was asked for so far would be committed by itself. It cannot have begun to.
                let _aborted = transaction.abort();
                return Err(why);
            }
        }
        let completed = Promise::new(&mut |resolve, reject| {
            transaction.set_oncomplete(Some(&resolve));
            transaction.set_onabort(Some(&reject));
        });
        let Some(completed) = within(WRITING, JsFuture::from(completed)).await else {
            // It may still come to its end, or not.
            let _aborted = transaction.abort();
            return Err(StorageError::Silent);
        };
        let why = || transaction.error().map_or(StorageError::Aborted, |error| StorageError::Browser(error.message()));
        completed.map(drop).map_err(|_| why())
    }

    /// A transaction that completes when the disk has it, and not merely the operating system.
    fn strict_transaction(&self) -> Result<IdbTransaction, StorageError> {
        let options = js_sys::Object::new();
        Reflect::set(&options, &"durability".into(), &"strict".into()).map_err(reason)?;
        let begin: Function = Reflect::get(&self.database, &"transaction".into()).map_err(reason)?.unchecked_into();
        let transaction = begin.call3(&self.database, &ROWS.into(), &"readwrite".into(), &options).map_err(reason)?;
        Ok(transaction.unchecked_into())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.database.close();
    }
}

async fn rows_of(request: IdbRequest) -> Result<Vec<Vec<u8>>, StorageError> {
    let found: Array = within(READING, done(&request)).await.ok_or(StorageError::Silent)??.unchecked_into();
    Ok(found.iter().map(|row| Uint8Array::unchecked_from_js(row).to_vec()).collect())
}

fn carry_out(rows: &IdbObjectStore, change: Change) -> Result<(), StorageError> {
    match change {
        Change::Put { key, row } => {
            let key = Uint8Array::from(&row[..key]);
            rows.put_with_key(&Uint8Array::from(&row[..]), &key).map(drop).map_err(reason)
        }
        Change::Drop { from, until } => rows.delete(&range(&from, &until)?).map(drop).map_err(reason),
    }
}

fn range(from: &[u8], until: &[u8]) -> Result<JsValue, StorageError> {
    let bounds = (Uint8Array::from(from).into(), Uint8Array::from(until).into());
    let range = IdbKeyRange::bound_with_lower_open_and_upper_open(&bounds.0, &bounds.1, false, true);
    range.map(Into::into).map_err(reason)
}

/// What the database of a replica is called.
#[must_use]
pub fn name_of(room: &Room, replica: ReplicaId) -> String {
    format!("{}{:016x}", prefix(room), replica.0)
}

fn prefix(room: &Room) -> String {
    format!("duet/{}/", room.as_str())
}

/// The replicas of a room that have databases here. A browser that does not tell has none.
pub async fn replicas(room: &Room) -> Vec<ReplicaId> {
    let list = async {
        let factory = factory()?;
        let list: Function = Reflect::get(&factory, &"databases".into()).ok()?.dyn_into().ok()?;
        let promise: Promise = list.call0(&factory).ok()?.dyn_into().ok()?;
        within(LISTING, JsFuture::from(promise)).await?.ok()
    };
    let list: Array = list.await.map(JsCast::unchecked_into).unwrap_or_default();
    let names = list.iter().filter_map(|database| Reflect::get(&database, &"name".into()).ok()?.as_string());
    let prefix = prefix(room);
    names.filter_map(|name| replica_of(name.strip_prefix(&prefix)?)).collect()
}

/// The replica of sixteen hexadecimal digits.
#[must_use]
pub fn replica_of(digits: &str) -> Option<ReplicaId> {
    u64::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 16).map(ReplicaId)
}

/// Deletes a database that nobody has open. Says whether it is gone.
pub async fn delete(name: &str) -> bool {
    let Some(request) = factory().and_then(|factory| factory.delete_database(name).ok()) else { return false };
    let gone = Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
        request.set_onblocked(Some(&reject));
    });
    within(LISTING, JsFuture::from(gone)).await.is_some_and(|gone| gone.is_ok())
}

fn open_factory() -> Result<IdbFactory, StorageError> {
    factory().ok_or(StorageError::NoDatabases)
}

fn factory() -> Option<IdbFactory> {
    global::databases()
}

/// A database that is opened after all is not wanted any more. Open, it would keep others from it.
fn close_late(request: &IdbOpenDbRequest) {
    let opened = request.clone();
    let close = Closure::once_into_js(move || {
        if let Ok(database) = opened.result() {
            database.unchecked_into::<IdbDatabase>().close();
        }
    });
    request.set_onsuccess(Some(close.unchecked_ref()));
}

/// What a request results in.
async fn done<R: AsRef<IdbRequest>>(request: &R) -> Result<JsValue, StorageError> {
    let request: &IdbRequest = request.as_ref();
    let settled = Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
    });
    match JsFuture::from(settled).await {
        Ok(_) => request.result().map_err(reason),
        Err(_) => {
            let message = request.error().ok().flatten().map_or_else(String::new, |error| error.message());
            Err(StorageError::Browser(message))
        }
    }
}

/// What the browser says went wrong.
fn reason(error: JsValue) -> StorageError {
    let message = Reflect::get(&error, &"message".into()).ok().and_then(|message| message.as_string());
    StorageError::Browser(message.unwrap_or_default())
}
