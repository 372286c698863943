//! The table of very many rows: which are wanted, in which order, and which are in the document.

use std::rc::Rc;

use frontend::view_model::{Cell, Layout, Listing, Number, NumberState, Order, Sight, SortKey, TableRow, Text, Window};
use shared::base::dot::Dot;
use shared::base::id::{RecordId, ReplicaId};
use shared::schema::{FieldId, FieldKind, FieldSpec, Schema};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const NOTE: SortKey = SortKey::Field(FieldId(1));

fn row(id: u64, name: &str, note: &str, number: Option<u64>) -> Rc<TableRow> {
    let text = |shown: &str| Cell::Text(Text { shown: shown.to_owned(), choices: Vec::new() });
    let cells = vec![text(name), text(note), Cell::Elements(Vec::new())];
    let mut state = Number::none();
    if let Some(number) = number {
        (state.state, state.text) = (NumberState::Final, number.to_string());
    }
    Rc::new(TableRow::new(RecordId(Dot::new(ReplicaId(1), id)), name.to_owned(), cells, state, None))
}

fn names(rows: &[Rc<TableRow>]) -> Vec<&str> {
    rows.iter().map(|row| row.called.as_str()).collect()
}

#[wasm_bindgen_test]
#[test]
fn rows_are_sorted_by_any_column_and_those_without_a_value_are_last_either_way() {
    let rows =
        Rc::new(vec![row(1, "Anna", "tenor", Some(10)), row(2, "bert", "", Some(9)), row(3, "Cem", "Alto", None)]);
    let by = |by, descending| names(&Listing::default().look(&rows, Order { by, descending }, "")).join(" ");
    assert_eq!(by(SortKey::Title, true), "Cem bert Anna");
    assert_eq!(by(SortKey::Number, false), "bert Anna Cem");
    assert_eq!(by(SortKey::Number, true), "Anna bert Cem");
    assert_eq!(by(NOTE, false), "Cem Anna bert");
    assert_eq!(by(NOTE, true), "Anna Cem bert");
}

#[wasm_bindgen_test]
#[test]
fn a_search_looks_at_every_field_and_at_the_number() {
    let rows = Rc::new(vec![row(1, "Anna", "tenor", Some(10)), row(2, "Bert", "ALTO", Some(110))]);
    let found = |search| names(&Listing::default().look(&rows, Order::default(), search)).join(" ");
    assert_eq!((found(" alto "), found("ANN"), found("10")), ("Bert".into(), "Anna".into(), "Anna Bert".into()));
}

#[wasm_bindgen_test]
#[test]
fn a_search_finds_a_name_however_its_accents_were_typed() {
    let (composed, decomposed) = ("Jos\u{e9}", "Jose\u{301}");
    let rows = Rc::new(vec![row(1, composed, "", None), row(2, decomposed, "", None), row(3, "Josef", "", None)]);
    for search in ["JOS\u{c9}", "jose\u{301}"] {
        assert_eq!(
            names(&Listing::default().look(&rows, Order::default(), search)),
            [composed, decomposed],
            "{search}"
        );
    }
}

/// The same numbers on every machine.
fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[wasm_bindgen_test]
#[test]
fn a_listing_that_follows_changes_is_what_it_would_be_if_made_anew() {
    let mut seed = 7;
    let mut rows: Vec<Rc<TableRow>> = Vec::new();
    let mut followed = Listing::default();
    let (mut order, mut search) = (Order::default(), "");
    for step in 0..400 {
        let many = if step % 50 == 0 { 60 } else { 2 };
        for _ in 0..many {
            let id = draw(&mut seed) % 200;
            rows.retain(|row| row.id.0.counter() != id + 1);
            if !draw(&mut seed).is_multiple_of(4) {
                let (name, note) = (format!("P{}", draw(&mut seed) % 30), format!("n{}", draw(&mut seed) % 5));
                rows.push(row(id + 1, &name, &note, id.is_multiple_of(3).then_some(id)));
            }
        }
        rows.sort_by_key(|row| (row.called.to_lowercase(), row.id));
        if step % 20 == 0 {
            let by = [SortKey::Title, NOTE, SortKey::Number][draw(&mut seed) as usize % 3];
            order = Order { by, descending: draw(&mut seed).is_multiple_of(2) };
            search = ["", "p1", "p12", "n3", "7"][draw(&mut seed) as usize % 5];
        }
        let all = Rc::new(rows.clone());
        let anew = Listing::default().look(&all, order, search);
        assert_eq!(names(&followed.look(&all, order, search)), names(&anew), "{order:?} {search:?}");
    }
}

