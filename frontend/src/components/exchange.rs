//! Records out of files and into files: the buttons above the table.

use std::rc::Rc;

use client::import::export::Format;
use client::types::RecordId;
use yew::prelude::*;

use super::import_dialog::ImportDialog;
use crate::browser;
use crate::hooks::use_model;
use crate::tr;
use crate::view_model::{Layout, TableRow};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub layout: Rc<Layout>,
    /// What the table shows.
    pub rows: Rc<Vec<Rc<TableRow>>>,
}

#[component]
pub fn Exchange(Props { layout, rows }: &Props) -> Html {
    let model = use_model();
    let open = use_state(|| false);
    let on_open = {
        let open = open.clone();
        use_callback((), move |is_open, ()| open.set(is_open))
    };
    let save = |format: Format, label: String| {
        let disabled = rows.is_empty();
        let (model, rows, many) = (model.clone(), rows.clone(), layout.nouns.many.clone());
        let onclick = move |_: MouseEvent| {
            let records: Vec<RecordId> = rows.iter().map(|row| row.id).collect();
            let name = format!("{many}.{}", format.extension());
            browser::download(&name, format.kind(), &model.export(format, &records));
        };
        let title = tr!("Save what the table shows, with all fields");
        html! { <button type="button" aria-label={label.clone()} {title} {disabled} {onclick}>{
            match format { Format::Csv => "CSV", Format::Json => "JSON" }
        }</button> }
    };
    html! {
        <>
            <button type="button" onclick={on_open.reform(|_: MouseEvent| true)}>{ tr!("Import") }</button>
            <span class="exports" role="group" aria-label={tr!("Export")}>
                { save(Format::Csv, tr!("Export as CSV")) }
                { save(Format::Json, tr!("Export as JSON")) }
            </span>
            if *open {
                <ImportDialog layout={layout.clone()} on_close={on_open.reform(|()| false)} />
            }
        </>
    }
}
