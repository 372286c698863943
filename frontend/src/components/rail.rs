//! The rail: the views, and what concerns the page as a whole.

use yew::prelude::*;

use super::language_button;
use super::theme_button::ThemeButton;
use crate::language::Language;
use crate::page::Page;
use crate::tr;

/// `records` is what the records are called, `page` the one that is shown.
pub fn show(
    records: String,
    page: Page,
    open_conflicts: usize,
    on_language: &Callback<Language>,
    on_keys: &Callback<bool>,
) -> Html {
    let people = html! { <><circle cx="12" cy="8" r="3.5" /><path d="M5 20c0-4 3-6.5 7-6.5s7 2.5 7 6.5" /></> };
    let network = html! {
        <>
            <circle cx="12" cy="5" r="2.5" /><circle cx="5" cy="18" r="2.5" /><circle cx="19" cy="18" r="2.5" />
            <path d="M11 7.3 6.2 15.8M13 7.3l4.8 8.5M7.5 18h9" />
        </>
    };
    let log =
        html! { <><path d="M9 6h11M9 12h11M9 18h11" /><path d="m3.5 6 1 1 2-2M3.5 12l1 1 2-2M3.5 18l1 1 2-2" /></> };
    let join = html! { <path d="M5 4v3c0 4 7 3.5 7 8v5M19 4v3c0 4-7 3.5-7 8M9 17l3 3 3-3" /> };
    let flask = html! { <path d="M9 3.5h6M10 3.5V10l-5.5 9.5h15L14 10V3.5M7.5 15h9" /> };
    let steps = html! { <path d="M3 19h5v-5h5V9h5V4h3" /> };
    let inbox = html! { <path d="M3.5 13.5 6.5 5h11l3 8.5V19h-17zM3.5 13.5H9a3 3 0 0 0 6 0h5.5" /> };
    html! {
        <nav class="rail" aria-label={tr!("Views")}>
            <span class="brand" title={tr!("Merge what can merge, agree on what must agree")}>
                <svg viewBox="0 0 24 24" aria-hidden="true">
                    <circle class="merge" cx="9" cy="12" r="6.5" />
                    <circle class="agree" cx="15" cy="12" r="6.5" />
                </svg>
                <span>{ "Duet" }</span>
            </span>
            { entry(Page::People, page, people, html! { records }) }
            { entry(Page::Nodes, page, network, html! { tr!("Nodes") }) }
            { entry(Page::Agreement, page, log, html! { tr!("Agreement") }) }
            { entry(Page::Merges, page, join, html! { tr!("Merges") }) }
            { entry(Page::Dynamic, page, steps, html! { tr!("Dynamic") }) }
            { entry(Page::Conflicts, page, inbox, conflicts(open_conflicts)) }
            { entry(Page::Lab, page, flask, html! { tr!("Lab") }) }
            <span class="space"></span>
            { language_button::show(on_language) }
            <ThemeButton />
            <button type="button" aria-label={tr!("All keys")} title={tr!("All keys (?)")} onclick={on_keys.reform(|_: MouseEvent| true)}>
                <span class="sign" aria-hidden="true">{ "?" }</span>
                <span>{ tr!("Keys") }</span>
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
            { tr!("Conflicts") }
            if open > 0 {
                <span class="badge">{ open }<span class="unseen">{ " " }{ tr!("open") }</span></span>
            }
        </>
    }
}
