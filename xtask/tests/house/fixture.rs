//! Small trees of sources for the tests of the rules.

use std::fs;

use tempfile::TempDir;

use crate::source::Crate;

/// Writes files, given by their paths and texts, into a new folder.
pub fn folder_of(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("there is room for a small folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("the folder can be written");
        fs::write(path, text).expect("the folder can be written");
    }
    folder
}

/// Reads the crate `core`, whose files are given by their paths below `core/src`.
pub fn crate_of(files: &[(&str, &str)]) -> Crate {
    let files: Vec<_> = files.iter().map(|(path, text)| (format!("core/src/{path}"), *text)).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    Crate::read(folder_of(&files).path(), "core").expect("the fixture is a crate")
}
