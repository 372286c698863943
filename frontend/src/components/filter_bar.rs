//! Which of several kinds is shown.

use yew::prelude::*;

use crate::tr;

/// `words` are the choices, `chosen` which of them it is.
pub fn show(words: Vec<String>, chosen: usize, on_choose: &Callback<usize>) -> Html {
    let choice = |(at, word): (usize, String)| {
        let onclick = on_choose.reform(move |_| at);
        html! {
            <button type="button" class="small" aria-pressed={(at == chosen).to_string()} {onclick}>{ word }</button>
        }
    };
    html! {
        <div class="kinds" role="group" aria-label={tr!("Show only")}>
            { for words.into_iter().enumerate().map(choice) }
        </div>
    }
}
