//! One replica edits a map, and another one follows it edit by edit: B1 of dmonad/crdt-benchmarks, with a map instead of
//! a text.

use super::Work;
use crate::engines::Engine;
use crate::measure::{Figures, timed};
use crate::random::random;
use crate::table::{Goal, Table};

/// As in B1.
const EDITS: u64 = 6000;
const KEYS: usize = 100;

#[derive(Default)]
pub struct MapEdits {
    time: Figures,
    update: Figures,
    document: Figures,
}

/// One edit of the map.
struct Edit {
    /// Which of the keys.
    key: usize,
    value: String,
}

impl Work for MapEdits {
    const NAME: &'static str = "map edits";

    fn measure<E: Engine>(&mut self) {
        let keys: Vec<_> = (0..KEYS).map(|key| format!("k{key}")).collect();
        let edits: Vec<_> = (0..EDITS).map(edit).collect();
        let mut author: E = base(&keys);
        let mut follower = E::load(2, &author.save());

        let (time, update_bytes) = timed(|| follow(&mut author, &mut follower, &keys, &edits));
        self.time.add(E::NAME, time);
        self.update.add(E::NAME, update_bytes as f64 / EDITS as f64);
        self.document.add(E::NAME, follower.save().len() as f64);
        for (index, key) in keys.iter().enumerate() {
            let last = edits.iter().rfind(|edit| edit.key == index).expect("every key is edited");
            assert_eq!(follower.key(key), last.value, "{}", E::NAME);
        }
    }

    fn add_to(&self, table: &mut Table) {
        let ahead = Goal::ShareOfBest(1.0);
        table.row("B1, in a map: 6,000 edits of 100 keys, made and applied one by one", "ms", &self.time, ahead);
        table.row("B1, in a map: one update", "B", &self.update, Goal::AtMost(24.0));
        table.row("B1, in a map: document", "B", &self.document, ahead);
    }
}

/// A document in which every key has a value.
fn base<E: Engine>(keys: &[String]) -> E {
    let mut author = E::new(1);
    for key in keys {
        author.set_key(key, "first");
    }
    author
}

fn edit(index: u64) -> Edit {
    let random = random(index);
    Edit { key: (random % KEYS as u64) as usize, value: format!("{:06x}", random >> 40) }
}

/// Gives the length of all updates, in bytes.
fn follow<E: Engine>(author: &mut E, follower: &mut E, keys: &[String], edits: &[Edit]) -> usize {
    let mut link = E::link(&author.greeting());
    let mut update_bytes = 0;
    for Edit { key, value } in edits {
        let update = author.set_key(&keys[*key], value);
        follower.apply(&mut link, &update);
        update_bytes += update.len();
    }
    update_bytes
}
