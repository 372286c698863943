//! Where the focus goes when what has it goes away.

use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use yew::prelude::*;

/// A button that goes away once it was pressed leaves the focus to what it stands in, which has `tabindex="-1"`.
pub(crate) fn stay(event: &MouseEvent) {
    let button = event.target_dyn_into::<HtmlElement>();
    let around = button.and_then(|button| button.closest("[tabindex='-1']").ok()?);
    if let Some(around) = around.and_then(|around| around.dyn_into::<HtmlElement>().ok()) {
        let _focused_if_visible = around.focus();
    }
}
