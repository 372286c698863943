//! Why a file, or a line of one, is not imported, and what to do: in words.

use client::import::csv::BadRecord;
use client::import::json::Fault;
use client::import::{FileError, LineError, MAX_FILE_BYTES, NumberRefusal, Report, csv_row};
use client::name::Name;
use client::types::{CommandRejection, MAX_ELEMENTS, Rejection, SchemaViolation};

use super::errors::{command_rejection, number_refusal, schema_violation};
use super::layout::{bad_list, field_word};
use super::named;
use crate::{tr, trn};

/// How much of a name is told, in letters.
const TOLD: usize = 60;

/// The problem of a file, as sentences.
#[must_use]
pub fn file_error(error: &FileError) -> String {
    match error {
        FileError::Empty => tr!("The file is empty. Choose another one."),
        FileError::TooLarge { bytes } => too_large(*bytes),
        FileError::ZipArchive => tr!(
            "The file is a ZIP archive, as those of spreadsheet programs are (.xlsx, .ods). Open it there, save it as “CSV UTF-8”, and import that."
        ),
        FileError::NotUtf8 { line } => tr!(
            "Line {line} is not in UTF-8. Save the file anew as “CSV UTF-8”, or as JSON, and import that.",
            line = line
        ),
        FileError::BrokenUtf16 => {
            tr!("The file is in UTF-16, and broken. Save it anew as “CSV UTF-8”, and import that.")
        }
        FileError::NoList { line } => tr!(
            "Line {line}: a list of records is wanted here, as in [{\"name\": \"Anna\"}]. Mend the file, or export one to see its form.",
            line = line
        ),
        FileError::NotJson { line, why } => not_json(*line, *why),
        FileError::BadHead { line, why } => {
            tr!("Line {line}: {problem}", line = line, problem = bad_record(*why))
        }
        FileError::SameColumns { one, other } => tr!(
            "The columns “{one}” and “{other}” mean the same. Rename or remove one of them.",
            one = one,
            other = other
        ),
        FileError::MissingColumn { field } => tr!(
            "No column is called “{field}”, which every record needs. The first line of a CSV file names its columns: add or rename one.",
            field = field
        ),
        FileError::MissingKey { field } => tr!(
            "No record of the file has “{field}”, which every record needs. Rename the key that is meant, or add one.",
            field = field
        ),
        FileError::NoFieldColumn => tr!(
            "No column is called like a field. The first line of a CSV file names its columns: rename them to fields."
        ),
    }
}

/// The problem of a line, as sentences.
#[must_use]
pub fn line_error(error: &LineError) -> String {
    match error {
        LineError::NotJson { line, why } => not_json(*line, *why),
        LineError::BadRecord(why) => bad_record(*why),
        LineError::HalfCharacter => {
            tr!("A text has half a character, such as \\ud83d without its other half. Mend it.")
        }
        LineError::NotARecord => tr!("This is no record. Write it as {\"name\": \"Anna\"}."),
        LineError::SameKeys { one, other } => {
            tr!("“{one}” and “{other}” mean the same here. Leave one of them.", one = one, other = other)
        }
        LineError::TooManyCells { cells, columns } => trn!(
            *columns as u64,
            "The line has {cells} cells, but the file has {count} column. Put a text with commas in quotes.",
            "The line has {cells} cells, but the file has {count} columns. Put a text with commas in quotes.",
            cells = cells
        ),
        LineError::NotText { field } => {
            tr!("The {field} is to be a text. Write it in quotes.", field = field_word(field))
        }
        LineError::NotCount { field, typed } => {
            tr!("The {field} is to be a whole number, and not “{typed}”.", field = field_word(field), typed = typed)
        }
        LineError::BadList { field } => bad_list(field),
        LineError::NotTextList { field } => {
            tr!("The {field} are to be a list of texts, as in [\"a\", \"b\"].", field = field_word(field))
        }
        LineError::NotNumber { typed } => {
            tr!("“{typed}” is no number. Write digits from 1 on, “next” for the next one, or nothing.", typed = typed)
        }
        LineError::Schema(violation) => bad_value(violation),
        LineError::NumberTwice { number, earlier } => tr!(
            "Number {number} stands in line {earlier}, too. Write another one, or none.",
            number = number,
            earlier = earlier
        ),
        LineError::Rejected(CommandRejection::TooLarge) => {
            tr!("The record is too large. Make its texts shorter, or split it in two.")
        }
        LineError::Rejected(rejection) => command_rejection(rejection),
        LineError::NumberRefused(refusal) => {
            tr!("{reason} Write another number, or none.", reason = refused(refusal))
        }
        LineError::LeftWithoutNumber { name, refusal } => tr!(
            "{name} is in, but without the number: {reason} Give it another one in the table.",
            name = name.as_ref().map(beginning).unwrap_or_default(),
            reason = refused(refusal)
        ),
        LineError::Told(words) => words.clone(),
    }
}

