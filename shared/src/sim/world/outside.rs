//! Programs outside that ask relays for something under keys, and ask again elsewhere when they see no answer.

use std::collections::BTreeMap;

use super::{RELAYS, World};
use crate::base::dot::Dot;
use crate::base::id::{RecordId, ReplicaId};
use crate::ledger::{Key, Keyed};
use crate::replica::Replica;
use crate::replica::io::Command;
use crate::schema::{self, FieldEdit, FieldName, NUMBER};
use crate::sim::network::NodeId;
use crate::sim::violated::Violated;

/// The name of a record that was added at a relay together with a number.
pub(super) const REGISTERED: &str = "registered";
/// The beginning of the name of a record that was added under a key.
const UNDER_KEY: &str = "under key ";

impl World {
    /// A program outside asks a relay for something under a key, perhaps not for the first time.
    pub(super) fn ask_from_outside(&mut self, relay: NodeId) -> Result<(), Violated> {
        let Some(replica) = &self.nodes[relay].replica else { return Ok(()) };
        let since = replica.view().log().decided();
        let is_again = self.below(2) == 0 && !self.outside.is_empty();
        let (keyed, command) = if is_again {
            // The latest ones most often: their first HTTP requests are still under way.
            let latest = self.outside.len() as u64;
            let back = if self.below(3) == 0 { self.below(latest) } else { self.below(latest.min(3)) };
            self.outside[(latest - 1 - back) as usize].clone()
        } else {
            let key = Key(u128::from(self.new_id().0).to_be_bytes());
            let Some(command) = self.some_command(relay, key) else { return Ok(()) };
            self.outside.push((Keyed { key, hash: 1, since }, command));
            self.outside[self.outside.len() - 1].clone()
        };
        let is_other = self.below(20) == 0;
        let keyed = if is_other { Keyed { hash: 2, ..keyed } } else { keyed };
        let id = self.next_command();
        if let Command::Number { record, .. } = command {
            self.checker.numbering_begins(id, record);
        }
        self.checker.keyed_begins(id, keyed);
        self.give(relay, Command::Once { keyed, command: Box::new(command) })
    }

    fn some_command(&mut self, relay: NodeId, key: Key) -> Option<Command> {
        let name = vec![(schema::NAME.to_owned(), FieldEdit::Assign(format!("{UNDER_KEY}{}", number_of(key))))];
        let chosen = self.below(8);
        let number = (self.below(2) == 0).then(|| self.some_number());
        Some(match (chosen, self.some_record(relay)) {
            (0..=2, _) => Command::Register { fields: name, number },
            (3 | 4, _) | (_, None) => Command::Add { fields: name },
            (5, Some(record)) => {
                let edit = |field: &str, edit| (FieldName::from(field), edit);
                let text = || format!("{}", number_of(key));
                let edits =
                    vec![edit(schema::NOTE, FieldEdit::Assign(text())), edit(schema::TAGS, FieldEdit::Insert(text()))];
                Command::Change { record, edits }
            }
            (6, Some(record)) => match self.below(3) {
                0 => Command::Remove { record },
                1 => Command::Free { record },
                _ => Command::Number { record, number },
            },
            (_, Some(record)) => Command::Ask(self.some_operation(record, ReplicaId(0))),
        })
    }

    /// After everything has healed: one key has made one record at the most, and what a relay has added together with a
    /// number has one, or is gone.
    pub(super) fn check_made(&self, node: NodeId, replica: &Replica) -> Result<(), Violated> {
        let view = replica.view();
        let document = view.document();
        // Of a relay that has lost its disk, or some of what was on it, nobody can take anything back.
        let is_alive = |dot: Dot| self.nodes[..RELAYS].iter().any(|relay| relay.id == dot.replica() && !relay.forgot);
        // Once somebody has edited a record it may be back for that.
        let is_as_made = |record: RecordId| document.version_dots(record).contains(&record.0);
        let mut under_keys: BTreeMap<Key, RecordId> = BTreeMap::new();
        for record in document.records().filter(|&record| is_alive(record.0) && is_as_made(record)) {
            let shown = view.record(record).expect("it is there");
            let name = shown.shown(schema::NAME);
            if let Some(key) = key_in(name)
                && self.checker.model.remembers(key)
                && let Some(first) = under_keys.insert(key, record)
            {
                return Err(Violated::TwoUnderOneKey { node, first, second: record });
            }
            let was_given = document.read(record).is_some_and(|version| version.field(NUMBER).is_some());
            let was_numbered = was_given || self.checker.model.was_given_to(record);
            if name == REGISTERED && !was_numbered {
                return Err(Violated::HalfRegistered { node, record });
            }
        }
        Ok(())
    }
}

/// The key under which a record of this name was added.
fn key_in(name: &str) -> Option<Key> {
    let number: u128 = name.strip_prefix(UNDER_KEY)?.parse().ok()?;
    Some(Key(number.to_be_bytes()))
}

/// The number by which a key was made.
fn number_of(key: Key) -> u128 {
    u128::from_be_bytes(key.0)
}
