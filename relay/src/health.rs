//! How a relay is, for those who watch over it: `/healthz` for people, `/livez` and `/readyz` for what starts processes
//! and sends them work.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::time::timeout;

use crate::app::App;
use crate::node::{NodeHandle, Stopped};

/// How long the node, and its disk, may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// After how many seconds it is worth asking again.
const RETRY_AFTER: &str = "1";

const STOPPING: &str = "the relay is stopping: ask another one";

/// Whether a relay can do its work.
#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    /// Why not, and what to do.
    reasons: Vec<String>,
}

/// All that there is to know.
pub async fn health(State(app): State<App>) -> Response {
    match app.node.health().await {
        Ok(health) => Json(health).into_response(),
        Err(Stopped) => (StatusCode::SERVICE_UNAVAILABLE, "the relay is stopping\n").into_response(),
    }
}

/// Whether the process does anything: if not, start it anew.
pub async fn live(State(app): State<App>) -> Response {
    let reason = match timeout(PATIENCE, app.node.obstacles()).await {
        Ok(Ok(_)) => return "ok\n".into_response(),
        Ok(Err(Stopped)) => "the relay is stopping\n".to_owned(),
        Err(_) => format!("the relay has not answered within {} s: start it anew\n", PATIENCE.as_secs()),
    };
    (StatusCode::SERVICE_UNAVAILABLE, reason).into_response()
}

/// Whether the relay can do its work: if not, ask another one.
pub async fn ready(State(app): State<App>) -> Response {
    let reasons = reasons(&app.node).await;
    let readiness = Readiness { ready: reasons.is_empty(), reasons };
    if readiness.ready {
        return Json(readiness).into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, RETRY_AFTER)], Json(readiness)).into_response()
}

async fn reasons(node: &NodeHandle) -> Vec<String> {
    let late = |what: &str| format!("{what} within {} s: look at its log and its disk", PATIENCE.as_secs());
    let mut reasons = match timeout(PATIENCE, node.obstacles()).await {
        Ok(Ok(obstacles)) => obstacles,
        Ok(Err(Stopped)) => return vec![STOPPING.to_owned()],
        Err(_) => return vec![late("the relay has not answered")],
    };
    match timeout(PATIENCE, node.disk_writes()).await {
        Ok(Ok(())) => {}
        Ok(Err(Stopped)) => return vec![STOPPING.to_owned()],
        Err(_) => reasons.push(late("the disk has written nothing")),
    }
    reasons
}
