//! Which column, or which key of a record, means what.

use shared::schema::text::unguarded;
use shared::schema::{FieldSpec, Schema};

use super::error::FileError;

/// The headers under which a file may have the number: the one of this page and of the API, and the original system's.
const NUMBER: [&str; 2] = ["number", "max_number"];
/// Columns of an export that mean nothing elsewhere.
const OWN: [&str; 4] = ["id", "number state", "candidates", "refused"];
/// Stands before the name of a field that is called like one of the columns above.
const OF_FIELD: &str = "fields.";

/// The place that the cells of a column go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Use {
    /// A field of the schema.
    Field(FieldSpec),
    /// The number of the record.
    Number,
    /// An export has it, and no other room can use it.
    Own,
    /// No field is called so.
    Unknown,
}

impl Use {
    /// The use of a column with this name. Fields go by their names, in upper or lower case if that is clear.
    pub(super) fn of(schema: &Schema, name: &str) -> Self {
        let key = name.trim().to_lowercase();
        if let Some(field) = name.trim_start().strip_prefix(OF_FIELD) {
            Use::of_field(schema, field)
        } else if NUMBER.contains(&key.as_str()) {
            Use::Number
        } else if OWN.contains(&key.as_str()) {
            Use::Own
        } else {
            Use::of_field(schema, name)
        }
    }

    /// The field that is meant by this name.
    pub(super) fn of_field(schema: &Schema, name: &str) -> Self {
        let find = |is_it: &dyn Fn(&str) -> bool| {
            let mut found = schema.fields().map(|(_, spec)| spec).filter(|spec| is_it(&spec.name));
            found.next().filter(|_| found.next().is_none())
        };
        let (trimmed, key) = (name.trim(), name.trim().to_lowercase());
        let field = find(&|field| field == name)
            .or_else(|| find(&|field| field.trim() == trimmed))
            .or_else(|| find(&|field| field.trim().to_lowercase() == key));
        field.map_or(Use::Unknown, |spec| Use::Field(spec.clone()))
    }

    /// Whether something becomes of it.
    pub(super) fn is_used(&self) -> bool {
        matches!(self, Use::Field(_) | Use::Number)
    }
}

/// The column of a field in an export.
pub(super) fn heading_of(field: &str) -> String {
    let key = field.trim().to_lowercase();
    let is_reserved = NUMBER.contains(&key.as_str()) || OWN.contains(&key.as_str());
    if is_reserved || field.trim_start().starts_with(OF_FIELD) {
        format!("{OF_FIELD}{field}")
    } else {
        field.to_owned()
    }
}

/// A column of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// As the file writes it.
    pub name: String,
    /// The use of the column.
    pub wanted: Use,
}

impl Heading {
    /// The heading of a column whose name is a cell.
    pub(super) fn of_cell(schema: &Schema, cell: &str) -> Self {
        let name = unguarded(cell);
        Heading { name: name.trim().to_owned(), wanted: Use::of(schema, name) }
    }
}

/// # Errors
/// If two columns mean the same, or no record can come of these columns.
pub(super) fn check(headings: &[Heading], schema: &Schema) -> Result<(), FileError> {
    for (place, heading) in headings.iter().enumerate() {
        let twin = headings[..place].iter().find(|other| other.wanted == heading.wanted);
        if let Some(twin) = twin.filter(|_| heading.wanted.is_used()) {
            return Err(FileError::SameColumns { one: twin.name.clone(), other: heading.name.clone() });
        }
    }
    if let Some(spec) = missing(headings, schema) {
        return Err(FileError::MissingColumn { field: spec.name.clone() });
    }
    if !headings.iter().any(|heading| matches!(heading.wanted, Use::Field(_))) {
        return Err(FileError::NoFieldColumn);
    }
    Ok(())
}

/// A field that every record needs and no column has.
pub(super) fn missing<'a>(headings: &[Heading], schema: &'a Schema) -> Option<&'a FieldSpec> {
    let has = |spec: &FieldSpec| headings.iter().any(|heading| matches!(&heading.wanted, Use::Field(of) if of == spec));
    schema.fields().map(|(_, spec)| spec).find(|spec| spec.required && !has(spec))
}
