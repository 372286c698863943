//! A record's number with its state, and what can be done about it.

use shared::ledger::Wish;
use yew::prelude::*;

use super::editable_text::EditableText;
use crate::engine::session::{Action, NumberWish};
use crate::view_model::{NumberState, Row, parse_number};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub row: std::rc::Rc<Row>,
    pub on_action: Callback<Action>,
}

#[component]
pub fn NumberCell(Props { row, on_action }: &Props) -> Html {
    let number = &row.number;
    let state = number.state;
    let asks = matches!(state, NumberState::None | NumberState::Rejected);
    html! {
        <>
            if state != NumberState::None {
                <span class="number" title={number.proof.clone().unwrap_or_else(|| state.meaning().to_owned())}>
                    <span class="glyph" aria-hidden="true">{ state.glyph() }</span>
                    if !number.text.is_empty() {
                        <span class="digits">{ &number.text }</span>
                    }
                    <span class="word">{ state.word() }</span>
                </span>
            }
            if let Some(remark) = &number.remark {
                <span class="remark" role="status">{ remark }</span>
            }
            <span class="actions">
                if asks { { asking(row, on_action) } }
                { freeing(row, on_action) }
                { taking(row, on_action) }
                { dismissing(row, on_action) }
                if number.releasable {
                    { ask("Release", format!("Release the number of {}", row.called),
                        Wish::Release { record: row.id }, on_action) }
                }
            </span>
        </>
    }
}

fn asking(row: &Row, on_action: &Callback<Action>) -> Html {
    let (record, name) = (row.id, &row.called);
    let on_save = {
        let on_action = on_action.clone();
        Callback::from(move |typed: String| {
            let number = parse_number(&typed).map_err(|invalid| invalid.to_string())?;
            on_action.emit(Action::Ask(NumberWish::This(number).of(record)));
            Ok(())
        })
    };
    html! {
        <>
            <EditableText class="small" value="Give number" start="" button_label={format!("Give {name} a number")}
                input_label={format!("Number for {name}")} inputmode="numeric" {on_save} />
            { ask("Next number", format!("Next number for {name}"), NumberWish::Next.of(record), on_action) }
        </>
    }
}

/// Where a removed record is in the way.
fn freeing(row: &Row, on_action: &Callback<Action>) -> Html {
    let Some((owner, number)) = row.number.to_free else { return Html::default() };
    ask("Free it", format!("Free number {number}"), Wish::Release { record: owner }, on_action)
}

/// Where nobody is in the way any more.
fn taking(row: &Row, on_action: &Callback<Action>) -> Html {
    let Some(number) = row.number.to_take else { return Html::default() };
    let label = format!("Take {number} for {}", row.called);
    ask("Take it", label, NumberWish::This(number).of(row.id), on_action)
}

fn dismissing(row: &Row, on_action: &Callback<Action>) -> Html {
    if !row.number.dismissable {
        return Html::default();
    }
    let record = row.id;
    let onclick = on_action.reform(move |_: MouseEvent| Action::DismissRefusal { record });
    let label = format!("Dismiss the refusal for {}", row.called);
    html! { <button type="button" class="small" aria-label={label.clone()} title={label} {onclick}>{ "Dismiss" }</button> }
}

fn ask(text: &'static str, label: String, wish: Wish, on_action: &Callback<Action>) -> Html {
    let onclick = on_action.reform(move |_: MouseEvent| Action::Ask(wish.clone()));
    html! { <button type="button" class="small" aria-label={label.clone()} title={label} {onclick}>{ text }</button> }
}
