//! A file as rows: what it is, and what stands where.

use std::rc::Rc;

use shared::schema::Schema;
use shared::schema::text::unguarded;

use super::columns::{self, Heading, Use};
use super::csv::{BadRecord, CsvReader};
use super::encoding::text_of;
use super::json::{BadElement, Fault, Json, JsonReader};
use super::plan::{Plan, Planned, members, record};
use super::values::Value;
use crate::tr;

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
    pub name: String,
    rows: Rows,
    /// The columns of CSV; of JSON those of the first elements.
    headings: Vec<Heading>,
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
    /// The problem, as a sentence.
    Bad(String),
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
                    Err(bad) => Found::Bad(bad_record(bad)),
                };
                Some((record.line, found))
            }
            Rows::Json(reader) => {
                let element = reader.next()?;
                let found = match element.value {
                    Ok(value) => Found::Row(Row::Element(value)),
                    Err(BadElement::HalfCharacter) => {
                        Found::Bad(tr!("A text has half a character, such as \\ud83d without its other half. Mend it."))
                    }
                    Err(BadElement::NotJson(fault)) => Found::Bad(not_json(element.line, fault.why)),
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
    /// What a file of this name holds.
    ///
    /// # Errors
    /// Why it cannot be imported, and what to do, in sentences.
    pub fn read(name: &str, bytes: Vec<u8>, schema: &Schema) -> Result<Self, String> {
        check_size(bytes.len())?;
        let text: Rc<str> = text_of(bytes)?.into();
        if text.trim().is_empty() {
            return Err(tr!("The file is empty. Choose another one."));
        }
        let bytes = text.len();
        let is_json = name.to_lowercase().ends_with(".json") || text.trim_start().starts_with(['[', '{']);
        let (rows, headings) = if is_json { json(text, schema) } else { csv(text, schema) }?;
        Ok(ImportFile { name: name.to_owned(), rows, headings, bytes })
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
        let plan = match found {
            Found::Blank => Plan::Blank,
            Found::Bad(why) => Plan::Refuse(why),
            Found::Row(row) => record(schema, &self.headings, &row, &mut unknown).map_or_else(Plan::Refuse, Plan::Add),
        };
        Some(Planned { line, plan, unknown })
    }

    /// Names of columns that are no field.
    pub(super) fn unknown(&self) -> impl Iterator<Item = &str> {
        let unknown = self.headings.iter().filter(|heading| heading.wanted == Use::Unknown);
        unknown.map(|heading| heading.name.as_str())
    }

    #[must_use]
    pub fn preview(&self, schema: &Schema) -> Preview {
        let mut rows = self.rows.clone();
        let first = std::iter::from_fn(|| rows.next()).filter_map(|(_, found)| match found {
            Found::Blank => None,
            Found::Bad(problem) => Some(vec![problem]),
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
    fn shown(&self, schema: &Schema, row: &Row) -> Vec<String> {
        match row {
            Row::Cells(cells) => {
                let columns = self.headings.iter().enumerate().filter(|(_, heading)| heading.wanted.is_used());
                let cell = |place: usize| cells.get(place).map_or("", |cell| unguarded(cell));
                columns.map(|(place, _)| Value::Cell(cell(place)).shown()).collect()
            }
            Row::Element(element) => match members(schema, element) {
                Err(problem) => vec![problem],
                Ok(members) => {
                    let value = |heading: &Heading| members.iter().find(|member| member.wanted == heading.wanted);
                    self.used()
                        .map(|heading| value(heading).map_or_else(String::new, |of| Value::Json(of.value).shown()))
                        .collect()
                }
            },
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

fn csv(text: Rc<str>, schema: &Schema) -> Result<(Rows, Vec<Heading>), String> {
    let mut reader = CsvReader::new(text);
    let head = reader.by_ref().find(|record| !record.is_blank());
    let head = head.ok_or_else(|| tr!("The file is empty. Choose another one."))?;
    let cells = head.cells.map_err(|bad| tr!("Line {line}: {problem}", line = head.line, problem = bad_record(bad)))?;
    let headings: Vec<_> = cells.iter().map(|cell| Heading::of_cell(schema, cell)).collect();
    columns::check(&headings, schema)?;
    Ok((Rows::Csv(reader), headings))
}

/// The keys of the first elements are the columns of the preview.
fn json(text: Rc<str>, schema: &Schema) -> Result<(Rows, Vec<Heading>), String> {
    let reader = JsonReader::new(text.clone()).map_err(|fault| {
        let line = 1 + super::csv::line_breaks(text.as_bytes(), 0, fault.at.min(text.len()));
        match fault.why {
            Fault::Unexpected => tr!("Line {line}: a list of records is wanted here, as in [{\"name\": \"Anna\"}]. Mend the file, or export one to see its form.", line = line),
            why => not_json(line, why),
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
        Some(spec) => Err(tr!(
            "No record of the file has “{field}”, which every record needs. Rename the key that is meant, or add one.",
            field = spec.name
        )),
        None => Ok((Rows::Json(reader), headings)),
    }
}

fn bad_record(bad: BadRecord) -> String {
    match bad {
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
