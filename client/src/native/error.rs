//! Why a client cannot be opened, why it cannot do something, and why its links end.

use std::io;
use std::path::PathBuf;

use shared::base::id::RecordId;
use shared::ledger::Rejection;
use shared::replica::io::{CommandRejection, Violation};
use thiserror::Error;

/// An address of a relay that is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is no address of a relay: give a host with a port, such as relay.example:5000, without a scheme")]
pub struct NoAddress(pub String);

/// Why a client cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// A relay is named by something that is no address.
    #[error(transparent)]
    NoAddress(#[from] NoAddress),
    /// The system gives no random numbers, which a new id needs.
    #[error("the system gives no random numbers for a new id: {0}")]
    NoRandomness(#[from] getrandom::Error),
    /// The file cannot be used.
    #[error("{file}: {error}")]
    File {
        /// The file.
        file: PathBuf,
        /// The reason, and what to do.
        error: FileError,
    },
}

/// Why the file of a client cannot be used.
#[derive(Debug, Error)]
pub enum FileError {
    /// The system does not give the file.
    #[error("cannot open the file: {0}. Give a path that this user may read and write")]
    Unusable(#[from] io::Error),
    /// Another program, or another client of this one, has the file open.
    #[error("another program is using the file: close it, or give this one a file of its own")]
    Busy,
    /// A newer version has written the file.
    #[error(
        "a newer version of Duet has written the file (version {found}; this one knows {known}): use that version, or give another file"
    )]
    Newer {
        /// The version of the file.
        found: i64,
        /// The latest version that this client knows.
        known: i64,
    },
    /// The file is none of a client.
    #[error("the file belongs to another program: give another path")]
    Foreign,
    /// The file holds another room.
    #[error("the file holds the room {room}: open it for that room, or give another file")]
    OtherRoom {
        /// The room in the file.
        room: String,
    },
    /// The contents of the file cannot be read.
    #[error(
        "the file is broken ({0}): move it away and start again; the client then begins under a new id with what the relays have"
    )]
    Broken(String),
}

/// A transaction has failed, so that nobody knows how much of it is on the disk.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct WriteError(pub String);

/// Why a client does nothing more.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Stopped {
    /// It was closed.
    #[error("the client is closed")]
    Closed,
    /// Its file takes no more writes.
    #[error(
        "the client has stopped, since its file takes no more writes ({0}): make room on the disk or repair it, then open the file again"
    )]
    CannotWrite(WriteError),
    /// The system gives no random numbers, which the new id needs that the client has to take.
    #[error("the client has stopped: relays refuse its id, and the system gives no random numbers for a new one")]
    NoRandomness,
}

/// Why a command was not done, or why nobody knows its result.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommandError {
    /// The command was rejected, and nothing was done.
    #[error(transparent)]
    Rejected(#[from] CommandRejection),
    /// The client has taken a new id since the command. It does again under that id what no relay had.
    #[error("the client has taken a new id since then, and does again what no relay had: look at what is there")]
    NewId,
    /// The client has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Why a record has no final number.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoNumber {
    /// The relays have refused the number.
    #[error("the relays have refused the number: {0:?}. Ask for another one")]
    Refused(Rejection),
    /// The record has no number, and none was asked for, as far as this client has heard.
    #[error("record {0} has no number, and none was asked for, as far as is known here: ask for one first")]
    NotAsked(RecordId),
    /// The client has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Why a link to a relay has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEnd {
    /// The relay could not be reached, or did not say hello in time.
    Unreachable,
    /// The link was lost, or the relay does not answer any more.
    Lost,
    /// The relay has ended the link, and said why.
    Refused(Violation),
    /// The client has ended the link, since the relay broke the protocol or has another log.
    Cut(Violation),
    /// The client has left the relay: its user wanted it, or it goes on over a new link.
    Left,
}
