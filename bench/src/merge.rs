//! The merge engine beside `yrs`, `loro` and `automerge`.

use crate::MEMORY;
use crate::engines::{Automerge, Duet, Engine, Loro, Person, Yrs};
use crate::measure::{Figures, Goal, ROUNDS, Table, timed};

/// As in B3 of dmonad/crdt-benchmarks: 20 × √6000, rounded.
const REPLICAS: u64 = 1540;
const PEOPLE: usize = 100_000;
/// One person in so many is edited for the delta.
const EDITED: usize = 100;

/// What is measured, in the order of the table.
#[derive(Default)]
struct Measured {
    number_time: Figures,
    number_update: Figures,
    number_document: Figures,
    object_time: Figures,
    add_time: Figures,
    memory: Figures,
    encode_time: Figures,
    document: Figures,
    load_time: Figures,
    delta_time: Figures,
    delta: Figures,
    merge_time: Figures,
}

/// Measures everything and gives the table.
pub fn report() -> String {
    let mut measured = Measured::default();
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        all_work::<Duet>(&mut measured);
        all_work::<Yrs>(&mut measured);
        all_work::<Loro>(&mut measured);
        all_work::<Automerge>(&mut measured);
    }
    let mut table = Table::new(vec![Yrs::NAME, Loro::NAME, Automerge::NAME]);
    let half = Goal::ShareOfBest(0.5);
    let ahead = Goal::ShareOfBest(1.0);
    table.row("B3.1: 1,540 replicas set one number, one applies all", "ms", &measured.number_time, half);
    table.row("B3.1: one update", "B", &measured.number_update, Goal::AtMost(24.0));
    table.row("B3.1: document, without 8 B for each replica", "B", &measured.number_document, Goal::AtMost(64.0));
    table.row("B3.2: the same with an object", "ms", &measured.object_time, half);
    table.row("100,000 people: add one by one", "ms", &measured.add_time, ahead);
    table.row("100,000 people: memory", "MB", &measured.memory, ahead);
    table.row("100,000 people: encode", "ms", &measured.encode_time, ahead);
    table.row("100,000 people: document", "kB", &measured.document, ahead);
    table.row("100,000 people: decode and load", "ms", &measured.load_time, ahead);
    table.row("1 % edited: find and encode the delta", "ms", &measured.delta_time, ahead);
    table.row("1 % edited: delta", "kB", &measured.delta, ahead);
    table.row("1 % edited: decode and merge the delta", "ms", &measured.merge_time, ahead);
    table.finish()
}

fn all_work<E: Engine>(measured: &mut Measured) {
    concurrent_numbers::<E>(measured);
    concurrent_objects::<E>(measured);
    people::<E>(measured);
}

fn concurrent_numbers<E: Engine>(measured: &mut Measured) {
    let updates: Vec<_> = (1..=REPLICAS).map(|client| E::new(client).set_number(client)).collect();
    let mut document = E::new(REPLICAS + 1);
    let (time, ()) = timed(|| updates.iter().for_each(|update| document.apply(update)));
    assert!(document.has_number(), "{}", E::NAME);
    measured.number_time.add(E::NAME, time);
    measured.number_update.add(E::NAME, updates.iter().map(Vec::len).sum::<usize>() as f64 / REPLICAS as f64);
    let size = document.save().len() as f64 - 8.0 * REPLICAS as f64;
    measured.number_document.add(E::NAME, size);
}

fn concurrent_objects<E: Engine>(measured: &mut Measured) {
    let updates: Vec<_> = (1..=REPLICAS).map(|client| E::new(client).set_object(client)).collect();
    let mut document = E::new(REPLICAS + 1);
    let (time, ()) = timed(|| updates.iter().for_each(|update| document.apply(update)));
    assert!(document.has_object(), "{}", E::NAME);
    measured.object_time.add(E::NAME, time);
}

fn people<E: Engine>(measured: &mut Measured) {
    let people: Vec<_> = (0..PEOPLE).map(person).collect();
    let before = MEMORY.current_usage();
    let mut document = E::new(1);
    let (time, ()) = timed(|| people.iter().enumerate().for_each(|(index, person)| document.add_person(index, person)));
    measured.add_time.add(E::NAME, time);
    measured.memory.add(E::NAME, (MEMORY.current_usage() - before) as f64 / 1e6);

    let (time, saved) = timed(|| document.save());
    measured.encode_time.add(E::NAME, time);
    measured.document.add(E::NAME, saved.len() as f64 / 1e3);
    let (time, mut other) = timed(|| E::load(2, &saved));
    measured.load_time.add(E::NAME, time);

    for index in (0..PEOPLE).step_by(EDITED) {
        other.edit_note(index, "moved in spring");
    }
    let (time, delta) = timed(|| other.delta_for(&mut document));
    measured.delta_time.add(E::NAME, time);
    measured.delta.add(E::NAME, delta.len() as f64 / 1e3);
    let (time, ()) = timed(|| document.apply(&delta));
    measured.merge_time.add(E::NAME, time);
    for index in (0..PEOPLE).step_by(EDITED) {
        assert_eq!(document.note(index), "moved in spring", "{}", E::NAME);
    }
}

fn person(index: usize) -> Person {
    Person {
        name: format!("Person {index}"),
        note: format!("member since {}", 1990 + index % 35),
        city: ["Moscow", "Tver", "Kazan", "Omsk"][index % 4].to_owned(),
    }
}
