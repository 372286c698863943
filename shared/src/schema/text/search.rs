//! How searches compare texts.

/// A text as searches compare it: in lower case, and composed (Unicode's NFC), so that `José` is found however its accent
/// was typed. The value itself stays as it was typed. `compose` is the host's NFC: browsers have one.
#[must_use]
pub fn folded(text: &str, compose: impl FnOnce(&str) -> String) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { compose(&text.to_lowercase()) }
}
