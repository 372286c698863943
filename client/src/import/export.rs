//! Records as a file that can be imported again, here or over the API.

use shared::base::id::RecordId;
use shared::replica::{AgreedState, AgreedView, FieldView, RecordView};
use shared::schema::text::guarded_cell;
use shared::schema::{FieldKind, Schema};

use super::columns::heading_of;
use super::csv::list_cell;
use super::json::json_text;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values.
    Csv,
    /// JSON.
    Json,
}

impl Format {
    /// The end of the file's name.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "json",
        }
    }

    /// The media type.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Format::Csv => "text/csv",
            Format::Json => "application/json",
        }
    }

    /// The records as a file.
    pub fn write(self, schema: &Schema, records: impl Iterator<Item = RecordView>) -> String {
        match self {
            Format::Csv => as_csv(schema, records),
            Format::Json => as_json(schema, records),
        }
    }
}

/// How far a number has come. Only a final one has a value: what may still change is told apart.
enum State {
    Final { value: u64, slot: Option<u64> },
    Provisional { for_now: u64 },
    Pending { wanted: Option<u64> },
}

impl State {
    fn of(view: &AgreedView) -> Option<State> {
        match view.state() {
            AgreedState::None => None,
            AgreedState::Final(held) => Some(State::Final { value: held.get().number, slot: Some(held.get().slot.0) }),
            AgreedState::Leased(number) => Some(State::Final { value: number.into_inner(), slot: None }),
            AgreedState::Unreleased(decided) => Some(State::Pending { wanted: Some(decided.number) }),
            AgreedState::Provisional(oldest) => Some(State::Provisional { for_now: oldest.for_now().number }),
            AgreedState::Pending { wanted } => Some(State::Pending { wanted }),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            State::Final { .. } => "final",
            State::Provisional { .. } => "provisional",
            State::Pending { .. } => "pending",
        }
    }

    /// For a column beside that of the state.
    fn cell(&self) -> String {
        match *self {
            State::Final { value: number, .. }
            | State::Provisional { for_now: number }
            | State::Pending { wanted: Some(number) } => number.to_string(),
            State::Pending { wanted: None } => "next".to_owned(),
        }
    }

    fn json(&self) -> String {
        let member = match *self {
            State::Final { value, slot: Some(slot) } => format!(",\"value\":{value},\"slot\":{slot}"),
            State::Final { value, slot: None } => format!(",\"value\":{value}"),
            State::Provisional { for_now } => format!(",\"for_now\":{for_now}"),
            State::Pending { wanted: Some(wanted) } => format!(",\"wanted\":{wanted}"),
            State::Pending { wanted: None } => String::new(),
        };
        format!("{{\"state\":\"{}\"{member}}}", self.name())
    }
}

/// The whole name of a record, as in the API.
fn name_of(RecordId(dot): RecordId) -> String {
    format!("{:016x}.{}", dot.replica().0, dot.counter())
}

fn as_csv(schema: &Schema, records: impl Iterator<Item = RecordView>) -> String {
    // Spreadsheets take a file for UTF-8 by this mark.
    let mut csv = String::from("\u{feff}id");
    for (_, spec) in schema.fields() {
        csv.push(',');
        csv.push_str(&guarded_cell(&heading_of(&spec.name)));
    }
    csv.push_str(",number,number state\r\n");
    for record in records {
        csv.push_str(&name_of(record.id));
        for (_, spec) in schema.fields() {
            csv.push(',');
            match record.fields.get(&spec.name) {
                Some(FieldView::Counter(count)) => csv.push_str(&count.to_string()),
                Some(FieldView::Set(elements)) => csv.push_str(&guarded_cell(&list_cell(elements))),
                Some(FieldView::Register(_)) => csv.push_str(&guarded_cell(record.shown(&spec.name))),
                None => {}
            }
        }
        let (number, state) =
            State::of(&record.number).map_or_else(Default::default, |state| (state.cell(), state.name()));
        csv.push_str(&format!(",{number},{state}\r\n"));
    }
    csv
}

fn as_json(schema: &Schema, records: impl Iterator<Item = RecordView>) -> String {
    let mut json = String::from("[");
    for (place, record) in records.enumerate() {
        json.push_str(if place == 0 { "\n" } else { ",\n" });
        json.push_str(&format!("{{\"id\":\"{}\",\"fields\":{{", name_of(record.id)));
        for (place, (_, spec)) in schema.fields().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            json.push_str(&format!("{comma}{}:{}", json_text(&spec.name), field(&record, &spec.name, spec.kind)));
        }
        json.push('}');
        json.push_str(&candidates(schema, &record));
        let number = State::of(&record.number).map_or_else(|| "null".to_owned(), |state| state.json());
        json.push_str(&format!(",\"number\":{number}}}"));
    }
    json.push_str("\n]\n");
    json
}

fn field(record: &RecordView, name: &str, kind: FieldKind) -> String {
    match record.fields.get(name) {
        Some(FieldView::Counter(count)) => count.to_string(),
        Some(FieldView::Set(elements)) => {
            format!("[{}]", elements.iter().map(|element| json_text(element)).collect::<Vec<_>>().join(","))
        }
        _ if kind == FieldKind::Set => "[]".to_owned(),
        _ => record.candidates(name).first().map_or_else(|| "null".to_owned(), |first| json_text(&first.value)),
    }
}

/// The registers with several values, if there are any, as in the API.
fn candidates(schema: &Schema, record: &RecordView) -> String {
    let several = schema.fields().map(|(_, spec)| (&spec.name, record.candidates(&spec.name)));
    let members = several.filter(|(_, candidates)| candidates.len() > 1).map(|(name, candidates)| {
        let each = candidates.iter().map(|candidate| {
            let (value, by, at_ms) = (json_text(&candidate.value), candidate.by.0, candidate.at_ms);
            format!("{{\"value\":{value},\"by\":\"{by:016x}\",\"at_ms\":{at_ms}}}")
        });
        format!("{}:[{}]", json_text(name), each.collect::<Vec<_>>().join(","))
    });
    let members: Vec<_> = members.collect();
    if members.is_empty() { String::new() } else { format!(",\"candidates\":{{{}}}", members.join(",")) }
}
