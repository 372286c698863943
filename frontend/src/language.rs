//! The language of the page. English words stand where they are used, in [`tr!`](crate::tr) and [`trn!`](crate::trn);
//! the catalog of another language has the words for each of them. It is fetched when somebody reads that language.

use std::cell::RefCell;
use std::fmt::Display;

use client::types::text::isolated;
use litemap::LiteMap;

/// A language that the page speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    English,
    Russian,
}

impl Language {
    pub const ALL: [Language; 2] = [Language::English, Language::Russian];

    /// For `lang`, and for the name of the catalog.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Russian => "ru",
        }
    }

    /// The language of a code.
    #[must_use]
    pub fn of_code(code: &str) -> Option<Self> {
        Language::ALL.into_iter().find(|language| language.code() == code)
    }

    /// In itself.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Language::English => "English",
            Language::Russian => "Русский",
        }
    }

    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Language::English => Language::Russian,
            Language::Russian => Language::English,
        }
    }

    /// Which of the forms of a phrase goes with `count`: the plural rules of Unicode's CLDR for integers.
    #[must_use]
    pub fn plural_form(self, count: u64) -> usize {
        match self {
            Language::English => usize::from(count != 1),
            Language::Russian => match (count % 10, count % 100) {
                (1, of_hundred) if of_hundred != 11 => 0,
                (2..=4, of_hundred) if !(12..=14).contains(&of_hundred) => 1,
                _ => 2,
            },
        }
    }
}

/// The words of one language: all forms of each phrase, under its [`phrase_id`].
pub type Catalog = LiteMap<u32, Vec<String>>;

/// Returns the number of 24 bits under which catalogs have an English phrase. A phrase with a count is there under its
/// plural. It is the hash FNV-1a of the bytes (Fowler, Noll and Vo), folded. `xtask/src/page/words.rs` has the same rule.
#[must_use]
pub fn phrase_id(english: &str) -> u32 {
    let hash = english.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash ^ (hash >> 24)) & 0x00ff_ffff
}

/// Returns the id that stands as four characters in a released file of words. Each has six bits and counts from `0`.
#[must_use]
pub fn id_of_digits(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |id, digit| id << 6 | u32::from(digit.wrapping_sub(b'0')))
}

thread_local! {
    static CURRENT: RefCell<(Language, Catalog)> = RefCell::default();
}

/// The language that the page speaks now.
#[must_use]
pub fn current() -> Language {
    CURRENT.with_borrow(|(language, _)| *language)
}

/// From now on the page speaks `language`. A phrase that is not in the catalog stays English.
pub fn speak(language: Language, catalog: Catalog) {
    CURRENT.set((language, catalog));
}

/// The value of a `{name}` in a phrase.
pub type Value<'a> = (&'a str, &'a dyn Display);

/// `english` in the language of the page, with its `{names}` filled in. Called by [`tr!`](crate::tr).
#[must_use]
pub fn phrase(english: &str, values: &[Value<'_>]) -> String {
    CURRENT.with_borrow(|(_, catalog)| {
        let own = catalog.get(&phrase_id(english)).and_then(|forms| forms.first());
        fill(own.map_or(english, String::as_str), values)
    })
}

/// The phrase that goes with `count`, with its `{names}` filled in. Called by [`trn!`](crate::trn).
#[must_use]
pub fn counted_phrase(count: u64, one: &str, many: &str, values: &[Value<'_>]) -> String {
    CURRENT.with_borrow(|(language, catalog)| {
        let own = catalog.get(&phrase_id(many)).and_then(|forms| forms.get(language.plural_form(count)));
        let english = if count == 1 { one } else { many };
        fill(own.map_or(english, String::as_str), values)
    })
}

/// A count as people read it: `10,000`, or `10 000` with a space that does not break.
#[must_use]
pub fn grouped(count: u64) -> String {
    let (separator, least) = match current() {
        Language::English => (',', 1_000),
        Language::Russian => ('\u{a0}', 10_000),
    };
    let digits = count.to_string();
    if count < least {
        return digits;
    }
    let mut grouped = String::new();
    for (place, digit) in (0..digits.len()).rev().zip(digits.chars()) {
        grouped.push(digit);
        if place > 0 && place % 3 == 0 {
            grouped.push(separator);
        }
    }
    grouped
}

/// A name that has no value stays as it is written.
fn fill(template: &str, values: &[Value<'_>]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let value = after.split_once('}').and_then(|(name, tail)| {
            let (_, value) = values.iter().find(|(known, _)| *known == name)?;
            Some((value, tail))
        });
        if let Some((value, tail)) = value {
            // A name may be written from right to left.
            filled.push_str(&isolated(&value.to_string()));
            rest = tail;
        } else {
            filled.push('{');
            rest = after;
        }
    }
    filled.push_str(rest);
    filled
}

/// `tr!("Number {number} went to {name}.", number = 42, name = "Anna")`: a phrase in the language of the page.
#[macro_export]
macro_rules! tr {
    ($english:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::language::phrase($english, &[$((stringify!($name), &$value)),*])
    };
}

/// `trn!(edits, "{count} edit", "{count} edits")`: a phrase with a count, in the language of the page. Names and values as
/// in [`tr!`](crate::tr).
#[macro_export]
macro_rules! trn {
    ($count:expr, $one:literal, $many:literal $(, $name:ident = $value:expr)* $(,)?) => {{
        let count: u64 = $count;
        $crate::language::counted_phrase(count, $one, $many, &[("count", &$crate::language::grouped(count)) $(, (stringify!($name), &$value))*])
    }};
}
