//! Which column goes where, and what record a row is to become.

use shared::crdt::{FieldEdit, FieldKind};
use shared::schema::{FieldName, FieldSpec, MAX_ELEMENTS, Schema, SchemaViolation};

use super::csv::{elements_of, unguarded};
use super::json::Json;
use super::source::Row;
use crate::engine::session::{NewRecord, NumberWish};
use crate::tr;
use crate::view_model::{field_word, parse_wish, schema_violation};

/// What the columns of a number are called: here, in the API, and in the interface of the original system.
const NUMBER: [&str; 2] = ["number", "max_number"];
/// Columns of an export that mean nothing elsewhere.
const OWN: [&str; 4] = ["id", "number state", "candidates", "refused"];
/// How many names of unknown columns are told.
const TOLD: usize = 20;

/// What a column is used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Use {
    Field(FieldSpec),
    Number,
    /// An export has it, and no other room can use it.
    Own,
    /// No field is called so.
    Unknown,
}

/// A column of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// As the file writes it.
    pub name: String,
    pub wanted: Use,
}

#[derive(Clone, Debug)]
pub(super) struct Columns(Vec<Heading>);

/// A row, as far as it could be understood.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub line: usize,
    /// What is wrong with it otherwise, as sentences.
    pub wanted: Result<NewRecord, String>,
}

impl Columns {
    /// Fields go by their names, in upper or lower case. The first column of a name has it.
    pub(super) fn of_names(schema: &Schema, names: Vec<String>) -> Self {
        let mut columns: Vec<Heading> = Vec::new();
        for name in names {
            let key = name.trim().to_lowercase();
            let field = schema.fields().map(|(_, spec)| spec).find(|spec| {
                let is_taken = |heading: &Heading| matches!(&heading.wanted, Use::Field(taken) if taken == *spec);
                spec.name.to_lowercase() == key && !columns.iter().any(is_taken)
            });
            let wanted = match field {
                Some(spec) => Use::Field(spec.clone()),
                None if NUMBER.contains(&key.as_str()) => Use::Number,
                None if OWN.contains(&key.as_str()) => Use::Own,
                None => Use::Unknown,
            };
            columns.push(Heading { name: unguarded(name.trim()).to_owned(), wanted });
        }
        Columns(columns)
    }

    /// # Errors
    /// If no record can come of these columns, in sentences.
    pub(super) fn check(&self, schema: &Schema) -> Result<(), String> {
        let is_there =
            |spec: &FieldSpec| self.0.iter().any(|heading| matches!(&heading.wanted, Use::Field(used) if used == spec));
        let missing = schema.fields().map(|(_, spec)| spec).find(|spec| spec.required && !is_there(spec));
        if let Some(spec) = missing {
            return Err(tr!(
                "No column is called “{field}”, which every record needs. The first line of a CSV file names its columns: add or rename one.",
                field = spec.name
            ));
        }
        if !self.0.iter().any(|heading| matches!(heading.wanted, Use::Field(_))) {
            return Err(tr!(
                "No column is called like a field. The first line of a CSV file names its columns: rename them to fields."
            ));
        }
        Ok(())
    }

    /// Those that something becomes of.
    pub(super) fn used(&self) -> impl Iterator<Item = &Heading> {
        self.0.iter().filter(|heading| is_used(heading))
    }

    pub(super) fn unknown(&self) -> Vec<String> {
        let unknown = self.0.iter().filter(|heading| heading.wanted == Use::Unknown);
        unknown.map(|heading| heading.name.clone()).take(TOLD).collect()
    }

    pub(super) fn has_numbers(&self) -> bool {
        self.0.iter().any(|heading| heading.wanted == Use::Number)
    }

    /// What a row holds in the columns that are used, as text.
    pub(super) fn shown(&self, row: &Row) -> Vec<String> {
        self.values(row)
            .filter(|(heading, _)| is_used(heading))
            .map(|(_, value)| value.map(shown).unwrap_or_default())
            .collect()
    }

    fn values<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = (&'a Heading, Option<Value<'a>>)> {
        self.0.iter().enumerate().map(move |(place, heading)| {
            let value = match row {
                Row::Cells(cells) => cells.get(place).map(|cell| Value::Cell(unguarded(cell))),
                Row::Element(element) => member(element, heading).map(Value::Json),
            };
            (heading, value)
        })
    }

