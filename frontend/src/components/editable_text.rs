//! A text that becomes a field when it is clicked: Enter saves, Esc leaves it as it was.

use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, HtmlInputElement};
use yew::prelude::*;

use super::drafts::{Draft, DraftOf, Typed, use_draft};
use super::text_input::{TextInput, is_enter};
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
    /// Whether the text may have several lines. One that has them is edited as such anyway.
    #[prop_or_default]
    pub multiline: bool,
    /// The field of which record it is, for which the page keeps the draft.
    #[prop_or_default]
    pub draft_of: Option<DraftOf>,
    /// Takes what was typed, or says what is wrong with it.
    pub on_save: Callback<Typed, Result<(), String>>,
}

#[component]
pub fn EditableText(props: &Props) -> Html {
    let (draft, set, drafts) = use_draft(&props.draft_of);
    let (input, button) = (use_node_ref(), use_node_ref());
    use_focus_that_follows(draft.is_some(), &input, &button);
    match draft {
        Some(draft) => editing(props, draft, set, input),
        None => {
            let start = props.start.as_ref().unwrap_or(&props.value).to_string();
            let (label, save) = (props.input_label.to_string(), props.on_save.clone());
            let record = props.draft_of.as_ref().map(|(record, _)| *record);
            let onclick = move |_| {
                let seen = drafts.as_ref().zip(record).map(|(drafts, record)| drafts.see(record));
                let (text, start, label) = (start.clone(), start.clone(), label.clone());
                set.emit(Some(Draft { text, wrong: None, start, label, seen, save: save.clone() }));
            };
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

fn editing(props: &Props, draft: Draft, set: Callback<Option<Draft>>, node: NodeRef) -> Html {
    let on_input = {
        let (set, draft) = (set.clone(), draft.clone());
        move |text| set.emit(Some(Draft { text, wrong: None, ..draft.clone() }))
    };
    let on_cancel = {
        let set = set.clone();
        Callback::from(move |()| set.emit(None))
    };
    let (value, wrong) = (draft.text.clone(), draft.wrong.clone());
    // A field of one line would drop the others.
    let multiline = props.multiline || draft.start.contains(['\n', '\r']);
    let field = node.clone();
    let on_save = Callback::from(move |()| {
        // What was typed last may not be drawn yet, so the field itself is asked. A text area has a value in the same way.
        let text = field.get().map(|field| field.unchecked_into::<HtmlInputElement>().value());
        let text = text.unwrap_or_else(|| draft.text.clone());
        let saved = draft.save.emit((text.clone(), draft.seen.clone()));
        set.emit(saved.err().map(|wrong| Draft { text, wrong: Some(wrong), ..draft.clone() }));
    });
    let on_key = {
        let (on_save, on_cancel) = (on_save.clone(), on_cancel.clone());
        move |event: KeyboardEvent| {
            if is_enter(&event) {
                event.prevent_default();
                on_save.emit(());
            } else if event.key() == "Escape" && !event.is_composing() {
                on_cancel.emit(());
            }
        }
    };
    html! {
        <span class="editing">
            <TextInput {node} label={props.input_label.clone()} {value} {multiline}
                inputmode={props.inputmode.clone()} wrong={wrong.is_some()} {on_input} {on_key} />
            <button type="button" class="small primary" onclick={on_save.reform(|_: MouseEvent| ())}>{ tr!("Save") }</button>
            <button type="button" class="small" onclick={on_cancel.reform(|_: MouseEvent| ())}>{ tr!("Cancel") }</button>
            if let Some(wrong) = wrong {
                <span class="hint" role="alert">{ wrong }</span>
            }
        </span>
    }
}

/// Into the field when it opens, and back to the button when it closes. A draft that comes back with its row takes no focus.
#[hook]
fn use_focus_that_follows(editing: bool, input: &NodeRef, button: &NodeRef) {
    let was_editing = use_mut_ref(|| editing);
    let (input, button) = (input.clone(), button.clone());
    use_effect_with(editing, move |&editing| {
        let before = was_editing.replace(editing);
        if editing == before {
            return;
        }
        if !editing {
            if let Some(button) = button.cast::<HtmlElement>() {
                let _focused_if_visible = button.focus();
            }
        } else if let Some(input) = input.cast::<HtmlElement>() {
            let _focused_if_visible = input.focus();
            // A text area selects its text in the same way.
            input.unchecked_into::<HtmlInputElement>().select();
        }
    });
}
