//! How searches compare texts.

use shared::schema::text;
use unicode_normalization::UnicodeNormalization;

/// A text as searches compare it: however its capitals and its accents were typed.
pub fn folded(text: &str) -> String {
    text::folded(text, |text| text.nfc().collect())
}
