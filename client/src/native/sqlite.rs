//! The file of a client: one SQLite database with the rows of its replica, and of earlier ids whose work is not done again
//! yet.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction as Sql, params};
use shared::base::id::{ReplicaId, ReplicaSecret};
use shared::base::room::Room;
use shared::replica::io::Recovered;
use shared::schema::Schema;
use tokio::task::spawn_blocking;

use super::Home;
use super::error::{FileError, OpenError, WriteError};
use super::keeper::{Keeper, Store, Transaction};
use super::new_secret;
use super::state::now_by_device;
use crate::rows::{self, Change, Kept};
use crate::session::Session;
use crate::writes::Writes;

/// Marks a file as that of a client: `DuCl`.
const APPLICATION_ID: i64 = 0x4475_436C;
/// Of the tables and of the rows in them.
const VERSION: i64 = 1;

/// `about` has the name of the room, and the id of the replica.
const TABLES: &str = "
CREATE TABLE about (room TEXT NOT NULL, replica INTEGER NOT NULL) STRICT;
CREATE TABLE row (
    replica INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (replica, key)
) STRICT;
";

/// An open file. SQLite's own lock keeps others out until it is closed, or the process has ended.
struct Database(Connection);

/// Opens the file for this room, and makes it if there is none. A new one has the schema.
pub(super) async fn open(file: PathBuf, room: Room, schema: Schema) -> Result<Home, OpenError> {
    // A new file needs it.
    let secret = new_secret()?;
    let opened = spawn_blocking({
        let file = file.clone();
        move || read(connect(&file, &room, &secret)?, &room, schema)
    });
    opened.await.expect("opening a file does not panic").map_err(|error| OpenError::File { file, error })
}

/// A new file gets the secret.
fn connect(file: &Path, room: &Room, secret: &ReplicaSecret) -> Result<Connection, FileError> {
    make(file)?;
    let mut connection = Connection::open(file).map_err(|error| reason(&error))?;
    set_up(&connection).map_err(|error| reason(&error))?;
    let [found, application] = ["user_version", "application_id"]
        .map(|name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)));
    let (found, application) = (found.map_err(|error| reason(&error))?, application.map_err(|error| reason(&error))?);
    let is_new = has_nothing(&connection).map_err(|error| reason(&error))?;
    match (application, found) {
        (APPLICATION_ID, VERSION) => {}
        (APPLICATION_ID, found) => return Err(FileError::Newer { found, known: VERSION }),
        (0, 0) if is_new => {}
        _ => return Err(FileError::Foreign),
    }
    close_to_others(file)?;
    keep_out_others(&connection).map_err(|error| reason(&error))?;
    if is_new {
        create(&mut connection, room, secret).map_err(|error| reason(&error))?;
    }
    Ok(connection)
}

/// Creates the file if it is missing. SQLite gives the files beside it the same rights.
fn make(file: &Path) -> io::Result<()> {
    let mut options = File::options();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop)
}

/// Takes the rights of other users from the file.
fn close_to_others(file: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::fs::Permissions;
        use std::os::unix::fs::PermissionsExt;

        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            std::fs::set_permissions(file, Permissions::from_mode(0o600))?;
        }
    }
    Ok(())
}

/// Nothing is read or written before the lock is exclusive, so that there is no file for memory that processes share.
fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::ZERO)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "synchronous", "FULL")
}

/// Takes the lock, and holds it from now on.
fn keep_out_others(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")
}

fn has_nothing(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}

/// The secret is durable before anybody is shown it.
fn create(connection: &mut Connection, room: &Room, secret: &ReplicaSecret) -> rusqlite::Result<()> {
    let sql = connection.transaction()?;
    sql.execute_batch(TABLES)?;
    sql.pragma_update(None, "application_id", APPLICATION_ID)?;
    sql.pragma_update(None, "user_version", VERSION)?;
    sql.execute("INSERT INTO about VALUES (?1, ?2)", params![room.as_str(), signed(secret.replica())])?;
    put_secret(&sql, secret)?;
    sql.commit()
}

fn put_secret(sql: &Sql<'_>, secret: &ReplicaSecret) -> rusqlite::Result<()> {
    carry_out(sql, secret.replica(), &rows::put_secret(secret))
}

