//! The page, embedded in the binary.

use axum::body::Body;
use axum::http::{HeaderName, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest, Sha256};

/// What Trunk has built. Release builds hold the files themselves; debug builds read them from disk.
#[derive(RustEmbed)]
#[folder = "../dist"]
#[allow_missing = true]
struct Dist;

const INDEX: &str = "index.html";

/// Says what is missing, in place of the page.
const NOT_BUILT: &str = "<!doctype html>
<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Duet</title></head>
<body><h1>The relay runs, but the page has not been built</h1>
<p>Build it and start three relays: <code>cargo xtask run</code></p>
<p>Or keep this relay running and serve the page beside it: <code>trunk serve</code></p></body></html>
";

/// Answers a request for a file of the page.
pub async fn serve(uri: Uri) -> Response {
    let name = name_of(&uri);
    match Dist::get(name) {
        Some(file) if name == INDEX => index(file),
        Some(file) => asset(name, file),
        None if name == INDEX => (secure("script-src 'none'"), Html(NOT_BUILT)).into_response(),
        None => nothing_at(&uri),
    }
}

/// Answers a request that wants to do anything else than read a file.
pub async fn refuse(uri: Uri) -> Response {
    let name = name_of(&uri);
    if name == INDEX || Dist::get(name).is_some() {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")]).into_response();
    }
    nothing_at(&uri)
}

fn name_of(uri: &Uri) -> &str {
    match uri.path().trim_start_matches('/') {
        "" => INDEX,
        name => name,
    }
}

fn nothing_at(uri: &Uri) -> Response {
    (StatusCode::NOT_FOUND, format!("nothing is at {}\n", uri.path())).into_response()
}

fn index(file: EmbeddedFile) -> Response {
    let hashes: String = inline_scripts(&String::from_utf8_lossy(&file.data)).map(hash_source).collect();
    let scripts = secure(&format!("script-src 'self' 'wasm-unsafe-eval'{hashes}"));
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (scripts, headers, Body::from(file.data)).into_response()
}

fn asset(name: &str, file: EmbeddedFile) -> Response {
    let forever = "public, max-age=31536000, immutable";
    let caching = if has_hash(name) { forever } else { "no-cache" };
    let headers = [
        (header::CONTENT_TYPE, content_type(name)),
        (header::CACHE_CONTROL, caching),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Body::from(file.data)).into_response()
}

/// The headers that keep a page to itself. The page may connect to any relay.
fn secure(script_source: &str) -> [(HeaderName, String); 3] {
    let policy = format!(
        "default-src 'self'; {script_source}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
         connect-src 'self' ws: wss:; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
    ]
}

/// The texts of the scripts within a page: Trunk starts the application from one.
fn inline_scripts(page: &str) -> impl Iterator<Item = &str> {
    page.split("<script").skip(1).filter_map(|rest| {
        let (attributes, rest) = rest.split_once('>')?;
        let (script, _) = rest.split_once("</script>")?;
        (!attributes.contains("src=")).then_some(script)
    })
}

/// How a content security policy names a script by its hash (CSP Level 3, §2.3.1).
fn hash_source(script: &str) -> String {
    format!(" 'sha256-{}'", STANDARD.encode(Sha256::digest(script)))
}

/// Whether a name changes with the content, as in `frontend-510649cd1197b915_bg.wasm`.
fn has_hash(name: &str) -> bool {
    name.split(['/', '-', '_', '.']).any(|part| part.len() == 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_inline_scripts_are_hashed() {
        let page = "<script src=\"/a.js\"></script><script type=\"module\">\nimport a\n</script>";
        assert_eq!(inline_scripts(page).collect::<Vec<_>>(), ["\nimport a\n"]);
        // By `printf 'doSubmit()' | openssl dgst -sha256 -binary | base64`.
        assert_eq!(hash_source("doSubmit()").trim(), "'sha256-jzgBGA4UWFFmpOBq0JpdsySukE1FrEN5bUpoK8Z29fY='");
    }

    #[test]
    fn names_with_a_hash_are_told_from_those_without() {
        assert!(has_hash("frontend-510649cd1197b915_bg.wasm"));
        assert!(has_hash("snippets/a-510649cd1197b915/inline0.js"));
        assert!(!has_hash("favicon.ico"));
    }
}
