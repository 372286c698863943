//! Makes a record of a row.

use shared::schema::Schema;
use shared::schema::text::unguarded;

use super::columns::{Heading, Use};
use super::json::Json;
use super::source::Row;
use super::values::{Value, edits, is_missing, number};
use crate::engine::session::NewRecord;
use crate::{tr, trn};

/// The result of a row.
#[derive(Clone, Debug)]
pub(super) enum Plan {
    /// It holds nothing.
    Blank,
    Add(NewRecord),
    /// The problems of the row, as sentences.
    Refuse(String),
}

/// A row, as far as it could be understood.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub line: usize,
    pub plan: Plan,
    /// Keys of it that are no field, so that they are left out.
    pub unknown: Vec<String>,
}

/// The record that a row is to become. Keys that nothing becomes of are added to `unknown`.
///
/// # Errors
/// The problems of a row, as sentences.
pub(super) fn record(
    schema: &Schema,
    headings: &[Heading],
    row: &Row,
    unknown: &mut Vec<String>,
) -> Result<NewRecord, String> {
    let mut record = NewRecord { fields: Vec::new(), number: None };
    match row {
        Row::Cells(cells) => {
            check_surplus(cells, headings.len())?;
            for (heading, cell) in headings.iter().zip(cells) {
                put(&mut record, schema, &heading.wanted, Value::Cell(unguarded(cell)))?;
            }
        }
        Row::Element(element) => {
            let mut used: Vec<(Use, &str)> = Vec::new();
            for Member { key, wanted, value } in members(schema, element)? {
                if wanted == Use::Unknown {
                    unknown.push(key.to_owned());
                } else if wanted.is_used() {
                    if let Some((_, other)) = used.iter().find(|(other, _)| *other == wanted) {
                        let (one, other) = (*other, key);
                        return Err(tr!(
                            "“{one}” and “{other}” mean the same here. Leave one of them.",
                            one = one,
                            other = other
                        ));
                    }
                    put(&mut record, schema, &wanted, Value::Json(value))?;
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
fn check_surplus(cells: &[String], columns: usize) -> Result<(), String> {
    if cells.iter().skip(columns).all(|cell| cell.trim().is_empty()) {
        return Ok(());
    }
    Err(trn!(
        columns as u64,
        "The line has {cells} cells, but the file has {count} column. Put a text with commas in quotes.",
        "The line has {cells} cells, but the file has {count} columns. Put a text with commas in quotes.",
        cells = cells.len()
    ))
}

fn put(record: &mut NewRecord, schema: &Schema, wanted: &Use, value: Value<'_>) -> Result<(), String> {
    match wanted {
        Use::Field(spec) => {
            let edits = edits(schema, spec, value)?;
            record.fields.extend(edits.into_iter().map(|edit| (spec.name.clone(), edit)));
        }
        Use::Number => record.number = number(value)?,
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
/// If it is no record, in sentences.
pub(super) fn members<'a>(schema: &Schema, element: &'a Json) -> Result<Vec<Member<'a>>, String> {
    let Json::Object(members) = element else {
        return Err(tr!("This is no record. Write it as {\"name\": \"Anna\"}."));
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
