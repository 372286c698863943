//! What people type, and when things happened.

use client::session::NumberOperation;
use frontend::view_model::{
    InvalidNumber, Layout, LocalTime, parse_count, parse_number, parse_operation, violation_in_words,
};
use shared::replica::io::Violation;
use shared::schema::FieldKind::{self, Counter, Lww, Mv, Set};
use shared::schema::{FieldSpec, MAX_ELEMENT_BYTES, MAX_ELEMENTS, Schema};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test(unsupported = test)]
fn numbers_are_digits_within_the_range() {
    assert_eq!(parse_number(" 42 "), Ok(42));
    assert_eq!(parse_number("999 999 999 999"), Ok(999_999_999_999));
    for wrong in ["", "0", "-1", "4.2", "1e3", "1000000000000", "99999999999999999999999", "٤٢"] {
        assert_eq!(parse_number(wrong), Err(InvalidNumber), "{wrong}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_operation_is_nothing_the_next_number_or_a_number() {
    assert_eq!(parse_operation("  "), Ok(None));
    assert_eq!(parse_operation("Next"), Ok(Some(NumberOperation::Next)));
    assert_eq!(parse_operation("7"), Ok(Some(NumberOperation::This(7))));
    assert_eq!(parse_operation("seven"), Err(InvalidNumber));
}

#[wasm_bindgen_test(unsupported = test)]
fn of_databases_that_were_put_back_by_hand_a_user_reads_what_happened_and_whom_to_tell() {
    let said = violation_in_words(&Violation::Diverged);
    let what = "the relays know another past of this room, as if their database was put back from an older copy";
    assert_eq!(said, format!("{what}: tell whoever runs them to use `relay restore`"));
}

#[wasm_bindgen_test(unsupported = test)]
fn the_clock_shows_local_time() {
    let at_ms = 1_700_000_000_000; // 2023-11-14 22:13:20 UTC
    assert_eq!(LocalTime { minutes_ahead_of_utc: 0 }.clock(at_ms), "22:13");
    assert_eq!(LocalTime { minutes_ahead_of_utc: 330 }.clock(at_ms), "03:43");
    assert_eq!(LocalTime { minutes_ahead_of_utc: -180 }.clock(60_000), "21:01");
}

/// What somebody typed as new tags, for a person with these.
fn new_tags(typed: &str, tags: &[String]) -> Result<Vec<String>, String> {
    let layout = Layout::of(&Schema::people());
    layout.new_elements(&layout.columns[0].fields[1], typed, tags)
}

#[wasm_bindgen_test(unsupported = test)]
fn commas_separate_tags_and_those_that_are_there_are_left_out() {
    let tags = ["board".to_owned()];
    let new = |typed| new_tags(typed, &tags).unwrap();
    assert_eq!(new(" choir "), ["choir"]);
    assert_eq!(new("joins in May, choir,, board ,choir,"), ["joins in May", "choir"]);
    assert_eq!(new("\"a, b\", c"), ["a, b", "c"], "as in a file");
    assert!(new_tags("\"a", &[]).unwrap_err().contains("a quote without its other one"));
    assert!(new("").is_empty() && new(" , ").is_empty() && new("board").is_empty());
}

#[wasm_bindgen_test(unsupported = test)]
fn tags_that_the_relays_would_refuse_are_refused_here_with_a_reason() {
    let long = "x".repeat(MAX_ELEMENT_BYTES + 1);
    assert_eq!(
        new_tags(&format!("choir, {long}"), &[]),
        Err("Tags is 257 bytes long; at most 256 are allowed.".to_owned())
    );
    let many: Vec<String> = (0..MAX_ELEMENTS).map(|tag| tag.to_string()).collect();
    assert_eq!(new_tags("choir", &many), Err("Tags may hold 256 elements at most.".to_owned()));
    assert_eq!(new_tags("0, 1", &many), Ok(Vec::new()));
}

/// The layout of a schema; a field whose name ends with `!` is required.
fn layout(fields: &[(&str, FieldKind)]) -> Layout {
    let spec = |&(name, kind): &(&str, FieldKind)| FieldSpec {
        name: name.trim_end_matches('!').to_owned(),
        kind,
        required: name.ends_with('!'),
    };
    Layout::of(&Schema::new(fields.iter().map(spec).collect()).unwrap())
}

fn title(layout: &Layout) -> &str {
    layout.title.as_ref().map_or("", |title| &title.name)
}

fn headings(layout: &Layout) -> Vec<&str> {
    layout.columns.iter().map(|column| column.heading.as_str()).collect()
}

#[wasm_bindgen_test(unsupported = test)]
fn the_title_is_the_first_text_that_is_required_or_else_the_first_text() {
    assert_eq!(title(&layout(&[("sum", Counter), ("note", Lww), ("title!", Mv), ("code!", Lww)])), "title");
    assert_eq!(title(&layout(&[("tags", Set), ("note", Lww), ("title", Mv)])), "note");
    assert_eq!(layout(&[("sum", Counter), ("tags", Set)]).title, None);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_set_shares_the_column_of_the_text_before_it_and_what_is_too_much_shares_the_last() {
    let people = Layout::of(&Schema::people());
    assert_eq!((headings(&people), people.is_wide()), (vec!["Note and tags"], false));
    let invoices = layout(&[("title!", Mv), ("state", Lww), ("amount", Counter), ("labels", Set)]);
    assert_eq!((headings(&invoices), invoices.is_wide()), (vec!["State", "Amount", "Labels"], true));
    let form: Vec<_> = invoices.form().map(|field| field.label()).collect();
    assert_eq!(form, ["Title", "State", "Amount"]);
    let many = layout(&[("a!", Mv), ("b", Lww), ("c", Lww), ("d", Set), ("e", Set), ("f", Counter), ("g", Lww)]);
    assert_eq!(headings(&many), ["B", "C and d", "More"]);
    let last = many.columns.last().unwrap();
    let rest: Vec<_> = last.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!((rest, last.labelled), (vec!["e", "f", "g"], true));
}

#[wasm_bindgen_test(unsupported = test)]
fn people_with_more_fields_are_people_still_and_others_are_records() {
    let named = |more| layout(&[&[("name!", Mv), ("note", Lww), ("tags", Set)][..], more].concat()).nouns.many;
    assert_eq!(named(&[]), "people");
    assert_eq!(named(&[("phone", Lww)]), "people");
    assert_eq!(layout(&[("name!", Mv), ("phone", Lww)]).nouns.many, "records");
}

#[wasm_bindgen_test(unsupported = test)]
fn fields_are_spoken_of_by_their_names() {
    let layout = layout(&[("owner!", Mv), ("address", Set), ("labels", Set), ("s", Set), ("notes", Lww)]);
    let ones: Vec<_> = layout.columns.iter().flat_map(|column| &column.fields).map(|field| field.one()).collect();
    assert_eq!(ones, ["an address", "a label", "a s", "a notes"]);
    assert_eq!(layout.title.as_ref().unwrap().several(), "values of owner");
    let empty = shared::schema::FieldEdit::Assign(" ".to_owned());
    assert_eq!(layout.check("owner", &empty), Err("A record needs an owner.".to_owned()));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_count_is_typed_as_what_it_is_to_become() {
    let layout = layout(&[("amount", Counter)]);
    let typed = |text, current| parse_count(&layout.columns[0].fields[0], text, current);
    assert_eq!(
        (typed("10", 3), typed(" 1 000 ", 0), typed("-5", 3), typed("−5", -5)),
        (Ok(7), Ok(1000), Ok(-8), Ok(0))
    );
    for wrong in ["", "ten", "1.5", "99999999999999999999"] {
        assert_eq!(typed(wrong, 0), Err("Amount is a whole number.".to_owned()));
    }
}
