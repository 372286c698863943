//! The form for a new record.

use std::rc::Rc;

use client::session::{Action, NewRecord};
use client::types::{FieldEdit, FieldKind, FieldName, SchemaViolation, SortedMap};
use web_sys::HtmlElement;
use yew::prelude::*;

use super::drafts::Drafts;
use super::text_input::{TextInput, is_enter};
use crate::tr;
use crate::view_model::{Field, Layout, parse_count, parse_operation};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub layout: Rc<Layout>,
    /// The id of the first field.
    pub first_id: AttrValue,
    pub on_action: Callback<Action>,
}

/// The text that was typed for a new record.
#[derive(Clone, Default, PartialEq)]
pub struct FormDraft {
    /// What was typed for the fields of the schema.
    texts: SortedMap<FieldName, String>,
    number: String,
    wrong: Option<Wrong>,
}

#[derive(Clone, PartialEq)]
enum Wrong {
    Field(FieldName, String),
    Number(String),
}

impl FormDraft {
    /// Whether anything was typed.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        !self.number.is_empty() || self.texts.values().any(|text| !text.is_empty())
    }

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
        let number = parse_operation(&self.number).map_err(|invalid| Wrong::Number(invalid.to_string()))?;
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
    let (draft, set) = use_form_draft();
    let first = use_node_ref();
    let submit = {
        let (layout, draft, first, on_action) = (layout.clone(), draft.clone(), first.clone(), on_action.clone());
        let set = set.clone();
        Callback::from(move |()| match draft.record(&layout) {
            Ok(record) => {
                on_action.emit(Action::Add(record));
                set.emit(FormDraft::default());
                focus(&first);
            }
            Err(wrong) => set.emit(FormDraft { wrong: Some(wrong), ..draft.clone() }),
        })
    };
    // In a text of several lines, Enter does not submit a form by itself.
    let on_key = {
        let submit = submit.clone();
        Callback::from(move |event: KeyboardEvent| {
            if is_enter(&event) {
                event.prevent_default();
                submit.emit(());
            }
        })
    };
    let onsubmit = submit.reform(|event: SubmitEvent| event.prevent_default());
    let inputs = layout.form().enumerate().map(|(place, field)| {
        let (id, node) = if place == 0 { (Some(first_id.clone()), first.clone()) } else { Default::default() };
        input(field, id, node, layout.is_multiline(field).then_some(&on_key), (&draft, &set))
    });
    let fields = layout.form().count();
    html! {
        <form class="record-form" data-fields={fields.to_string()} aria-label={tr!("New {one}", one = layout.nouns.one)}
            {onsubmit} novalidate=true>
            { for inputs }
            { number((&draft, &set)) }
            <button type="submit" class="primary">{ tr!("Add") }</button>
            { draft.wrong.as_ref().map(hint).unwrap_or_default() }
        </form>
    }
}

/// `on_key`: of a text that may have several lines.
fn input(
    field: &Rc<Field>,
    id: Option<AttrValue>,
    node: NodeRef,
    on_key: Option<&Callback<KeyboardEvent>>,
    (draft, set): State<'_>,
) -> Html {
    let placeholder = if field.required { field.label() } else { tr!("{field} (optional)", field = field.label()) };
    let on_input = {
        let name = field.name.clone();
        setting((draft, set), move |draft, text| drop(draft.texts.insert(name.clone(), text)))
    };
    let inputmode = (field.kind == FieldKind::Counter).then_some("numeric");
    html! {
        <TextInput key={field.name.clone()} {id} {node} label={field.label()} {placeholder} {inputmode}
            value={draft.text(field)} wrong={draft.is_wrong(field)} {on_input} multiline={on_key.is_some()}
            on_key={on_key.cloned().unwrap_or_default()} />
    }
}

fn number((draft, set): State<'_>) -> Html {
    let on_input = setting((draft, set), |draft, text| draft.number = text);
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

/// The typed text, and the callback that is told when it changes.
type State<'a> = (&'a FormDraft, &'a Callback<FormDraft>);

/// The page keeps what was typed while another view is shown.
#[hook]
fn use_form_draft() -> (FormDraft, Callback<FormDraft>) {
    let drafts = use_context::<Drafts>();
    let draft = {
        let drafts = drafts.clone();
        use_state(move || drafts.map_or_else(FormDraft::default, |drafts| drafts.form()))
    };
    let current = (*draft).clone();
    let set = Callback::from(move |next: FormDraft| {
        if let Some(drafts) = &drafts {
            drafts.set_form(next.clone());
        }
        draft.set(next);
    });
    (current, set)
}

fn setting((draft, set): State<'_>, change: impl Fn(&mut FormDraft, String) + 'static) -> Callback<String> {
    let (draft, set) = (draft.clone(), set.clone());
    Callback::from(move |text| {
        let mut next = FormDraft { wrong: None, ..draft.clone() };
        change(&mut next, text);
        set.emit(next);
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
