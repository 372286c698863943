//! The rail: the views, and what concerns the page as a whole.

use yew::prelude::*;

use super::theme_button::ThemeButton;

#[derive(Properties, PartialEq)]
pub struct Props {
    /// What the records are called.
    pub records: AttrValue,
    pub on_keys: Callback<bool>,
}

#[component]
pub fn Rail(Props { records, on_keys }: &Props) -> Html {
    html! {
        <nav class="rail" aria-label="Views">
            <span class="brand" title="Merge what can merge, agree on what must agree">
                <svg viewBox="0 0 24 24" aria-hidden="true">
                    <circle class="merge" cx="9" cy="12" r="6.5" />
                    <circle class="agree" cx="15" cy="12" r="6.5" />
                </svg>
                <span>{ "Duet" }</span>
            </span>
            <a href="#people" aria-current="page">
                <svg viewBox="0 0 24 24" aria-hidden="true">
                    <circle cx="12" cy="8" r="3.5" /><path d="M5 20c0-4 3-6.5 7-6.5s7 2.5 7 6.5" />
                </svg>
                <span>{ records }</span>
            </a>
            <span class="space"></span>
            <ThemeButton />
            <button type="button" aria-label="All keys" title="All keys (?)" onclick={on_keys.reform(|_: MouseEvent| true)}>
                <span class="sign" aria-hidden="true">{ "?" }</span>
                <span>{ "Keys" }</span>
            </button>
        </nav>
    }
}
