//! A field for text.

use web_sys::HtmlInputElement;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub label: AttrValue,
    pub value: AttrValue,
    pub on_input: Callback<String>,
    #[prop_or_default]
    pub id: Option<AttrValue>,
    #[prop_or_default]
    pub class: Classes,
    #[prop_or(AttrValue::Static("text"))]
    pub kind: AttrValue,
    #[prop_or_default]
    pub placeholder: AttrValue,
    #[prop_or_default]
    pub inputmode: Option<AttrValue>,
    /// What is wrong with the value.
    #[prop_or_default]
    pub wrong: bool,
    /// Whether the text may have several lines: Shift+Enter begins one.
    #[prop_or_default]
    pub multiline: bool,
    #[prop_or_default]
    pub node: NodeRef,
    #[prop_or_default]
    pub on_key: Callback<KeyboardEvent>,
}

/// Whether a key says that the text is complete. The keys of a text that is being composed are not for the page.
pub(super) fn is_enter(event: &KeyboardEvent) -> bool {
    event.key() == "Enter" && !event.shift_key() && !event.is_composing()
}

#[component]
pub fn TextInput(props: &Props) -> Html {
    let on_input = props.on_input.clone();
    let oninput = move |event: InputEvent| on_input.emit(event.target_unchecked_into::<HtmlInputElement>().value());
    if props.multiline {
        return html! {
            <textarea ref={props.node.clone()} id={props.id.clone()} class={props.class.clone()} rows="1"
                aria-label={props.label.clone()} aria-invalid={props.wrong.then_some("true")} value={props.value.clone()}
                placeholder={props.placeholder.clone()} autocomplete="off" spellcheck="false" {oninput}
                onkeydown={props.on_key.clone()} />
        };
    }
    html! {
        <input ref={props.node.clone()} id={props.id.clone()} class={props.class.clone()} type={props.kind.clone()}
            aria-label={props.label.clone()} aria-invalid={props.wrong.then_some("true")} value={props.value.clone()}
            placeholder={props.placeholder.clone()} inputmode={props.inputmode.clone()} autocomplete="off"
            spellcheck="false" {oninput} onkeydown={props.on_key.clone()} />
    }
}
