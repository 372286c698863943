//! The deterministic simulator: whole clusters of real replicas in one thread, driven by a seed.
//!
//! A [`World`] holds relays with disks and tabs without, joined by a network that loses, repeats, delays and reorders
//! messages, cuts links and parts the nodes. Relays crash and lose what they had not flushed, forget everything, or
//! come back with an older copy of their disk; voters come and go; clocks jump; tabs sleep, vanish and lie. After every
//! step the [`Checker`](checker::Checker) looks for a broken promise. At the end everything heals, and then all replicas
//! must be equal and every operation decided. The same seed gives the same run.

mod agenda;
pub mod checker;
pub mod disk;
pub mod faults;
mod liar;
mod model;
pub mod network;
pub mod report;
mod restores;
mod violated;
pub mod world;

pub use faults::Faults;
pub use report::Report;
pub use violated::Violated;
pub use world::World;

/// Runs one seed to its end.
///
/// # Errors
/// The first broken promise, in words.
pub fn run(seed: u64, faults: Faults) -> Result<Report, Violated> {
    let mut world = World::new(seed, faults);
    world.run_chaos()?;
    world.heal()?;
    world.check_end()
}
