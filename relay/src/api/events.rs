//! `/events`: tells of changes as they come, as server-sent events.

use std::convert::Infallible;
use std::net::IpAddr;
use std::time::Duration;

use axum::extract::State;
use axum::http::Extensions;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{Stream, unfold};
use serde::Serialize;
use shared::base::room::Room;
use shared::ledger::Level;
use shared::replica::View;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{Instant, sleep, timeout_at};
use utoipa::ToSchema;

use super::Api;
use super::extract::{InRoom, RoomPath};
use super::mode::LevelName;
use super::problem::Problem;
use crate::places::{ConnectionPlace, Full, Limits, Places};

/// How many may listen to one relay.
const MAX_LISTENERS: usize = 256;
/// The shortest time between two events: what changes meanwhile is told together.
const PAUSE: Duration = Duration::from_millis(50);

/// After how long a stream ends. Whoever listens comes back by itself, as the event streams of browsers do; whoever has
/// stopped to read without saying so gives up its place.
const AGE: Duration = Duration::from_secs(600);

/// Tells a proxy to pass each event on as it comes. nginx would otherwise gather them.
const UNBUFFERED: (&str, &str) = ("x-accel-buffering", "no");

/// The places of those who listen.
#[derive(Clone, Debug)]
pub struct Listeners(Places);

impl Default for Listeners {
    fn default() -> Self {
        Listeners(Places::new(Limits::shared(MAX_LISTENERS)))
    }
}

impl Listeners {
    fn take(&self, address: IpAddr) -> Result<ConnectionPlace, Problem> {
        let place = self.0.take(address).map_err(|full| {
            let detail = match full {
                Full::Relay => format!("{MAX_LISTENERS} listen to this relay already: listen to another one"),
                Full::Address => {
                    "too many listen from your address: end some streams, or listen to another relay".into()
                }
            };
            Problem::unavailable("too-many-listeners", detail)
        })?;
        // It is never given to another one.
        place.speaks();
        Ok(place)
    }
}

/// How a room stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoomNow {
    /// The log below this slot is applied: a reader passes it on as `seen`.
    applied: u64,
    records: usize,
    /// The highest number ever given, leased or raised to, also where the log has not followed yet.
    highest: u64,
    epoch: u64,
    #[schema(value_type = LevelName)]
    level: Level,
    /// How many provisional numbers wait to be settled.
    unsettled: usize,
}

impl RoomNow {
    fn of(view: View<'_>) -> Self {
        let ledger = view.ledger();
        RoomNow {
            applied: view.log().decided().0,
            records: view.document().records().len(),
            highest: view.highest(),
            epoch: ledger.epoch().number,
            level: ledger.epoch().level,
            unsettled: view.unsettled_count(),
        }
    }
}

/// The changes of one room, for as long as a stream lasts.
struct Changes {
    room: Room,
    of_all_rooms: Receiver<Room>,
    until: Instant,
}

struct Listener {
    api: Api,
    changes: Changes,
    /// What to tell next, if it is known already.
    due: Option<&'static str>,
    _place: ConnectionPlace,
}

/// Changes of the room
///
/// An event `changed` at once, and then after each change, with how the room stands. Whoever reads too slowly gets an
/// event `missed` in between. The events say that something has changed, and not what: read again what matters. A
/// stream ends after ten minutes: listen again.
#[utoipa::path(
    get, path = "/events", tag = "events", operation_id = "listen",
    params(RoomPath),
    responses((status = 200, description = "Events, each with how the room stands", body = RoomNow, content_type = "text/event-stream"), Problem)
)]
pub async fn listen(
    State(api): State<Api>,
    extensions: Extensions,
    InRoom(room): InRoom,
) -> Result<([(&'static str, &'static str); 1], Sse<impl Stream<Item = Result<Event, Infallible>>>), Problem> {
    let place = api.listeners.take(super::address(&extensions))?;
    let changes = api.node().changes();
    api.node().read(room.clone(), |_| ()).await?;
    let changes = Changes { room, of_all_rooms: changes, until: Instant::now() + AGE };
    let listener = Listener { api, changes, due: Some("changed"), _place: place };
    Ok(([UNBUFFERED], Sse::new(unfold(listener, Listener::next)).keep_alive(KeepAlive::default())))
}

impl Listener {
    /// The next event; none when the relay stops, or the stream has lasted long enough.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let name = match self.due.take() {
            Some(name) => name,
            None => self.changes.next().await?,
        };
        let now = self.api.node().read(self.changes.room.clone(), RoomNow::of).await.ok()?;
        let event = Event::default().event(name).id(now.applied.to_string());
        Some((Ok(event.json_data(&now).ok()?), self))
    }
}

impl Changes {
    /// Waits for a change, and for those that come with it.
    async fn next(&mut self) -> Option<&'static str> {
        let mut name = loop {
            match timeout_at(self.until, self.of_all_rooms.recv()).await.ok()? {
                Ok(room) if room == self.room => break "changed",
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => break "missed",
                Err(RecvError::Closed) => return None,
            }
        };
        sleep(PAUSE).await;
        loop {
            match self.of_all_rooms.try_recv() {
                Ok(_) => {}
                Err(TryRecvError::Lagged(_)) => name = "missed",
                Err(TryRecvError::Empty | TryRecvError::Closed) => return Some(name),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast;

    use super::*;

    fn room(name: &str) -> Room {
        Room::try_from(name.to_owned()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_tells_of_its_room_alone_and_ends_in_time_so_that_no_place_is_kept_for_ever() {
        let (sender, of_all_rooms) = broadcast::channel(4);
        let mut changes = Changes { room: room("people"), of_all_rooms, until: Instant::now() + AGE };
        for name in ["people", "other", "people"] {
            sender.send(room(name)).unwrap();
        }
        assert_eq!(changes.next().await, Some("changed"));
        for _ in 0..5 {
            sender.send(room("people")).unwrap();
        }
        assert_eq!(changes.next().await, Some("missed"));
        sender.send(room("other")).unwrap();
        assert_eq!(changes.next().await, None);
        assert!(Instant::now() >= changes.until);
    }
}