/// The problems of an import as a table for a spreadsheet.
#[must_use]
pub fn report_as_csv(report: &Report) -> String {
    let mut csv = csv_row(&[tr!("line"), tr!("why, and what to do")]);
    for problem in &report.problems {
        csv.push_str(&csv_row(&[problem.line.to_string(), line_error(&problem.why)]));
    }
    csv
}

fn too_large(bytes: usize) -> String {
    const MIB: usize = 1 << 20;
    let (size, most) = (bytes.div_ceil(MIB), MAX_FILE_BYTES / MIB);
    tr!("The file has {size} MB; at most {most} MB are read. Split it, and import the parts.", size = size, most = most)
}

fn bad_value(violation: &SchemaViolation) -> String {
    match violation {
        SchemaViolation::TextTooLong { field, bytes, limit } => tr!(
            "The {field} has {bytes} bytes; at most {limit} are kept. Shorten it.",
            field = field_word(field),
            bytes = bytes,
            limit = limit
        ),
        SchemaViolation::TooManyElements { field } => tr!(
            "The {field} are too many: at most {limit} are kept. Leave some out.",
            field = field_word(field),
            limit = MAX_ELEMENTS
        ),
        SchemaViolation::Missing { field } => {
            tr!("The {field} is empty, and every record needs one. Fill it in.", field = field_word(field))
        }
        other => schema_violation(other),
    }
}

fn refused(NumberRefusal { rejection, owner }: &NumberRefusal) -> String {
    match (rejection, owner) {
        (Rejection::NumberTaken { number, .. }, Some(owner)) => {
            tr!("Number {number} belongs to {owner}.", number = number, owner = beginning(owner))
        }
        (Rejection::NumberTaken { number, .. }, None) => {
            tr!("Number {number} belongs to another record.", number = number)
        }
        (other, _) => number_refusal(*other),
    }
}

/// As much of a name as is told.
fn beginning(name: &Name) -> String {
    let name = named(name);
    match name.char_indices().nth(TOLD) {
        Some((end, _)) => format!("{} …", &name[..end]),
        None => name,
    }
}

fn bad_record(why: BadRecord) -> String {
    match why {
        BadRecord::Unclosed => tr!("A quote is opened here and never closed. Close it, or write it twice."),
        BadRecord::TextAfterQuote => {
            tr!("Text follows a closing quote. Write quotes within a text twice, and close the one that begins it.")
        }
        BadRecord::TooManyCells => tr!("The line has too many cells. Does every quote have its other one?"),
        BadRecord::TooLong => tr!("The line is longer than a record can be. Shorten it, or split it in two."),
    }
}

fn not_json(line: usize, why: Fault) -> String {
    match why {
        Fault::Ended => tr!(
            "The file ends on line {line} in the midst of a record: it was cut off. Get the whole file, and import what is missing.",
            line = line
        ),
        Fault::Unexpected => tr!(
            "From line {line} on the file is no JSON, so nothing after it is read. Mend it there, and import the rest.",
            line = line
        ),
        Fault::TooDeep => tr!(
            "On line {line} lists and objects are nested too deep, so nothing after it is read. Take that out, and import the rest.",
            line = line
        ),
        Fault::TooLong => tr!(
            "The record before line {line} is longer than one can be, so nothing after it is read. Split it, and import the rest.",
            line = line
        ),
        Fault::AfterList => tr!(
            "The list of records ends before line {line}, and what follows it is not read. Move it into the list, and import that.",
            line = line
        ),
    }
}
