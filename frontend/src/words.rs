//! Which language the page speaks: the one chosen here last, or else the browser's. The words of any but English come
//! from where the page comes from.

use std::fmt;

use js_sys::{Array, Object};
use wasm_bindgen::{JsCast, JsValue};

use crate::language::{self, Catalog, Language};
use crate::{browser, tr};

const LANGUAGE_KEY: &str = "duet.language";

/// The words of a language cannot be fetched.
#[derive(Clone, Copy, Debug)]
pub struct Unavailable;

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the words of the language cannot be fetched")
    }
}

/// The language that the reader of the page wants.
#[must_use]
pub fn wanted() -> Language {
    let code = browser::recall(LANGUAGE_KEY).or_else(browser::language).unwrap_or_default();
    let code = code.split('-').next().unwrap_or_default();
    Language::ALL.into_iter().find(|language| language.code() == code).unwrap_or_default()
}

/// From now on, and the next time that the page is loaded, too, it speaks `language`.
///
/// # Errors
/// [`Unavailable`] if its words cannot be had: the page goes on in the language that it speaks.
pub async fn choose(language: Language) -> Result<(), Unavailable> {
    speak(language).await?;
    browser::remember(LANGUAGE_KEY, Some(language.code()));
    Ok(())
}

/// From now on the page speaks `language`.
///
/// # Errors
/// [`Unavailable`] if its words cannot be had: the page goes on in the language that it speaks.
pub async fn speak(language: Language) -> Result<(), Unavailable> {
    let catalog = match language {
        Language::English => Catalog::new(),
        Language::Russian => {
            let words = browser::fetch_json(&format!("{}.json", language.code())).await.ok_or(Unavailable)?;
            catalog(&words).ok_or(Unavailable)?
        }
    };
    language::speak(language, catalog);
    browser::set_language(language.code(), &tr!("Duet: people that merge, numbers that are agreed"));
    Ok(())
}

/// Reads a file of words. As written, it is an object with an array of forms for each phrase. As released, it is an array:
/// the ids of all phrases in one text, and then their arrays of forms.
fn catalog(words: &JsValue) -> Option<Catalog> {
    if let Some(released) = words.dyn_ref::<Array>() {
        let ids = released.get(0).as_string()?;
        let ids = ids.as_bytes().chunks(4).map(language::id_of_digits);
        return ids.zip(1..).map(|(id, at)| Some((id, texts(&released.get(at))?))).collect();
    }
    let entries = Object::entries(words.dyn_ref::<Object>()?);
    let entries = entries.iter().map(|entry| {
        let entry = Array::from(&entry);
        Some((language::phrase_id(&entry.get(0).as_string()?), texts(&entry.get(1))?))
    });
    entries.collect()
}

fn texts(forms: &JsValue) -> Option<Vec<String>> {
    forms.dyn_ref::<Array>()?.iter().map(|form| form.as_string()).collect()
}
