//! Components in a page, and when they are rendered.

use std::time::Duration;

use gloo::timers::callback::Timeout;
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use yew::{Html, Properties, component};

#[derive(Properties, PartialEq)]
pub struct StillProps {
    pub html: Html,
}

/// What is shown by a function rather than a component.
#[component]
pub fn Still(props: &StillProps) -> Html {
    props.html.clone()
}

/// Yew renders when the current task has ended.
pub async fn rendered() {
    let promise = Promise::new(&mut |resolve, _| {
        let wait = u32::try_from(Duration::from_millis(20).as_millis()).unwrap();
        Timeout::new(wait, move || drop(resolve.call0(&JsValue::NULL))).forget();
    });
    JsFuture::from(promise).await.unwrap();
}
