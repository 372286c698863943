//! `/api`: rooms over plain HTTP, described by an OpenAPI document.
//!
//! Each resource has a file. They are thin: a handler turns a request into a command or a read of this relay's replica,
//! and what comes of it into JSON.

mod conflicts;
mod consistency;
mod csv;
mod docs;
mod events;
mod extract;
mod fields;
mod idempotency;
mod ids;
mod mode;
mod nodes;
mod number;
mod opening;
mod page;
mod parameters;
mod problem;
mod records;
mod requests;
mod search;
mod settings;
mod state;

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use tokio::time::timeout;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::events::Listeners;
use self::opening::{MAX_BODY_BYTES, ROOMS};
pub use self::opening::{address, body_bytes};
use self::parameters::Parameters;
pub use self::problem::Problem;
use self::state::Api;
use crate::app::App;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How hard answers are compressed: as far as that costs less time than it saves.
const COMPRESSION: i32 = 4;

#[derive(OpenApi)]
#[openapi(info(
    title = "Duet",
    description = "Records whose fields merge, with numbers that are agreed upon. See docs/reference/http-api.md."
))]
struct Document;

/// The routes below `/api`.
pub fn router(app: App) -> Router {
    let (rooms, document) = rooms().split_for_parts();
    let parameters = Parameters::from(&document);
    let api = Api { app, listeners: Listeners::default(), documents: document.into() };
    rooms
        .route(docs::DOCUMENT, get(docs::document))
        .route("/api", get(docs::to_page))
        .route("/api/", any(docs::file))
        .route("/api/{*rest}", any(docs::file))
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(idempotency::read_key))
        .layer(middleware::from_fn_with_state(api.clone(), opening::open_for_writes))
        .layer(middleware::from_fn_with_state(parameters, parameters::only_known))
        .layer(middleware::from_fn(in_time))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(compression())
        .with_state(api)
}

/// Compresses what is worth it, for those who accept it, and no event streams: their events would wait for one another.
fn compression() -> CompressionLayer {
    CompressionLayer::new().quality(CompressionLevel::Precise(COMPRESSION))
}

fn rooms() -> OpenApiRouter<Api> {
    let of_room = OpenApiRouter::new()
        .routes(routes!(records::list, records::add))
        .routes(routes!(records::get, records::change, records::remove))
        .routes(routes!(number::put, number::delete))
        .routes(routes!(mode::get, mode::set))
        .routes(routes!(settings::get, settings::change))
        .routes(routes!(requests::pending, requests::ask))
        .routes(routes!(conflicts::list))
        .routes(routes!(conflicts::resolve))
        .routes(routes!(nodes::get))
        .routes(routes!(events::listen));
    OpenApiRouter::with_openapi(Document::openapi()).nest(&format!("{ROOMS}/{{room}}"), of_room)
}

async fn wrong_method(request: Request) -> Problem {
    let detail = format!("{} is not for {}: see /api/", request.method(), request.uri().path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
}

/// Nobody waits for ever.
async fn in_time(request: Request, next: Next) -> Response {
    let late = || {
        let detail = "not done in time, and may still be: look, or ask again under the same Idempotency-Key";
        Problem::unavailable("not-in-time", detail).into_response()
    };
    timeout(PATIENCE, next.run(request)).await.unwrap_or_else(|_| late())
}