/// What is in the file.
fn read(connection: Connection, room: &Room, schema: Schema) -> Result<Home, FileError> {
    let check: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(|error| reason(&error))?;
    if check != "ok" {
        return Err(FileError::Broken(check));
    }
    let about = connection.query_row("SELECT room, replica FROM about", [], |row| Ok((row.get(0)?, row.get(1)?)));
    let about: Option<(String, i64)> = about.optional().map_err(|error| reason(&error))?;
    let (found, replica) = about.ok_or_else(|| FileError::Broken("it does not say of which room it is".to_owned()))?;
    if found != room.as_str() {
        return Err(FileError::OtherRoom { room: found });
    }
    let replica = ReplicaId(replica as u64);
    let kept = kept_of(&connection, replica)?;
    let secret = kept.secret.clone().filter(|secret| secret.replica() == replica);
    let secret = secret.ok_or_else(|| FileError::Broken("the secret of its id is missing".to_owned()))?;
    let mut earlier = Vec::new();
    for other in replicas(&connection).map_err(|error| reason(&error))?.into_iter().filter(|other| *other != replica) {
        earlier.push(session_of(other, kept_of(&connection, other)?, &schema));
    }
    let keeper = Keeper::new(Writes::new(kept.schema.clone()));
    let session = session_of(replica, kept, &schema);
    Ok(Home { session, secret, earlier, store: Some((keeper, Box::new(Database(connection)))) })
}

fn replicas(connection: &Connection) -> rusqlite::Result<Vec<ReplicaId>> {
    let mut statement = connection.prepare("SELECT DISTINCT replica FROM row")?;
    let replicas = statement.query_map([], |row| Ok(ReplicaId(row.get::<_, i64>(0)? as u64)))?;
    replicas.collect()
}

fn kept_of(connection: &Connection, replica: ReplicaId) -> Result<Kept, FileError> {
    let all = rows_of(connection, replica).map_err(|error| reason(&error))?;
    let kept = rows::read(all.iter().map(Vec::as_slice)).map_err(|error| FileError::Broken(error.to_string()))?;
    kept.recovered.check().map_err(|error| FileError::Broken(error.to_string()))?;
    Ok(kept)
}

fn rows_of(connection: &Connection, replica: ReplicaId) -> rusqlite::Result<Vec<Vec<u8>>> {
    let mut statement = connection.prepare("SELECT key, value FROM row WHERE replica = ?1 ORDER BY key")?;
    let rows = statement.query_map([signed(replica)], |row| {
        let (mut key, value): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
        key.extend(value);
        Ok(key)
    })?;
    rows.collect()
}

fn session_of(replica: ReplicaId, Kept { schema, recovered, .. }: Kept, new: &Schema) -> Session {
    let is_new = recovered == Recovered::default();
    let schema = schema.unwrap_or_else(|| if is_new { new.clone() } else { Schema::people() });
    Session::recover(replica, schema, recovered, now_by_device())
}

impl Store for Database {
    fn commit(&mut self, transaction: &Transaction) -> Result<(), WriteError> {
        self.try_commit(transaction).map_err(|error| WriteError(error.to_string()))
    }
}

impl Database {
    fn try_commit(&mut self, transaction: &Transaction) -> rusqlite::Result<()> {
        let sql = self.0.transaction()?;
        match transaction {
            Transaction::Write { replica, changes, forget, .. } => {
                for change in changes {
                    carry_out(&sql, *replica, change)?;
                }
                for earlier in forget {
                    sql.execute("DELETE FROM row WHERE replica = ?1", [signed(*earlier)])?;
                }
            }
            Transaction::Succeed { secret } => {
                put_secret(&sql, secret)?;
                sql.execute("UPDATE about SET replica = ?1", [signed(secret.replica())])?;
            }
        }
        sql.commit()
    }
}

fn carry_out(sql: &Sql<'_>, replica: ReplicaId, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::Put { key, row } => {
            let put = "INSERT OR REPLACE INTO row (replica, key, value) VALUES (?1, ?2, ?3)";
            sql.prepare_cached(put)?.execute(params![signed(replica), &row[..*key], &row[*key..]])?;
        }
        Change::Drop { from, until } => {
            let drop = "DELETE FROM row WHERE replica = ?1 AND key >= ?2 AND key < ?3";
            sql.prepare_cached(drop)?.execute(params![signed(replica), from, until])?;
        }
    }
    Ok(())
}

/// SQLite has no unsigned numbers of 64 bits.
fn signed(replica: ReplicaId) -> i64 {
    replica.0 as i64
}

fn reason(error: &rusqlite::Error) -> FileError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => FileError::Busy,
        Some(ErrorCode::NotADatabase) => FileError::Foreign,
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            FileError::Unusable(io::Error::other(error.to_string()))
        }
        _ => FileError::Broken(error.to_string()),
    }
}
