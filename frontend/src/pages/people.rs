//! The people, or whatever else the records are: the table in the middle, and beside it why one can trust it.

use std::rc::Rc;

use yew::prelude::*;

use super::SEARCH_ID;
use crate::browser;
use crate::components::exchange::Exchange;
use crate::components::highest::Highest;
use crate::components::record_form::RecordForm;
use crate::components::record_table::RecordTable;
use crate::components::text_input::TextInput;
use crate::components::tour_panel::StartTour;
use crate::components::unfinished::Unfinished;
use crate::components::{relay_list, story_list, undo_button};
use crate::hooks::use_action;
use crate::language::grouped;
use crate::view_model::{Listing, Loading, Nouns, Order, PageState, capitalised};
use crate::{tr, trn};

pub const NEW_RECORD_ID: &str = "new-record";
/// Where the order of the table is kept for the next time.
const ORDER_KEY: &str = "duet.order";

#[derive(Properties, PartialEq)]
pub struct Props {
    pub room: String,
    pub page_state: Rc<PageState>,
}

#[component]
pub fn PeoplePage(Props { room, page_state }: &Props) -> Html {
    let on_action = use_action();
    let start_tour = use_context::<StartTour>();
    let search = use_state(String::new);
    let layout = &page_state.layout;
    let order = use_state(|| Order::recalled(layout, &browser::recall(ORDER_KEY).unwrap_or_default()));
    let listing = use_mut_ref(Listing::default);
    let found = listing.borrow_mut().look(&page_state.rows, *order, &search);
    let nouns = &layout.nouns;
    let on_search = {
        let search = search.clone();
        use_callback((), move |text, ()| search.set(text))
    };
    let on_order = {
        let order = order.clone();
        use_callback(layout.clone(), move |next: Order, layout| {
            browser::remember(ORDER_KEY, next.kept(layout).as_deref());
            order.set(next);
        })
    };
    html! {
        <div class={classes!("page", layout.is_wide().then_some("wide"))}>
            <section class="people" aria-labelledby="people-heading">
                <div class="page-head">
                    <div>
                        <h1 id="people-heading" tabindex="-1">{ capitalised(&nouns.many) }</h1>
                        <p class="quiet">{ tr!("Room") }{ " " }<strong>{ room }</strong>{ " · " }{ count(found.len(), page_state.rows.len(), nouns) }
                            if let Some(relay) = &page_state.connected_to {
                                { " · " }{ tr!("connected to") }{ " " }<span id="relay" class="address">{ relay }</span>
                            }
                        </p>
                    </div>
                    <div class="tools">
                        <Exchange layout={layout.clone()} rows={found.clone()} />
                        { undo_button::show(page_state.undo.as_deref(), &on_action) }
                        <TextInput id={SEARCH_ID} class="search" label={tr!("Search")} kind="search" placeholder={tr!("Search  /")}
                            value={(*search).clone()} on_input={on_search.clone()} />
                    </div>
                </div>
                <RecordForm layout={layout.clone()} first_id={NEW_RECORD_ID} on_action={on_action.clone()} />
                <Unfinished found={found.clone()} all={page_state.rows.clone()} on_show={on_search.reform(|()| String::new())} />
                if found.is_empty() {
                    { nobody(page_state, &search, start_tour) }
                } else {
                    <RecordTable layout={layout.clone()} rows={found} search={(*search).clone()} order={*order} {on_order}
                        on_action={on_action.clone()} />
                }
            </section>
            <aside class="side" aria-label={tr!("How things stand")}>
                { relay_list::show(&page_state.relays, page_state.offline) }
                <Highest highest={page_state.highest} {on_action} />
                { story_list::show(&page_state.story) }
            </aside>
        </div>
    }
}

fn count(found: usize, all: usize, Nouns { one, many, none, .. }: &Nouns) -> String {
    let total = trn!(all as u64, "{count} {one}", "{count} {many}", one = one, many = many);
    match (found, all) {
        (_, 0) => tr!("{none} yet", none = none),
        (found, all) if found == all => total,
        (found, _) => tr!("{found} of {total}", found = grouped(found as u64), total = total),
    }
}

/// In place of an empty table.
fn nobody(page_state: &PageState, search: &str, start_tour: Option<StartTour>) -> Html {
    let Nouns { one, many, none, .. } = &page_state.layout.nouns;
    if !page_state.rows.is_empty() {
        return html! { <p class="empty">{ tr!("{none} matches “{search}”.", none = capitalised(none), search = search.trim()) }</p> };
    }
    let waits_for = match page_state.loading {
        Loading::Done => None,
        Loading::Reading => Some((
            tr!("Reading what this device has kept"),
            tr!(
                "The {many} appear one after the other. What you change meanwhile is done when all are read.",
                many = many
            ),
        )),
        Loading::Fetching => Some((
            tr!("Fetching what the relay has"),
            tr!("The {many} of this room appear as they arrive. You can add {many} already.", many = many),
        )),
        Loading::Waiting => Some((
            tr!("Waiting for a relay"),
            tr!(
                "The {many} of this room appear as soon as a relay answers. You can add {many} already: they are kept here and sent then.",
                many = many
            ),
        )),
    };
    if let Some((what, meanwhile)) = waits_for {
        return html! {
            <div class="empty" aria-busy="true">
                <p><strong>{ what }</strong></p>
                <p>{ meanwhile }</p>
            </div>
        };
    }
    html! {
        <div class="empty">
            <p><strong>{ tr!("{none} is here yet", none = capitalised(none)) }</strong></p>
            <p>{ tr!("Add the first {one} above. Then open this page in a second tab and watch both stay the same.", one = one) }</p>
            if let Some(StartTour(start)) = start_tour {
                <p class="invitation"><button type="button" onclick={start.reform(|_: MouseEvent| ())}>{ tr!("Take the tour in five steps") }</button></p>
            }
        </div>
    }
}
