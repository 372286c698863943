//! What a reader wants to be sure of, and up to which slot an answer knows the log.

use axum::Json;
use axum::http::HeaderName;
use axum::response::{IntoResponse, Response};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use shared::base::room::Room;
use shared::consensus::Slot;
use shared::replica::View;
use shared::replica::io::{Command, Consistency};
use tokio::sync::broadcast::error::RecvError;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::problem::Problem;
use crate::node::NoRoom;

/// In an answer: the log below this slot is in it. A client passes it on as `seen`.
const APPLIED: HeaderName = HeaderName::from_static("duet-applied");

/// What a reader wants to be sure of.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConsistencyLevel {
    /// What this relay knows.
    #[default]
    Local,
    /// All of the log that the reader has seen, which is what is below the slot `seen`.
    Session,
    /// All of the log that anybody was told of before the request came.
    Linearizable,
}

/// How to read.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReadAs {
    /// What to wait for before answering. `session` needs `seen`.
    #[serde(default)]
    #[param(inline)]
    consistency: ConsistencyLevel,
    /// The header `Duet-Applied` of an earlier answer, from whichever relay.
    #[serde(default, deserialize_with = "slot")]
    #[param(maximum = 9_223_372_036_854_775_807_u64)]
    seen: Option<u64>,
}

/// The name of a slot. What no slot can be is refused, since nothing would ever come of waiting for it.
pub fn slot<'de, D: Deserializer<'de>>(text: D) -> Result<Option<u64>, D::Error> {
    let slot = Option::<u64>::deserialize(text)?;
    if slot.is_some_and(|slot| i64::try_from(slot).is_err()) {
        return Err(D::Error::custom("no slot has such a number: seen is the header Duet-Applied of an answer"));
    }
    Ok(slot)
}

/// An answer with the slot up to which it knows the log.
#[derive(Debug)]
pub struct Read<T> {
    applied: Slot,
    body: T,
}

impl<T> Read<T> {
    /// Goes on with the body.
    pub fn and_then<U>(self, with: impl FnOnce(T) -> Result<U, Problem>) -> Result<Read<U>, Problem> {
        Ok(Read { applied: self.applied, body: with(self.body)? })
    }
}

impl<T: IntoResponse> Read<T> {
    /// The answer, with the slot in a header.
    fn respond(self) -> Response {
        ([(APPLIED, self.applied.to_string())], self.body).into_response()
    }
}

impl<T: Serialize> IntoResponse for Read<Json<T>> {
    fn into_response(self) -> Response {
        self.respond()
    }
}

impl IntoResponse for Read<Response> {
    fn into_response(self) -> Response {
        self.respond()
    }
}

impl Api {
    /// Reads a room as `read_as` says. What takes long holds up the node: many records are read in slices.
    pub async fn read<T: Send + 'static>(
        &self,
        room: Room,
        read_as: ReadAs,
        read: impl FnOnce(View<'_>) -> T + Send + 'static,
    ) -> Result<Read<T>, Problem> {
        self.wait_for(&room, read_as).await?;
        Ok(self.read_now(room, read).await?)
    }

    /// Reads a room for the answer to a request that has changed something: where that fails, nobody may be told that nothing
    /// was done.
    pub async fn read_after<T: Send + 'static>(
        &self,
        room: Room,
        read: impl FnOnce(View<'_>) -> T + Send + 'static,
    ) -> Result<Read<T>, Problem> {
        self.read_now(room, read).await.map_err(|_| NoRoom::Unknown.into())
    }

    async fn read_now<T: Send + 'static>(
        &self,
        room: Room,
        read: impl FnOnce(View<'_>) -> T + Send + 'static,
    ) -> Result<Read<T>, NoRoom> {
        self.node().read(room, |view| Read { applied: view.log().decided(), body: read(view) }).await
    }

    /// Waits until this relay knows what a reader wants to be sure of.
    pub async fn wait_for(&self, room: &Room, read_as: ReadAs) -> Result<(), Problem> {
        match (read_as.consistency, read_as.seen) {
            (ConsistencyLevel::Local, _) => Ok(()),
            (ConsistencyLevel::Session, Some(seen)) => self.wait_until_applied(room, Slot(seen)).await,
            (ConsistencyLevel::Session, None) => {
                Err(Problem::bad_request("a session read needs `seen`: the header Duet-Applied of an answer"))
            }
            (ConsistencyLevel::Linearizable, _) => {
                self.command(room.clone(), Command::Read(Consistency::Linearizable)).await.map(drop)
            }
        }
    }

    /// Waits here and not in the replica, where a wait for a slot that never comes would stay when the reader is gone.
    async fn wait_until_applied(&self, room: &Room, slot: Slot) -> Result<(), Problem> {
        self.wait_until(room, move |view| view.log().decided() >= slot).await
    }

    /// Waits until a room is as wanted.
    pub async fn wait_until(
        &self,
        room: &Room,
        is_so: impl Fn(View<'_>) -> bool + Clone + Send + 'static,
    ) -> Result<(), Problem> {
        let mut changes = self.node().changes();
        while !self.node().read(room.clone(), is_so.clone()).await? {
            loop {
                match changes.recv().await {
                    Ok(changed) if changed != *room => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return Err(NoRoom::Stopping.into()),
                }
            }
        }
        Ok(())
    }
}
