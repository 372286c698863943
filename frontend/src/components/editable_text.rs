//! A text that becomes a field when it is clicked: Enter saves, Esc leaves it as it was.

use web_sys::{HtmlElement, HtmlInputElement};
use yew::prelude::*;

use super::text_input::TextInput;
use crate::tr;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub value: AttrValue,
    /// Stands where there is no value.
    #[prop_or_default]
    pub placeholder: AttrValue,
    /// What the click does.
    pub button_label: AttrValue,
    /// What is to be typed.
    pub input_label: AttrValue,
    #[prop_or_default]
    pub inputmode: Option<AttrValue>,
    /// What the field holds at first, if not the value.
    #[prop_or_default]
    pub start: Option<AttrValue>,
    #[prop_or(AttrValue::Static("value"))]
    pub class: AttrValue,
    /// Takes what was typed, or says what is wrong with it.
    pub on_save: Callback<String, Result<(), String>>,
}

#[derive(Clone, PartialEq)]
struct Draft {
    text: String,
    wrong: Option<String>,
}

#[component]
pub fn EditableText(props: &Props) -> Html {
    let draft = use_state(|| None::<Draft>);
    let (input, button) = (use_node_ref(), use_node_ref());
    use_focus_that_follows(draft.is_some(), &input, &button);
    match &*draft {
        Some(current) => editing(props, &draft, current, input),
        None => {
            let start = props.start.as_ref().unwrap_or(&props.value).to_string();
            let onclick = move |_| draft.set(Some(Draft { text: start.clone(), wrong: None }));
            let text = if props.value.is_empty() { &props.placeholder } else { &props.value };
            html! {
                <button ref={button} type="button" class={props.class.clone()} aria-label={props.button_label.clone()}
                    title={props.button_label.clone()} data-empty={props.value.is_empty().then_some("true")} {onclick}>
                    { text }
                </button>
            }
        }
    }
}

fn editing(props: &Props, draft: &UseStateHandle<Option<Draft>>, current: &Draft, node: NodeRef) -> Html {
    let on_input = {
        let draft = draft.clone();
        move |text| draft.set(Some(Draft { text, wrong: None }))
    };
    let on_cancel = {
        let draft = draft.clone();
        Callback::from(move |()| draft.set(None))
    };
    let on_save = {
        let (draft, text, save) = (draft.clone(), current.text.clone(), props.on_save.clone());
        Callback::from(move |()| match save.emit(text.clone()) {
            Ok(()) => draft.set(None),
            Err(wrong) => draft.set(Some(Draft { text: text.clone(), wrong: Some(wrong) })),
        })
    };
    let on_key = {
        let (on_save, on_cancel) = (on_save.clone(), on_cancel.clone());
        move |event: KeyboardEvent| match event.key().as_str() {
            "Enter" if !event.is_composing() => {
                event.prevent_default();
                on_save.emit(());
            }
            "Escape" => on_cancel.emit(()),
            _ => {}
        }
    };
    html! {
        <span class="editing">
            <TextInput {node} label={props.input_label.clone()} value={current.text.clone()}
                inputmode={props.inputmode.clone()} wrong={current.wrong.is_some()} {on_input} {on_key} />
            <button type="button" class="small primary" onclick={on_save.reform(|_: MouseEvent| ())}>{ tr!("Save") }</button>
            <button type="button" class="small" onclick={on_cancel.reform(|_: MouseEvent| ())}>{ tr!("Cancel") }</button>
            if let Some(wrong) = &current.wrong {
                <span class="hint" role="alert">{ wrong }</span>
            }
        </span>
    }
}

/// Into the field when it opens, and back to the button when it closes.
#[hook]
fn use_focus_that_follows(editing: bool, input: &NodeRef, button: &NodeRef) {
    let was_editing = use_mut_ref(|| false);
    let (input, button) = (input.clone(), button.clone());
    use_effect_with(editing, move |&editing| {
        let before = was_editing.replace(editing);
        if editing {
            if let Some(input) = input.cast::<HtmlInputElement>() {
                let _focused_if_visible = input.focus();
                input.select();
            }
        } else if before && let Some(button) = button.cast::<HtmlElement>() {
            let _focused_if_visible = button.focus();
        }
    });
}
