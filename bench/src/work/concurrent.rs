//! Many replicas write the same key of a map at once, and one more applies all they wrote: B3 of
//! dmonad/crdt-benchmarks.

use super::Work;
use crate::engines::Engine;
use crate::measure::{Figures, timed};
use crate::table::{Goal, Table};

/// As in B3: 20 × √6000, rounded.
const REPLICAS: u64 = 1540;
/// What a version vector cannot do without for each replica: 8 bytes of id, 1 of counter.
const VECTOR_ENTRY_BYTES: u64 = 9;

const NUMBER_WORK: &str = "B3.1: 1,540 replicas set one number, one applies all";
const OBJECT_WORK: &str = "B3.2: the same with an object";

/// What the times are called where they are handed over as text.
const NUMBER: &str = "number";
const OBJECT: &str = "object";

#[derive(Default)]
pub struct Concurrent {
    number_time: Figures,
    number_update: Figures,
    number_document: Figures,
    object_time: Figures,
}

impl Work for Concurrent {
    const NAME: &'static str = "concurrent edits";

    fn measure<E: Engine>(&mut self) {
        self.measure_numbers::<E>();
        self.measure_objects::<E>();
    }

    fn add_to(&self, table: &mut Table) {
        let half = Goal::ShareOfBest(0.5);
        let document = "B3.1: document, beyond 9 B for each replica (id and counter)";
        table.row(NUMBER_WORK, "ms", &self.number_time, half);
        table.row("B3.1: one update", "B", &self.number_update, Goal::AtMost(24.0));
        table.row(document, "B", &self.number_document, Goal::AtMost(64.0));
        table.row(OBJECT_WORK, "ms", &self.object_time, half);
    }
}

impl Concurrent {
    /// The times as text.
    pub fn times(&self) -> String {
        self.number_time.to_lines(NUMBER) + &self.object_time.to_lines(OBJECT)
    }

    /// What [`times`](Self::times) gave elsewhere.
    pub fn from_times(times: &str) -> Self {
        let [number_time, object_time] = [NUMBER, OBJECT].map(|name| Figures::from_lines(name, times));
        Concurrent { number_time, object_time, ..Self::default() }
    }

    pub fn add_times_in_wasm_to(&self, table: &mut Table) {
        let half = Goal::ShareOfBest(0.5);
        table.row(&format!("in WASM: {NUMBER_WORK}"), "ms", &self.number_time, half);
        table.row(&format!("in WASM: {OBJECT_WORK}"), "ms", &self.object_time, half);
    }

    fn measure_numbers<E: Engine>(&mut self) {
        let updates: Vec<_> = (1..=REPLICAS).map(|client| update(client, E::set_number)).collect();
        let (time, mut document) = timed_applying::<E>(&updates);
        assert!(document.has_number(), "{}", E::NAME);
        self.number_time.add(E::NAME, time);
        self.number_update
            .add(E::NAME, updates.iter().map(|(_, update)| update.len()).sum::<usize>() as f64 / REPLICAS as f64);
        self.number_document.add(E::NAME, document.save().len() as f64 - (VECTOR_ENTRY_BYTES * REPLICAS) as f64);
    }

    fn measure_objects<E: Engine>(&mut self) {
        let updates: Vec<_> = (1..=REPLICAS).map(|client| update(client, E::set_object)).collect();
        let (time, mut document) = timed_applying::<E>(&updates);
        assert!(document.has_object(), "{}", E::NAME);
        self.object_time.add(E::NAME, time);
    }
}

/// What a replica sends when its link begins, and then the update of its edit.
fn update<E: Engine>(client: u64, edit: impl Fn(&mut E, u64) -> Vec<u8>) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut author = E::new(client);
    (author.greeting(), edit(&mut author, client))
}

/// Applies all updates, each over a link of its own.
fn timed_applying<E: Engine>(updates: &[(Vec<Vec<u8>>, Vec<u8>)]) -> (f64, E) {
    let mut document = E::new(REPLICAS + 1);
    let (time, ()) = timed(|| {
        for (greeting, update) in updates {
            document.apply(&mut E::link(greeting), update);
        }
    });
    (time, document)
}
