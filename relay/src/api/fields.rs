//! The fields of a record, as JSON.

use std::collections::BTreeMap;
use std::fmt;

use axum::http::StatusCode;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::replica::io::CommandRejection;
use shared::replica::{CandidateView, FieldView};
use shared::schema::{FieldEdit, FieldKind, FieldName, MAX_ELEMENTS, MAX_FIELDS, Schema};
use utoipa::ToSchema;

use super::ids;
use super::problem::Problem;

/// How many edits one request may ask for.
const MAX_EDITS: usize = MAX_FIELDS + MAX_ELEMENTS;

/// Fields by name. A register is a text, or null; a counter is a number, a set is a list of texts.
pub type Fields = BTreeMap<FieldName, FieldValue>;

/// A field as it reads.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum FieldValue {
    Text(Option<String>),
    Count(i64),
    Elements(Vec<String>),
}

/// One of several concurrent values of a register.
#[derive(Debug, Serialize, ToSchema)]
pub struct Candidate {
    value: String,
    /// The replica that wrote it.
    by: String,
    /// When, in milliseconds since the Unix epoch, by the author's clock.
    at_ms: u64,
}

impl From<&CandidateView> for Candidate {
    fn from(view: &CandidateView) -> Self {
        Candidate { value: view.value.clone(), by: ids::of_replica(view.by), at_ms: view.at_ms }
    }
}

impl From<FieldView> for FieldValue {
    fn from(view: FieldView) -> Self {
        match view {
            FieldView::Register(candidates) => {
                FieldValue::Text(candidates.into_iter().next().map(|candidate| candidate.value))
            }
            FieldView::Counter(count) => FieldValue::Count(count),
            FieldView::Set(elements) => FieldValue::Elements(elements),
        }
    }
}

/// What a request says of the fields of a record.
#[derive(Clone, Debug, Default, ToSchema)]
#[schema(value_type = Object, example = json!({"name": "Anna", "tags": ["board"]}))]
pub struct WantedFields(BTreeMap<FieldName, Value>);

/// A field that stands twice is refused: one of its values would else be lost.
impl<'de> Deserialize<'de> for WantedFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EachOnce;

        impl<'de> Visitor<'de> for EachOnce {
            type Value = WantedFields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of fields, each once")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<WantedFields, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some((name, value)) = members.next_entry::<FieldName, Value>()? {
                    if fields.contains_key(&name) {
                        return Err(de::Error::custom(format!("the field `{name:.64}` stands twice: send it once")));
                    }
                    fields.insert(name, value);
                }
                Ok(WantedFields(fields))
            }
        }

        deserializer.deserialize_map(EachOnce)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CounterChange {
    add: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetChange {
    #[serde(default)]
    insert: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

impl WantedFields {
    /// The edits that make a new record of it.
    pub fn for_new(self, schema: &Schema) -> Result<Vec<(FieldName, FieldEdit)>, Problem> {
        self.edits(schema, |kind, value| match (kind, value) {
            (FieldKind::Lww | FieldKind::Mv, Value::Null) => Some(Vec::new()),
            (FieldKind::Counter, Value::Number(count)) => Some(vec![FieldEdit::Add(count.as_i64()?)]),
            (FieldKind::Set, elements @ Value::Array(_)) => {
                let elements: Vec<String> = serde_json::from_value(elements).ok()?;
                Some(elements.into_iter().map(FieldEdit::Insert).collect())
            }
            (kind, value) => change(kind, value),
        })
    }

    /// The edits that change a record by it.
    pub fn for_change(self, schema: &Schema) -> Result<Vec<(FieldName, FieldEdit)>, Problem> {
        self.edits(schema, |kind, value| match (kind, value) {
            (FieldKind::Lww | FieldKind::Mv, Value::Null) => Some(vec![FieldEdit::Assign(String::new())]),
            (kind, value) => change(kind, value),
        })
    }

    fn edits(
        self,
        schema: &Schema,
        of: impl Fn(FieldKind, Value) -> Option<Vec<FieldEdit>>,
    ) -> Result<Vec<(FieldName, FieldEdit)>, Problem> {
        let mut edits = Vec::new();
        for (name, value) in self.0 {
            let spec = schema.id(&name).map(|id| schema.spec(id)).map_err(CommandRejection::from)?;
            let kind = spec.map_or(FieldKind::Mv, |spec| spec.kind);
            let wrong = || Problem::unprocessable(format!("{name}: {}", form(kind))).with("field", name.as_str());
            for edit in of(kind, value).ok_or_else(wrong)? {
                schema.op(&name, edit.clone()).map_err(CommandRejection::from)?;
                edits.push((name.clone(), edit));
            }
        }
        if edits.len() > MAX_EDITS {
            let detail = format!("{} edits are too many for one request: at most {MAX_EDITS}", edits.len());
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-many-edits", detail));
        }
        Ok(edits)
    }
}

/// The edits of a field that a value asks for, of a new record or not.
fn change(kind: FieldKind, value: Value) -> Option<Vec<FieldEdit>> {
    match (kind, value) {
        (FieldKind::Lww | FieldKind::Mv, Value::String(text)) => Some(vec![FieldEdit::Assign(text)]),
        (FieldKind::Counter, value) => {
            let CounterChange { add } = serde_json::from_value(value).ok()?;
            Some(vec![FieldEdit::Add(add)])
        }
        (FieldKind::Set, value) => {
            let SetChange { insert, remove } = serde_json::from_value(value).ok()?;
            let insert = insert.into_iter().map(FieldEdit::Insert);
            Some(remove.into_iter().map(FieldEdit::Remove).chain(insert).collect())
        }
        _ => None,
    }
}

fn form(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Lww | FieldKind::Mv => "a text is wanted",
        FieldKind::Counter => "a counter is changed by {\"add\": 1}; of a new record it may be a whole number",
        FieldKind::Set => {
            "a set is changed by {\"insert\": [\"a\"], \"remove\": [\"b\"]}; of a new record it may be a list of texts"
        }
    }
}
