//! Refusals that do not depend on the route, in the form that clients of the route read.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::api::Problem;

/// Why a request is refused before any handler sees it, or in place of its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    pub status: StatusCode,
    /// Names the kind for programs: a few words with hyphens between them.
    pub kind: &'static str,
    /// What happened, and what to do.
    pub text: String,
}

impl Denial {
    pub fn new(status: StatusCode, kind: &'static str, text: impl Into<String>) -> Self {
        Denial { status, kind, text: text.into() }
    }

    /// The answer: a problem below `/api`, plain text for WebSockets and the page, and an object with `error` elsewhere.
    pub fn answer(&self, path: &str) -> Response {
        let Denial { status, kind, text } = self;
        match path.split('/').nth(1).unwrap_or_default() {
            "api" => Problem::new(*status, kind, text).into_response(),
            "" | "ws" | "link" => (*status, format!("{text}\n")).into_response(),
            _ => (*status, Json(json!({ "error": text }))).into_response(),
        }
    }
}
