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

/// An object with an array of forms for each phrase.
fn catalog(words: &JsValue) -> Option<Catalog> {
    let entries = Object::entries(words.dyn_ref::<Object>()?);
    let entries = entries.iter().map(|entry| {
        let entry = Array::from(&entry);
        let forms = Array::from(&entry.get(1)).iter().map(|form| form.as_string()).collect::<Option<_>>();
        Some((entry.get(0).as_string()?, forms?))
    });
    entries.collect()
}