    /// The record that a row is to become.
    ///
    /// # Errors
    /// What is wrong with the row, as sentences.
    pub(super) fn record(&self, schema: &Schema, row: &Row) -> Result<NewRecord, String> {
        if matches!(row, Row::Element(element) if !matches!(element, Json::Object(_))) {
            return Err(tr!("This is no record. Write it as {\"name\": \"Anna\"}."));
        }
        let mut record = NewRecord { fields: Vec::new(), number: None };
        for (heading, value) in self.values(row) {
            let Some(value) = value else { continue };
            match &heading.wanted {
                Use::Field(spec) => add_edits(&mut record.fields, schema, spec, &value)?,
                Use::Number => record.number = number(&value)?.or(record.number),
                Use::Own | Use::Unknown => {}
            }
        }
        let missing = schema
            .fields()
            .map(|(_, spec)| spec)
            .find(|spec| spec.required && !record.fields.iter().any(|(field, _)| *field == spec.name));
        match missing {
            Some(spec) => Err(tr!(
                "The {field} is empty, and every record needs one. Fill it in.",
                field = field_word(&spec.name)
            )),
            None => Ok(record),
        }
    }
}

fn is_used(heading: &Heading) -> bool {
    matches!(heading.wanted, Use::Field(_) | Use::Number)
}

/// What a file says in one place.
enum Value<'a> {
    Cell(&'a str),
    Json(&'a Json),
}

/// The API has the fields of a record in an object of their own.
fn member<'a>(element: &'a Json, heading: &Heading) -> Option<&'a Json> {
    match (element.member("fields"), &heading.wanted) {
        (Some(fields @ Json::Object(_)), Use::Field(_)) => fields.member(&heading.name),
        _ => element.member(&heading.name),
    }
}

fn add_edits(
    edits: &mut Vec<(FieldName, FieldEdit)>,
    schema: &Schema,
    spec: &FieldSpec,
    value: &Value<'_>,
) -> Result<(), String> {
    let begin = edits.len();
    let name = &spec.name;
    match spec.kind {
        FieldKind::Lww | FieldKind::Mv => {
            edits.extend(text(name, value)?.map(|text| (name.clone(), FieldEdit::Assign(text))))
        }
        FieldKind::Counter => edits.extend(count(name, value)?.map(|count| (name.clone(), FieldEdit::Add(count)))),
        FieldKind::Set => {
            let elements = elements(name, value)?;
            if elements.len() > MAX_ELEMENTS {
                return Err(problem(&SchemaViolation::TooManyElements { field: name.clone() }));
            }
            edits.extend(elements.into_iter().map(|element| (name.clone(), FieldEdit::Insert(element))));
        }
    }
    for (field, edit) in &edits[begin..] {
        schema.op(field, edit.clone()).map_err(|violation| problem(&violation))?;
    }
    Ok(())
}

fn problem(violation: &SchemaViolation) -> String {
    match violation {
        SchemaViolation::TextTooLong { field, bytes, limit } => {
            tr!(
                "The {field} has {bytes} bytes; at most {limit} are kept. Shorten it.",
                field = field_word(field),
                bytes = bytes,
                limit = limit
            )
        }
        SchemaViolation::TooManyElements { field } => {
            tr!(
                "The {field} are too many: at most {limit} are kept. Leave some out.",
                field = field_word(field),
                limit = MAX_ELEMENTS
            )
        }
        SchemaViolation::Missing { field } => {
            tr!("The {field} is empty, and every record needs one. Fill it in.", field = field_word(field))
        }
        other => schema_violation(other),
    }
}

