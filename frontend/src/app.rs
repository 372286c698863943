//! The page as a whole.

use std::cell::RefCell;
use std::rc::Rc;

use client::session::Action;
use client::types::Room;
use client::web::{NoAddress, route_to};
use gloo::events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{BeforeUnloadEvent, HtmlElement, KeyboardEvent};
use yew::prelude::*;

use crate::browser;
use crate::components::drafts::Drafts;
use crate::components::import_panel::ImportPanel;
use crate::components::language_button::LANGUAGE_ID;
use crate::components::status_line::Status;
use crate::components::tour_panel::{StartTour, TourPanel};
use crate::components::{keys_dialog, notices, offline_switch, rail, relay_question};
use crate::hooks::{use_action, use_model, use_page, use_page_state, use_told};
use crate::language::{self, Language};
use crate::model::Model;
use crate::page::Page;
use crate::pages::agreement::AgreementPage;
use crate::pages::conflicts::ConflictsPage;
use crate::pages::lab::LabPage;
use crate::pages::merges::MergesPage;
use crate::pages::nodes::NodesPage;
use crate::pages::people::{NEW_RECORD_ID, PeoplePage};
use crate::pages::{SEARCH_ID, dynamic};
use crate::view_model::{capitalised, impairment_in_words, violation_in_words};
use crate::{tr, words};

const DEFAULT_ROOM: &str = "people";

/// The id of what is to have the focus on the next page.
type Goal = Rc<RefCell<Option<&'static str>>>;

#[component]
pub fn App() -> Html {
    let model = use_state(|| None);
    {
        let model = model.clone();
        use_effect_with((), move |()| spawn_local(async move { model.set(Some(start().await)) }));
    }
    match &*model {
        None => html! {
            <p class="starting" role="status">{ tr!("Duet is starting: it looks for what it has kept on this device …") }</p>
        },
        Some(Ok(model)) => html! {
            <ContextProvider<Model> context={model.clone()}>
                <Shell />
            </ContextProvider<Model>>
        },
        Some(Err(reason)) => html! {
            <main class="broken" role="alert">
                <h1>{ tr!("This page cannot start") }</h1>
                <p>{ reason }</p>
                <p><a href="?">{ tr!("Open the room “people”") }</a></p>
            </main>
        },
    }
}

/// Why not, in words, if it cannot be.
async fn start() -> Result<Model, String> {
    let name = browser::parameter("room").unwrap_or_else(|| DEFAULT_ROOM.to_owned());
    let room = Room::try_from(name)
        .map_err(|bad| tr!("In the address of this page, {problem}.", problem = violation_in_words(&bad.into())))?;
    let route = route_to(&room, browser::parameter("relay").filter(|relay| !relay.is_empty()).as_deref()).map_err(
        |NoAddress| {
            let problem = tr!("the relay must be a host and a port, such as relay.example:5000");
            tr!("In the address of this page, {problem}.", problem = problem)
        },
    )?;
    let model = Model::start(room, route).await.map_err(|error| {
        tr!("The browser gives no random numbers, and this tab needs one as its name: {problem}.", problem = error)
    })?;
    let wanted = words::wanted();
    if wanted != language::current() {
        model.tell_of_missing_words(wanted);
    }
    Ok(model)
}

