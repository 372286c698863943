//! Reads one place of a file as a value of a record: exactly, or with the reason why not.

use shared::schema::text::parse_count;
use shared::schema::{FieldEdit, FieldKind, FieldName, FieldSpec, MAX_ELEMENTS, Schema, SchemaViolation};

use super::csv::elements_of;
use super::json::Json;
use crate::engine::session::NumberOperation;
use crate::tr;
use crate::view_model::{bad_list, field_word, parse_operation, schema_violation};

/// One place of a file, as it is written there.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Cell(&'a str),
    Json(&'a Json),
}

impl<'a> Value<'a> {
    /// The text or the number that is written there; `None` for anything else.
    fn written(self) -> Option<&'a str> {
        match self {
            Value::Cell(text) => Some(text),
            Value::Json(Json::Null) => Some(""),
            Value::Json(Json::Text(text) | Json::Number(text)) => Some(text),
            Value::Json(_) => None,
        }
    }

    /// As the file has it, as far as that is told.
    fn told(self) -> String {
        match self {
            Value::Cell(cell) => beginning(cell),
            Value::Json(Json::Text(text)) => beginning(text),
            Value::Json(json) => beginning(&json.to_string()),
        }
    }

    /// For the preview.
    pub(super) fn shown(self) -> String {
        match self {
            Value::Json(Json::Null) => String::new(),
            Value::Json(Json::List(values)) => {
                let each: Vec<_> = values.iter().map(|value| Value::Json(value).shown()).collect();
                beginning(&each.join(", "))
            }
            Value::Json(state @ Json::Object(_)) => match number_of_state(state) {
                Some(Some(NumberOperation::This(number))) => number.to_string(),
                Some(Some(NumberOperation::Next)) => tr!("next"),
                Some(None) => String::new(),
                None => self.told(),
            },
            _ => self.told(),
        }
    }
}

/// The edits that give a new record this value of a field.
///
/// # Errors
/// The problems of a value, as sentences.
pub(super) fn edits(schema: &Schema, spec: &FieldSpec, value: Value<'_>) -> Result<Vec<FieldEdit>, String> {
    let name = &spec.name;
    let edits: Vec<FieldEdit> = match spec.kind {
        FieldKind::Lww | FieldKind::Mv => text(name, value)?.map(FieldEdit::Assign).into_iter().collect(),
        FieldKind::Counter => count(name, value)?.map(FieldEdit::Add).into_iter().collect(),
        FieldKind::Set => {
            let elements = elements(name, value)?;
            if elements.len() > MAX_ELEMENTS {
                return Err(problem(&SchemaViolation::TooManyElements { field: name.clone() }));
            }
            elements.into_iter().map(FieldEdit::Insert).collect()
        }
    };
    for edit in &edits {
        schema.op(name, edit.clone()).map_err(|violation| problem(&violation))?;
    }
    Ok(edits)
}

/// A value that a record needs and has not.
pub(super) fn is_missing(field: &FieldName) -> String {
    tr!("The {field} is empty, and every record needs one. Fill it in.", field = field_word(field))
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
        SchemaViolation::Missing { field } => is_missing(field),
        other => schema_violation(other),
    }
}

/// A text. A cell cannot tell an empty one from none; JSON can.
fn text(field: &str, value: Value<'_>) -> Result<Option<String>, String> {
    match value {
        Value::Json(Json::Null) | Value::Cell("") => Ok(None),
        Value::Json(Json::Bool(is_so)) => Ok(Some(is_so.to_string())),
        value => match value.written() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(tr!("The {field} is to be a text. Write it in quotes.", field = field_word(field))),
        },
    }
}

fn count(field: &str, value: Value<'_>) -> Result<Option<i64>, String> {
    if value.written().is_some_and(|written| written.trim().is_empty()) {
        return Ok(None);
    }
    let count = value.written().and_then(parse_count).ok_or_else(|| {
        tr!("The {field} is to be a whole number, and not “{typed}”.", field = field_word(field), typed = value.told())
    })?;
    Ok(Some(count).filter(|&count| count != 0))
}

/// The elements of a set, each once.
fn elements(field: &str, value: Value<'_>) -> Result<Vec<String>, String> {
    let wanted = match value {
        Value::Json(Json::List(values)) => {
            let text = |value: &Json| match value {
                Json::Text(text) | Json::Number(text) => Some(text.clone()),
                _ => None,
            };
            values.iter().map(text).collect()
        }
        value => value.written().and_then(elements_of),
    };
    let mut elements: Vec<String> = Vec::new();
    for element in wanted.ok_or_else(|| match value {
        Value::Cell(_) => bad_list(field),
        Value::Json(_) => {
            tr!("The {field} are to be a list of texts, as in [\"a\", \"b\"].", field = field_word(field))
        }
    })? {
        if !elements.contains(&element) {
            elements.push(element);
        }
    }
    Ok(elements)
}

/// Which number is wanted, if any.
///
/// # Errors
/// If it is no number, in sentences.
pub(super) fn number(value: Value<'_>) -> Result<Option<NumberOperation>, String> {
    let operation = match value {
        Value::Json(state @ Json::Object(_)) => number_of_state(state),
        value => value.written().and_then(|written| parse_operation(written).ok()),
    };
    operation.ok_or_else(|| {
        tr!(
            "“{typed}” is no number. Write digits from 1 on, “next” for the next one, or nothing.",
            typed = value.told()
        )
    })
}

/// A number as the API writes it: what was given or wanted there is wanted here. `None` of any other object.
fn number_of_state(state: &Json) -> Option<Option<NumberOperation>> {
    let Some(Json::Text(name)) = state.member("state") else { return None };
    let number = match name.as_str() {
        "final" => state.member("value")?,
        "provisional" => state.member("for_now")?,
        "pending" => match state.member("wanted") {
            Some(number) => number,
            None => return Some(Some(NumberOperation::Next)),
        },
        _ => return None,
    };
    match number {
        Json::Number(digits) => parse_operation(digits).ok(),
        _ => None,
    }
}

/// As much of what stands in a file as is told.
pub(super) fn beginning(text: &str) -> String {
    const TOLD: usize = 60;
    match text.char_indices().nth(TOLD) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}