/// A text, if it is not empty.
fn text(field: &str, value: &Value<'_>) -> Result<Option<String>, String> {
    let text = match value {
        Value::Cell(cell) => (*cell).to_owned(),
        Value::Json(Json::Null) => String::new(),
        Value::Json(Json::Text(text) | Json::Number(text)) => text.clone(),
        Value::Json(Json::Bool(is_so)) => is_so.to_string(),
        Value::Json(_) => {
            return Err(tr!("The {field} is to be a text. Write it in quotes.", field = field_word(field)));
        }
    };
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn count(field: &str, value: &Value<'_>) -> Result<Option<i64>, String> {
    let digits = match value {
        Value::Cell(text) => (*text).to_owned(),
        Value::Json(Json::Null) => String::new(),
        Value::Json(Json::Text(digits) | Json::Number(digits)) => digits.clone(),
        Value::Json(_) => "?".to_owned(),
    };
    let digits: String = digits.chars().filter(|letter| !letter.is_whitespace()).collect();
    if digits.is_empty() {
        return Ok(None);
    }
    let count = digits.replace('−', "-").parse::<i64>();
    let count = count.map_err(|_| {
        tr!(
            "The {field} is to be a whole number, and not “{typed}”.",
            field = field_word(field),
            typed = beginning(&digits)
        )
    })?;
    Ok(Some(count).filter(|&count| count != 0))
}

/// The elements of a set, each once.
fn elements(field: &str, value: &Value<'_>) -> Result<Vec<String>, String> {
    let wanted = match value {
        Value::Cell(cell) => elements_of(cell),
        Value::Json(Json::Null) => Vec::new(),
        Value::Json(Json::Text(text)) => elements_of(text),
        Value::Json(Json::List(values)) => {
            let text = |value: &Json| match value {
                Json::Text(text) | Json::Number(text) => Some(text.clone()),
                _ => None,
            };
            let texts: Option<Vec<_>> = values.iter().map(text).collect();
            texts.ok_or_else(|| {
                tr!("The {field} are to be a list of texts, as in [\"a\", \"b\"].", field = field_word(field))
            })?
        }
        Value::Json(_) => {
            return Err(tr!("The {field} are to be a list of texts, as in [\"a\", \"b\"].", field = field_word(field)));
        }
    };
    let mut elements: Vec<String> = Vec::new();
    for element in wanted {
        if !element.is_empty() && !elements.contains(&element) {
            elements.push(element);
        }
    }
    Ok(elements)
}

/// Which number is wanted, if any.
fn number(value: &Value<'_>) -> Result<Option<NumberWish>, String> {
    let typed = match value {
        Value::Cell(cell) => (*cell).to_owned(),
        Value::Json(Json::Null) => String::new(),
        Value::Json(Json::Text(text) | Json::Number(text)) => text.clone(),
        Value::Json(state @ Json::Object(_)) => return number_of_state(state),
        Value::Json(_) => "?".to_owned(),
    };
    parse_wish(&typed).map_err(|_| bad_number(&typed))
}

/// A number as the API writes it: what was given or wanted there is wanted here.
fn number_of_state(state: &Json) -> Result<Option<NumberWish>, String> {
    let number = ["value", "for_now", "wanted"].iter().find_map(|key| state.member(key));
    match number {
        Some(Json::Number(digits)) => parse_wish(digits).map_err(|_| bad_number(digits)),
        Some(_) => Err(bad_number("?")),
        None => Ok(Some(NumberWish::Next)
            .filter(|_| matches!(state.member("state"), Some(Json::Text(state)) if state == "pending"))),
    }
}

fn bad_number(typed: &str) -> String {
    tr!(
        "“{typed}” is no number. Write digits from 1 on, “next” for the next one, or nothing.",
        typed = beginning(typed)
    )
}

/// As much of what stands in a file as is told.
pub(super) fn beginning(text: &str) -> String {
    const TOLD: usize = 60;
    match text.char_indices().nth(TOLD) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}

fn shown(value: Value<'_>) -> String {
    match value {
        Value::Cell(cell) => beginning(cell),
        Value::Json(Json::Null) => String::new(),
        Value::Json(Json::Text(text) | Json::Number(text)) => beginning(text),
        Value::Json(Json::Bool(is_so)) => is_so.to_string(),
        Value::Json(Json::List(values)) => {
            let each: Vec<_> = values.iter().take(TOLD).map(|value| shown(Value::Json(value))).collect();
            beginning(&each.join(", "))
        }
        Value::Json(state @ Json::Object(_)) => match number_of_state(state) {
            Ok(Some(NumberWish::This(number))) => number.to_string(),
            Ok(Some(NumberWish::Next)) => tr!("next"),
            _ => String::new(),
        },
    }
}
