//! Makes a record of a row.

use shared::schema::Schema;
use shared::schema::text::unguarded;

use super::columns::{Heading, Use};
use super::error::LineError;
use super::json::Json;
use super::source::Row;
use super::values::{Value, edits, is_missing, number};
use crate::session::NewRecord;

/// The result of a row.
#[derive(Clone, Debug)]
pub(super) enum Plan {
    /// It holds nothing.
    Blank,
    Add(NewRecord),
    /// The problem of the row.
    Refuse(LineError),
}

/// A row, as far as it could be understood.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub line: usize,
    pub plan: Plan,
    /// Keys of it that are no field, so that they are left out.
    pub unknown: Vec<String>,
}

/// How values are read.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub schema: &'a Schema,
    /// Stands for the next number, besides `next`.
    pub next_word: &'a str,
}

/// The record that a row is to become. Keys that nothing becomes of are added to `unknown`.
///
/// # Errors
/// The problem of the row.
pub(super) fn record(
    reader: Reader<'_>,
    headings: &[Heading],
    row: &Row,
    unknown: &mut Vec<String>,
) -> Result<NewRecord, LineError> {
    let schema = reader.schema;
    let mut record = NewRecord { fields: Vec::new(), number: None };
    match row {
        Row::Cells(cells) => {
            check_surplus(cells, headings.len())?;
            for (heading, cell) in headings.iter().zip(cells) {
                put(&mut record, reader, &heading.wanted, Value::Cell(unguarded(cell)))?;
            }
        }
        Row::Element(element) => {
            let mut used: Vec<(Use, &str)> = Vec::new();
            for Member { key, wanted, value } in members(schema, element)? {
                if wanted == Use::Unknown {
                    unknown.push(key.to_owned());
                } else if wanted.is_used() {
                    if let Some((_, other)) = used.iter().find(|(other, _)| *other == wanted) {
                        return Err(LineError::SameKeys { one: (*other).to_owned(), other: key.to_owned() });
                    }
                    put(&mut record, reader, &wanted, Value::Json(value))?;
                    used.push((wanted, key));
                }
            }
        }
    }
    let is_there = |name: &str| record.fields.iter().any(|(field, _)| field == name);
    match schema.fields().find(|(_, spec)| spec.required && !is_there(&spec.name)) {
        Some((_, spec)) => Err(is_missing(&spec.name)),
        None => Ok(record),
    }
}

/// Cells behind the last column belong nowhere; a spreadsheet may write empty ones.
fn check_surplus(cells: &[String], columns: usize) -> Result<(), LineError> {
    if cells.iter().skip(columns).all(|cell| cell.trim().is_empty()) {
        return Ok(());
    }
    Err(LineError::TooManyCells { cells: cells.len(), columns })
}

fn put(record: &mut NewRecord, reader: Reader<'_>, wanted: &Use, value: Value<'_>) -> Result<(), LineError> {
    match wanted {
        Use::Field(spec) => {
            let edits = edits(reader.schema, spec, value)?;
            record.fields.extend(edits.into_iter().map(|edit| (spec.name.clone(), edit)));
        }
        Use::Number => record.number = number(value, reader.next_word)?,
        Use::Own | Use::Unknown => {}
    }
    Ok(())
}

/// A member of a record in JSON.
pub(super) struct Member<'a> {
    pub key: &'a str,
    pub wanted: Use,
    pub value: &'a Json,
}

/// The members of a record; the API has its fields in an object of their own.
///
/// # Errors
/// If it is no record.
pub(super) fn members<'a>(schema: &Schema, element: &'a Json) -> Result<Vec<Member<'a>>, LineError> {
    let Json::Object(members) = element else {
        return Err(LineError::NotARecord);
    };
    let mut all = Vec::new();
    for (key, value) in members {
        match value {
            Json::Object(fields) if key == "fields" => {
                all.extend(fields.iter().map(|(key, value)| Member { key, wanted: Use::of_field(schema, key), value }))
            }
            value => all.push(Member { key, wanted: Use::of(schema, key), value }),
        }
    }
    Ok(all)
}
