//! Asks the user before the page connects to a relay that nobody vouches for.

use web_sys::HtmlDialogElement;
use yew::prelude::*;

use crate::hooks::{use_engine, use_snapshot};
use crate::tr;

#[derive(Properties, PartialEq)]
pub struct Props {
    /// The whole address: host and port.
    pub address: AttrValue,
}

/// Open until it is answered. Esc means "Cancel", and so does Enter, since that button has the focus.
#[component]
pub fn RelayDialog(Props { address }: &Props) -> Html {
    let engine = use_engine();
    // The words follow the language of the page.
    let _redraws = use_snapshot();
    let node = use_node_ref();
    let is_open = use_state(|| true);
    {
        let node = node.clone();
        use_effect_with((), move |()| {
            if let Some(dialog) = node.cast::<HtmlDialogElement>() {
                let _shown_already = dialog.show_modal();
            }
        });
    }
    if !*is_open {
        return Html::default();
    }
    let room = engine.room().as_str().to_owned();
    let on_connect = {
        let (is_open, address) = (is_open.clone(), address.to_string());
        move |_: MouseEvent| {
            engine.agree_to_relay(address.clone());
            is_open.set(false);
        }
    };
    let onclose = move |_: Event| is_open.set(false);
    html! {
        <dialog ref={node} class="keys relay-question" aria-labelledby="relay-heading" aria-describedby="relay-address relay-words" {onclose}>
            <h2 id="relay-heading">{ tr!("Connect to this relay?") }</h2>
            <p id="relay-address" class="address">{ address }</p>
            <p id="relay-words">{ tr!(
                "The link to this page names it, and your relays do not know it. It will get everything that this page holds for the room “{room}”. Connect only if you trust it.",
                room = room
            ) }</p>
            <form method="dialog" class="answers">
                <button class="primary">{ tr!("Cancel") }</button>
                <button type="button" onclick={on_connect}>{ tr!("Connect") }</button>
            </form>
        </dialog>
    }
}
