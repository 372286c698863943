//! The page, embedded in the binary; compressed, too, for those who accept it: that was done when the page was built.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, IntoResponseParts, Response};
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

/// The content codings in which a file may be there, the shortest first, and what its name then ends in. Browsers accept
/// brotli over HTTPS and from their own machine alone, and gzip everywhere.
const CODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// Says what is missing, in place of the page.
const NOT_BUILT: &str = "<!doctype html>
<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Duet</title></head>
<body><h1>The relay runs, but the page has not been built</h1>
<p>Build it and start three relays: <code>cargo xtask run</code></p>
<p>Or keep this relay running and serve the page beside it: <code>trunk serve</code></p></body></html>
";

/// Answers a request for a file of the page.
pub async fn serve(uri: Uri, request: HeaderMap) -> Response {
    let name = name_of(&uri);
    match file_of_page(name) {
        Some(file) if name == INDEX => {
            (headers_of_index(&file), represented::<Dist>(INDEX, file, &request)).into_response()
        }
        Some(file) => (headers_of_asset(name), represented::<Dist>(name, file, &request)).into_response(),
        None if name == INDEX => (secure("script-src 'none'"), Html(NOT_BUILT)).into_response(),
        None => nothing_at(&uri),
    }
}

/// Answers a request that wants to do anything else than read a file.
pub async fn refuse(uri: Uri) -> Response {
    let name = name_of(&uri);
    if name == INDEX || file_of_page(name).is_some() {
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

/// Compressed files are no files of their own.
fn file_of_page(name: &str) -> Option<EmbeddedFile> {
    let is_own = CODINGS.iter().all(|(_, ending)| !name.ends_with(ending));
    if is_own { Dist::get(name) } else { None }
}

/// The file in the shortest coding that is accepted and there, or nothing where the browser has the same bytes.
fn represented<Files: RustEmbed>(name: &str, file: EmbeddedFile, request: &HeaderMap) -> Response {
    let compressed = CODINGS
        .iter()
        .filter(|(coding, _)| accepts(request, coding))
        .find_map(|(coding, ending)| Some((Files::get(&format!("{name}{ending}"))?, Some(*coding))));
    let (file, coding) = compressed.unwrap_or((file, None));
    // Each coding has bytes, and so a tag, of its own.
    let tag = format!("\"{}\"", STANDARD.encode(&file.metadata.sha256_hash()[..12]));
    let is_known = values_in(request, header::IF_NONE_MATCH).any(|known| known.trim_start_matches("W/") == tag);
    let caching = [(header::VARY, "accept-encoding".to_owned()), (header::ETAG, tag)];
    if is_known {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let mut response = (caching, Body::from(file.data)).into_response();
    if let Some(coding) = coding {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

/// Whether a request names a coding, and not as one to avoid (RFC 9110, §12.5.3).
fn accepts(request: &HeaderMap, coding: &str) -> bool {
    values_in(request, header::ACCEPT_ENCODING).any(|value| {
        let (name, weight) = value.split_once(';').unwrap_or((value, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case(coding) && weight != Some(0.0)
    })
}

/// The values of a header that is a list.
fn values_in(request: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = request.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

fn nothing_at(uri: &Uri) -> Response {
    (StatusCode::NOT_FOUND, format!("nothing is at {}\n", uri.path())).into_response()
}

fn headers_of_index(file: &EmbeddedFile) -> impl IntoResponseParts + use<> {
    let hashes: String = inline_scripts(&String::from_utf8_lossy(&file.data)).map(hash_source).collect();
    let scripts = secure(&format!("script-src 'self' 'wasm-unsafe-eval'{hashes}"));
    (scripts, [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")])
}

fn headers_of_asset(name: &str) -> [(HeaderName, &'static str); 3] {
    let forever = "public, max-age=31536000, immutable";
    let caching = if has_hash(name) { forever } else { "no-cache" };
    [
        (header::CONTENT_TYPE, content_type(name)),
        (header::CACHE_CONTROL, caching),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ]
}

/// The headers that keep a page to itself. The page may connect to any relay.
fn secure(script_source: &str) -> [(HeaderName, String); 3] {
    let policy = format!(
        "default-src 'self'; {script_source}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
         connect-src 'self' ws: wss: http: https:; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
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
    name.split(['/', '-', '_', '.'])
        .any(|part| (10..=16).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
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
    use axum::body::to_bytes;

    use super::*;

    /// Their words stand for their codings.
    #[derive(RustEmbed)]
    #[folder = "tests/files"]
    struct Files;

    fn answer(name: &str, request: &[(HeaderName, &str)]) -> Response {
        let headers = request.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        represented::<Files>(name, Files::get(name).unwrap(), &headers.collect())
    }

    #[tokio::test]
    async fn a_file_is_sent_in_the_shortest_coding_that_is_accepted_and_there() {
        let cases = [
            ("a.txt", "gzip, br", Some("br"), "in brotli\n"),
            ("a.txt", "gzip", Some("gzip"), "in gzip\n"),
            ("a.txt", "zstd", None, "as it is\n"),
            ("b.txt", "gzip, br", None, "b\n"),
        ];
        for (name, accepted, coding, text) in cases {
            let answer = answer(name, &[(header::ACCEPT_ENCODING, accepted)]);
            assert_eq!(answer.headers()[header::VARY], "accept-encoding");
            assert_eq!(answer.headers().get(header::CONTENT_ENCODING).map(|coding| coding.to_str().unwrap()), coding);
            assert_eq!(to_bytes(answer.into_body(), 100).await.unwrap(), text);
        }
    }

    #[test]
    fn what_the_browser_has_is_not_sent_again() {
        let brotli = (header::ACCEPT_ENCODING, "br");
        let first = answer("a.txt", std::slice::from_ref(&brotli));
        let tag = first.headers()[header::ETAG].to_str().unwrap();
        let again = answer("a.txt", &[brotli, (header::IF_NONE_MATCH, &format!("\"other\", W/{tag}"))]);
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers()[header::ETAG], tag);
        // Other bytes under the same name, as of another coding, have another tag.
        assert_eq!(answer("a.txt", &[(header::IF_NONE_MATCH, tag)]).status(), StatusCode::OK);
    }

    #[test]
    fn a_hash_may_lack_the_zeros_at_its_beginning() {
        for (name, has) in [
            ("frontend-b941fae7280ac805_bg.wasm", true),
            ("frontend-6103c80b22dbceb.js", true),
            ("index.html", false),
            ("service-worker.js", false),
        ] {
            assert_eq!(has_hash(name), has, "{name}");
        }
    }

    #[test]
    fn only_inline_scripts_are_hashed() {
        let page = "<script src=\"/a.js\"></script><script type=\"module\">\nimport a\n</script>";
        assert_eq!(inline_scripts(page).collect::<Vec<_>>(), ["\nimport a\n"]);
        // By `printf 'doSubmit()' | openssl dgst -sha256 -binary | base64`.
        assert_eq!(hash_source("doSubmit()").trim(), "'sha256-jzgBGA4UWFFmpOBq0JpdsySukE1FrEN5bUpoK8Z29fY='");
    }

    #[test]
    fn a_coding_is_accepted_where_it_is_named_with_a_weight() {
        let request = |accepted: &'static str| {
            HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted))])
        };
        assert!(accepts(&request("gzip, deflate, br, zstd"), "br"));
        assert!(accepts(&request("gzip;q=0.5, BR ; q=0.1"), "br"));
        assert!(!accepts(&request("gzip, br;q=0"), "br"));
        assert!(!accepts(&request("gzip, brotli"), "br"));
        assert!(!accepts(&HeaderMap::new(), "br"));
    }

    #[test]
    fn names_with_a_hash_are_told_from_those_without() {
        assert!(has_hash("frontend-510649cd1197b915_bg.wasm"));
        assert!(has_hash("snippets/a-510649cd1197b915/inline0.js"));
        assert!(!has_hash("favicon.ico"));
    }
}
