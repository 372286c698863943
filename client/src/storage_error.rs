//! Why a device keeps nothing: values, for the host to put into words.

/// Why the device keeps nothing, or why what it keeps cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageError {
    /// The browser has no locks here.
    NoLocks,
    /// The browser keeps no databases here.
    NoDatabases,
    /// The storage does not answer.
    Silent,
    /// The browser has cleared the database.
    Cleared,
    /// Another version of the program wants the database.
    Wanted,
    /// An older version of the program wrote the database.
    Older,
    /// The secret that proves the id of the replica is missing.
    NoSecret,
    /// The records have other fields than those of the relay.
    OtherFields,
    /// A write was aborted, and the browser does not say why.
    Aborted,
    /// A row is none that this version writes. The text says which one.
    Corrupt(String),
    /// The reason in the words of the browser.
    Browser(String),
}
