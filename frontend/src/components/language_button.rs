//! Changes the language of the page: the button is called what the other language calls itself.

use yew::prelude::*;

use crate::language::{self, Language};

pub const LANGUAGE_ID: &str = "language";

pub fn show(on_language: &Callback<Language>) -> Html {
    let other = language::current().other();
    let onclick = on_language.reform(move |_: MouseEvent| other);
    html! {
        <button type="button" id={LANGUAGE_ID} lang={other.code()} title={other.name()} {onclick}>
            <span class="sign code" aria-hidden="true">{ other.code() }</span>
            <span>{ other.name() }</span>
        </button>
    }
}
