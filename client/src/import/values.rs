//! Reads one place of a file as a value of a record: exactly, or with the reason why not.

use shared::schema::text::{parse_count, parse_number};
use shared::schema::{FieldEdit, FieldKind, FieldName, FieldSpec, MAX_ELEMENTS, Schema, SchemaViolation};

use super::csv::elements_of;
use super::error::LineError;
use super::json::Json;
use crate::session::NumberOperation;

/// A place of a file, as the preview shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreviewCell {
    /// The value, or the beginning of a long one.
    Text(String),
    /// The record asks for the next number.
    NextNumber,
}

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

    /// The value for the preview.
    pub(super) fn shown(self) -> PreviewCell {
        if let Value::Json(state @ Json::Object(_)) = self
            && number_of_state(state) == Some(Some(NumberOperation::Next))
        {
            return PreviewCell::NextNumber;
        }
        PreviewCell::Text(self.shown_text())
    }

    fn shown_text(self) -> String {
        match self {
            Value::Json(Json::Null) => String::new(),
            Value::Json(Json::List(values)) => {
                let each: Vec<_> = values.iter().map(|value| Value::Json(value).shown_text()).collect();
                beginning(&each.join(", "))
            }
            Value::Json(state @ Json::Object(_)) => match number_of_state(state) {
                Some(Some(NumberOperation::This(number))) => number.to_string(),
                Some(None) => String::new(),
                Some(Some(NumberOperation::Next)) | None => self.told(),
            },
            _ => self.told(),
        }
    }
}

/// The edits that give a new record this value of a field.
///
/// # Errors
/// The problem of the value.
pub(super) fn edits(schema: &Schema, spec: &FieldSpec, value: Value<'_>) -> Result<Vec<FieldEdit>, LineError> {
    let name = &spec.name;
    let edits: Vec<FieldEdit> = match spec.kind {
        FieldKind::Lww | FieldKind::Mv => text(name, value)?.map(FieldEdit::Assign).into_iter().collect(),
        FieldKind::Counter => count(name, value)?.map(FieldEdit::Add).into_iter().collect(),
        FieldKind::Set => {
            let elements = elements(name, value)?;
            if elements.len() > MAX_ELEMENTS {
                return Err(LineError::Schema(SchemaViolation::TooManyElements { field: name.clone() }));
            }
            elements.into_iter().map(FieldEdit::Insert).collect()
        }
    };
    for edit in &edits {
        schema.op(name, edit.clone()).map_err(LineError::Schema)?;
    }
    Ok(edits)
}

/// A value that a record needs and has not.
pub(super) fn is_missing(field: &FieldName) -> LineError {
    LineError::Schema(SchemaViolation::Missing { field: field.clone() })
}

/// A text. A cell cannot tell an empty one from none; JSON can.
fn text(field: &FieldName, value: Value<'_>) -> Result<Option<String>, LineError> {
    match value {
        Value::Json(Json::Null) | Value::Cell("") => Ok(None),
        Value::Json(Json::Bool(is_so)) => Ok(Some(is_so.to_string())),
        value => match value.written() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(LineError::NotText { field: field.clone() }),
        },
    }
}

fn count(field: &FieldName, value: Value<'_>) -> Result<Option<i64>, LineError> {
    if value.written().is_some_and(|written| written.trim().is_empty()) {
        return Ok(None);
    }
    let count = value
        .written()
        .and_then(parse_count)
        .ok_or_else(|| LineError::NotCount { field: field.clone(), typed: value.told() })?;
    Ok(Some(count).filter(|&count| count != 0))
}

/// The elements of a set, each once.
fn elements(field: &FieldName, value: Value<'_>) -> Result<Vec<String>, LineError> {
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
        Value::Cell(_) => LineError::BadList { field: field.clone() },
        Value::Json(_) => LineError::NotTextList { field: field.clone() },
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
/// If it is no number.
pub(super) fn number(value: Value<'_>, next_word: &str) -> Result<Option<NumberOperation>, LineError> {
    let operation = match value {
        Value::Json(state @ Json::Object(_)) => number_of_state(state),
        value => value.written().and_then(|written| parse_number_operation(written, next_word)),
    };
    operation.ok_or_else(|| LineError::NotNumber { typed: value.told() })
}

/// Reads a typed text as an operation: nothing, `next` or `next_word` in its place, or a number. Returns `None` for
/// anything else.
#[must_use]
pub fn parse_number_operation(typed: &str, next_word: &str) -> Option<Option<NumberOperation>> {
    match typed.trim() {
        "" => Some(None),
        next if next.eq_ignore_ascii_case("next") || next.to_lowercase() == next_word => {
            Some(Some(NumberOperation::Next))
        }
        digits => parse_number(digits).map(|number| Some(NumberOperation::This(number))),
    }
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
        Json::Number(digits) => parse_number_operation(digits, ""),
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
