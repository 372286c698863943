//! The rail: the views, and what concerns the page as a whole.

use yew::prelude::*;

use super::theme_button::ThemeButton;
use crate::pages::Page;

/// `records` is what the records are called, `page` the one that is shown.
pub fn show(records: String, page: Page, open_conflicts: usize, on_keys: &Callback<bool>) -> Html {
    let people = html! { <><circle cx="12" cy="8" r="3.5" /><path d="M5 20c0-4 3-6.5 7-6.5s7 2.5 7 6.5" /></> };
    let steps = html! { <path d="M3 19h5v-5h5V9h5V4h3" /> };
    let inbox = html! { <path d="M3.5 13.5 6.5 5h11l3 8.5V19h-17zM3.5 13.5H9a3 3 0 0 0 6 0h5.5" /> };
    html! {
        <nav class="rail" aria-label="Views">
            <span class="brand" title="Merge what can merge, agree on what must agree">
                <svg viewBox="0 0 24 24" aria-hidden="true">
                    <circle class="merge" cx="9" cy="12" r="6.5" />
                    <circle class="agree" cx="15" cy="12" r="6.5" />
                </svg>
                <span>{ "Duet" }</span>
            </span>
            { entry(Page::People, page, people, html! { records }) }
            { entry(Page::Dynamic, page, steps, html! { "Dynamic" }) }
            { entry(Page::Conflicts, page, inbox, conflicts(open_conflicts)) }
            <span class="space"></span>
            <ThemeButton />
            <button type="button" aria-label="All keys" title="All keys (?)" onclick={on_keys.reform(|_: MouseEvent| true)}>
                <span class="sign" aria-hidden="true">{ "?" }</span>
                <span>{ "Keys" }</span>
            </button>
        </nav>
    }
}

fn entry(page: Page, current: Page, icon: Html, name: Html) -> Html {
    html! {
        <a href={page.hash()} aria-current={(page == current).then_some("page")}>
            <svg viewBox="0 0 24 24" aria-hidden="true">{ icon }</svg>
            <span>{ name }</span>
        </a>
    }
}

/// With the number of those that nobody has seen to.
fn conflicts(open: usize) -> Html {
    html! {
        <>
            { "Conflicts" }
            if open > 0 {
                <span class="badge">{ open }<span class="unseen">{ " open" }</span></span>
            }
        </>
    }
}