#[component]
fn Shell() -> Html {
    let model = use_model();
    let page_state = use_page_state();
    let on_action = use_action();
    let keys_open = use_state(|| false);
    let on_keys = {
        let keys_open = keys_open.clone();
        use_callback((), move |open, ()| keys_open.set(open))
    };
    let asked = use_state(|| model.asked_relay());
    let on_answered = {
        let asked = asked.clone();
        use_callback((), move |(), ()| asked.set(None))
    };
    let on_relay = use_callback(model.clone(), |address, model| model.agree_to_relay(address));
    let touring = use_state(|| false);
    let on_tour = {
        let touring = touring.clone();
        use_callback((), move |is_touring, ()| touring.set(is_touring))
    };
    let start_tour = use_memo((), |()| StartTour(on_tour.reform(|()| true)));
    let page = use_page();
    let goal = use_mut_ref(|| None);
    use_focus_on_page(page, &goal);
    use_shortcuts(&on_keys, &goal);
    let drafts = {
        let model = model.clone();
        (*use_memo((), |()| Drafts::new(Callback::from(move |record| model.versions(record))))).clone()
    };
    use_farewell(&drafts);
    use_focus_on_language(page_state.language);
    let on_language = use_callback(model.clone(), |language, model| model.speak(language));
    let on_offline = use_callback(model.clone(), |offline, model| model.set_offline(offline));
    let on_skip = |event: MouseEvent| {
        event.prevent_default();
        focus("view");
    };
    let nouns = &page_state.layout.nouns;
    html! {
        <ContextProvider<Drafts> context={drafts}>
        <ContextProvider<StartTour> context={(*start_tour).clone()}>
            <div class="shell" key={page_state.language.code()}>
                <a class="skip" href={page.hash()} onclick={on_skip}>{ tr!("Skip to the content") }</a>
                { rail::show(capitalised(&nouns.many), page, page_state.open_conflicts(), &on_language, &on_keys) }
                <header class="top">
                    <Status status={page_state.status.clone()} />
                    <Impaired />
                    { offline_switch::show(page_state.offline, &on_offline) }
                </header>
                <main class="view" id="view" tabindex="-1">
                    if page_state.outdated { { newer_version() } }
                    { notices::show("notices", &page_state.notices, &on_action) }
                    <ImportPanel />
                    { match page {
                        Page::People => {
                            html! { <PeoplePage room={model.room().as_str().to_owned()} page_state={page_state.clone()} /> }
                        }
                        Page::Nodes => html! { <NodesPage /> },
                        Page::Agreement => html! { <AgreementPage /> },
                        Page::Merges => html! { <MergesPage /> },
                        Page::Dynamic => dynamic::show(&page_state, &on_action),
                        Page::Conflicts => html! { <ConflictsPage page_state={page_state.clone()} /> },
                        Page::Lab => html! { <LabPage page_state={page_state.clone()} /> },
                    } }
                </main>
                if *keys_open { { keys_dialog::show(&nouns.one, on_keys.reform(|()| false)) } }
                if let Some(address) = &*asked {
                    { relay_question::show(address, model.room().as_str(), on_relay.clone(), on_answered) }
                }
            </div>
            if *touring {
                <TourPanel page_state={page_state.clone()} {page} on_action={on_action.clone()} on_leave={on_tour.reform(|()| false)} />
            }
            { notices::show("toasts", &page_state.toasts, &on_action) }
        </ContextProvider<StartTour>>
        </ContextProvider<Drafts>>
    }
}

/// Says on every page that the network of this tab is worse than it is.
#[component]
fn Impaired() -> Html {
    let view = use_told(Model::lab_view);
    match impairment_in_words(view.impairment) {
        Some(words) => html! { <a class="impaired" href={Page::Lab.hash()}>{ words }</a> },
        None => Html::default(),
    }
}

fn newer_version() -> Html {
    let onclick = |_: MouseEvent| browser::reload();
    html! {
        <div class="notices">
            <div class="notice" role="status">
                <p>{ tr!("A new version of this page is here.") }</p>
                <span class="answers">
                    <button type="button" class="small" {onclick}>{ tr!("Reload") }</button>
                </span>
            </div>
        </div>
    }
}

