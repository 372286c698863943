//! A file as rows: what it is, and what stands where.

use std::rc::Rc;

use shared::schema::Schema;

use super::csv::{BadRecord, CsvReader};
use super::json::{Json, JsonReader};
use super::plan::{Columns, Heading, Planned};
use crate::tr;

/// The largest file that is read, in bytes: a tab holds it in memory.
pub const MAX_FILE_BYTES: usize = 32 << 20;
/// How many rows are shown before somebody imports them.
const PREVIEWED: usize = 5;

/// A file that can be imported.
#[derive(Clone, Debug)]
pub struct ImportFile {
    pub name: String,
    pub(super) rows: Rows,
    pub(super) columns: Columns,
    bytes: usize,
}

/// What somebody sees before they import it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    pub name: String,
    pub headings: Vec<Heading>,
    /// The first rows, with a text for each heading.
    pub rows: Vec<Vec<String>>,
    /// Names of columns that are no field, so that they are left out.
    pub unknown: Vec<String>,
    /// Whether some column holds numbers.
    pub has_numbers: bool,
}

/// One row.
#[derive(Clone, Debug)]
pub(super) enum Row {
    Cells(Vec<String>),
    Element(Json),
}

#[derive(Clone, Debug)]
pub(super) enum Rows {
    Csv(CsvReader),
    Json(JsonReader),
}

impl Rows {
    /// The next row with its line, or what is wrong with it, as a sentence.
    pub(super) fn next(&mut self) -> Option<(usize, Result<Row, String>)> {
        match self {
            Rows::Csv(reader) => {
                let record = reader.next()?;
                Some((record.line, record.cells.map(Row::Cells).map_err(bad_record)))
            }
            Rows::Json(reader) => {
                let element = reader.next()?;
                Some((element.line, element.value.map(Row::Element).map_err(|_| not_json(element.line))))
            }
        }
    }

    fn at(&self) -> usize {
        match self {
            Rows::Csv(reader) => reader.at(),
            Rows::Json(reader) => reader.at(),
        }
    }
}

impl ImportFile {
    /// What a file of this name holds.
    ///
    /// # Errors
    /// Why it cannot be imported, and what to do, in sentences.
    pub fn read(name: &str, bytes: Vec<u8>, schema: &Schema) -> Result<Self, String> {
        check_size(bytes.len())?;
        let length = bytes.len();
        let text: Rc<str> = text_of(bytes)?.into();
        if text.trim().is_empty() {
            return Err(tr!("The file is empty. Choose another one."));
        }
        let is_json = name.to_lowercase().ends_with(".json") || text.trim_start().starts_with(['[', '{']);
        let (rows, columns) = if is_json { json(text, schema) } else { csv(text, schema) }?;
        columns.check(schema)?;
        Ok(ImportFile { name: name.to_owned(), rows, columns, bytes: length })
    }

    /// How much of it is read, from zero to one.
    #[must_use]
    pub fn progress(&self) -> f64 {
        (self.rows.at() as f64 / self.bytes as f64).min(1.0)
    }

    /// The next row that is to become a record.
    pub(super) fn next(&mut self, schema: &Schema) -> Option<Planned> {
        let (line, row) = self.rows.next()?;
        let wanted = row.and_then(|row| self.columns.record(schema, &row));
        Some(Planned { line, wanted })
    }

    #[must_use]
    pub fn preview(&self) -> Preview {
        let mut rows = self.rows.clone();
        let first = std::iter::from_fn(|| rows.next()).take(PREVIEWED);
        Preview {
            name: self.name.clone(),
            headings: self.columns.used().cloned().collect(),
            rows: first
                .map(|(_, row)| row.map_or_else(|problem| vec![problem], |row| self.columns.shown(&row)))
                .collect(),
            unknown: self.columns.unknown(),
            has_numbers: self.columns.has_numbers(),
        }
    }
}

/// # Errors
/// If a file of so many bytes is too large, in sentences.
pub fn check_size(bytes: usize) -> Result<(), String> {
    const MIB: usize = 1 << 20;
    if bytes <= MAX_FILE_BYTES {
        return Ok(());
    }
    let (size, most) = (bytes.div_ceil(MIB), MAX_FILE_BYTES / MIB);
    Err(tr!(
        "The file has {size} MB; at most {most} MB are read. Split it, and import the parts.",
        size = size,
        most = most
    ))
}

fn text_of(mut bytes: Vec<u8>) -> Result<String, String> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    String::from_utf8(bytes)
        .map_err(|_| tr!("The file is not in UTF-8. Save it anew as “CSV UTF-8”, or as JSON, and import that."))
}

fn csv(text: Rc<str>, schema: &Schema) -> Result<(Rows, Columns), String> {
    let mut reader = CsvReader::new(text);
    let head = reader.next().ok_or_else(|| tr!("The file is empty. Choose another one."))?;
    let names = head.cells.map_err(bad_record)?;
    Ok((Rows::Csv(reader), Columns::of_names(schema, names)))
}

/// The keys of the first elements are the columns.
fn json(text: Rc<str>, schema: &Schema) -> Result<(Rows, Columns), String> {
    const LOOKED_AT: usize = 100;
    let reader = JsonReader::new(text.clone()).map_err(|error| {
        let line = 1 + text.as_bytes()[..error.at.min(text.len())].iter().filter(|&&byte| byte == b'\n').count();
        tr!("Line {line}: a list of records is wanted here, as in [{\"name\": \"Anna\"}]. Mend the file, or export one to see its form.", line = line)
    })?;
    let mut names: Vec<String> = Vec::new();
    for element in reader.clone().take(LOOKED_AT) {
        let Ok(Json::Object(members)) = element.value else { continue };
        for (key, value) in members {
            let keys = match value {
                Json::Object(fields) if key == "fields" => fields.into_iter().map(|(field, _)| field).collect(),
                _ => vec![key],
            };
            let new: Vec<_> = keys.into_iter().filter(|key| !names.contains(key)).collect();
            names.extend(new);
        }
    }
    Ok((Rows::Json(reader), Columns::of_names(schema, names)))
}

fn bad_record(bad: BadRecord) -> String {
    match bad {
        BadRecord::Unclosed => tr!("A quote is opened here and never closed. Close it, or write it twice."),
        BadRecord::TooManyCells => tr!("The line has too many cells. Does every quote have its other one?"),
    }
}

fn not_json(line: usize) -> String {
    tr!(
        "From line {line} on the file is no JSON, so nothing after it is read. Mend it there, and import the rest.",
        line = line
    )
}
