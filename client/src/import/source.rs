//! A file as rows: what it is, and what stands where.

use std::rc::Rc;

use shared::schema::Schema;
use shared::schema::text::unguarded;

use super::columns::{self, Heading, Use};
use super::csv::CsvReader;
use super::encoding::text_of;
use super::error::{FileError, LineError};
use super::json::{BadElement, Fault, Json, JsonReader};
use super::plan::{Plan, Planned, Reader, members, record};
use super::values::{PreviewCell, Value};

/// The largest file that is read, in bytes: a tab holds it in memory.
pub const MAX_FILE_BYTES: usize = 32 << 20;
/// How many rows are shown before somebody imports them.
const PREVIEWED: usize = 5;
/// How many elements of a list in JSON are looked at for the preview.
const LOOKED_AT: usize = 100;
/// How many names of unknown columns are told.
pub(super) const TOLD: usize = 20;

/// A file that can be imported.
#[derive(Clone, Debug)]
pub struct ImportFile {
    /// The name of the file.
    pub name: String,
    rows: Rows,
    /// The columns of CSV; of JSON those of the first elements.
    headings: Vec<Heading>,
    bytes: usize,
    /// Stands for the next number, besides `next`.
    next_word: String,
}

/// What somebody sees before they import it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The name of the file.
    pub name: String,
    /// The columns that are used.
    pub headings: Vec<Heading>,
    /// The first rows: a cell for each heading, or the problem of the row.
    pub rows: Vec<Result<Vec<PreviewCell>, LineError>>,
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

/// Where rows come from.
#[derive(Clone, Debug)]
enum Rows {
    Csv(CsvReader),
    Json(JsonReader),
}

/// The content of a line.
enum Found {
    Row(Row),
    Blank,
    /// The problem.
    Bad(LineError),
}

