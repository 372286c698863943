//! The highest number, and a form to raise it.

use client::session::Action;
use yew::prelude::*;

use super::text_input::TextInput;
use crate::tr;
use crate::view_model::parse_number;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub highest: u64,
    pub on_action: Callback<Action>,
}

#[component]
pub fn Highest(Props { highest, on_action }: &Props) -> Html {
    let typed = use_state(String::new);
    let wrong = use_state(|| None::<String>);
    let on_input = {
        let (typed, wrong) = (typed.clone(), wrong.clone());
        move |text| {
            typed.set(text);
            wrong.set(None);
        }
    };
    let onsubmit = {
        let (typed, wrong, on_action, highest) = (typed.clone(), wrong.clone(), on_action.clone(), *highest);
        move |event: SubmitEvent| {
            event.prevent_default();
            match higher_number(&typed, highest) {
                Ok(number) => {
                    on_action.emit(Action::Raise { number });
                    typed.set(String::new());
                }
                Err(reason) => wrong.set(Some(reason)),
            }
        }
    };
    html! {
        <section class="panel">
            <h2 title={tr!("The next number given is above it")}>{ tr!("Highest number") }</h2>
            <output id="highest" class="highest">{ *highest }</output>
            <form class="raise" aria-label={tr!("Raise the highest number")} {onsubmit} novalidate=true>
                <TextInput label={tr!("Raise the highest number to")} placeholder={tr!("Raise to …")} inputmode="numeric"
                    value={(*typed).clone()} wrong={wrong.is_some()} {on_input} />
                <button type="submit" class="small">{ tr!("Raise") }</button>
                if let Some(reason) = &*wrong {
                    <p class="hint" role="alert">{ reason }</p>
                }
            </form>
        </section>
    }
}

fn higher_number(typed: &str, highest: u64) -> Result<u64, String> {
    let number = parse_number(typed).map_err(|invalid| invalid.to_string())?;
    if number > highest {
        Ok(number)
    } else {
        Err(tr!("It is {highest} already: give a higher one.", highest = highest))
    }
}
