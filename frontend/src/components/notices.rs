//! What nobody should miss.

use std::rc::Rc;

use shared::crdt::FieldEdit;
use shared::schema;
use yew::prelude::*;

use crate::engine::session::Action;
use crate::view_model::{Notice, PutBack};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub notices: Rc<Vec<Notice>>,
    pub on_action: Callback<Action>,
}

#[component]
pub fn Notices(Props { notices, on_action }: &Props) -> Html {
    let each = notices.iter().map(|notice| {
        let serial = notice.serial;
        let onclick = on_action.reform(move |_: MouseEvent| Action::DismissNotice { serial });
        html! {
            <div key={serial} class="notice" role={if notice.urgent { "alert" } else { "status" }}>
                <p>{ &notice.text }</p>
                <span class="answers">
                    if let Some(lost) = &notice.put_back { { put_back(serial, lost, on_action) } }
                    <button type="button" class="small" aria-label="Dismiss this notice" {onclick}>{ "Dismiss" }</button>
                </span>
            </div>
        }
    });
    html! { <div class="notices">{ for each }</div> }
}

/// Writes a lost note again; the notice has then done its work.
fn put_back(serial: u64, PutBack { record, note, name }: &PutBack, on_action: &Callback<Action>) -> Html {
    let onclick = {
        let (on_action, record, note) = (on_action.clone(), *record, note.clone());
        move |_: MouseEvent| {
            on_action.emit(Action::Edit { record, field: schema::NOTE, edit: FieldEdit::Assign(note.clone()) });
            on_action.emit(Action::DismissNotice { serial });
        }
    };
    let label = format!("Put back the note of {name}");
    html! { <button type="button" class="small" aria-label={label.clone()} title={label} {onclick}>{ "Put mine back" }</button> }
}
