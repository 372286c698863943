//! The catalog has every phrase of the page, with its names and its forms, and nothing else.

#![cfg(not(target_arch = "wasm32"))]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use frontend::language::phrase_id;

/// What a phrase says with the nouns of the schema; another language does without their cases.
const NOUNS: [&str; 3] = ["one", "many", "none"];

/// A phrase as the page has it.
struct Phrase {
    /// The English that the catalog has it under.
    english: String,
    forms: usize,
}

#[test]
fn every_phrase_is_in_russian_with_its_names_and_forms() {
    let (phrases, catalog) = (phrases(), catalog());
    assert!(phrases.len() > 300, "the sources are read: {} phrases", phrases.len());
    for Phrase { english, forms } in &phrases {
        let Some(russian) = catalog.get(english) else { panic!("not in Russian: {english:?}") };
        assert_eq!(russian.len(), *forms, "forms of {english:?}");
        let known = names(english);
        for form in russian {
            let used = names(form);
            assert!(used.is_subset(&known), "{form:?} has other names than {english:?}");
            let left_out = known.difference(&used).find(|name| !NOUNS.contains(&name.as_str()));
            assert_eq!(left_out, None, "{form:?} leaves out a name of {english:?}");
        }
    }
}

#[test]
fn nothing_in_the_catalog_is_unused() {
    let used: BTreeSet<_> = phrases().into_iter().map(|phrase| phrase.english).collect();
    let unused: Vec<_> = catalog().into_keys().filter(|english| !used.contains(english)).collect();
    assert!(unused.is_empty(), "no phrase of the page: {unused:#?}");
}

#[test]
fn each_phrase_has_an_id_of_its_own() {
    let mut known = BTreeMap::new();
    for english in catalog().into_keys() {
        let other = known.insert(phrase_id(&english), english.clone());
        assert_eq!(other, None, "has the id of {english:?}: change a word in one of them");
    }
}

fn catalog() -> BTreeMap<String, Vec<String>> {
    let words = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("words/ru.json")).unwrap();
    serde_json::from_str(&words).unwrap()
}

/// The `{names}` of a phrase.
fn names(phrase: &str) -> BTreeSet<String> {
    let opened = phrase.split('{').skip(1);
    opened.filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect()
}

fn phrases() -> Vec<Phrase> {
    let mut phrases = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("language.rs") {
                phrases_of(&fs::read_to_string(&path).unwrap(), &mut phrases);
            }
        }
    }
    phrases
}

/// The phrases of one file. `tr!` begins with its phrase; in `trn!` the second literal is the one in the catalog.
fn phrases_of(source: &str, phrases: &mut Vec<Phrase>) {
    for (at, opening) in source.match_indices("tr!(") {
        if !source[..at].ends_with(|before: char| before.is_alphanumeric()) {
            let english = literal(source[at + opening.len()..].trim_start());
            phrases.push(Phrase { english: english.expect("tr! begins with a phrase").0, forms: 1 });
        }
    }
    for (at, opening) in source.match_indices("trn!(") {
        let call = &source[at + opening.len()..];
        let (_, rest) = literal(&call[call.find('"').unwrap()..]).unwrap();
        let (english, _) = literal(&rest[rest.find('"').unwrap()..]).unwrap();
        phrases.push(Phrase { english, forms: 3 });
    }
}

/// The string literal that the source begins with, and what follows it.
fn literal(source: &str) -> Option<(String, &str)> {
    let mut rest = source.strip_prefix('"')?;
    let mut text = String::new();
    loop {
        let at = rest.find(['"', '\\'])?;
        text.push_str(&rest[..at]);
        let special = &rest[at..];
        if let Some(rest) = special.strip_prefix('"') {
            return Some((text, rest));
        }
        rest = match special.strip_prefix("\\\n") {
            Some(next_line) => next_line.trim_start(),
            None => {
                let escaped = special[1..].chars().next()?;
                assert!(matches!(escaped, '"' | '\\'), "an escape that is not read here: \\{escaped}");
                text.push(escaped);
                &special[1 + escaped.len_utf8()..]
            }
        };
    }
}
