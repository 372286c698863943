//! `/api/openapi.json`, and a page that shows it, out of the program itself.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, header};
use axum::response::{IntoResponse, Redirect, Response};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::Config;

use super::Api;
use super::problem::Problem;

/// Where the document is.
pub const DOCUMENT: &str = "/api/openapi.json";

/// The page has its scripts here, and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the API is, for programs.
#[derive(Clone, Debug)]
pub struct Documents {
    json: Arc<str>,
}

impl From<OpenApi> for Documents {
    fn from(document: OpenApi) -> Self {
        Documents { json: document.to_json().expect("a document of texts and numbers").into() }
    }
}

pub async fn document(State(api): State<Api>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], api.documents.json.to_string()).into_response()
}

pub async fn to_page() -> Redirect {
    Redirect::permanent("/api/")
}

/// A file of the page, or the answer to whatever is nowhere.
pub async fn file(request: Request) -> Result<Response, Problem> {
    let path = request.uri().path();
    let config = Arc::new(Config::new([DOCUMENT]).validator_url("none"));
    let found = utoipa_swagger_ui::serve(path.strip_prefix("/api/").unwrap_or(path), config).ok().flatten();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let file =
        found.filter(|_| is_read).ok_or_else(|| Problem::not_found(format!("nothing is at {path}: see /api/")))?;
    let headers = [
        (header::CONTENT_TYPE, file.content_type.as_str()),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    Ok((headers, file.bytes.into_owned()).into_response())
}
