//! Phrases in both languages.

use frontend::language::{Catalog, Language, id_of_digits, phrase_id, speak};
use frontend::{tr, trn};

#[test]
fn english_stands_where_it_is_used_and_names_are_filled_in() {
    assert_eq!(tr!("Number {number} went to {name}.", number = 42, name = "Anna"), "Number 42 went to Anna.");
    assert_eq!(tr!("no {such} name"), "no {such} name");
    assert_eq!([0, 1, 2].map(|n| trn!(n, "{count} edit", "{count} edits")), ["0 edits", "1 edit", "2 edits"]);
    assert_eq!(trn!(1_234_567, "{count} edit", "{count} edits"), "1,234,567 edits");
}

#[test]
fn a_name_does_not_turn_around_the_sentence_that_it_stands_in() {
    let told = tr!("Number {number} belongs to {name}: ask for another.", number = 814, name = "\u{202e}annA");
    assert_eq!(told, "Number 814 belongs to \u{2068}\u{202e}annA\u{2069}: ask for another.");
    let nested = tr!("{what} It became {given}.", what = told, given = 7);
    let depth = |text: &str| text.matches('\u{2068}').count() as isize - text.matches('\u{2069}').count() as isize;
    assert!(depth(&nested) == 0 && nested.ends_with("\u{2069} It became 7."), "{nested:?}");
}

#[test]
fn a_catalog_has_a_form_for_each_count() {
    let forms = ["{count} правка", "{count} правки", "{count} правок"].map(str::to_owned).to_vec();
    speak(Language::Russian, Catalog::from_iter([(phrase_id("{count} edits"), forms)]));
    let counted = [1, 2, 5, 11, 12, 21, 22, 111].map(|n| trn!(n, "{count} edit", "{count} edits"));
    assert_eq!(
        counted,
        ["1 правка", "2 правки", "5 правок", "11 правок", "12 правок", "21 правка", "22 правки", "111 правок"]
    );
    let long = [9_999, 10_000].map(|n| trn!(n, "{count} edit", "{count} edits"));
    assert_eq!(long, ["9999 правок", "10\u{a0}000 правок"]);
    assert_eq!(tr!("not in the catalog"), "not in the catalog");
}

#[test]
fn an_id_is_the_same_as_in_a_released_file_of_words() {
    assert_eq!([id_of_digits(b";EdU"), id_of_digits(br"Ok\A")], [phrase_id("Save"), phrase_id("{count} edits")]);
}
