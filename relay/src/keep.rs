//! The command line for backups: makes one of a relay that may be at work, and restores relays from one.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use shared::base::id::RelayId;
use shared::consensus::RestoreId;

use crate::storage::StorageError;
use crate::storage::sqlite::{self, Restored};

/// A task about a database.
#[derive(Debug, Subcommand)]
pub enum Keep {
    /// Copies the database of a relay into a file, as it is at this moment. The relay may be at work.
    Backup {
        /// The directory of the relay's database.
        #[arg(long, value_name = "DIR")]
        data_dir: PathBuf,
        /// The file to write. There must be none of this name yet.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Restores a relay that is stopped from a backup. All relays are restored from the same file, also those that are well:
    /// a single relay that has lost its database needs no backup, it gets everything from the others.
    Restore {
        /// The backup, of whichever relay.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// The directory of this relay's database. A database that is there is moved aside.
        #[arg(long, value_name = "DIR")]
        data_dir: PathBuf,
        /// The number under which this relay votes.
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
        id: u16,
        /// For every relay but the first: which restore it takes part in, as the first one has printed it.
        #[arg(long, value_name = "RESTORE")]
        restore: Option<RestoreId>,
    },
}

/// Does it, and says in words what was done.
pub fn keep(task: Keep) -> ExitCode {
    let said = match task {
        Keep::Backup { data_dir, to } => sqlite::back_up(&data_dir, &to).map(|done| {
            format!("{} holds {} rooms in {} KiB.", to.display(), done.rooms, done.bytes.div_ceil(1 << 10))
        }),
        Keep::Restore { from, data_dir, id, restore } => {
            let done = sqlite::restore(&from, &data_dir, RelayId(id), restore);
            done.map(|done| words_of(&from, id, restore.is_none(), &done))
        }
    };
    say(said)
}

fn say(said: Result<String, StorageError>) -> ExitCode {
    match said {
        Ok(words) => {
            println!("{words}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("relay: {error}");
            ExitCode::FAILURE
        }
    }
}

fn words_of(from: &std::path::Path, me: u16, is_first: bool, done: &Restored) -> String {
    let Restored { id, rooms, records, voters, moved_to } = done;
    let mut words = format!("Relay {me} is restored, as restore {id}: {rooms} rooms with {records} records.");
    if let Some(aside) = moved_to {
        words += &format!("\nThe database that was there is now {}.", aside.display());
    }
    let others: Vec<u16> = voters.iter().map(|voter| voter.0).filter(|&other| other != me).collect();
    if is_first && !others.is_empty() {
        words += "\nBefore any relay is started, restore the others from the same file, each with its own directory:";
        for other in others {
            words += &format!("\n  relay restore --from {} --id {other} --restore {id} --data-dir DIR", from.display());
        }
    }
    words + "\nThen start all relays. Tabs bring what they know and the backup does not hold."
}
