//! The terms of a page: explained where they stand, and all together at its end.

use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use yew::prelude::*;

use crate::browser;
use crate::tr;
use crate::view_model::Term;

/// A term with its meaning, which leads to the list.
pub fn term(term: Term) -> Html {
    labelled(term, term.word())
}

/// The same, in the words of the sentence that it stands in.
pub fn labelled(term: Term, word: String) -> Html {
    let onclick = move |_| show_entry(term);
    html! { <button type="button" class="term" title={term.meaning()} {onclick}>{ word }</button> }
}

/// All terms of a page.
pub fn list(terms: &[Term]) -> Html {
    let entry = |term: &Term| {
        html! {
            <div id={entry_id(*term)} tabindex="-1"><dt>{ term.word() }</dt><dd>{ term.meaning() }</dd></div>
        }
    };
    html! {
        <details class="glossary">
            <summary>{ tr!("What the words mean") }</summary>
            <dl>{ for terms.iter().map(entry) }</dl>
        </details>
    }
}

fn entry_id(term: Term) -> String {
    format!("term-{}", term.key())
}

fn show_entry(term: Term) {
    let Some(entry) = browser::document().get_element_by_id(&entry_id(term)) else { return };
    let list = entry.closest("details").ok().flatten();
    let _opened = list.map(|list| list.set_attribute("open", ""));
    if let Ok(entry) = entry.dyn_into::<HtmlElement>() {
        let _focused = entry.focus();
    }
}
