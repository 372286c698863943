//! How records, replicas and conflicts are named in texts.

use shared::base::dot::Dot;
use shared::base::id::{RecordId, ReplicaId};
use shared::consensus::Slot;
use shared::ledger::ConflictId;
use thiserror::Error;

/// A text that names no record or no conflict. Its text says how such a name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct NotAnId(&'static str);

/// The whole name of a record: that of the replica that made it, and a count, as in `00c3a1f05b7d92e4.17`.
pub fn of_record(RecordId(dot): RecordId) -> String {
    format!("{}.{}", of_replica(dot.replica()), dot.counter())
}

/// The whole name of a replica: 16 hexadecimal digits.
pub fn of_replica(replica: ReplicaId) -> String {
    format!("{:016x}", replica.0)
}

/// # Errors
/// The text is not the name of a record.
pub fn record(text: &str) -> Result<RecordId, NotAnId> {
    let parsed = text.split_once('.').and_then(|(replica, counter)| {
        let is_plain = replica.len() == 16 && replica.bytes().all(|byte| byte.is_ascii_hexdigit());
        let replica = u64::from_str_radix(replica, 16).ok().filter(|_| is_plain)?;
        Dot::try_new(ReplicaId(replica), plain_number(counter)?).ok().map(RecordId)
    });
    parsed.ok_or(NotAnId("a record's id is 16 hexadecimal digits, a dot and a count"))
}

/// # Errors
/// The text is not the name of a conflict.
pub fn conflict(text: &str) -> Result<ConflictId, NotAnId> {
    let parsed = text.split_once('.').and_then(|(slot, at)| {
        let at = u16::try_from(plain_number(at)?).ok()?;
        Some(ConflictId { slot: Slot(plain_number(slot)?), at })
    });
    parsed.ok_or(NotAnId("a conflict's id is a slot, a dot and a count, as in 118.0"))
}

/// Digits and nothing else: `parse` takes a plus sign, too.
fn plain_number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use shared::base::dot::MAX_COUNTER;

    use super::*;

    #[test]
    fn names_of_records_and_conflicts_are_read_as_they_are_written() {
        let id = RecordId(Dot::new(ReplicaId(0xc3_a1f0_5b7d_92e4), 17));
        assert_eq!(of_record(id), "00c3a1f05b7d92e4.17");
        assert_eq!(record(&of_record(id)).unwrap(), id);
        let id = ConflictId { slot: Slot(118), at: 3 };
        assert_eq!(conflict(&id.to_string()).unwrap(), id);
    }

    #[test]
    fn other_texts_are_no_names() {
        for text in ["", ".", "c3.1", "00c3a1f05b7d92e4.0", "00c3a1f05b7d92e4.+1", "+0c3a1f05b7d92e4.1", "é.1", "1.2.3"]
        {
            assert!(record(text).is_err(), "{text}");
        }
        assert!(record(&format!("00c3a1f05b7d92e4.{}", MAX_COUNTER + 1)).is_err());
        for text in ["", "1", "1.", "1.65536", "+1.0", "1.-1", "1.2.3"] {
            assert!(conflict(text).is_err(), "{text}");
        }
    }
}
