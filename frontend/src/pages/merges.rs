//! The page *Merges*: what others write, as it comes in.

use std::rc::Rc;

use yew::prelude::*;

use crate::components::merge_row::MergeRow;
use crate::components::{filter_bar, glossary};
use crate::hooks::{use_every_change, use_model};
use crate::page::Page;
use crate::view_model::Term;
use crate::view_model::merges::{MergeFilter, MergesView, Pause};
use crate::{tr, trn};

#[component]
pub fn MergesPage() -> Html {
    let model = use_model();
    use_every_change();
    let filter = use_state(|| 0);
    let pause = use_state(|| Pause::None);
    let chosen = MergeFilter::ALL[*filter];
    let view = model.merges_view(chosen, *pause);
    let on_filter = Callback::from(move |chosen| filter.set(chosen));
    html! {
        <div class="page merges">
            <section aria-labelledby={Page::Merges.heading_id()}>
                <div class="page-head">
                    <div>
                        <h1 id={Page::Merges.heading_id()} tabindex="-1">{ tr!("Merges") }</h1>
                        <p class="quiet">{ tr!("What others have written, field by field, as it arrives in this tab.") }</p>
                    </div>
                    { pace(&view, &pause) }
                </div>
                { filter_bar::show(MergeFilter::ALL.map(MergeFilter::word).into(), chosen as usize, &on_filter) }
                if view.shown.is_empty() {
                    { empty(chosen) }
                }
                <ol class="feed" aria-label={tr!("Merges, the latest first")}>
                    { for view.shown.iter().map(|item| html! { <MergeRow key={item.serial} item={Rc::new(item.clone())} /> }) }
                </ol>
                { glossary::list(Term::OF_MERGES) }
            </section>
        </div>
    }
}

fn pace(view: &MergesView, pause: &UseStateHandle<Pause>) -> Html {
    let is_paused = pause.is_some();
    let onpause = {
        let (pause, latest) = (pause.clone(), view.latest);
        move |_| pause.set(if pause.is_some() { None } else { Some(latest) })
    };
    let onstep = {
        let (pause, next) = (pause.clone(), view.next);
        move |_| pause.set(next.or(*pause))
    };
    let waiting = view.waiting as u64;
    let word = if is_paused { tr!("Go on") } else { tr!("Pause") };
    html! {
        <div class="pace">
            <span class="quiet" role="status">
                if is_paused {
                    { trn!(waiting, "Paused: {count} waits", "Paused: {count} wait") }
                }
            </span>
            if is_paused {
                <button type="button" aria-label={tr!("Step")} disabled={view.next.is_none()} onclick={onstep}>{ tr!("Step") }</button>
            }
            <button type="button" aria-label={word.clone()} onclick={onpause}>{ word }</button>
        </div>
    }
}

fn empty(filter: MergeFilter) -> Html {
    html! {
        <p class="empty">
            if filter == MergeFilter::All {
                { tr!("Nobody else has written anything since this page was opened. Open it in a second tab, and edit somebody there.") }
            } else {
                { tr!("Nothing of this kind has come in lately.") }
            }
        </p>
    }
}
