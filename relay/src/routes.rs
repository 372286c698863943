//! The routes.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use tower_http::trace::{DefaultOnFailure, TraceLayer};
use tracing::Level;

use crate::app::App;
use crate::limited_log::LimitedLog;
use crate::link::{MAX_PACKET_BYTES, READ_BUFFER_BYTES};
use crate::node::NodeHandle;
use crate::origin::{self, Behind, Door};
use crate::{api, body, cluster, health, legacy, link, page, peer};

/// Everything that a relay serves, on its one port.
pub fn router(app: App) -> Router {
    let door = |behind| {
        let door = Door { config: Arc::clone(&app.config), node: app.node.clone(), behind };
        middleware::from_fn_with_state(door, origin::guard)
    };
    let page: MethodRouter = get(page::serve).fallback(page::refuse);
    let page = page.layer(door(Behind::Page));
    Router::new()
        .route("/ws", get(tab))
        .route("/link", get(relay))
        .route("/healthz", get(health::health))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/cluster/voters", get(cluster::voters).post(cluster::set_voters))
        .route("/cluster/reach", get(cluster::reach).post(cluster::set_reach))
        .merge(legacy::router(&app))
        .with_state(app.clone())
        .merge(api::router(app.clone()))
        .layer(door(Behind::Data))
        .fallback_service(page)
        .layer(middleware::from_fn(body::in_time))
        // That something cannot be done for now is no error of the relay.
        .layer(TraceLayer::new_for_http().on_failure(DefaultOnFailure::new().level(Level::DEBUG)))
        .layer(middleware::from_fn_with_state(app.node, count_request))
}

async fn tab(
    State(app): State<App>,
    ConnectInfo(remote): ConnectInfo<SocketAddr>,
    upgrade: WebSocketUpgrade,
) -> Response {
    // Looser than what is allowed to tabs, so that they are told what was wrong.
    let upgrade = limited(upgrade);
    upgrade.on_upgrade(move |socket| async move { peer::serve(socket, app.node, remote.ip()).await })
}

async fn relay(
    State(app): State<App>,
    ConnectInfo(remote): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if let Err(refusal) = link::admit(&headers, app.config.link_secret.as_ref()) {
        static LINKS: LimitedLog = LimitedLog::new();
        LINKS.warn(format_args!("a link from {} is refused: {}", remote.ip(), refusal.1.trim_end()));
        return refusal.into_response();
    }
    let upgrade = limited(upgrade);
    upgrade.on_upgrade(move |socket| async move { link::serve(socket, app.node).await })
}

fn limited(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    let upgrade = upgrade.max_message_size(MAX_PACKET_BYTES).max_frame_size(MAX_PACKET_BYTES);
    upgrade.read_buffer_size(READ_BUFFER_BYTES)
}

/// Counts a request, whatever becomes of it.
async fn count_request(State(node): State<NodeHandle>, request: Request, next: Next) -> Response {
    node.http_requests().add();
    next.run(request).await
}
