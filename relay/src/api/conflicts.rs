//! `/conflicts`: every provisional number that did not become final as it was, with both sides.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::try_unfold;
use serde::{Deserialize, Serialize};
use shared::base::id::RecordId;
use shared::base::room::Room;
use shared::consensus::Slot;
use shared::ledger::{self, ConflictId, Granted, Operation, Rejection};
use shared::replica::View;
use utoipa::{IntoParams, ToSchema};

use super::consistency::{Read, ReadAs};
use super::extract::{Body, ConflictPath, InRoom, OfConflict, Params, RoomPath};
use super::idempotency::{KeyHeader, Once, Since};
use super::number::Number;
use super::problem::Problem;
use super::search::folded;
use super::{Api, csv, ids, page};
use crate::node::{Allowance, NoRoom, NodeHandle};

/// How many conflicts are looked at for one page.
const MAX_LOOKED_AT: usize = 1000;

/// A provisional number that did not become final as it was.
#[derive(Debug, Serialize, ToSchema)]
pub struct Conflict {
    #[schema(example = "118.0")]
    pub id: String,
    /// The record that did not get the number.
    pub loser: Side,
    /// The number that it had for the time being.
    pub wanted: u64,
    /// The replica that had given it.
    pub by: String,
    /// When, in milliseconds since the Unix epoch, by that replica's clock.
    pub at_ms: u64,
    /// The record that has the number, if that is why.
    pub winner: Option<Side>,
    /// Since which slot.
    pub winner_since: Option<u64>,
    pub why: String,
    /// What the loser got in its place; null if it was rejected.
    pub given: Option<Number>,
    /// What somebody has done about it.
    #[schema(value_type = Option<ResolutionName>)]
    pub resolution: Option<ledger::Resolution>,
}

/// A record in a conflict.
#[derive(Debug, Serialize, ToSchema)]
pub struct Side {
    pub record: String,
    /// Its name now, or whatever the schema has in its place; null if it is gone.
    pub name: Option<String>,
}

/// What is done about a conflict.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes a type of the core")]
pub enum ResolutionName {
    /// It is as it should be.
    Kept,
    /// The number that was given in place of the other is free again.
    Undone,
}

/// Some conflicts, the oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Conflicts {
    conflicts: Vec<Conflict>,
    /// Where the next page begins: ask for it with `after`. Missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Which conflicts.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// Only those that have this in a name, a number or an id. Upper and lower case are the same.
    q: Option<String>,
    /// Only those that nobody has done anything about.
    #[serde(default)]
    open: bool,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Format {
    /// `csv` for a table with all of them; so does `Accept: text/csv`.
    #[param(inline)]
    format: Option<FormatName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum FormatName {
    Json,
    Csv,
}

/// What to do about a conflict.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedResolution {
    #[schema(value_type = ResolutionName)]
    resolution: ledger::Resolution,
}

impl Conflict {
    fn of(view: View<'_>, conflict: &ledger::Conflict) -> Self {
        let winner = winner_of(conflict);
        let given = conflict.given.map(|given| match given.slot < view.released() {
            true => Number::Final { value: given.number, slot: Some(given.slot.0) },
            false => Number::Pending { wanted: Some(given.number) },
        });
        Conflict {
            id: conflict.id.to_string(),
            loser: Side::of(view, conflict.provisional.record),
            wanted: conflict.provisional.number,
            by: ids::of_replica(conflict.provisional.dot.replica()),
            at_ms: conflict.provisional.stamp.wall_ms,
            winner: winner.map(|(owner, _)| Side::of(view, owner)),
            winner_since: winner.map(|(_, slot)| slot.0),
            why: conflict.because.to_string(),
            given,
            resolution: conflict.resolution,
        }
    }

    fn matches(&self, search: &Search) -> bool {
        let Some(q) = search.q.as_deref().map(folded) else { return true };
        let sides = [Some(&self.loser), self.winner.as_ref()].into_iter().flatten();
        let names = sides.flat_map(|side| [Some(side.record.clone()), side.name.clone()]).flatten();
        let given = self.given.as_ref().and_then(Number::value_for_now);
        let numbers = [Some(self.wanted), given].into_iter().flatten().map(|number| number.to_string());
        names.chain(numbers).chain([self.id.clone()]).any(|text| folded(&text).contains(&q))
    }
}

impl Side {
    fn of(view: View<'_>, record: RecordId) -> Self {
        let title = view.schema().title().map(|(_, title)| title.name.as_str());
        let name = title.and_then(|title| Some(view.record(record)?.shown(title).to_owned()));
        Side { record: ids::of_record(record), name }
    }
}

