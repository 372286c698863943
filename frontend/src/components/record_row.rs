//! One record in the table.

use std::rc::Rc;

use client::session::Action;
use web_sys::HtmlElement;
use yew::prelude::*;

use super::field_cell::CellPlace;
use super::table_scroll_anchor::button_beside;
use super::{field_cell, number_cell, text_cell};
use crate::tr;
use crate::view_model::{Cell, Column, Layout, TableRow};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub layout: Rc<Layout>,
    pub row: Rc<TableRow>,
    pub on_action: Callback<Action>,
}

#[component]
pub fn RecordRow(props: &Props) -> Html {
    let Props { layout, row, on_action } = props;
    let record = row.id;
    let on_remove = on_action.reform(move |event: MouseEvent| {
        keep_focus(&event);
        Action::Remove { record }
    });
    // An animation only starts anew under another name.
    let glow = row.glow.as_ref().map(|glow| if glow.serial % 2 == 0 { "glow-even" } else { "glow-odd" });
    let label = tr!("Remove {name}", name = row.called);
    html! {
        <tr role="row" data-record={record.to_string()} class={classes!(glow)}
            title={row.glow.as_ref().map(|glow| glow.cause.clone())}>
            { title(props) }
            { for layout.columns.iter().enumerate().map(|(place, column)| cell(props, place, column)) }
            <td role="cell" class="number-cell" data-field="number" data-state={row.number.state.key()}>
                { number_cell::show(row, on_action) }
            </td>
            <td role="cell" class="remove">
                <button type="button" class="small danger" aria-label={label.clone()} title={label}
                    onclick={on_remove}>{ tr!("Remove") }</button>
            </td>
        </tr>
    }
}

fn title(Props { layout, row, on_action }: &Props) -> Html {
    let field = layout.title.as_ref();
    let content = match field.and_then(|field| Some((field, row.cell(field)?))) {
        Some((field, Cell::Text(text))) => {
            let place = CellPlace::of(layout, field, row, on_action);
            text_cell::show(&place, text, tr!("Rename {name}", name = row.called))
        }
        _ => html! { &row.called },
    };
    html! { <td role="cell" class="title" data-field={field.map(|field| field.name.clone())}>{ content }</td> }
}

fn cell(Props { layout, row, on_action }: &Props, place: usize, column: &Column) -> Html {
    let labelled = column.labelled || layout.is_wide();
    let fields = column.fields.iter().filter_map(|field| {
        Some(field_cell::show(&CellPlace::of(layout, field, row, on_action), row.cell(field)?, labelled))
    });
    html! {
        <td role="cell" class={format!("at-{place}")}>
            <div class={classes!("fields", column.labelled.then_some("labelled"))}>{ for fields }</div>
        </td>
    }
}

/// With the row goes its button: the focus moves on to a neighbour's.
fn keep_focus(event: &MouseEvent) {
    let button = event.target_dyn_into::<HtmlElement>();
    let beside = button.and_then(|button| button_beside(&button, true).or_else(|| button_beside(&button, false)));
    if let Some(beside) = beside {
        let _focused_if_visible = beside.focus();
    }
}
