//! Whole numbers as people write them.

use std::borrow::Cow;

use crate::schema::MAX_NUMBER;

/// Signs that may stand between the thousands: a space, one that does not break, a narrow one, a thin one.
const SEPARATORS: [char; 4] = [' ', '\u{a0}', '\u{202f}', '\u{2009}'];

/// Reads the number of a record: ASCII digits, from 1 to [`MAX_NUMBER`]. Space around them is ignored, and spaces may
/// stand between the thousands: `10 000`. Returns `None` for anything else, such as `1 2`.
#[must_use]
pub fn parse_number(typed: &str) -> Option<u64> {
    let number = ungrouped(typed.trim())?.parse().ok()?;
    (1..=MAX_NUMBER).contains(&number).then_some(number)
}

/// Reads a count, which may have a sign: `-5`, `−5`, `+5`. Spaces are as in [`parse_number`]. Returns `None` for anything
/// else, and for a count that is beyond 64 bits.
#[must_use]
pub fn parse_count(typed: &str) -> Option<i64> {
    let typed = typed.trim();
    match typed.strip_prefix(['-', '−']) {
        Some(digits) => format!("-{}", ungrouped(digits)?).parse().ok(),
        None => ungrouped(typed.strip_prefix('+').unwrap_or(typed))?.parse().ok(),
    }
}

/// The digits alone. Between them there may be one kind of separator, and every group but the first has three digits.
fn ungrouped(text: &str) -> Option<Cow<'_, str>> {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_digits(text) {
        return Some(Cow::Borrowed(text));
    }
    let separator = text.chars().find(|letter| SEPARATORS.contains(letter))?;
    let mut groups = text.split(separator);
    let first = groups.next().filter(|first| is_digits(first) && first.len() <= 3)?;
    let mut digits = first.to_owned();
    for group in groups {
        if !is_digits(group) || group.len() != 3 {
            return None;
        }
        digits.push_str(group);
    }
    Some(Cow::Owned(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_stand_around_a_number_and_between_its_thousands_and_nowhere_else() {
        for (typed, number) in [(" 42 ", 42), ("10 000", 10_000), ("1\u{a0}234\u{a0}567", 1_234_567), ("007", 7)] {
            assert_eq!(parse_number(typed), Some(number), "{typed:?}");
        }
        for wrong in ["1 2", "3\n4", "1 00", "1000 000", "1  000", "1 000\u{a0}000", "1\t000", " ", "", "0", "+1"] {
            assert_eq!(parse_number(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_count_has_at_most_one_sign_and_is_kept_exactly_or_refused() {
        for (typed, count) in [("-5", -5), ("−1 000", -1000), ("+7", 7), ("0", 0), ("-9223372036854775808", i64::MIN)]
        {
            assert_eq!(parse_count(typed), Some(count), "{typed:?}");
        }
        for wrong in ["- 5", "--5", "-+5", "1-2-3", "1.0", "1e3", "3\n4", "1 2", "9223372036854775808", "٤", ""] {
            assert_eq!(parse_count(wrong), None, "{wrong:?}");
        }
    }
}
