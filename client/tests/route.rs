//! Which relay is tried next, and when.

use std::time::Duration;

use client::route::{AskedRelay, Farewell, Route, Trouble, reachable};
use shared::base::dot::Dot;
use shared::base::id::ReplicaId;
use shared::base::split_mix::SplitMix64;
use shared::replica::io::Violation;
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
fn a_lost_relay_is_tried_last_under_all_of_its_names() {
    let mut route = route();
    route.lost(&["one".to_owned(), "two".to_owned()], Duration::from_secs(60), 0.9);
    assert_eq!(route.next(), "three");
}

#[wasm_bindgen_test(unsupported = test)]
fn the_tabs_of_a_relay_that_is_gone_turn_to_all_others_and_not_at_one_moment() {
    let own = ["one".to_owned()];
    let next = |pick| {
        let mut route = Route::new("one".to_owned(), ["two", "three", "four"].map(str::to_owned));
        route.lost(&own, Duration::from_secs(60), pick);
        (route.next().to_owned(), route.wait(pick))
    };
    assert_eq!(next(0.0), ("two".to_owned(), Duration::ZERO));
    assert_eq!(next(0.5), ("three".to_owned(), Duration::from_millis(500)));
    assert_eq!(next(0.99), ("four".to_owned(), Duration::from_millis(990)));
    let mut route = Route::new("one".to_owned(), ["two".to_owned()]);
    route.lost(&own, Duration::from_secs(60), 0.7);
    route.failed();
    assert!(route.wait(1.0) <= Duration::from_millis(100), "who waited once does not wait so again");
}

/// The way of a tab whose relay is killed, until it is at a relay that runs: that relay, and how long it has waited for it.
fn moves(running: &[&str], random: &mut SplitMix64) -> (String, Duration) {
    let mut jitter = || random.draw() as f64 / (u64::MAX as f64 + 1.0);
    let mut route = Route::new("one".to_owned(), ["two", "three", "four"].map(str::to_owned));
    route.lost(&["one".to_owned()], Duration::from_secs(60), jitter());
    let mut waited = route.wait(jitter());
    while !running.contains(&route.next()) {
        route.failed();
        waited += route.wait(jitter());
    }
    (route.next().to_owned(), waited)
}

#[wasm_bindgen_test(unsupported = test)]
fn the_tabs_of_a_killed_relay_are_spread_over_the_others_and_over_time_whichever_of_them_runs() {
    const TABS: usize = 900;
    for (running, least_share) in [(&["two", "three", "four"][..], 4), (&["three", "four"], 4), (&["four"], 1)] {
        let mut random = SplitMix64::new(7);
        let moved: Vec<_> = (0..TABS).map(|_| moves(running, &mut random)).collect();
        for relay in running {
            let at_it = moved.iter().filter(|(at, _)| at == relay).count();
            assert!(at_it >= TABS / least_share, "{at_it} of {TABS} tabs are at relay {relay}, of {running:?}");
        }
        // No tenth of a second brings more than twice its share.
        for tenth in 0..10 {
            let (from, until) = (Duration::from_millis(100 * tenth), Duration::from_millis(100 * (tenth + 1)));
            let at_once = moved.iter().filter(|(_, waited)| (from..until).contains(waited)).count();
            assert!(at_once <= TABS / 5, "{at_once} of {TABS} tabs come in tenth {tenth}, where {running:?} run");
        }
        assert!(moved.iter().all(|(_, waited)| *waited < Duration::from_secs(2)), "and nobody waits for long");
    }
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
        route.lost(&["one".to_owned()], Duration::from_millis(20), 0.5);
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

fn asked_relay(asked: &str) -> AskedRelay {
    AskedRelay::of(asked, &["duet.example".to_owned(), "localhost:5000".to_owned(), "two.example:443".to_owned()])
}

#[wasm_bindgen_test(unsupported = test)]
fn a_relay_in_a_link_is_used_at_once_only_if_a_vouched_relay_knows_it() {
    assert_eq!(asked_relay("two.example:443"), AskedRelay::Vouched("two.example:443".to_owned()));
    assert_eq!(asked_relay("DUET.example"), AskedRelay::Vouched("duet.example".to_owned()));
    for stranger in ["evil.example", "two.example:444", "duet.example.evil.example", "xn--duet-qoa.example"] {
        assert_eq!(asked_relay(stranger), AskedRelay::Ask(stranger.to_owned()), "{stranger}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn another_port_of_the_same_machine_is_a_stranger_too() {
    for stranger in ["localhost:5001", "127.0.0.1:5000", "[::1]:5000"] {
        assert_eq!(asked_relay(stranger), AskedRelay::Ask(stranger.to_owned()), "{stranger}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn an_address_that_could_read_as_another_one_is_no_address() {
    let long = "x".repeat(254);
    for trick in [
        "",
        "duet.example@evil.example",
        "evil.example/duet.example",
        "evil.example?duet.example",
        "evil.example#duet.example",
        "evil.example\\duet.example",
        "du\u{435}t.example",
        "two words",
        "evil.example:",
        "evil.example:port",
        "evil.example:443:444",
        "[evil.example]",
        "wss://evil.example",
        "%65vil.example",
        &long,
    ] {
        assert_eq!(asked_relay(trick), AskedRelay::NoAddress, "{trick}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_relay_that_the_user_agreed_to_is_tried_first_and_vouches_for_nobody() {
    let mut route = route();
    assert!(route.is_vouched("one") && !route.is_vouched("stranger"));
    route.failed();
    route.agree("stranger".to_owned());
    assert_eq!((route.next(), route.wait(0.9)), ("stranger", Duration::ZERO));
    assert!(!route.is_vouched("stranger"));
    assert_eq!(route.vouched().next(), "two", "what other tabs have left does not go there");
    route.failed();
    assert_eq!(route.next(), "two", "the vouched ones are still there");
    route.learn(["stranger".to_owned()]);
    assert!(route.is_vouched("stranger"), "a vouched relay has named it since");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_tab_takes_a_new_id_only_for_what_was_done_under_its_own() {
    let me = ReplicaId(7);
    let [own, other] = [me, ReplicaId(8)].map(|replica| Dot::new(replica, 1));
    let of = |violation| Farewell::of(&violation, me);
    assert_eq!(of(Violation::IdOfRelay), Farewell::NewId);
    assert_eq!(of(Violation::Equivocation { dot: own }), Farewell::NewId);
    assert_eq!(of(Violation::CounterLeap { dot: own, limit: 9 }), Farewell::NewId);
    assert_eq!(of(Violation::Equivocation { dot: other }), Farewell::ForCause);
    assert_eq!(of(Violation::CounterLeap { dot: other, limit: 9 }), Farewell::ForCause);
    for other_copy in [Violation::Copied, Violation::Replaced] {
        assert_eq!(of(other_copy), Farewell::NewId);
    }
    for passing in [Violation::ConnectedElsewhere, Violation::RoomFailed, Violation::Stopping, Violation::SlowPeer] {
        assert_eq!(of(passing), Farewell::Passing);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn passing_troubles_are_told_once_when_they_last() {
    let mut trouble = Trouble::default();
    let mut told = |seconds: std::ops::Range<u64>| {
        let times = seconds.step_by(2).filter(|&at| trouble.lasts(Duration::from_secs(at)));
        times.collect::<Vec<_>>()
    };
    assert_eq!(told(0..30), [0; 0], "they pass by themselves");
    assert_eq!(told(30..300), [30], "once");
    assert_eq!(told(1000..1100), [1030], "and once more when they come back");
}
