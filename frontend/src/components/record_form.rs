//! The form for a new record.

use std::collections::BTreeMap;
use std::rc::Rc;

use shared::crdt::{FieldEdit, FieldKind};
use shared::schema::{FieldName, SchemaViolation};
use web_sys::HtmlElement;
use yew::prelude::*;

use super::text_input::TextInput;
use crate::engine::session::{Action, NewRecord};
use crate::tr;
use crate::view_model::{Field, Layout, parse_count, parse_wish};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub layout: Rc<Layout>,
    /// The id of the first field.
    pub first_id: AttrValue,
    pub on_action: Callback<Action>,
}

#[derive(Clone, Default, PartialEq)]
struct Draft {
    /// What was typed for the fields of the schema.
    texts: BTreeMap<FieldName, String>,
    number: String,
    wrong: Option<Wrong>,
}

#[derive(Clone, PartialEq)]
enum Wrong {
    Field(FieldName, String),
    Number(String),
}

impl Draft {
    fn text(&self, field: &Field) -> String {
        self.texts.get(&field.name).cloned().unwrap_or_default()
    }

    fn record(&self, layout: &Layout) -> Result<NewRecord, Wrong> {
        let mut fields = Vec::new();
        for field in layout.form() {
            let edit = edit(layout, field, self.text(field).trim());
            let edit = edit.map_err(|problem| Wrong::Field(field.name.clone(), problem))?;
            fields.extend(edit.map(|edit| (field.name.clone(), edit)));
        }
        let number = parse_wish(&self.number).map_err(|invalid| Wrong::Number(invalid.to_string()))?;
        Ok(NewRecord { fields, number })
    }

    fn is_wrong(&self, field: &Field) -> bool {
        matches!(&self.wrong, Some(Wrong::Field(wrong, _)) if *wrong == field.name)
    }
}

/// What was typed for a field, as its first edit; none if it was left empty.
fn edit(layout: &Layout, field: &Field, typed: &str) -> Result<Option<FieldEdit>, String> {
    let edit = match typed {
        "" if field.required => return Err(layout.problem(&SchemaViolation::Missing { field: field.name.clone() })),
        "" => return Ok(None),
        count if field.kind == FieldKind::Counter => FieldEdit::Add(parse_count(field, count, 0)?),
        text => FieldEdit::Assign(text.to_owned()),
    };
    layout.check(&field.name, &edit)?;
    Ok(Some(edit))
}

#[component]
pub fn RecordForm(Props { layout, first_id, on_action }: &Props) -> Html {
    let draft = use_state(Draft::default);
    let first = use_node_ref();
    let onsubmit = {
        let (layout, draft, first, on_action) = (layout.clone(), draft.clone(), first.clone(), on_action.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            match draft.record(&layout) {
                Ok(record) => {
                    on_action.emit(Action::Add(record));
                    draft.set(Draft::default());
                    focus(&first);
                }
                Err(wrong) => draft.set(Draft { wrong: Some(wrong), ..(*draft).clone() }),
            }
        }
    };
    let inputs = layout.form().enumerate().map(|(place, field)| {
        let (id, node) = if place == 0 { (Some(first_id.clone()), first.clone()) } else { Default::default() };
        input(field, id, node, &draft)
    });
    let fields = layout.form().count();
    html! {
        <form class="record-form" data-fields={fields.to_string()} aria-label={tr!("New {one}", one = layout.nouns.one)}
            {onsubmit} novalidate=true>
            { for inputs }
            { number(&draft) }
            <button type="submit" class="primary">{ tr!("Add") }</button>
            { draft.wrong.as_ref().map(hint).unwrap_or_default() }
        </form>
    }
}

fn input(field: &Rc<Field>, id: Option<AttrValue>, node: NodeRef, draft: &UseStateHandle<Draft>) -> Html {
    let placeholder = if field.required { field.label() } else { tr!("{field} (optional)", field = field.label()) };
    let on_input = {
        let name = field.name.clone();
        setting(draft, move |draft, text| drop(draft.texts.insert(name.clone(), text)))
    };
    let inputmode = (field.kind == FieldKind::Counter).then_some("numeric");
    html! {
        <TextInput key={field.name.clone()} {id} {node} label={field.label()} {placeholder} {inputmode}
            value={draft.text(field)} wrong={draft.is_wrong(field)} {on_input} />
    }
}

fn number(draft: &UseStateHandle<Draft>) -> Html {
    let on_input = setting(draft, |draft, text| draft.number = text);
    let wants_next = draft.number.trim() == tr!("next");
    let on_next = on_input.reform(move |_: MouseEvent| if wants_next { String::new() } else { tr!("next") });
    html! {
        <div class="joined">
            <TextInput label={tr!("Number")} placeholder={tr!("No number")} inputmode="numeric" value={draft.number.clone()}
                wrong={matches!(draft.wrong, Some(Wrong::Number(_)))} {on_input} />
            <button type="button" aria-pressed={wants_next.to_string()} onclick={on_next}
                title={tr!("Ask for the next number above the highest")}>{ tr!("Next number") }</button>
        </div>
    }
}

fn setting(draft: &UseStateHandle<Draft>, change: impl Fn(&mut Draft, String) + 'static) -> Callback<String> {
    let draft = draft.clone();
    Callback::from(move |text| {
        let mut next = Draft { wrong: None, ..(*draft).clone() };
        change(&mut next, text);
        draft.set(next);
    })
}

fn hint(wrong: &Wrong) -> Html {
    let text = match wrong {
        Wrong::Field(_, text) => text.clone(),
        Wrong::Number(text) => tr!("{problem} Leave it empty for none.", problem = text),
    };
    html! { <p class="hint" role="alert">{ text }</p> }
}

fn focus(node: &NodeRef) {
    if let Some(element) = node.cast::<HtmlElement>() {
        let _focused_if_visible = element.focus();
    }
}
