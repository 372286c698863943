//! The head of the table of records: what it can be sorted by.

use web_sys::HtmlSelectElement;
use yew::prelude::*;

use crate::tr;
use crate::view_model::{Column, Layout, Order, SortKey, capitalised};

/// What the rows can be sorted by.
pub(super) struct Heading {
    by: SortKey,
    text: String,
    hint: String,
    class: &'static str,
}

pub(super) fn headings(layout: &Layout) -> Vec<Heading> {
    let text = layout.title.as_ref().map_or_else(|| capitalised(&layout.nouns.one), |title| title.label());
    let hint = tr!("A merge field: it never waits");
    let mut headings = vec![Heading { by: SortKey::Title, text, hint, class: "title" }];
    for Column { heading, fields, .. } in &layout.columns {
        let hint = match fields.len() {
            1 => tr!("A merge field: it never waits"),
            _ => tr!("Merge fields: they never wait"),
        };
        headings.push(Heading { by: SortKey::Field(fields[0].id), text: heading.clone(), hint, class: "" });
    }
    let hint = tr!("An agree field: the relays decide");
    headings.push(Heading { by: SortKey::Number, text: tr!("Number"), hint, class: "number-head" });
    headings
}

fn sign(descending: bool) -> &'static str {
    if descending { "▼" } else { "▲" }
}

/// In place of the head where rows are cards.
pub(super) fn sorting(headings: &[Heading], order: Order, on_order: &Callback<Order>) -> Html {
    let keys: Vec<SortKey> = headings.iter().map(|heading| heading.by).collect();
    let onchange = on_order.reform(move |event: Event| {
        let chosen = event.target_unchecked_into::<HtmlSelectElement>().selected_index();
        let by = usize::try_from(chosen).ok().and_then(|chosen| keys.get(chosen));
        Order { by: *by.unwrap_or(&order.by), ..order }
    });
    // The options have it from the beginning; once somebody has chosen, a browser looks at the property alone.
    let sorted = headings.iter().position(|heading| heading.by == order.by);
    let label = tr!("Descending");
    html! {
        <div class="sorting">
            <label>
                { tr!("Sort by") }
                <select {onchange} ~selectedIndex={sorted.map(|at| at as f64)}>
                    { for headings.iter().map(|heading| html! {
                        <option selected={heading.by == order.by}>{ &heading.text }</option>
                    }) }
                </select>
            </label>
            <button type="button" aria-label={label.clone()} title={label} aria-pressed={order.descending.to_string()}
                onclick={on_order.reform(move |_: MouseEvent| order.clicked(order.by))}>{ sign(order.descending) }</button>
        </div>
    }
}

pub(super) fn show(headings: &[Heading], order: Order, on_order: &Callback<Order>) -> Html {
    let heading = |Heading { by, text, hint, class }: &Heading| {
        let by = *by;
        let sort = (order.by == by).then_some(if order.descending { "descending" } else { "ascending" });
        html! {
            <th role="columnheader" scope="col" class={*class} title={hint.clone()} aria-sort={sort}>
                <button type="button" class="sort" onclick={on_order.reform(move |_: MouseEvent| order.clicked(by))}>
                    { text }<span aria-hidden="true">{ sort.map(|_| sign(order.descending)) }</span>
                </button>
            </th>
        }
    };
    html! {
        <thead role="rowgroup">
            <tr role="row" aria-rowindex="1">
                { for headings.iter().map(heading) }
                <th role="columnheader" scope="col" class="remove"><span class="unseen">{ tr!("Remove") }</span></th>
            </tr>
        </thead>
    }
}
