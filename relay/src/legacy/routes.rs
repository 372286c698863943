//! The original's routes.

use axum::Json;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;

use super::Original;
use super::agreement::{Accept, Asker, Prepare};
use super::input::JsonBody;
use super::load::Switch;
use super::people::{Person, in_background};
use super::refusal::Refusal;
use super::socket_io;
use crate::app::App;

type Answer<T> = Result<Json<T>, Refusal>;

/// The original's routes, and its Socket.IO.
pub fn router(app: &App) -> Router<App> {
    Router::new()
        .route("/get_data", get(get_data))
        .route("/add_name", post(add_name))
        .route("/prepare", post(prepare))
        .route("/accept", post(accept))
        .route("/get_load", get(get_load))
        .route("/switch_to_crdt_only", post(switch_to_crdt_only))
        .route("/data_transfer", get(data_transfer))
        .method_not_allowed_fallback(async || Refusal::WrongMethod)
        .merge(socket_io::router(app))
}

async fn get_data(original: Original) -> Result<Response, Refusal> {
    let rows = original.rows().await?;
    in_background(move || Json(rows).into_response()).await
}

async fn add_name(original: Original, JsonBody(person): JsonBody<Person>) -> Answer<impl Serialize> {
    original.add(person).await.map(Json)
}

async fn prepare(original: Original, JsonBody(prepare): JsonBody<Prepare>) -> Answer<impl Serialize> {
    original.prepare(prepare).await.map(Json)
}

async fn accept(original: Original, asker: Asker, JsonBody(accept): JsonBody<Accept>) -> Answer<impl Serialize> {
    original.accept(accept, asker).await.map(Json)
}

async fn get_load(original: Original) -> Answer<impl Serialize> {
    original.load().await.map(Json)
}

async fn switch_to_crdt_only(original: Original, JsonBody(switch): JsonBody<Switch>) -> Answer<impl Serialize> {
    original.switch(switch).await.map(Json)
}

async fn data_transfer(original: Original) -> Result<&'static str, Refusal> {
    original.transfer().await.map(|()| "Done")
}
