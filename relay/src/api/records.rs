//! `/records`: the records of a room.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::base::id::RecordId;
use shared::base::room::Room;
use shared::replica::io::{Command, CommandRejection, Reply};
use shared::replica::{RecordView, View};
use utoipa::{IntoParams, ToSchema};

use super::consistency::{Read, ReadAs};
use super::extract::{Body, InRoom, OfRecord, Params, RecordPath, RoomPath};
use super::fields::{Candidate, Fields, WantedFields};
use super::idempotency::{Answer, Done, KeyHeader, Once, Since};
use super::number::{Number, WhichNumber};
use super::problem::Problem;
use super::search::folded;
use super::{Api, ROOMS};
use super::{ids, page};
use crate::node::Wanted;

/// How many records are looked at for one page of a search.
const MAX_LOOKED_AT: usize = 2000;
/// After how many bytes, as records are kept, a page ends.
const MAX_PAGE_BYTES: usize = 4 << 20;

/// A record as it reads at this relay.
#[derive(Debug, Serialize, ToSchema)]
pub struct Record {
    #[schema(example = "00c3a1f05b7d92e4.17")]
    id: String,
    /// A register is a text, or null; a counter is a number, a set is a list of texts.
    #[schema(value_type = Object, example = json!({"name": "Anna", "note": null, "tags": ["board"]}))]
    fields: Fields,
    /// The registers that have concurrent values which nobody has settled, with all of them, the one displayed first.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    candidates: BTreeMap<String, Vec<Candidate>>,
    number: Option<Number>,
    /// Why this relay's latest request for a number of the record was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

impl From<RecordView> for Record {
    fn from(view: RecordView) -> Self {
        let concurrent = view.fields.keys().map(|name| (name, view.candidates(name)));
        let candidates = concurrent
            .filter(|(_, candidates)| candidates.len() > 1)
            .map(|(name, candidates)| (name.clone(), candidates.iter().map(Candidate::from).collect()));
        Record {
            id: ids::of_record(view.id),
            candidates: candidates.collect(),
            number: Number::of(&view.number),
            refused: view.number.refused.map(|rejection| rejection.to_string()),
            fields: view.fields.into_iter().map(|(name, field)| (name, field.into())).collect(),
        }
    }
}

/// Some records, in the order of their ids.
#[derive(Debug, Serialize, ToSchema)]
pub struct Records {
    records: Vec<Record>,
    /// Where the next page begins: ask for it with `after`. Missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// How many records the room has.
    total: usize,
}

/// Which records.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// Only records whose name, or whatever the schema has in its place, begins so. Upper and lower case are the same, and
    /// so are an accented letter and a letter with an accent.
    name: Option<String>,
}

/// A new record.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"fields": {"name": "Anna"}, "number": "next"}))]
#[serde(deny_unknown_fields)]
pub struct NewRecord {
    fields: WantedFields,
    /// Whether it is to get a number, and which.
    number: Option<WhichNumber>,
}

/// What is to be changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedRecord {
    /// Only those named change. A set is changed by `{"insert": […], "remove": […]}`, a counter by `{"add": 1}`.
    fields: WantedFields,
}

/// A record that was added.
#[derive(Debug, Serialize, ToSchema)]
pub struct Added {
    id: String,
    number: Option<Number>,
}

/// Some of the records
///
/// A page of a search, or of long records, may have fewer records than asked for, even none: there are more as long as it
/// has `next`.
#[utoipa::path(
    get, path = "/records", tag = "records", operation_id = "list_records",
    params(RoomPath, page::Page, Search, ReadAs),
    responses((status = 200, description = "A page of records", body = Records), Problem)
)]
pub async fn list(
    State(api): State<Api>,
    InRoom(room): InRoom,
    Params(page): Params<page::Page>,
    Params(search): Params<Search>,
    Params(read_as): Params<ReadAs>,
) -> Result<Read<Json<Records>>, Problem> {
    let after = page.after.as_deref().map(ids::record).transpose()?;
    let wanted = Wanted { after, picks: page.limit()?, records: MAX_LOOKED_AT, bytes: MAX_PAGE_BYTES };
    let prefix = search.name.map(|name| folded(&name));
    let total = api.read(room.clone(), read_as, |view| view.document().records().len()).await?;
    let picked = api.node().read_records(&room, wanted, move |view, id| found(view, id, prefix.as_deref())).await?;
    total.and_then(|total| Ok(Json(Records { records: picked.items, next: picked.next.map(ids::of_record), total })))
}

