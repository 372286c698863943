//! A dialog that keeps the focus until it is closed.

use web_sys::HtmlDialogElement;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub class: &'static str,
    pub heading: AttrValue,
    /// Closed, in whatever way; the dialog is then to be left out.
    pub on_close: Callback<()>,
    pub children: Html,
}

/// Open as long as it is there. Esc closes it, and so does each button of a form with the method `dialog`.
#[component]
pub fn Modal(Props { class, heading, on_close, children }: &Props) -> Html {
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with((), move |()| {
            // The browser's own dialog keeps the focus inside and gives it back.
            if let Some(dialog) = node.cast::<HtmlDialogElement>() {
                let _shown_already = dialog.show_modal();
            }
        });
    }
    html! {
        <dialog ref={node} class={classes!("keys", *class)} aria-labelledby="dialog-heading" onclose={on_close.reform(|_: Event| ())}>
            <h2 id="dialog-heading">{ heading }</h2>
            { children.clone() }
        </dialog>
    }
}
