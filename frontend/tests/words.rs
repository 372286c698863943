//! What people type, and when things happened.

#![cfg(target_arch = "wasm32")]

use frontend::engine::session::NumberWish;
use frontend::view_model::{InvalidNumber, LocalTime, new_tags, parse_number, parse_wish};
use shared::schema::{MAX_ELEMENTS, MAX_TEXT_BYTES};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
fn numbers_are_digits_within_the_range() {
    assert_eq!(parse_number(" 42 "), Ok(42));
    assert_eq!(parse_number("999 999 999 999"), Ok(999_999_999_999));
    for wrong in ["", "0", "-1", "4.2", "1e3", "1000000000000", "99999999999999999999999", "٤٢"] {
        assert_eq!(parse_number(wrong), Err(InvalidNumber), "{wrong}");
    }
}

#[wasm_bindgen_test]
fn a_wish_is_nothing_the_next_number_or_a_number() {
    assert_eq!(parse_wish("  "), Ok(None));
    assert_eq!(parse_wish("Next"), Ok(Some(NumberWish::Next)));
    assert_eq!(parse_wish("7"), Ok(Some(NumberWish::This(7))));
    assert_eq!(parse_wish("seven"), Err(InvalidNumber));
}

#[wasm_bindgen_test]
fn the_clock_shows_local_time() {
    let at_ms = 1_700_000_000_000; // 2023-11-14 22:13:20 UTC
    assert_eq!(LocalTime { minutes_ahead_of_utc: 0 }.clock(at_ms), "22:13");
    assert_eq!(LocalTime { minutes_ahead_of_utc: 330 }.clock(at_ms), "03:43");
    assert_eq!(LocalTime { minutes_ahead_of_utc: -180 }.clock(60_000), "21:01");
}

#[wasm_bindgen_test]
fn commas_separate_tags_and_those_that_are_there_are_left_out() {
    let tags = ["board".to_owned()];
    let new = |typed| new_tags(typed, &tags).unwrap();
    assert_eq!(new(" choir "), ["choir"]);
    assert_eq!(new("joins in May, choir,, board ,choir,"), ["joins in May", "choir"]);
    assert!(new("").is_empty() && new(" , ").is_empty() && new("board").is_empty());
}

#[wasm_bindgen_test]
fn tags_that_the_relays_would_refuse_are_refused_here_with_a_reason() {
    let long = "x".repeat(MAX_TEXT_BYTES + 1);
    assert_eq!(
        new_tags(&format!("choir, {long}"), &[]),
        Err("Tags is 4097 bytes long; at most 4096 are allowed.".to_owned())
    );
    let many: Vec<String> = (0..MAX_ELEMENTS).map(|tag| tag.to_string()).collect();
    assert_eq!(new_tags("choir", &many), Err("Tags may hold 256 elements at most.".to_owned()));
    assert_eq!(new_tags("0, 1", &many), Ok(Vec::new()));
}