impl Rows {
    /// The next row with its line.
    fn next(&mut self) -> Option<(usize, Found)> {
        match self {
            Rows::Csv(reader) => {
                let record = reader.next()?;
                let is_blank = record.is_blank();
                let found = match record.cells {
                    Ok(_) if is_blank => Found::Blank,
                    Ok(cells) => Found::Row(Row::Cells(cells)),
                    Err(bad) => Found::Bad(LineError::BadRecord(bad)),
                };
                Some((record.line, found))
            }
            Rows::Json(reader) => {
                let element = reader.next()?;
                let found = match element.value {
                    Ok(value) => Found::Row(Row::Element(value)),
                    Err(BadElement::HalfCharacter) => Found::Bad(LineError::HalfCharacter),
                    Err(BadElement::NotJson(fault)) => {
                        Found::Bad(LineError::NotJson { line: element.line, why: fault.why })
                    }
                };
                Some((element.line, found))
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
    /// Reads a file of this name. In the column of numbers `next_word` stands for the next number, as `next` does.
    ///
    /// # Errors
    /// Why it cannot be imported.
    pub fn read(name: &str, bytes: Vec<u8>, schema: &Schema, next_word: &str) -> Result<Self, FileError> {
        check_size(bytes.len())?;
        let text: Rc<str> = text_of(bytes)?.into();
        if text.trim().is_empty() {
            return Err(FileError::Empty);
        }
        let bytes = text.len();
        let is_json = name.to_lowercase().ends_with(".json") || text.trim_start().starts_with(['[', '{']);
        let (rows, headings) = if is_json { json(text, schema) } else { csv(text, schema) }?;
        Ok(ImportFile { name: name.to_owned(), rows, headings, bytes, next_word: next_word.to_owned() })
    }

    /// How much of it is read, from zero to one.
    #[must_use]
    pub fn progress(&self) -> f64 {
        (self.rows.at() as f64 / self.bytes as f64).min(1.0)
    }

    /// What becomes of the next row.
    pub(super) fn next(&mut self, schema: &Schema) -> Option<Planned> {
        let (line, found) = self.rows.next()?;
        let mut unknown = Vec::new();
        let reader = Reader { schema, next_word: &self.next_word };
        let plan = match found {
            Found::Blank => Plan::Blank,
            Found::Bad(why) => Plan::Refuse(why),
            Found::Row(row) => record(reader, &self.headings, &row, &mut unknown).map_or_else(Plan::Refuse, Plan::Add),
        };
        Some(Planned { line, plan, unknown })
    }

    /// Names of columns that are no field.
    pub(super) fn unknown(&self) -> impl Iterator<Item = &str> {
        let unknown = self.headings.iter().filter(|heading| heading.wanted == Use::Unknown);
        unknown.map(|heading| heading.name.as_str())
    }

    /// Returns the first rows of the file, as a room of this schema would read them.
    #[must_use]
    pub fn preview(&self, schema: &Schema) -> Preview {
        let mut rows = self.rows.clone();
        let first = std::iter::from_fn(|| rows.next()).filter_map(|(_, found)| match found {
            Found::Blank => None,
            Found::Bad(problem) => Some(Err(problem)),
            Found::Row(row) => Some(self.shown(schema, &row)),
        });
        Preview {
            name: self.name.clone(),
            rows: first.take(PREVIEWED).collect(),
            headings: self.used().cloned().collect(),
            unknown: self.unknown().take(TOLD).map(str::to_owned).collect(),
            has_numbers: self.headings.iter().any(|heading| heading.wanted == Use::Number),
        }
    }

    fn used(&self) -> impl Iterator<Item = &Heading> {
        self.headings.iter().filter(|heading| heading.wanted.is_used())
    }

    /// The cells of a row in the columns that are used, as text.
    fn shown(&self, schema: &Schema, row: &Row) -> Result<Vec<PreviewCell>, LineError> {
        match row {
            Row::Cells(cells) => {
                let columns = self.headings.iter().enumerate().filter(|(_, heading)| heading.wanted.is_used());
                let cell = |place: usize| cells.get(place).map_or("", |cell| unguarded(cell));
                Ok(columns.map(|(place, _)| Value::Cell(cell(place)).shown()).collect())
            }
            Row::Element(element) => {
                let members = members(schema, element)?;
                let value = |heading: &Heading| members.iter().find(|member| member.wanted == heading.wanted);
                let nothing = || PreviewCell::Text(String::new());
                Ok(self
                    .used()
                    .map(|heading| value(heading).map_or_else(nothing, |of| Value::Json(of.value).shown()))
                    .collect())
            }
        }
    }
}

/// Checks the size of a file before it is read.
///
/// # Errors
/// [`FileError::TooLarge`] for a file of more than [`MAX_FILE_BYTES`].
pub fn check_size(bytes: usize) -> Result<(), FileError> {
    if bytes <= MAX_FILE_BYTES { Ok(()) } else { Err(FileError::TooLarge { bytes }) }
}

fn csv(text: Rc<str>, schema: &Schema) -> Result<(Rows, Vec<Heading>), FileError> {
    let mut reader = CsvReader::new(text);
    let head = reader.by_ref().find(|record| !record.is_blank());
    let head = head.ok_or(FileError::Empty)?;
    let cells = head.cells.map_err(|why| FileError::BadHead { line: head.line, why })?;
    let headings: Vec<_> = cells.iter().map(|cell| Heading::of_cell(schema, cell)).collect();
    columns::check(&headings, schema)?;
    Ok((Rows::Csv(reader), headings))
}

/// The keys of the first elements are the columns of the preview.
fn json(text: Rc<str>, schema: &Schema) -> Result<(Rows, Vec<Heading>), FileError> {
    let reader = JsonReader::new(text.clone()).map_err(|fault| {
        let line = 1 + super::csv::line_breaks(text.as_bytes(), 0, fault.at.min(text.len()));
        match fault.why {
            Fault::Unexpected => FileError::NoList { line },
            why => FileError::NotJson { line, why },
        }
    })?;
    let mut headings: Vec<Heading> = Vec::new();
    let (mut first, mut is_whole) = (reader.clone(), true);
    for element in first.by_ref().take(LOOKED_AT) {
        is_whole &= element.value.is_ok();
        let Ok(value) = element.value else { continue };
        for member in members(schema, &value).unwrap_or_default() {
            let is_known = |heading: &Heading| match heading.wanted {
                Use::Unknown => heading.name == member.key,
                _ => heading.wanted == member.wanted,
            };
            if !headings.iter().any(is_known) {
                headings.push(Heading { name: member.key.to_owned(), wanted: member.wanted });
            }
        }
    }
    is_whole &= first.next().is_none();
    match columns::missing(&headings, schema).filter(|_| is_whole && !headings.is_empty()) {
        Some(spec) => Err(FileError::MissingKey { field: spec.name.clone() }),
        None => Ok((Rows::Json(reader), headings)),
    }
}
