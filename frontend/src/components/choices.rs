//! Several values that were given at the same time: one click settles which it is.

use yew::prelude::*;

use crate::tr;
use crate::view_model::Choice;

/// `what` is what there are several of, such as `names`.
pub fn show(what: &str, choices: &[Choice], on_choose: &Callback<String>) -> Html {
    let count = match choices.len() {
        2 => tr!("Two"),
        3 => tr!("Three"),
        many => many.to_string(),
    };
    html! {
        <div class="choices" role="group" aria-label={tr!("Choose one of the {values}", values = what)}>
            <p>{ tr!("{count} {values} were given at the same time:", count = count, values = what) }</p>
            { for choices.iter().map(|choice| button(choice, on_choose)) }
        </div>
    }
}

fn button(choice: &Choice, on_choose: &Callback<String>) -> Html {
    let value = choice.value.clone();
    let shown = &choice.value;
    html! {
        <button type="button" class="choice" key={choice.value.clone()} aria-label={tr!("Keep {value}", value = shown)}
            title={tr!("Keep {value} everywhere", value = shown)} onclick={on_choose.reform(move |_: MouseEvent| value.clone())}>
            <strong>{ shown }</strong>
            <span class="quiet">{ &choice.origin }</span>
        </button>
    }
}
