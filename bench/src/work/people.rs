//! Records: many people, of whom a few are edited.

use super::Work;
use crate::MEMORY;
use crate::engines::{Engine, Person};
use crate::measure::{Figures, timed};
use crate::table::{Goal, Table};

const PEOPLE: usize = 100_000;
/// One person in so many is edited for the delta.
const EDITED: usize = 100;
const EDITED_NOTE: &str = "moved in spring";

#[derive(Default)]
pub struct People {
    add_time: Figures,
    memory: Figures,
    encode_time: Figures,
    document: Figures,
    load_time: Figures,
    delta_time: Figures,
    delta: Figures,
    merge_time: Figures,
}

impl Work for People {
    const NAME: &'static str = "people";

    fn measure<E: Engine>(&mut self) {
        let people: Vec<_> = (0..PEOPLE).map(person).collect();
        let mut document = self.measure_adding::<E>(&people);
        let mut other = self.measure_loading(&mut document, &people);
        for index in (0..PEOPLE).step_by(EDITED) {
            other.edit_note(index, EDITED_NOTE);
        }
        self.measure_delta(&mut document, &mut other);
    }

    fn add_to(&self, table: &mut Table) {
        let ahead = Goal::ShareOfBest(1.0);
        table.row("100,000 people: add one by one", "ms", &self.add_time, ahead);
        table.row("100,000 people: memory", "MB", &self.memory, ahead);
        table.row("100,000 people: encode", "ms", &self.encode_time, ahead);
        table.row("100,000 people: document", "kB", &self.document, ahead);
        table.row("100,000 people: decode, load and read every note", "ms", &self.load_time, ahead);
        table.row("1 % edited: find and encode the delta", "ms", &self.delta_time, ahead);
        table.row("1 % edited: delta", "kB", &self.delta, ahead);
        table.row("1 % edited: decode and merge the delta", "ms", &self.merge_time, ahead);
    }
}

impl People {
    fn measure_adding<E: Engine>(&mut self, people: &[Person]) -> E {
        let before = MEMORY.current_usage();
        let mut document = E::new(1);
        let (time, ()) =
            timed(|| people.iter().enumerate().for_each(|(index, person)| document.add_person(index, person)));
        self.add_time.add(E::NAME, time);
        self.memory.add(E::NAME, (MEMORY.current_usage() - before) as f64 / 1e6);
        document
    }

    /// Gives another replica with the same people.
    fn measure_loading<E: Engine>(&mut self, document: &mut E, people: &[Person]) -> E {
        let (time, saved) = timed(|| document.save());
        self.encode_time.add(E::NAME, time);
        self.document.add(E::NAME, saved.len() as f64 / 1e3);
        // The notes are read, because an engine may put off decoding until somebody reads.
        let (time, (other, notes)) = timed(|| {
            let mut other = E::load(2, &saved);
            let mut notes = 0;
            other.for_each_note(|note| notes += checksum(note));
            (other, notes)
        });
        self.load_time.add(E::NAME, time);
        assert_eq!(notes, people.iter().map(|person| checksum(&person.note)).sum::<u64>(), "{}", E::NAME);
        other
    }

    fn measure_delta<E: Engine>(&mut self, document: &mut E, other: &mut E) {
        let (time, delta) = timed(|| other.delta_for(document));
        self.delta_time.add(E::NAME, time);
        self.delta.add(E::NAME, delta.len() as f64 / 1e3);
        let (time, ()) = timed(|| document.apply_delta(&delta));
        self.merge_time.add(E::NAME, time);
        for index in (0..PEOPLE).step_by(EDITED) {
            assert_eq!(document.note(index), EDITED_NOTE, "{}", E::NAME);
        }
    }
}

fn checksum(text: &str) -> u64 {
    text.bytes().map(u64::from).sum()
}

fn person(index: usize) -> Person {
    Person {
        name: format!("Person {index}"),
        note: format!("member since {}", 1990 + index % 35),
        city: ["Moscow", "Tver", "Kazan", "Omsk"][index % 4].to_owned(),
    }
}
