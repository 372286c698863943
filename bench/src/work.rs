//! What the engines are put to.

mod concurrent;
mod map_edits;
mod people;

pub use concurrent::Concurrent;
pub use map_edits::MapEdits;
pub use people::People;

use crate::engines::{Automerge, Duet, Engine, Loro, Yrs};
use crate::measure::ROUNDS;
use crate::table::Table;

/// A workload, and the figures of all engines at it.
pub trait Work: Default {
    const NAME: &'static str;

    /// Puts an engine to the work once.
    fn measure<E: Engine>(&mut self);

    /// Adds the rows of this work.
    fn add_to(&self, table: &mut Table);

    /// Measures all engines. They take turns, so that a slow moment of the machine meets all of them.
    fn in_rounds() -> Self {
        let mut work = Self::default();
        for round in 1..=ROUNDS {
            eprintln!("{}: round {round} of {ROUNDS}", Self::NAME);
            work.measure::<Duet>();
            work.measure::<Yrs>();
            work.measure::<Loro>();
            work.measure::<Automerge>();
        }
        work
    }
}