#[wasm_bindgen_test]
#[test]
fn an_order_is_recalled_as_it_was_kept_and_one_of_another_schema_is_none() {
    let layout = Layout::of(&Schema::people());
    for by in [SortKey::Title, NOTE, SortKey::Number] {
        for descending in [false, true] {
            let order = Order { by, descending };
            assert_eq!(Order::recalled(&layout, &order.kept(&layout).unwrap_or_default()), order);
        }
    }
    assert_eq!(Order::recalled(&layout, "-=amount"), Order::default());
    assert_eq!(Order::default().clicked(NOTE).clicked(NOTE), Order { by: NOTE, descending: true });
}

#[wasm_bindgen_test]
#[test]
fn the_order_by_a_field_is_recalled_whatever_the_field_is_called() {
    let field = |name: &str| FieldSpec { name: name.to_owned(), kind: FieldKind::Lww, required: false };
    let schema = Schema::new(["-balance", "balance", "#", "-", "=", "a", "A"].map(field).to_vec()).unwrap();
    let layout = Layout::of(&schema);
    for by in schema.fields().map(|(id, _)| SortKey::Field(id)).chain([SortKey::Number, SortKey::Title]) {
        for descending in [false, true] {
            let order = Order { by, descending };
            assert_eq!(Order::recalled(&layout, &order.kept(&layout).unwrap_or_default()), order);
        }
    }
}

/// Follows what is seen until nothing changes any more, with rows of these heights.
fn settle(mut window: Window, top: f64, height: &dyn Fn(usize) -> f64, all: usize) -> Window {
    for _ in 0..20 {
        let heights: Vec<f64> = (window.first..window.end).map(height).collect();
        let next = window.followed(Sight { top, height: 900.0 }, &heights, all);
        if (next.first, next.end) == (window.first, window.end) {
            return next;
        }
        window = next;
    }
    panic!("the window does not come to rest at {top}: {window:?}");
}

#[wasm_bindgen_test]
#[test]
fn the_window_covers_what_is_seen_and_never_much_more_wherever_one_goes() {
    const ALL: usize = 10_000;
    let uneven = |row: usize| if row.is_multiple_of(7) { 130.0 } else { 45.0 };
    let mut window = Window::default().moved(0, ALL);
    let mut top = -200.0;
    for step in 0..600 {
        top += match step % 100 {
            50 => 100_000.0,
            90 => -60_000.0,
            _ => 120.0,
        };
        window = settle(window, top, &uneven, ALL);
        let span: f64 = (window.first..window.end).map(uneven).sum();
        assert!(window.end - window.first <= 150, "{window:?}");
        assert!(window.first == 0 || window.above <= top, "nothing is missing above: {window:?} at {top}");
        assert!(window.end == ALL || window.above + span >= top + 900.0, "or below: {window:?} at {top}");
    }
    let end = settle(window, 1.0e9, &uneven, ALL);
    assert_eq!((end.end, end.below(ALL)), (ALL, 0.0));
    let start = settle(end, -300.0, &uneven, ALL);
    assert_eq!((start.first, start.above), (0, 0.0));
}

#[wasm_bindgen_test]
#[test]
fn a_short_table_is_in_the_document_whole() {
    let window = settle(Window::default().moved(0, 3), 0.0, &|_| 45.0, 3);
    assert_eq!((window.first, window.end, window.below(3)), (0, 3, 0.0));
    assert_eq!(window.moved(0, 4).end, 4);
}
