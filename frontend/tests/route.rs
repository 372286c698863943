//! Which relay is tried next, and when.

use std::time::Duration;

use frontend::engine::route::{Route, reachable};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

fn route() -> Route {
    Route::new("one".to_owned(), ["two", "one", "three"].map(str::to_owned))
}

#[wasm_bindgen_test(unsupported = test)]
fn relays_are_tried_in_turn_and_none_twice() {
    let mut route = route();
    let mut tried = Vec::new();
    for _ in 0..4 {
        tried.push(route.next().to_owned());
        route.failed();
    }
    assert_eq!(tried, ["one", "two", "three", "one"]);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_lost_relay_is_tried_last_under_all_of_its_names_and_the_next_at_once() {
    let mut route = route();
    route.lost(&["one".to_owned(), "two".to_owned()], Duration::from_secs(60));
    assert_eq!(route.next(), "three");
    assert_eq!(route.wait(0.9), Duration::ZERO);
}

#[wasm_bindgen_test(unsupported = test)]
fn waits_grow_to_two_seconds_and_never_beyond() {
    let mut route = route();
    assert_eq!(route.wait(0.5), Duration::ZERO);
    route.failed();
    assert!(route.wait(0.0) >= Duration::from_millis(50) && route.wait(1.0) <= Duration::from_millis(100));
    for _ in 0..1000 {
        route.failed();
    }
    assert!(route.wait(0.0) >= Duration::from_secs(1) && route.wait(1.0) <= Duration::from_secs(2));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_relay_that_takes_links_and_drops_them_is_not_hammered() {
    let mut route = Route::new("one".to_owned(), []);
    for _ in 0..10 {
        route.lost(&["one".to_owned()], Duration::from_millis(20));
    }
    assert!(route.wait(0.0) >= Duration::from_secs(1));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_refused_tab_stays_away_for_long_until_the_user_wants_it_back() {
    let mut route = Route::new("one".to_owned(), []);
    for _ in 0..20 {
        route.refused(&["one".to_owned()]);
        assert!(route.wait(0.0) >= Duration::from_secs(5));
        assert!(route.wait(1.0) <= Duration::from_secs(300));
    }
    route.forgive();
    assert_eq!(route.wait(1.0), Duration::ZERO);
}

#[wasm_bindgen_test(unsupported = test)]
fn the_loopback_of_a_relay_is_the_host_of_the_page_to_a_browser_elsewhere() {
    assert_eq!(reachable("127.0.0.1:5001", "192.168.1.5"), "192.168.1.5:5001");
    assert_eq!(reachable("127.0.0.1:5001", "localhost"), "127.0.0.1:5001");
    assert_eq!(reachable("relay.example:5001", "192.168.1.5"), "relay.example:5001");
}

#[wasm_bindgen_test(unsupported = test)]
fn an_address_that_is_new_always_finds_room() {
    let mut route = Route::new("one".to_owned(), (0..40).map(|relay| format!("relay-{relay}")));
    let mut tried = Vec::new();
    for _ in 0..16 {
        tried.push(route.next().to_owned());
        route.failed();
    }
    assert_eq!((tried[0].as_str(), tried[15].as_str(), route.next()), ("one", "relay-39", "one"));
}
