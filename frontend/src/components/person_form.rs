//! The form for a new person.

use web_sys::HtmlElement;
use yew::prelude::*;

use super::text_input::TextInput;
use crate::engine::session::{Action, NewPerson};
use crate::view_model::parse_wish;

/// What stands in the field of the number for "the next one".
const NEXT: &str = "next";

#[derive(Properties, PartialEq)]
pub struct Props {
    /// The id of the first field.
    pub first_id: AttrValue,
    pub on_action: Callback<Action>,
}

#[derive(Clone, Default, PartialEq)]
struct Draft {
    name: String,
    note: String,
    number: String,
    wrong: Option<Wrong>,
}

#[derive(Clone, PartialEq)]
enum Wrong {
    Name(&'static str),
    Number(String),
}

impl Draft {
    fn person(&self) -> Result<NewPerson, Wrong> {
        let name = self.name.trim();
        if name.is_empty() {
            return Err(Wrong::Name("A person needs a name."));
        }
        let number = parse_wish(&self.number).map_err(|invalid| Wrong::Number(invalid.to_string()))?;
        Ok(NewPerson { name: name.to_owned(), note: self.note.trim().to_owned(), number })
    }
}

#[component]
pub fn PersonForm(Props { first_id, on_action }: &Props) -> Html {
    let draft = use_state(Draft::default);
    let first = use_node_ref();
    let set = |change: fn(&mut Draft, String)| {
        let draft = draft.clone();
        Callback::from(move |text| {
            let mut next = Draft { wrong: None, ..(*draft).clone() };
            change(&mut next, text);
            draft.set(next);
        })
    };
    let onsubmit = {
        let (draft, first, on_action) = (draft.clone(), first.clone(), on_action.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            match draft.person() {
                Ok(person) => {
                    on_action.emit(Action::Add(person));
                    draft.set(Draft::default());
                    focus(&first);
                }
                Err(wrong) => draft.set(Draft { wrong: Some(wrong), ..(*draft).clone() }),
            }
        }
    };
    let wants_next = draft.number.trim() == NEXT;
    let on_next = set(|draft, text| draft.number = text)
        .reform(move |_: MouseEvent| if wants_next { String::new() } else { NEXT.to_owned() });
    html! {
        <form class="person-form" aria-label="New person" {onsubmit} novalidate=true>
            <TextInput id={first_id.clone()} label="Name" placeholder="Name" node={first} value={draft.name.clone()}
                wrong={matches!(draft.wrong, Some(Wrong::Name(_)))} on_input={set(|draft, text| draft.name = text)} />
            <TextInput label="Note" placeholder="Note (optional)" value={draft.note.clone()}
                on_input={set(|draft, text| draft.note = text)} />
            <div class="joined">
                <TextInput label="Number" placeholder="No number" inputmode="numeric" value={draft.number.clone()}
                    wrong={matches!(draft.wrong, Some(Wrong::Number(_)))}
                    on_input={set(|draft, text| draft.number = text)} />
                <button type="button" aria-pressed={wants_next.to_string()} onclick={on_next}
                    title="Ask for the next number above the highest">{ "Next number" }</button>
            </div>
            <button type="submit" class="primary">{ "Add" }</button>
            { draft.wrong.as_ref().map(hint).unwrap_or_default() }
        </form>
    }
}

fn hint(wrong: &Wrong) -> Html {
    let text = match wrong {
        Wrong::Name(text) => (*text).to_owned(),
        Wrong::Number(text) => format!("{text} Leave it empty for none."),
    };
    html! { <p class="hint" role="alert">{ text }</p> }
}

fn focus(node: &NodeRef) {
    if let Some(element) = node.cast::<HtmlElement>() {
        let _focused_if_visible = element.focus();
    }
}
