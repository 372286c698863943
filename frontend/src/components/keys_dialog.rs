//! All keys.

use web_sys::HtmlDialogElement;
use yew::prelude::*;

use crate::tr;

/// With `record` as what a record is called.
fn keys(record: &str) -> [(&'static str, String); 8] {
    [
        ("n", tr!("New {one}", one = record)),
        ("/", tr!("Search")),
        ("o", tr!("Go offline, or back")),
        ("↑ ↓", tr!("From row to row")),
        ("Enter", tr!("Edit, or save")),
        ("Esc", tr!("Leave it as it was")),
        ("Ctrl Z", tr!("Undo")),
        ("?", tr!("All keys")),
    ]
}

#[derive(Properties, PartialEq)]
pub struct Props {
    pub open: bool,
    /// What a record is called.
    pub record: AttrValue,
    pub on_change: Callback<bool>,
}

#[component]
pub fn KeysDialog(Props { open, record, on_change }: &Props) -> Html {
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with(*open, move |&open| {
            // The browser's own dialog keeps the focus inside and gives it back.
            if open && let Some(dialog) = node.cast::<HtmlDialogElement>() {
                let _shown_already = dialog.show_modal();
            }
        });
    }
    let rows = keys(record).into_iter().map(|(keys, meaning)| {
        let keys = keys.split(' ').map(|key| html! { <kbd>{ key }</kbd> });
        html! { <div><dt>{ for keys }</dt><dd>{ meaning }</dd></div> }
    });
    html! {
        <dialog ref={node} class="keys" aria-labelledby="keys-heading" onclose={on_change.reform(|_| false)}>
            <h2 id="keys-heading">{ tr!("Keys") }</h2>
            <dl>{ for rows }</dl>
            <form method="dialog"><button class="primary">{ tr!("Close") }</button></form>
        </dialog>
    }
}
