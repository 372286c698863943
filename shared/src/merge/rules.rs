//! The rules of merging, each a small pure function.
//!
//! A document asks them through [`InForce`]. A build with the feature `mutations` puts `Broken` there, which breaks one rule at a
//! time, so that a test can see that the simulator notices.

#[cfg(feature = "mutations")]
mod broken;

#[cfg(not(feature = "mutations"))]
pub(super) use Merging as InForce;
#[cfg(feature = "mutations")]
pub(super) use broken::Broken as InForce;

/// The rules as they are.
pub(super) struct Merging;

impl Rules for Merging {}

pub(super) trait Rules {
    /// Whether versions by the dots of a replica keep it from being retired, where `live` says that there are some.
    fn keeps_from_retiring(live: bool) -> bool {
        live
    }

    /// Up to which counter the dots of a retired replica are known, where the log has decided on `last`.
    fn retired_until(last: u64) -> u64 {
        last
    }

    /// Whether of two contents under one dot the `higher` one stays, whichever has come first.
    fn stays(higher: bool) -> bool {
        higher
    }

    /// Whether an edit leaves out a value that stands under its own dot already: its author has not made it yet.
    fn leaves_out_forged() -> bool {
        true
    }
}