/// The conflicts
///
/// A page of a search may have fewer conflicts than asked for, even none: there are more as long as it has `next`.
#[utoipa::path(
    get, path = "/conflicts", tag = "conflicts", operation_id = "list_conflicts",
    params(RoomPath, page::Page, Search, Format, ReadAs),
    responses((status = 200, description = "The conflicts", content((Conflicts = "application/json"), (String = "text/csv"))), Problem)
)]
pub async fn list(
    State(api): State<Api>,
    InRoom(room): InRoom,
    Params(page): Params<page::Page>,
    Params(search): Params<Search>,
    Params(Format { format }): Params<Format>,
    Params(read_as): Params<ReadAs>,
    headers: HeaderMap,
) -> Result<Read<Response>, Problem> {
    let after = page.after.as_deref().map(ids::conflict).transpose()?;
    let limit = page.limit()?;
    let accepts_csv = headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/csv"));
    if format == Some(FormatName::Csv) || format.is_none() && accepts_csv {
        let read = api.read(room.clone(), read_as, |_| ()).await?;
        return read.and_then(|()| Ok(table(api, room, search)));
    }
    let read = api.read(room.clone(), read_as, |_| ()).await?;
    let page = read_page(api.node(), &room, after, limit, &search).await?;
    read.and_then(|()| Ok(Json(page).into_response()))
}

/// A page of conflicts, read a slice at a time. A search looks at [`MAX_LOOKED_AT`] of them.
async fn read_page(
    node: &NodeHandle,
    room: &Room,
    mut after: Option<ConflictId>,
    limit: usize,
    search: &Search,
) -> Result<Conflicts, NoRoom> {
    let (mut conflicts, mut looked_at) = (Vec::new(), 0);
    loop {
        let (search, picks, records) = (search.clone(), limit - conflicts.len(), MAX_LOOKED_AT - looked_at);
        let slice = node.read(room.clone(), move |view| Slice::read(view, after, (picks, records), &search)).await?;
        conflicts.extend(slice.conflicts);
        looked_at += slice.looked_at;
        after = slice.next;
        if after.is_none() || conflicts.len() >= limit || looked_at >= MAX_LOOKED_AT {
            return Ok(Conflicts { conflicts, next: after.map(|id| id.to_string()) });
        }
    }
}

/// The conflicts that one step of the node reads.
struct Slice {
    conflicts: Vec<Conflict>,
    looked_at: usize,
    /// The last one that was looked at, if there are more.
    next: Option<ConflictId>,
}

impl Slice {
    fn read(view: View<'_>, after: Option<ConflictId>, (picks, most): (usize, usize), search: &Search) -> Self {
        let mut slice = Slice { conflicts: Vec::new(), looked_at: 0, next: None };
        let mut allowance = Allowance::of_slice();
        let mut last = None;
        let all = view.ledger().conflicts();
        for conflict in all.skip_while(|conflict| after.is_some_and(|after| conflict.id <= after)) {
            if slice.conflicts.len() >= picks || slice.looked_at >= most || !allowance.is_left() {
                slice.next = last;
                break;
            }
            last = Some(conflict.id);
            slice.looked_at += 1;
            if search.open && conflict.resolution.is_some() {
                continue;
            }
            let records = [Some(conflict.provisional.record), winner_of(conflict).map(|(winner, _)| winner)];
            records.into_iter().flatten().for_each(|record| allowance.spend(view.document(), record));
            slice.conflicts.extend(Some(Conflict::of(view, conflict)).filter(|conflict| conflict.matches(search)));
        }
        slice
    }
}

/// The record that has the number, if that is why, and since which slot.
fn winner_of(conflict: &ledger::Conflict) -> Option<(RecordId, Slot)> {
    match conflict.because {
        Rejection::NumberTaken { owner, slot, .. } => Some((owner, slot)),
        _ => None,
    }
}

/// All conflicts that are wanted, as they are read, a page at a time.
fn table(api: Api, room: Room, search: Search) -> Response {
    let pages = try_unfold(Some(None), move |next: Option<Option<ConflictId>>| {
        let (node, room, search) = (api.node().clone(), room.clone(), search.clone());
        async move {
            let Some(after) = next else { return Ok::<_, NoRoom>(None) };
            let page = read_page(&node, &room, after, MAX_LOOKED_AT, &search).await?;
            let head = if after.is_none() { csv::HEAD } else { "" };
            let rows: String = page.conflicts.iter().map(csv::row).collect();
            let next = page.next.and_then(|next| ids::conflict(&next).ok());
            Ok(Some((format!("{head}{rows}"), next.map(Some))))
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"conflicts.csv\""),
    ];
    (headers, axum::body::Body::from_stream(pages)).into_response()
}

/// Does something about a conflict
///
/// `kept`: it is as it should be. `undone`: the number that was given in place of the other is free again.
#[utoipa::path(
    post, path = "/conflicts/{id}/resolution", tag = "conflicts", operation_id = "resolve_conflict",
    params(ConflictPath, KeyHeader, Since),
    request_body = WantedResolution,
    responses((status = 200, description = "The conflict is resolved so", body = WantedResolution), Problem)
)]
pub async fn resolve(
    State(api): State<Api>,
    OfConflict(room, conflict): OfConflict,
    once: Once,
    Body(WantedResolution { resolution }): Body<WantedResolution>,
) -> Result<Json<WantedResolution>, Problem> {
    match api.decide_once(room, once, Operation::Resolve { conflict, resolution }).await? {
        Granted::Resolved(resolution) => Ok(Json(WantedResolution { resolution })),
        other => unreachable!("a conflict was to be resolved, not {other:?}"),
    }
}
