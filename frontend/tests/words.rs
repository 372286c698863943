//! What people type, and when things happened.

#![cfg(target_arch = "wasm32")]

use frontend::engine::session::NumberWish;
use frontend::view_model::{InvalidNumber, LocalTime, parse_number, parse_wish};
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
