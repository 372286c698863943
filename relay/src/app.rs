//! The routes.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tower_http::trace::{DefaultOnFailure, TraceLayer};
use tracing::{Level, warn};

use crate::config::Config;
use crate::link::{MAX_PACKET_BYTES, READ_BUFFER_BYTES};
use crate::node::{NodeHandle, Stopped};
use crate::{api, cluster, legacy, link, origin, page, peer};

/// What every handler sees.
#[derive(Clone, Debug)]
pub struct App {
    pub config: Arc<Config>,
    pub node: NodeHandle,
}

/// Everything that a relay serves, on its one port.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/ws", get(tab))
        .route("/link", get(relay))
        .route("/healthz", get(health))
        .route("/cluster/voters", get(cluster::voters).post(cluster::set_voters))
        .merge(legacy::router(&app))
        .fallback(get(page::serve).fallback(page::refuse))
        .with_state(app.clone())
        .merge(api::router(app))
        // That something cannot be done for now is no error of the relay.
        .layer(TraceLayer::new_for_http().on_failure(DefaultOnFailure::new().level(Level::DEBUG)))
}

async fn tab(
    State(app): State<App>,
    ConnectInfo(remote): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !origin::is_allowed(&headers, &app.config, &app.node.addresses_of_others()) {
        warn!(origin = ?headers.get("origin"), "a page from elsewhere is refused");
        let text =
            "pages of this origin may not connect to this relay: start it with --allow-origin ORIGIN to let them\n";
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    // Looser than what is allowed to tabs, so that they are told what was wrong.
    let upgrade = limited(upgrade);
    upgrade.on_upgrade(move |socket| async move { peer::serve(socket, app.node, remote.ip()).await })
}

async fn relay(State(app): State<App>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    if let Err(refusal) = link::admit(&headers, app.config.link_secret.as_ref()) {
        warn!("a link is refused: {}", refusal.1.trim_end());
        return refusal.into_response();
    }
    let upgrade = limited(upgrade);
    upgrade.on_upgrade(move |socket| async move { link::serve(socket, app.node).await })
}

fn limited(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    let upgrade = upgrade.max_message_size(MAX_PACKET_BYTES).max_frame_size(MAX_PACKET_BYTES);
    upgrade.read_buffer_size(READ_BUFFER_BYTES)
}

async fn health(State(app): State<App>) -> Response {
    match app.node.health().await {
        Ok(health) => Json(health).into_response(),
        Err(Stopped) => (StatusCode::SERVICE_UNAVAILABLE, "the relay is stopping\n").into_response(),
    }
}
