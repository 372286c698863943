//! Asks the user before the page connects to a relay that nobody vouches for.

use yew::prelude::*;

use super::modal::Modal;
use crate::tr;

/// `address` is the whole address: host and port. Esc means "Cancel", and so does Enter: the first button has the focus.
pub fn show(address: &str, room: &str, on_connect: Callback<String>, on_close: Callback<()>) -> Html {
    let onclick = {
        let address = address.to_owned();
        move |_: MouseEvent| on_connect.emit(address.clone())
    };
    html! {
        <Modal class="relay-question" heading={tr!("Connect to this relay?")} {on_close}>
            <p id="relay-address" class="address">{ address }</p>
            <p id="relay-words">{ tr!(
                "The link to this page names it, and your relays do not know it. It will get everything that this page holds for the room “{room}”. Connect only if you trust it.",
                room = room
            ) }</p>
            <form method="dialog" class="answers">
                <button class="primary" aria-describedby="relay-address relay-words">{ tr!("Cancel") }</button>
                <button {onclick}>{ tr!("Connect") }</button>
            </form>
        </Modal>
    }
}
