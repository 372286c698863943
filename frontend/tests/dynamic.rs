//! The words, figures and files of the dynamic method and of conflicts.

use std::time::Duration;

use client::load_history::{KEPT_SECONDS, LoadHistory};
use frontend::page::Page;
use frontend::view_model::settings::label;
use frontend::view_model::{
    ConflictItem, ConflictState, LoadChart, NumberState, SettingsDraft, conflicts_as_csv, figure,
};
use shared::consensus::Slot;
use shared::ledger::{ConflictId, Dynamic, Level, Load, OnCollision, Rule, Setting};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

fn window(asked: u32, window_ms: u32) -> Load {
    Load { asked, window_ms, ..Load::default() }
}

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

#[wasm_bindgen_test(unsupported = test)]
fn a_window_counts_in_each_second_by_its_part() {
    let mut history = LoadHistory::default();
    history.measured(at(10.5), &window(100, 2000));
    let seconds = [8, 9, 10].map(|second| history.asked_in(second).round());
    assert_eq!(seconds, [25.0, 50.0, 25.0]);
    history.measured(at(10.75), &window(5, 250));
    assert_eq!(history.asked_in(10).round(), 30.0, "what is measured in one second adds up");
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_kept_of_the_load_is_bounded_whatever_a_relay_tells() {
    let mut history = LoadHistory::default();
    history.measured(at(1e6), &window(u32::MAX, u32::MAX));
    history.measured(at(1e6), &window(u32::MAX, 0));
    for change in 0..10_000 {
        history.began(at(f64::from(change)), Level::ALL[change as usize % 4]);
    }
    assert!(history.levels().count() <= 256);
    let oldest = 1_000_000 - KEPT_SECONDS;
    assert!((0..oldest).all(|second| history.asked_in(second) == 0.0));
    let chart = LoadChart::of(&history, 50.0, at(1e6 + 1.0));
    assert!(chart.top >= 4e9 && chart.line(10, 10).split(' ').count() == chart.seconds.len());
}

#[wasm_bindgen_test(unsupported = test)]
fn the_chart_has_room_for_the_threshold_and_says_what_it_shows() {
    let mut history = LoadHistory::default();
    history.began(at(0.0), Level::Batching);
    history.measured(at(200.0), &window(80, 1000));
    history.began(at(200.0), Level::Provisional);
    let chart = LoadChart::of(&history, 50.0, at(201.0));
    assert_eq!((chart.top, chart.height(50.0), chart.height(1e9)), (100.0, 0.5, 1.0));
    assert_eq!(chart.bands.iter().map(|band| band.level).collect::<Vec<_>>(), [Level::Batching, Level::Provisional]);
    assert!(chart.bands[0].from == 0.0 && chart.bands[0].until == chart.bands[1].from);
    let summary = chart.summary();
    assert!(
        summary.contains("0 now, 80 at the most. Above the threshold of 50 in 1 second. The level changed 1 time."),
        "{summary}"
    );
    let reading = chart.reading(chart.seconds.len() - 2);
    assert_eq!(reading.text, "2 s ago: 80 requests/s of 50 · Hybrid, batching");
    assert!(chart.reading(chart.seconds.len() - 1).text.ends_with("CRDT only, provisional"));
    assert_eq!((chart.second_at(-1.0), chart.second_at(7.0)), (0, chart.seconds.len() - 1));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_chart_of_nothing_is_flat_and_has_a_scale() {
    let chart = LoadChart::of(&LoadHistory::default(), 0.5, at(0.0));
    assert_eq!((chart.top, chart.ticks(), chart.bands.len()), (10.0, [0.0, 5.0, 10.0], 0));
    assert!(chart.reading(3).text.ends_with("not known here"));
}

#[wasm_bindgen_test(unsupported = test)]
fn figures_have_a_fraction_only_where_it_says_something() {
    assert_eq!([0.0, 0.96, 3.7, 3.98, 12.4, 2550.0].map(figure), ["0", "1", "3.7", "4", "12", "2550"]);
}

#[wasm_bindgen_test(unsupported = test)]
fn settings_are_refused_one_by_one_with_the_bounds_of_the_ledger() {
    let mut draft = SettingsDraft::of(&Dynamic::default());
    assert_eq!(draft.settings(), Some(Dynamic::default()));
    for setting in Setting::ALL {
        let nothing = if setting == Setting::LeaseMost { "none" } else { "0" };
        for wrong in ["", nothing, "-1", "1e3", "99999999999", "4294967296", "many"] {
            draft.set(setting, wrong.to_owned());
            let problem = draft.problem(setting).unwrap_or_else(|| panic!("{wrong:?} is no {}", label(setting)));
            assert!(problem.starts_with(&label(setting)) && problem.contains(" to "), "{problem}");
        }
        assert_eq!(draft.settings(), None);
        draft.set(setting, setting.of(&Dynamic::default()).to_string());
    }
    draft.set(Setting::HighRequest, " 1 000 ".to_owned());
    (draft.rule, draft.on_collision) = (Rule::Hand, OnCollision::Reject);
    let expected =
        Dynamic { high_request: 1000, rule: Rule::Hand, on_collision: OnCollision::Reject, ..Dynamic::default() };
    assert_eq!(draft.settings(), Some(expected));
    draft.set(Setting::WindowMs, "5".to_owned());
    assert_eq!(draft.problem(Setting::WindowMs).as_deref(), Some("Window is 20 to 60000 ms, in digits."));
}

fn conflict(loser: &str) -> ConflictItem {
    ConflictItem {
        id: ConflictId { slot: Slot(118), at: 2 },
        loser: loser.to_owned(),
        wanted: 42,
        origin: "tab 3f2a, 12:04".to_owned(),
        winner: Some("Anna \"Ann\" Berg".to_owned()),
        place: "relay 3, slot 117".to_owned(),
        story: "Number 42 went to Anna.".to_owned(),
        given: Some(43),
        state: ConflictState::Open { undoable: true },
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn conflicts_are_saved_whole_and_no_spreadsheet_runs_a_name() {
    let (boris, formula) = (conflict("Boris"), ConflictItem { given: None, ..conflict("=1+1,\n\"x\"") });
    let csv = conflicts_as_csv(&[&boris, &formula]);
    let expected = "conflict,loser,wanted,origin,winner,place,given,state\r\n\
        118.2,Boris,42,\"tab 3f2a, 12:04\",\"Anna \"\"Ann\"\" Berg\",\"relay 3, slot 117\",43,open\r\n\
        118.2,\"'=1+1,\n\"\"x\"\"\",42,\"tab 3f2a, 12:04\",\"Anna \"\"Ann\"\" Berg\",\"relay 3, slot 117\",,open\r\n";
    assert_eq!(csv, expected);
}

#[cfg(target_arch = "wasm32")]
#[wasm_bindgen_test]
fn conflicts_are_saved_as_what_a_browser_takes_for_json() {
    use frontend::view_model::conflicts_as_json;
    let (boris, formula) = (conflict("Boris"), ConflictItem { given: None, ..conflict("=1+1,\n\"x\"") });
    let json = js_sys::JSON::parse(&conflicts_as_json(&[&boris, &formula])).expect("it is JSON");
    let list: js_sys::Array = json.into();
    let get = |at: u32, key: &str| js_sys::Reflect::get(&list.get(at), &key.into()).expect("an object");
    assert_eq!(get(0, "winner").as_string().as_deref(), Some("Anna \"Ann\" Berg"));
    assert_eq!((get(0, "given").as_f64(), get(1, "given").is_null()), (Some(43.0), true));
    assert_eq!(get(1, "loser").as_string().as_deref(), Some("=1+1,\n\"x\""));
    assert_eq!(js_sys::JSON::parse(&conflicts_as_json(&[])).map(|empty| js_sys::Array::from(&empty).length()), Ok(0));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_conflict_is_found_by_either_side_and_by_its_numbers() {
    let boris = conflict("Boris");
    for needle in ["boris", "42", "43", "3f2a", "slot 117", ""] {
        assert!(boris.matches(needle), "{needle}");
    }
    assert!(!boris.matches("cem") && !boris.matches("44"));
    assert_eq!(boris.outcome(), NumberState::Renumbered);
    let undone = ConflictItem { state: ConflictState::Undone, ..boris.clone() };
    assert_eq!(undone.outcome(), NumberState::None);
    assert_eq!(ConflictItem { given: None, ..boris }.outcome(), NumberState::Rejected);
}

#[wasm_bindgen_test(unsupported = test)]
fn every_page_has_a_hash_and_any_other_hash_is_the_first_page() {
    for page in [Page::People, Page::Dynamic, Page::Conflicts] {
        assert_eq!(Page::of_hash(page.hash()), page);
    }
    assert_eq!([Page::of_hash(""), Page::of_hash("#nowhere")], [Page::People, Page::People]);
}

#[wasm_bindgen_test(unsupported = test)]
fn every_state_of_a_number_has_a_glyph_and_a_word_of_its_own() {
    let states = [
        (NumberState::Provisional, "◌", "provisional"),
        (NumberState::Pending, "◔", "proposed"),
        (NumberState::Final, "●", "final"),
        (NumberState::Leased, "●", "final, from this tab's lease"),
        (NumberState::Renumbered, "↻", "renumbered"),
        (NumberState::Rejected, "✕", "rejected"),
    ];
    for (state, glyph, word) in states {
        assert_eq!((state.glyph(), state.word().as_str()), (glyph, word));
        assert!(state.meaning().ends_with('.'), "{word} is explained");
    }
}