/// A record, if its name begins as is wanted.
fn found(view: View<'_>, id: RecordId, prefix: Option<&str>) -> Option<Record> {
    let record = view.record(id)?;
    let is_wanted = match (prefix, view.schema().title()) {
        (Some(prefix), Some((_, title))) => folded(record.shown(&title.name)).starts_with(prefix),
        _ => true,
    };
    is_wanted.then(|| record.into())
}

/// Adds a record, with a number if one is wanted
///
/// Either both is done or neither, also when the relay is killed meanwhile: if the number is refused, the record is taken
/// back. Under an `Idempotency-Key` the number is one that the log decides, in every mode.
#[utoipa::path(
    post, path = "/records", tag = "records", operation_id = "add_record",
    params(RoomPath, KeyHeader, Since),
    request_body = NewRecord,
    responses((status = 201, description = "The record was added", body = Added), Problem)
)]
pub async fn add(State(api): State<Api>, InRoom(room): InRoom, once: Once, Body(new): Body<NewRecord>) -> Answer {
    api.add(room, once, new).await
}

impl Api {
    async fn add(&self, room: Room, once: Once, new: NewRecord) -> Answer {
        let fields = new.fields.for_new(self.schema())?;
        let command = match new.number {
            Some(wanted) => Command::Register { fields, number: wanted.number() },
            None => Command::Add { fields },
        };
        let (record, number) = match self.command_once(room.clone(), once, command).await? {
            Reply::Added(record) => (record, None),
            Reply::Registered(record, Ok(numbering)) => (record, Some(numbering.into())),
            Reply::Registered(_, Err(rejection)) => return Err(rejection.into()),
            other => unreachable!("a record was to be added, not {other:?}"),
        };
        let id = ids::of_record(record);
        let location = format!("{ROOMS}/{}/records/{id}", room.as_str());
        Ok(Done::created(&Added { id, number }, &location))
    }
}

/// A record
#[utoipa::path(
    get, path = "/records/{id}", tag = "records", operation_id = "get_record",
    params(RecordPath, ReadAs),
    responses((status = 200, description = "The record as it reads here", body = Record), Problem)
)]
pub async fn get(
    State(api): State<Api>,
    OfRecord(room, record): OfRecord,
    Params(read_as): Params<ReadAs>,
) -> Result<Read<Json<Record>>, Problem> {
    api.read(room, read_as, move |view| view.record(record)).await?.and_then(as_it_reads)
}

/// # Errors
/// If there is no such record any more.
fn as_it_reads(record: Option<RecordView>) -> Result<Json<Record>, Problem> {
    Ok(Json(record.ok_or(CommandRejection::UnknownRecord)?.into()))
}

/// Changes fields of a record
///
/// All of them at once, or none.
#[utoipa::path(
    patch, path = "/records/{id}", tag = "records", operation_id = "change_record",
    params(RecordPath, KeyHeader, Since),
    request_body = ChangedRecord,
    responses((status = 200, description = "The record as it reads here", body = Record), Problem)
)]
pub async fn change(
    State(api): State<Api>,
    OfRecord(room, record): OfRecord,
    once: Once,
    Body(changed): Body<ChangedRecord>,
) -> Result<Read<Json<Record>>, Problem> {
    let edits = changed.fields.for_change(api.schema())?;
    if edits.is_empty() {
        return get(State(api), OfRecord(room, record), Params(ReadAs::default())).await;
    }
    api.command_once(room.clone(), once, Command::Change { record, edits }).await?;
    api.read_after(room, move |view| view.record(record)).await?.and_then(as_it_reads)
}

/// Removes a record
///
/// Its number stays taken until somebody frees it. An edit that somebody makes meanwhile wins, and brings the record back.
#[utoipa::path(
    delete, path = "/records/{id}", tag = "records", operation_id = "remove_record",
    params(RecordPath, KeyHeader, Since),
    responses((status = 204, description = "The record is removed"), Problem)
)]
pub async fn remove(
    State(api): State<Api>,
    OfRecord(room, record): OfRecord,
    once: Once,
) -> Result<StatusCode, Problem> {
    api.command_once(room, once, Command::Remove { record }).await?;
    Ok(StatusCode::NO_CONTENT)
}
