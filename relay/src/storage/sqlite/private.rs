//! Files and directories that other users of the machine may not read.

use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use tracing::warn;

const DIR_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// The bits of everybody but the owner.
const OTHERS: u32 = 0o077;

/// Creates a directory, and those above it, if it is missing. Takes the rights of others from it if it is there.
pub fn create_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir)?;
    close(dir, DIR_MODE)
}

/// Opens a file for writing, and creates it if it is missing. SQLite gives the files beside a database the same rights.
pub fn create_file(file: &Path) -> io::Result<File> {
    File::options().create(true).append(true).mode(FILE_MODE).open(file)
}

/// Takes the rights of others from all files in a directory.
pub fn close_files(dir: &Path) -> io::Result<()> {
    for entry in dir.read_dir()? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            close(&entry.path(), FILE_MODE)?;
        }
    }
    Ok(())
}

/// Takes the rights of others. Only the owner can: on a volume that belongs to somebody else the relay warns and goes on.
fn close(path: &Path, mode: u32) -> io::Result<()> {
    if path.metadata()?.permissions().mode() & OTHERS == 0 {
        return Ok(());
    }
    match std::fs::set_permissions(path, Permissions::from_mode(mode)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            warn!("other users may read {}, which belongs to another user: set its mode to {mode:o}", path.display());
            Ok(())
        }
        done => done,
    }
}
