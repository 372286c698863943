//! The parts of the pages Nodes, Agreement and Merges in a real document.

#![cfg(target_arch = "wasm32")]

mod rendered;
mod still;

use frontend::browser;
use frontend::components::{filter_bar, glossary, network, node_table, vote_ring};
use frontend::view_model::Term;
use frontend::view_model::agreement::Vote;
use frontend::view_model::nodes::{Line, Moving, Node, NodesView, Part, Position, Presence};
use rendered::rendered;
use shared::base::id::RelayId;
use shared::replica::observation::End;
use still::{Still, StillProps};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{Element, HtmlElement};
use yew::{Callback, Html, html};

wasm_bindgen_test_configure!(run_in_browser);

async fn shown(html: Html) -> Element {
    let root = browser::document().create_element("div").unwrap();
    browser::document().body().unwrap().append_child(&root).unwrap();
    yew::Renderer::<Still>::with_root_and_props(root.clone(), StillProps { html }).render();
    rendered().await;
    root
}

fn count(root: &Element, selector: &str) -> u32 {
    root.query_selector_all(selector).unwrap().length()
}

#[wasm_bindgen_test]
async fn a_ring_has_a_part_for_each_voter_and_says_who_voted() {
    let votes = [("relay 1", true), ("relay 2", false), ("relay 3", true)];
    let votes = votes.map(|(voter, voted)| Vote { voter: voter.to_owned(), voted });
    let root = shown(vote_ring::show(&votes, "2 of 3 votes: relay 1, relay 3")).await;
    assert_eq!((count(&root, "path"), count(&root, "path[data-voted=true]")), (3, 2));
    let named = root.query_selector("[role=img]").unwrap().unwrap();
    assert_eq!(named.get_attribute("aria-label").as_deref(), Some("2 of 3 votes: relay 1, relay 3"));
    assert!(root.text_content().unwrap().contains("2/3"), "not by colour alone");
    root.remove();
}

fn two_relays() -> NodesView {
    let place = |x| Position { x, y: 500 };
    let relay = |id: u16, presence, parts: &[Part]| Node {
        end: End::Relay(RelayId(id)),
        name: format!("Relay {id}"),
        is_relay: true,
        presence,
        parts: parts.to_vec(),
        address: format!("127.0.0.1:500{id}"),
        incarnation: None,
        round_trips: vec!["0.8 ms to this tab".to_owned()],
        seen: "now".to_owned(),
        place: Some(place(250 * i32::from(id))),
    };
    let line = Line { from: place(250), to: place(500), is_up: false, is_trunk: true, round_trip: None };
    NodesView {
        summary: "1 of 2 relays are up.".to_owned(),
        nodes: vec![
            relay(1, Presence::Up, &[Part::Leads, Part::Votes]),
            relay(2, Presence::Down, &[Part::Quarantined]),
        ],
        unlisted: 0,
        more: Vec::new(),
        lines: vec![line],
        moving: vec![Moving { serial: 7, from: place(250), to: place(500) }],
    }
}

#[wasm_bindgen_test]
async fn the_table_says_in_words_what_the_drawing_shows() {
    let view = two_relays();
    let root = shown(html! { <>{ network::show(&view) }{ node_table::show(&view) }</> }).await;
    let figure = root.query_selector("figure").unwrap().unwrap();
    assert_eq!(figure.get_attribute("aria-label").as_deref(), Some("1 of 2 relays are up."));
    assert_eq!((count(&root, "line[data-up=false]"), count(&root, ".moving")), (1, 1));
    assert_eq!(count(&root, "figure > :not([aria-hidden])"), 0, "the drawing is not read out piece by piece");
    let rows = root.query_selector("tbody").unwrap().unwrap().text_content().unwrap();
    for word in ["Relay 1", "leader", "voter", "Relay 2", "down", "quarantined", "not known", "0.8 ms to this tab"] {
        assert!(rows.contains(word), "{word} in {rows}");
    }
    root.remove();
}

#[wasm_bindgen_test]
async fn a_term_explains_itself_and_leads_to_the_list() {
    let terms = html! { <>{ glossary::term(Term::Ballot) }{ glossary::list(&[Term::Slot, Term::Ballot]) }</> };
    let root = shown(terms).await;
    let term: HtmlElement = root.query_selector("button.term").unwrap().unwrap().unchecked_into();
    assert_eq!(term.title(), Term::Ballot.meaning());
    assert_eq!(count(&root, "details[open]"), 0);
    term.click();
    rendered().await;
    assert_eq!(count(&root, "details[open]"), 1);
    assert_eq!(browser::document().active_element().unwrap().id(), "term-ballot");
    root.remove();
}

#[wasm_bindgen_test]
async fn the_chosen_filter_is_pressed() {
    let words = ["All", "Concurrent"].map(str::to_owned).into();
    let root = shown(filter_bar::show(words, 1, &Callback::noop())).await;
    let pressed = root.query_selector("[aria-pressed=true]").unwrap().unwrap();
    assert_eq!(pressed.text_content().as_deref(), Some("Concurrent"));
    root.remove();
}
