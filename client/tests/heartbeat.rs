//! When a relay is asked for a sign, and when it is left.

use std::time::Duration;

use client::heartbeat::{Beat, CALM_PERIOD, Heartbeat, Hurry, PERIOD, URGENT};

const fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn a_silent_relay_is_left_after_two_periods() {
    let mut heartbeat = Heartbeat::new(at(0));
    assert_eq!(heartbeat.look(at(0), Hurry::Usual, at(0)), (Beat::Wait, PERIOD));
    assert_eq!(heartbeat.look(PERIOD, Hurry::Usual, at(0)), (Beat::Ask, PERIOD));
    assert_eq!(heartbeat.look(2 * PERIOD, Hurry::Usual, at(0)), (Beat::Dead, PERIOD));
}

#[test]
fn a_relay_that_says_anything_is_kept() {
    let mut heartbeat = Heartbeat::new(at(0));
    for round in 1..5 {
        let _first = heartbeat.look(PERIOD * 2 * round, Hurry::Usual, at(0));
        heartbeat.heard(PERIOD * 2 * round + at(10));
        assert_eq!(heartbeat.look(PERIOD * 2 * round + PERIOD, Hurry::Usual, at(0)).0, Beat::Wait);
    }
}

#[test]
fn a_page_that_was_frozen_asks_again_before_it_leaves() {
    let mut heartbeat = Heartbeat::new(at(0));
    let _asked = heartbeat.look(PERIOD, Hurry::Usual, at(0));
    let woken = at(3_600_000);
    assert_eq!(heartbeat.look(woken, Hurry::Usual, at(0)), (Beat::Ask, PERIOD));
    assert_eq!(heartbeat.look(woken + PERIOD, Hurry::Usual, at(0)).0, Beat::Dead);
}

#[test]
fn nobody_who_waits_waits_for_a_whole_period() {
    let mut heartbeat = Heartbeat::new(at(0));
    assert_eq!(heartbeat.look(at(2_000), Hurry::Urgent, at(0)), (Beat::Ask, URGENT));
    assert_eq!(heartbeat.look(at(2_000) + URGENT, Hurry::Urgent, at(0)).0, Beat::Dead);
}

#[test]
fn a_tab_that_nobody_sees_asks_rarely() {
    let mut heartbeat = Heartbeat::new(at(0));
    assert_eq!(heartbeat.look(2 * PERIOD, Hurry::None, at(0)).0, Beat::Wait);
    assert_eq!(heartbeat.look(CALM_PERIOD, Hurry::None, at(0)).0, Beat::Ask);
    assert_eq!(heartbeat.look(2 * CALM_PERIOD, Hurry::None, at(0)).0, Beat::Dead);
}

#[test]
fn a_slow_network_gets_its_time() {
    let mut heartbeat = Heartbeat::new(at(0));
    assert_eq!(heartbeat.look(PERIOD, Hurry::Usual, at(4_000)).0, Beat::Wait);
    assert_eq!(heartbeat.look(PERIOD + at(4_000), Hurry::Usual, at(4_000)).0, Beat::Ask);
}
