//! Everything that this host takes from the global scope of a page or of a worker. Nothing here needs a document.

use std::cell::Cell;
use std::time::Duration;

use js_sys::{Function, Promise, Reflect};
use shared::base::id::ReplicaSecret;
use shared::replica::io::Now;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbFactory, Performance, RequestInit, RequestMode, Storage};

use crate::clock::Clock;

thread_local! {
    /// The one wall clock of this scope.
    static CLOCK: Cell<Clock> = Cell::default();
    static PERFORMANCE: Option<Performance> = global("performance").map(JsCast::unchecked_into);
}

/// Returns a member of an object; `None` if there is none or the browser forbids it.
fn member(of: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(of, &name.into()).ok().filter(|value| !value.is_undefined() && !value.is_null())
}

/// Returns a member of the global scope, which is a `Window` or a `WorkerGlobalScope`.
fn global(name: &str) -> Option<JsValue> {
    member(&js_sys::global(), name)
}

fn text(of: &str, name: &str) -> Option<String> {
    member(&global(of)?, name)?.as_string()
}

/// The clocks, as the replica wants them.
#[must_use]
pub fn now() -> Now {
    let Now { monotonic, wall_ms } = clocks_of_device();
    let mut clock = CLOCK.get();
    let wall_ms = clock.read(wall_ms, monotonic);
    CLOCK.set(clock);
    Now { monotonic, wall_ms }
}

/// Takes a relay's word that the wall clock is so far ahead. Returns true if this scope goes by the relay's clock from
/// now on.
pub(super) fn set_clock_back(by_ms: u64) -> bool {
    let Now { monotonic, wall_ms } = clocks_of_device();
    let mut clock = CLOCK.get();
    let is_set = clock.set_back(by_ms, wall_ms, monotonic);
    CLOCK.set(clock);
    is_set
}

fn clocks_of_device() -> Now {
    let since_start = PERFORMANCE.with(|performance| performance.as_ref().map_or(0.0, Performance::now));
    Now { monotonic: Duration::from_secs_f64(since_start.max(0.0) / 1000.0), wall_ms: js_sys::Date::now() as u64 }
}

/// Calls `resolve` after so many milliseconds.
pub(super) fn set_timeout(resolve: &Function, millis: i32) {
    let timer = global("setTimeout").and_then(|timer| timer.dyn_into::<Function>().ok());
    if let Some(timer) = timer {
        // Only a scope that is gone sets no timer.
        let _set = timer.call2(&JsValue::UNDEFINED, resolve, &millis.into());
    }
}

/// Returns the secret of a new identity.
///
/// # Errors
/// If the browser has no source of randomness.
pub(super) fn random_secret() -> Result<ReplicaSecret, getrandom::Error> {
    let mut bytes = [0; ReplicaSecret::BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(ReplicaSecret::new(bytes))
}

/// In `0.0..1.0`, for jitter.
#[must_use]
pub(super) fn jitter() -> f64 {
    js_sys::Math::random()
}

/// A number that an earlier page had with little probability.
#[must_use]
pub(super) fn random_number() -> u64 {
    (jitter() * f64::from(u32::MAX)) as u64
}

/// Host and port that the program came from.
#[must_use]
pub(super) fn own_address() -> String {
    text("location", "host").unwrap_or_default()
}

/// Scheme, host and port that the program came from.
#[must_use]
pub(super) fn origin() -> String {
    text("location", "origin").unwrap_or_default()
}

/// Returns true if the program came over TLS, so that its WebSockets must too.
#[must_use]
pub(super) fn is_over_tls() -> bool {
    text("location", "protocol").is_some_and(|protocol| protocol == "https:")
}

/// Returns true if the browser gives this scope what it gives only to programs that nobody can have tampered with.
#[must_use]
pub(super) fn is_secure_context() -> bool {
    global("isSecureContext").is_some_and(|is_secure| is_secure.is_truthy())
}

/// Returns true if anything answers at an address over HTTP, whatever it says.
pub(super) async fn answers(address: &str) -> bool {
    let options = RequestInit::new();
    options.set_mode(RequestMode::NoCors);
    let scheme = if is_over_tls() { "https" } else { "http" };
    let asked = global("fetch").and_then(|fetch| {
        let url = format!("{scheme}://{address}/healthz");
        let fetch = fetch.dyn_into::<Function>().ok()?;
        fetch.call2(&JsValue::UNDEFINED, &url.into(), &options).ok()?.dyn_into::<Promise>().ok()
    });
    match asked {
        Some(asked) => JsFuture::from(asked).await.is_ok(),
        None => false,
    }
}

/// The databases of this browser, if it has any here.
pub(super) fn databases() -> Option<IdbFactory> {
    global("indexedDB").map(JsCast::unchecked_into)
}

/// The Web Locks of this browser, if it has any here.
pub(super) fn locks() -> Option<JsValue> {
    member(&global("navigator")?, "locks")
}

/// Asks the browser not to clear its databases when there is little room. Only a page can ask.
pub(super) fn ask_to_keep_storage() {
    let ask = || {
        let storage = member(&global("navigator")?, "storage")?;
        let persist = member(&storage, "persist")?.dyn_into::<Function>().ok()?;
        // Nothing hangs on the answer; the browser may ask the user.
        persist.call0(&storage).ok()
    };
    let _asked = ask();
}

/// Returns what this browser has kept under `key`. A worker has no such storage.
#[must_use]
pub(super) fn recall(key: &str) -> Option<String> {
    storage("localStorage")?.get_item(key).ok()?
}

/// Keeps `value` under `key`, or forgets what is there. A browser that forbids storage forgets at once.
pub(super) fn remember(key: &str, value: Option<&str>) {
    let Some(storage) = storage("localStorage") else { return };
    // Full or forbidden storage costs a convenience, never data.
    let _kept = match value {
        Some(value) => storage.set_item(key, value),
        None => storage.remove_item(key),
    };
}

/// Returns what this tab has kept under `key`, also before it was loaded anew. A tab that is duplicated begins with a
/// copy. A worker has no such storage.
#[must_use]
pub(super) fn recall_in_tab(key: &str) -> Option<String> {
    storage("sessionStorage")?.get_item(key).ok()?
}

/// Keeps `value` under `key` for as long as there is this tab.
pub(super) fn remember_in_tab(key: &str, value: &str) {
    if let Some(storage) = storage("sessionStorage") {
        let _a_convenience = storage.set_item(key, value);
    }
}

fn storage(name: &str) -> Option<Storage> {
    global(name).map(JsCast::unchecked_into)
}
