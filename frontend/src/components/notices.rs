//! What nobody should miss.

use client::session::Action;
use client::types::FieldEdit;
use yew::prelude::*;

use crate::tr;
use crate::view_model::{Notice, PutBack, field_word};

pub fn show(class: &'static str, notices: &[Notice], on_action: &Callback<Action>) -> Html {
    html! { <div {class}>{ for notices.iter().map(|each| notice(each, on_action)) }</div> }
}

fn notice(notice: &Notice, on_action: &Callback<Action>) -> Html {
    let serial = notice.serial;
    let onclick = on_action.reform(move |_: MouseEvent| Action::DismissNotice { serial });
    html! {
        <div key={serial} class="notice" role={if notice.urgent { "alert" } else { "status" }}>
            <p>{ &notice.text }</p>
            <span class="answers">
                if let Some(lost) = &notice.put_back { { put_back(serial, lost, on_action) } }
                <button type="button" class="small" aria-label={tr!("Dismiss this notice")} {onclick}>{ tr!("Dismiss") }</button>
            </span>
        </div>
    }
}

/// Writes a lost text again; the notice has then done its work.
pub(crate) fn put_back(
    serial: u64,
    PutBack { record, field, text, name }: &PutBack,
    on_action: &Callback<Action>,
) -> Html {
    let onclick = {
        let (on_action, record, field, text) = (on_action.clone(), *record, field.clone(), text.clone());
        move |_: MouseEvent| {
            let edit = FieldEdit::Assign(text.clone());
            on_action.emit(Action::Edit { record, field: field.clone(), edit, seen: None });
            on_action.emit(Action::DismissNotice { serial });
        }
    };
    let label = tr!("Put back the {field} of {name}", field = field_word(field), name = name);
    html! { <button type="button" class="small" aria-label={label.clone()} title={label} {onclick}>{ tr!("Put mine back") }</button> }
}
