//! All keys.

use yew::prelude::*;

use super::modal::Modal;
use crate::tr;

/// With `record` as what a record is called.
fn keys(record: &str) -> [(&'static str, String); 9] {
    [
        ("n", tr!("New {one}", one = record)),
        ("/", tr!("Search")),
        ("o", tr!("Go offline, or back")),
        ("↑ ↓", tr!("From row to row")),
        ("Enter", tr!("Edit, or save")),
        ("Shift Enter", tr!("Begin a new line")),
        ("Esc", tr!("Leave it as it was")),
        ("Ctrl Z", tr!("Undo")),
        ("?", tr!("All keys")),
    ]
}

/// `record` is what a record is called.
pub fn show(record: &str, on_close: Callback<()>) -> Html {
    let rows = keys(record).into_iter().map(|(keys, meaning)| {
        let keys = keys.split(' ').map(|key| html! { <kbd>{ key }</kbd> });
        html! { <div><dt>{ for keys }</dt><dd>{ meaning }</dd></div> }
    });
    html! {
        <Modal class="" heading={tr!("Keys")} {on_close}>
            <dl>{ for rows }</dl>
            <form method="dialog"><button class="primary">{ tr!("Close") }</button></form>
        </Modal>
    }
}