/// The keys that work everywhere but where text is typed.
#[hook]
fn use_shortcuts(on_keys: &Callback<bool>, goal: &Goal) {
    let model = use_model();
    let goal = Rc::clone(goal);
    use_effect_with((model, on_keys.clone()), move |(model, on_keys)| {
        let (model, on_keys) = (model.clone(), on_keys.clone());
        let options = EventListenerOptions::enable_prevent_default();
        let listener = EventListener::new_with_options(&browser::window(), "keydown", options, move |event| {
            let Some(event) = event.dyn_ref::<KeyboardEvent>().filter(|event| is_shortcut(event)) else { return };
            match (event.key().as_str(), event.ctrl_key() || event.meta_key()) {
                ("n", false) if Page::of_hash(&browser::hash()) != Page::People => {
                    goal.replace(Some(NEW_RECORD_ID));
                    browser::set_hash(Page::People.hash());
                }
                ("n", false) => focus(NEW_RECORD_ID),
                ("/", false) => focus(SEARCH_ID),
                ("o", false) => model.set_offline(!model.page_state().offline),
                ("?", false) => on_keys.emit(true),
                ("z", true) => model.act(Action::Undo),
                _ => return,
            }
            event.prevent_default();
        });
        move || drop(listener)
    });
}

fn is_shortcut(event: &KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let typing = target.is_some_and(|target| {
        matches!(target.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
            || target.closest("dialog").is_ok_and(|d| d.is_some())
    });
    !(typing || event.alt_key() || event.default_prevented())
}

fn focus(id: &str) {
    let element = browser::document().get_element_by_id(id);
    if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let _focused_if_visible = element.focus();
    }
}

/// On a phone the rail is wider than the screen.
fn show_entry_in_rail() {
    let entry = browser::document().query_selector(".rail [aria-current]").ok().flatten();
    let entry = entry.and_then(|entry| entry.dyn_into::<HtmlElement>().ok());
    if let Some((entry, rail)) = entry.and_then(|entry| Some((entry.clone(), entry.parent_element()?))) {
        rail.set_scroll_left(entry.offset_left() + (entry.offset_width() - rail.client_width()) / 2);
    }
}

/// Whoever goes to another page is at its beginning, or at the goal.
#[hook]
fn use_focus_on_page(page: Page, goal: &Goal) {
    let last = use_mut_ref(|| page);
    let goal = Rc::clone(goal);
    use_effect_with(page, move |&page| {
        show_entry_in_rail();
        if last.replace(page) != page {
            browser::window().scroll_to_with_x_and_y(0.0, 0.0);
            focus(goal.take().unwrap_or(page.heading_id()));
        }
    });
}

/// In another language all is made anew, also the button that changes it.
#[hook]
fn use_focus_on_language(language: Language) {
    let last = use_mut_ref(|| language);
    use_effect_with(language, move |&language| {
        if last.replace(language) != language {
            focus(LANGUAGE_ID);
        }
    });
}

/// What the page does when it is closed or hidden.
#[hook]
fn use_farewell(drafts: &Drafts) {
    let model = use_model();
    use_effect_with((model, drafts.clone()), |(model, drafts)| {
        model.set_shown(browser::is_shown());
        let listeners = [
            warning_before_loss(model.clone(), drafts.clone()),
            goodbye(model.clone()),
            observe_while_shown(model.clone()),
        ];
        move || drop(listeners)
    });
}

/// Asks before the page is closed while some edits would be lost with it, or what is half typed.
fn warning_before_loss(model: Model, drafts: Drafts) -> EventListener {
    let options = EventListenerOptions::enable_prevent_default();
    EventListener::new_with_options(&browser::window(), "beforeunload", options, move |event| {
        if model.page_state().at_risk || drafts.is_changed() {
            event.prevent_default();
            // Older browsers ask for this instead.
            if let Some(event) = event.dyn_ref::<BeforeUnloadEvent>() {
                event.set_return_value(&tr!("Some edits are in this tab only."));
            }
        }
    })
}

/// Other tabs need not find out by themselves that this one is closed.
fn goodbye(model: Model) -> EventListener {
    EventListener::new(&browser::window(), "pagehide", move |_| model.leave_neighbours())
}

/// A page that nobody sees is no observer.
fn observe_while_shown(model: Model) -> EventListener {
    EventListener::new(&browser::document(), "visibilitychange", move |_| model.set_shown(browser::is_shown()))
}
