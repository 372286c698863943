//! Names within sentences: the direction of one must not turn around the other.

use std::borrow::Cow;

const BEGIN: char = '\u{2068}';
const END: char = '\u{2069}';

/// Returns a text that can stand in a sentence. If it could change the order of the words beside it, it is put
/// between the signs of an isolate (Unicode Standard Annex #9). Signs of its own that would end that isolate are left
/// out or closed.
#[must_use]
pub fn isolated(text: &str) -> Cow<'_, str> {
    if !text.chars().any(has_direction) {
        return Cow::Borrowed(text);
    }
    let mut isolate = String::with_capacity(text.len() + 6);
    isolate.push(BEGIN);
    let mut open = 0_usize;
    for letter in text.chars() {
        match letter {
            '\u{2066}'..='\u{2068}' => open += 1,
            END if open == 0 => continue,
            END => open -= 1,
            _ => {}
        }
        isolate.push(letter);
    }
    isolate.extend(std::iter::repeat_n(END, open + 1));
    Cow::Owned(isolate)
}

/// Whether a character belongs to a script that is written from right to left, or controls the direction.
fn has_direction(letter: char) -> bool {
    matches!(letter,
        '\u{590}'..='\u{8ff}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_turn_around_the_sentence_that_it_stands_in() {
        assert_eq!(isolated("Anna Großmann"), "Anna Großmann");
        assert_eq!(isolated("\u{202e}Anna"), "\u{2068}\u{202e}Anna\u{2069}");
        assert_eq!(isolated("שרה"), "\u{2068}שרה\u{2069}");
        assert_eq!(isolated("a\u{2069}\u{202e}b"), "\u{2068}a\u{202e}b\u{2069}", "it cannot end its isolate");
        assert_eq!(isolated("a\u{2067}b"), "\u{2068}a\u{2067}b\u{2069}\u{2069}", "nor leave one open");
        let nested = isolated("שרה").into_owned();
        assert_eq!(isolated(&nested), format!("\u{2068}{nested}\u{2069}"));
    }
}
