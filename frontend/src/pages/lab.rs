//! Experiments: so that everything that Duet promises can be tried in a minute.

use std::rc::Rc;

use client::impairment::Impairment;
use client::types::FieldKind;
use client::web::WritersStep;
use yew::prelude::*;

use crate::browser;
use crate::components::burst_form::BurstForm;
use crate::components::impairment_form;
use crate::components::tour_panel::{StartTour, is_done};
use crate::hooks::{use_model, use_told};
use crate::model::Model;
use crate::page::Page;
use crate::tr;
use crate::view_model::{PageState, guest_name, writer_names, writers_story};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub page_state: Rc<PageState>,
}

#[component]
pub fn LabPage(Props { page_state }: &Props) -> Html {
    let model = use_model();
    let view = use_told(Model::lab_view);
    let on_impair = use_callback(model.clone(), |impairment: Impairment, model| model.impair(impairment));
    let on_begin = use_callback(model.clone(), |plan, model| model.begin_burst(plan, guest_name));
    let on_remove = use_callback(model.clone(), |(), model| model.remove_guests());
    let on_writers = use_callback(model.clone(), |_: MouseEvent, model| model.begin_writers(writer_names()));
    let on_offline =
        use_callback((model, page_state.offline), |_: MouseEvent, (model, offline)| model.set_offline(!*offline));
    html! {
        <div class="page lab">
            <section aria-labelledby={Page::Lab.heading_id()}>
                <div class="page-head">
                    <div>
                        <h1 id={Page::Lab.heading_id()} tabindex="-1">{ tr!("Lab") }</h1>
                        <p class="quiet">{ tr!("Try what Duet promises. What you set here concerns this tab alone; what is written is in the room, for everybody.") }</p>
                    </div>
                </div>
                <div class="experiments">
                    <Welcome />
                    { impairment_form::show(view.impairment, &on_impair) }
                    { writers(view.writers.as_ref(), can_part(page_state), &on_writers) }
                    <BurstForm view={view.clone()} {on_begin} {on_remove} />
                    { away(page_state.offline, &on_offline) }
                </div>
            </section>
        </div>
    }
}

/// Where the tour begins.
#[component]
fn Welcome() -> Html {
    let start = use_context::<StartTour>();
    let onclick = Callback::from(move |_: MouseEvent| start.iter().for_each(|StartTour(start)| start.emit(())));
    let label = if is_done() { tr!("Take the tour again") } else { tr!("Take the tour") };
    html! {
        <section class="panel experiment" aria-labelledby="welcome-heading">
            <h2 id="welcome-heading">{ tr!("A tour in five steps") }</h2>
            <p>{ tr!("Merge, agree, go offline, come back: a small panel leads over the pages and waits for what you do. It can be left at any time.") }</p>
            <button type="button" class="primary" {onclick}>{ label }</button>
        </section>
    }
}

/// Whether two values of the title can stand side by side, and there is a relay to write one.
fn can_part(page_state: &PageState) -> bool {
    let is_kept = page_state.layout.title.as_ref().is_some_and(|title| title.kind == FieldKind::Mv);
    is_kept && page_state.connected_to.is_some()
}

fn writers(step: Option<&WritersStep>, possible: bool, on_begin: &Callback<MouseEvent>) -> Html {
    let story = step.map(writers_story).unwrap_or_default();
    html! {
        <section class="panel experiment" aria-labelledby="writers-heading">
            <h2 id="writers-heading">{ tr!("Two writers at once") }</h2>
            <p>{ tr!("Needs no second tab: this tab goes offline and renames somebody, while a relay renames the same record over its API.") }</p>
            <button type="button" disabled={!possible} onclick={on_begin.clone()}>{ tr!("Let two write at once") }</button>
            <ol class="told-story" role="status">{ for story.iter().map(|said| html! { <li>{ said }</li> }) }</ol>
            if matches!(step, Some(WritersStep::Parted { .. })) {
                <a href={Page::Conflicts.hash()}>{ tr!("Choose one in Conflicts") }</a>
            }
        </section>
    }
}

fn away(offline: bool, on_offline: &Callback<MouseEvent>) -> Html {
    html! {
        <section class="panel experiment" aria-labelledby="away-heading">
            <h2 id="away-heading">{ tr!("Tabs, together and apart") }</h2>
            <p>{ tr!("Put two tabs side by side. Take one offline, edit in both, and bring it back.") }</p>
            <p class="answers">
                <button type="button" onclick={|_: MouseEvent| browser::open_tab()}>{ tr!("Open another tab") }</button>
                <button type="button" aria-pressed={offline.to_string()} onclick={on_offline.clone()}>{ tr!("Stay away from the relays") }</button>
            </p>
        </section>
    }
}
