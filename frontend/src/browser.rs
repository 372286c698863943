//! The parts of the browser that only a page has: its document, its address, its own storage, its files.

use gloo::events::EventListener;
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, BlobPropertyBag, Document, File, FileReader, HtmlElement, Response, Storage, Url, UrlSearchParams, Window,
};

/// # Panics
/// Outside of a browser's page, where nothing of this crate can run.
#[must_use]
pub fn window() -> Window {
    web_sys::window().expect("a page has a window")
}

/// # Panics
/// Outside of a browser's page, where nothing of this crate can run.
#[must_use]
pub fn document() -> Document {
    window().document().expect("a page has a document")
}

/// Whether the window is that of a phone, as the styles have it.
#[must_use]
pub fn is_small() -> bool {
    window().inner_width().ok().and_then(|width| width.as_f64()).is_some_and(|width| width <= 720.0)
}

/// Whether the page can be seen.
#[must_use]
pub fn is_shown() -> bool {
    !document().hidden()
}

/// How many minutes local time is ahead of UTC.
#[must_use]
pub fn minutes_ahead_of_utc() -> i64 {
    -(js_sys::Date::new_0().get_timezone_offset() as i64)
}

/// A parameter of the page's address.
#[must_use]
pub fn parameter(name: &str) -> Option<String> {
    let search = window().location().search().ok()?;
    UrlSearchParams::new_with_str(&search).ok()?.get(name)
}

/// Scheme, host and port of the page.
#[must_use]
pub fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// The last part of the page's address, with its `#`.
#[must_use]
pub fn hash() -> String {
    window().location().hash().unwrap_or_default()
}

/// Goes to another part of the page.
pub fn set_hash(hash: &str) {
    // Only a document that is gone refuses.
    let _gone = window().location().set_hash(hash);
}

/// Shows, in place of a page that runs no more, that it has stopped. It needs nothing of what may be broken.
pub fn show_stopped(text: &str, reload: &str) {
    let document = document();
    let Some(stopped) = document.get_element_by_id("stopped") else { return };
    for (part, words) in [("p", text), ("a", reload)] {
        if let Ok(Some(part)) = stopped.query_selector(part) {
            part.set_text_content(Some(words));
        }
    }
    let _shown = stopped.remove_attribute("hidden");
}

/// Calls `then` when a script of this page fails: an exception of the browser's leaves no panic. What extensions and other
/// sites have added is none of it.
pub fn on_own_error(then: impl Fn() + 'static) {
    let listener = EventListener::new(&window(), "error", move |event| {
        let file = js_sys::Reflect::get(event, &"filename".into()).ok().and_then(|file| file.as_string());
        if file.is_some_and(|file| file.starts_with(&origin())) {
            then();
        }
    });
    listener.forget();
}

/// Lets the user keep `text` as a file. A browser that makes no files keeps none.
pub fn download(name: &str, kind: &str, text: &str) {
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    let parts = js_sys::Array::of1(&text.into());
    let blob = Blob::new_with_str_sequence_and_options(&parts, &options);
    let Some(url) = blob.ok().and_then(|blob| Url::create_object_url_with_blob(&blob).ok()) else { return };
    let link = document().create_element("a").ok().and_then(|link| link.dyn_into::<HtmlElement>().ok());
    if let Some(link) = link {
        // Neither can fail for a sound name.
        let _set = link.set_attribute("href", &url).and_then(|()| link.set_attribute("download", name));
        link.click();
    }
    let _freed = Url::revoke_object_url(&url);
}

/// The language that the browser asks for, such as `en-GB`.
#[must_use]
pub fn language() -> Option<String> {
    window().navigator().language()
}

/// Says, to those who cannot see the page, too, which language it is in, and what it is called in that.
pub fn set_language(code: &str, title: &str) {
    document().set_title(title);
    if let Some(root) = document().document_element() {
        // A fixed, sound name cannot be refused.
        let _set = root.set_attribute("lang", code);
    }
}

/// Has the browser keep this page, for when no relay can be reached. It does so only for pages that nobody can have
/// tampered with on their way.
pub fn keep_page() {
    if window().is_secure_context() {
        let registration = window().navigator().service_worker().register("/service-worker.js");
        wasm_bindgen_futures::spawn_local(async move {
            // Without it the page works as well, as long as there is a relay.
            let _registered = JsFuture::from(registration).await;
        });
    }
}

/// Whether the page that the relay serves now is another version than this one; no if it cannot be had.
pub async fn is_outdated() -> bool {
    let own = document().query_selector("link[rel=modulepreload]").ok().flatten();
    let Some(own) = own.and_then(|link| link.get_attribute("href")) else { return false };
    let Ok(response) = JsFuture::from(window().fetch_with_str("/")).await else { return false };
    let Some(text) = response.dyn_into::<Response>().ok().filter(Response::ok).and_then(|found| found.text().ok())
    else {
        return false;
    };
    let text = JsFuture::from(text).await.ok().and_then(|text| text.as_string());
    text.is_some_and(|text| !text.contains(&own))
}

/// A text in Unicode's normalization form NFC.
#[cfg(target_arch = "wasm32")]
#[must_use]
pub fn composed(text: &str) -> String {
    js_sys::JsString::from(text).normalize("NFC").into()
}

/// A text in Unicode's normalization form NFC. For tests without a browser.
#[cfg(not(target_arch = "wasm32"))]
#[must_use]
pub fn composed(text: &str) -> String {
    unicode_normalization::UnicodeNormalization::nfc(text).collect()
}

/// Loads the page anew.
pub fn reload() {
    // Only a document that is gone refuses.
    let _gone = window().location().reload();
}

/// A value in JSON, if it can be had.
pub async fn fetch_json(address: &str) -> Option<JsValue> {
    let response = JsFuture::from(window().fetch_with_str(address)).await.ok()?;
    let response = response.dyn_into::<Response>().ok().filter(Response::ok)?;
    JsFuture::from(response.json().ok()?).await.ok()
}

/// Reads a file; `None` if the browser cannot. Whoever drops the listener is told nothing.
pub fn read_file(file: &File, then: impl FnOnce(Option<Vec<u8>>) + 'static) -> Option<EventListener> {
    let reader = FileReader::new().ok()?;
    let read = reader.clone();
    let listener = EventListener::once(&reader, "loadend", move |_| {
        let buffer = read.result().ok().and_then(|result| result.dyn_into::<ArrayBuffer>().ok());
        then(buffer.map(|buffer| Uint8Array::new(&buffer).to_vec()));
    });
    reader.read_as_array_buffer(file).ok()?;
    Some(listener)
}

/// Opens this page in another tab.
pub fn open_tab() {
    let address = window().location().href().unwrap_or_default();
    // A browser that opens none says so itself.
    let _refused = window().open_with_url_and_target_and_features(&address, "_blank", "noopener");
}

/// Returns a setting of the page that this browser keeps under `key`.
#[must_use]
pub fn recall(key: &str) -> Option<String> {
    storage()?.get_item(key).ok()?
}

/// Keeps `value` under `key`, or forgets what is there. A browser that forbids storage forgets at once.
pub fn remember(key: &str, value: Option<&str>) {
    let Some(storage) = storage() else { return };
    // Full or forbidden storage costs a convenience, never data.
    let _kept = match value {
        Some(value) => storage.set_item(key, value),
        None => storage.remove_item(key),
    };
}

fn storage() -> Option<Storage> {
    window().local_storage().ok()?
}
