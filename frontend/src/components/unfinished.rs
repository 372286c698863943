//! Text that was typed into rows which cannot be seen any more: nothing of it is dropped unasked.

use std::rc::Rc;

use client::types::RecordId;
use yew::prelude::*;

use super::drafts::{Draft, Drafts};
use crate::tr;
use crate::view_model::TableRow;

#[derive(Properties, PartialEq)]
pub struct Props {
    /// The rows that the table shows, and all that there are.
    pub found: Rc<Vec<Rc<TableRow>>>,
    pub all: Rc<Vec<Rc<TableRow>>>,
    /// Has the table show all rows.
    pub on_show: Callback<()>,
}

#[component]
pub fn Unfinished(Props { found, all, on_show }: &Props) -> Html {
    let render = use_force_update();
    let Some(drafts) = use_context::<Drafts>() else { return Html::default() };
    let has = |rows: &[Rc<TableRow>], record: RecordId| rows.iter().any(|row| row.id == record);
    let hidden = drafts.changed().into_iter().filter(|((record, _), _)| !has(found, *record));
    let notices = hidden.map(|(of, Draft { label, text, seen, save, .. })| {
        let is_there = has(all, of.0);
        let on_discard = {
            let (drafts, render, of) = (drafts.clone(), render.clone(), of.clone());
            move |_: MouseEvent| {
                drafts.set(&of, None);
                render.force_update();
            }
        };
        let on_save = {
            let (drafts, render, of, text) = (drafts.clone(), render.clone(), of.clone(), text.clone());
            move |_: MouseEvent| {
                if save.emit((text.clone(), seen.clone())).is_ok() {
                    drafts.set(&of, None);
                }
                render.force_update();
            }
        };
        let title = if is_there { tr!("Not saved yet: {what}", what = label) } else { tr!("Removed while you typed: {what}", what = label) };
        html! {
            <div key={format!("{} {}", of.0, of.1)} class="notice" role="status">
                <p>{ title }{ " " }<q>{ text }</q></p>
                <span class="answers">
                    if is_there {
                        <button type="button" class="small" onclick={on_show.reform(|_: MouseEvent| ())}>{ tr!("Show") }</button>
                    } else {
                        <button type="button" class="small" onclick={on_save}>{ tr!("Bring it back") }</button>
                    }
                    <button type="button" class="small" onclick={on_discard}>{ tr!("Discard") }</button>
                </span>
            </div>
        }
    });
    html! { <div class="notices">{ for notices }</div> }
}
