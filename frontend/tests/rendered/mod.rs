//! When a page is rendered.

use std::time::Duration;

use gloo::timers::callback::Timeout;
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

/// Yew renders when the current task has ended.
pub async fn rendered() {
    let promise = Promise::new(&mut |resolve, _| {
        let wait = u32::try_from(Duration::from_millis(20).as_millis()).unwrap();
        Timeout::new(wait, move || drop(resolve.call0(&JsValue::NULL))).forget();
    });
    JsFuture::from(promise).await.unwrap();
}
