//! The words of the page as they are released. The files in `frontend/words` have each English phrase as a key; the page
//! has these phrases already, so a released file has an id of four characters in the place of each.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The forms of each English phrase in another language.
type Forms = BTreeMap<String, Vec<String>>;

/// Replaces a file of words by its released form.
pub fn shorten(file: &Path) -> Result<()> {
    let text = fs::read_to_string(file)?;
    let forms = serde_json::from_str(&text).with_context(|| format!("{} has no words", file.display()))?;
    Ok(fs::write(file, released(forms)?.to_string())?)
}

/// Returns an array: the ids of all phrases in one text, and then the forms of each phrase.
fn released(forms: Forms) -> Result<Value> {
    let mut known = BTreeMap::new();
    let mut ids = String::new();
    for phrase in forms.keys() {
        let id = id(phrase);
        if let Some(other) = known.insert(id.clone(), phrase) {
            bail!("two phrases have one id: change a word in {phrase:?} or in {other:?}");
        }
        ids += &id;
    }
    Ok(std::iter::once(ids.into()).chain(forms.into_values().map(Value::from)).collect())
}

/// Returns the id of a phrase in four characters of six bits each. `frontend/src/language.rs` has the same rule.
fn id(phrase: &str) -> String {
    let hash = phrase.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let folded = hash ^ (hash >> 24);
    [18, 12, 6, 0].map(|shift| char::from(b'0' + (folded >> shift & 0x3f) as u8)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_same_as_in_the_page() {
        assert_eq!([id("Save"), id("{count} edits")], [";EdU", r"Ok\A"]);
    }

    #[test]
    fn released_words_have_ids_in_place_of_phrases() {
        let forms = [("Undo", vec!["Отменить"]), ("{count} edits", vec!["{count} правка", "{count} правки"])];
        let forms = forms.map(|(phrase, forms)| (phrase.to_owned(), forms.into_iter().map(str::to_owned).collect()));
        let ids = id("Undo") + &id("{count} edits");
        let expected = serde_json::json!([ids, ["Отменить"], ["{count} правка", "{count} правки"]]);
        assert_eq!(released(forms.into()).unwrap(), expected);
    }

    #[test]
    fn phrases_with_one_id_are_refused() {
        let words = |number: u32| (format!("Phrase {number}"), Vec::new());
        assert_eq!(id("Phrase 979"), id("Phrase 5171"));
        assert!(released([words(979), words(5171)].into()).is_err());
    }
}
