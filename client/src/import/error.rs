//! Why a file, or a line of one, is not imported: values, for the host to put into words.

use shared::ledger::Rejection;
use shared::replica::io::CommandRejection;
use shared::schema::{FieldName, SchemaViolation};

use super::csv::BadRecord;
use super::json::Fault;
use crate::name::Name;

/// Why a file cannot be imported. Lines count from one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileError {
    /// The file has nothing but space.
    Empty,
    /// The file has more bytes than are read.
    TooLarge {
        /// The size of the file.
        bytes: usize,
    },
    /// The file is an archive, as those of spreadsheet programs are.
    ZipArchive,
    /// A line of the file is not in UTF-8.
    NotUtf8 {
        /// The line.
        line: usize,
    },
    /// The file begins like UTF-16, and is none.
    BrokenUtf16,
    /// JSON that has no list of records in its place.
    NoList {
        /// The line.
        line: usize,
    },
    /// From this line on the file is no JSON.
    NotJson {
        /// The line.
        line: usize,
        /// The reason.
        why: Fault,
    },
    /// The line with the names of the columns cannot be read.
    BadHead {
        /// The line.
        line: usize,
        /// The reason.
        why: BadRecord,
    },
    /// Two columns mean the same.
    SameColumns {
        /// The first of them.
        one: String,
        /// The second of them.
        other: String,
    },
    /// No column is called like a field that every record needs.
    MissingColumn {
        /// The field.
        field: FieldName,
    },
    /// No record in JSON has a field that every record needs.
    MissingKey {
        /// The field.
        field: FieldName,
    },
    /// No column is called like a field.
    NoFieldColumn,
}

/// Why a line is not in the table as the file has it. Lines count from one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineError {
    /// From this line on the file is no JSON, so that nothing after it is read.
    NotJson {
        /// The line.
        line: usize,
        /// The reason.
        why: Fault,
    },
    /// A line of CSV cannot be read.
    BadRecord(BadRecord),
    /// A text in JSON has one half of a pair of UTF-16 code units.
    HalfCharacter,
    /// An element of JSON is no record.
    NotARecord,
    /// Two keys of a record mean the same.
    SameKeys {
        /// The first of them.
        one: String,
        /// The second of them.
        other: String,
    },
    /// A line has cells behind the last column.
    TooManyCells {
        /// The number of its cells.
        cells: usize,
        /// The number of columns of the file.
        columns: usize,
    },
    /// The value of a text is none.
    NotText {
        /// The field.
        field: FieldName,
    },
    /// The value of a counter is no whole number. `typed` is the beginning of the value.
    NotCount {
        /// The field.
        field: FieldName,
        /// The beginning of the value.
        typed: String,
    },
    /// The elements of a set cannot be told apart.
    BadList {
        /// The field.
        field: FieldName,
    },
    /// The value of a set in JSON is no list of texts.
    NotTextList {
        /// The field.
        field: FieldName,
    },
    /// The number is none. `typed` is the beginning of the value.
    NotNumber {
        /// The beginning of the value.
        typed: String,
    },
    /// The schema does not allow the value.
    Schema(SchemaViolation),
    /// An earlier line asks for the same number.
    NumberTwice {
        /// The number.
        number: u64,
        /// The earlier line.
        earlier: usize,
    },
    /// The record cannot be added.
    Rejected(CommandRejection),
    /// The record is not added, since its number cannot be given.
    NumberRefused(NumberRefusal),
    /// The record is in, but the log refuses its number.
    LeftWithoutNumber {
        /// The name of the record, if it is known here.
        name: Option<Name>,
        /// The reason.
        refusal: NumberRefusal,
    },
    /// The words of the host, out of a report that an earlier tab has saved.
    Told(String),
}

/// Why a number is not given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberRefusal {
    /// The reason of the ledger.
    pub rejection: Rejection,
    /// The owner of the number, if that is the reason and the owner is known.
    pub owner: Option<Name>,
}
