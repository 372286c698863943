//! Chooses a file, shows what is in it, and has it imported.

use std::rc::Rc;

use client::import::{ImportFile, Preview, PreviewCell, check_size};
use gloo::events::EventListener;
use web_sys::{DragEvent, File, HtmlInputElement};
use yew::prelude::*;

use super::modal::Modal;
use crate::browser;
use crate::hooks::{use_model, use_told};
use crate::tr;
use crate::view_model::{Layout, file_error, left_out, line_error, next_word};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub layout: Rc<Layout>,
    pub on_close: Callback<()>,
}

/// What was chosen.
#[derive(Clone)]
enum Chosen {
    Nothing,
    Reading,
    File(Rc<(ImportFile, Preview)>),
    /// Why it cannot be imported.
    Refused(String),
}

#[component]
pub fn ImportDialog(Props { layout, on_close }: &Props) -> Html {
    let model = use_model();
    let chosen = use_state(|| Chosen::Nothing);
    let number_all = use_state(|| false);
    let reader = use_mut_ref(|| None::<EventListener>);
    let on_file = {
        let (chosen, layout) = (chosen.clone(), layout.clone());
        Callback::from(move |file: File| {
            if let Err(problem) = check_size(file.size() as usize) {
                return chosen.set(Chosen::Refused(file_error(&problem)));
            }
            chosen.set(Chosen::Reading);
            let (done, layout, name) = (chosen.clone(), layout.clone(), file.name());
            let then = move |bytes| done.set(read(&name, bytes, &layout));
            *reader.borrow_mut() = browser::read_file(&file, then);
        })
    };
    let on_number_all = {
        let number_all = number_all.clone();
        move |event: Event| number_all.set(event.target_unchecked_into::<HtmlInputElement>().checked())
    };
    let onsubmit = {
        let (chosen, number_all, on_close) = (chosen.clone(), *number_all, on_close.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            if let Chosen::File(file) = &*chosen
                && model.import(file.0.clone(), number_all, line_error)
            {
                on_close.emit(());
            }
        }
    };
    let is_busy = use_told(|model| model.is_importing());
    let is_ready = matches!(*chosen, Chosen::File(_)) && !is_busy;
    html! {
        <Modal class="import" heading={tr!("Import")} {on_close}>
            <form {onsubmit}>
                { drop_zone(&on_file) }
                { shown(&chosen) }
                <label class="check">
                    <input type="checkbox" checked={*number_all} onchange={on_number_all} />
                    <span>{ tr!("Give the next number to lines that have none") }</span>
                </label>
                if is_busy {
                    <p class="hint" role="status">{ tr!("Another file is being imported. Wait until it is in, or stop it.") }</p>
                }
                <p class="answers">
                    <button type="submit" class="primary" disabled={!is_ready}>{ tr!("Import the file") }</button>
                    <button type="button" onclick={on_close.reform(|_: MouseEvent| ())}>{ tr!("Cancel") }</button>
                </p>
            </form>
        </Modal>
    }
}

fn read(name: &str, bytes: Option<Vec<u8>>, layout: &Layout) -> Chosen {
    let bytes = bytes.ok_or_else(|| tr!("The browser could not read the file. Is it still there? Choose it anew."));
    match bytes.and_then(|bytes| {
        ImportFile::read(name, bytes, layout.schema(), &next_word()).map_err(|error| file_error(&error))
    }) {
        Ok(file) => {
            let preview = file.preview(layout.schema());
            Chosen::File(Rc::new((file, preview)))
        }
        Err(problem) => Chosen::Refused(problem),
    }
}

fn drop_zone(on_file: &Callback<File>) -> Html {
    let onchange = {
        let on_file = on_file.clone();
        move |event: Event| {
            let files = event.target_unchecked_into::<HtmlInputElement>().files();
            if let Some(file) = files.and_then(|files| files.get(0)) {
                on_file.emit(file);
            }
        }
    };
    let ondrop = {
        let on_file = on_file.clone();
        move |event: DragEvent| {
            event.prevent_default();
            let files = event.data_transfer().and_then(|transfer| transfer.files());
            if let Some(file) = files.and_then(|files| files.get(0)) {
                on_file.emit(file);
            }
        }
    };
    html! {
        <label class="drop" ondragover={|event: DragEvent| event.prevent_default()} {ondrop}>
            <strong>{ tr!("Choose a file, or drop it here") }</strong>
            <span class="quiet">{ tr!("CSV with a line of column names, or JSON: a list of records, as an export has it") }</span>
            <input type="file" accept=".csv,.tsv,.txt,.json,text/csv,application/json" aria-label={tr!("File")} {onchange} />
        </label>
    }
}

fn shown(chosen: &Chosen) -> Html {
    match chosen {
        Chosen::Nothing => Html::default(),
        Chosen::Reading => html! { <p role="status">{ tr!("Reading …") }</p> },
        Chosen::Refused(problem) => html! { <p class="hint" role="alert">{ problem }</p> },
        Chosen::File(file) => preview(&file.1),
    }
}

fn preview_cell(cell: &PreviewCell) -> Html {
    match cell {
        PreviewCell::Text(text) => html! { <td>{ text }</td> },
        PreviewCell::NextNumber => html! { <td>{ next_word() }</td> },
    }
}

fn preview(preview: &Preview) -> Html {
    let rows = preview.rows.iter().map(|row| match row {
        Ok(cells) => html! { <tr>{ for cells.iter().map(preview_cell) }</tr> },
        Err(problem) => html! { <tr><td>{ line_error(problem) }</td></tr> },
    });
    html! {
        <>
            <div class="preview" tabindex="0" role="group" aria-label={tr!("The first lines")}>
                <table>
                    <caption class="unseen">{ tr!("The first lines of {file}", file = preview.name) }</caption>
                    <thead><tr>{ for preview.headings.iter().map(|heading| html! { <th scope="col">{ &heading.name }</th> }) }</tr></thead>
                    <tbody>{ for rows }</tbody>
                </table>
            </div>
            if !preview.unknown.is_empty() {
                <p class="quiet">{ left_out(&preview.unknown.iter().map(String::as_str).collect::<Vec<_>>()) }</p>
            }
            if preview.has_numbers {
                <p class="quiet">{ tr!("Each line asks for exactly the number that it has. A number that somebody has already is refused, with its line.") }</p>
            }
        </>
    }
}
