//! The rules of clocks, each a small pure function.
//!
//! A clock asks them through [`InForce`]. A build with the feature `mutations` puts `Broken` there, which breaks one rule at a
//! time, so that a test can see that the simulator notices.

#[cfg(feature = "mutations")]
mod broken;

#[cfg(not(feature = "mutations"))]
pub(super) use Clocks as InForce;
#[cfg(feature = "mutations")]
pub(super) use broken::Broken as InForce;

/// The rules as they are.
pub(super) struct Clocks;

impl Rules for Clocks {}

pub(super) trait Rules {
    /// Whether a clock leaves a stamp alone, or behind, that lies too far ahead, where `far` says so.
    fn ignores(far: bool) -> bool {
        far
    }
}
