//! Numbers that replicas give by themselves: texts in a register of their own.

use super::field::{FieldEdit, FieldId, FieldKind, MAX_FIELDS, Op};

/// The largest number that can be given.
pub const MAX_NUMBER: u64 = 999_999_999_999;

/// The register that every record has besides those of its schema: the number that a replica gave it by itself, until
/// the log has settled it. Concurrent ones are all kept.
pub const NUMBER: FieldId = FieldId(MAX_FIELDS as u16);

/// The content of the register [`NUMBER`]: a number that a replica gave, as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenNumber {
    /// The number, in `1..=MAX_NUMBER`.
    pub number: u64,
    /// The number of the epoch in which it was given.
    pub epoch: u64,
    /// True if the number comes from a lease of its author.
    pub leased: bool,
}

/// The text behind a leased number.
const LEASED: &str = " leased";

impl GivenNumber {
    pub(crate) fn op(self) -> Op {
        let GivenNumber { number, epoch, leased } = self;
        let text = format!("{number} {epoch}{}", if leased { LEASED } else { "" });
        Op { field: NUMBER, kind: FieldKind::Mv, edit: FieldEdit::Assign(text) }
    }

    /// The op that takes it back.
    pub(crate) fn none() -> Op {
        Op { field: NUMBER, kind: FieldKind::Mv, edit: FieldEdit::Assign(String::new()) }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (text, leased) = match text.strip_suffix(LEASED) {
            Some(text) => (text, true),
            None => (text, false),
        };
        let (number, epoch) = text.split_once(' ')?;
        let given = GivenNumber { number: number.parse().ok()?, epoch: epoch.parse().ok()?, leased };
        (1..=MAX_NUMBER).contains(&given.number).then_some(given)
    }
}
