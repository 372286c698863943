//! A number with its state: a glyph, the digits and a word, the same everywhere.

use yew::prelude::*;

use crate::view_model::NumberState;

pub(crate) fn show(state: NumberState, digits: &str, proof: Option<&str>) -> Html {
    html! {
        <span class="number" data-state={state.key()} title={proof.map_or_else(|| state.meaning(), str::to_owned)}>
            <span class="glyph" aria-hidden="true">{ state.glyph() }</span>
            if !digits.is_empty() {
                <span class="digits">{ digits.to_owned() }</span>
            }
            <span class="word">{ state.word() }</span>
        </span>
    }
}
