//! The right to vote, which not every build has.

/// A part of every [`Voter`](super::Voter). A build without the feature `voter` has no value of this type, and so none of
/// that: the compiler sees it, and leaves out whatever only a voter does. A page need not carry that.
#[cfg(feature = "voter")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoterSupport;

#[cfg(not(feature = "voter"))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VoterSupport {}

impl VoterSupport {
    /// Whether this build has voters.
    pub const EXISTS: bool = cfg!(feature = "voter");

    /// # Panics
    /// In a build without voters.
    #[cfg(feature = "voter")]
    pub fn of_this_build() -> Self {
        VoterSupport
    }

    #[cfg(not(feature = "voter"))]
    pub fn of_this_build() -> Self {
        panic!("a relay votes: it needs the feature `voter`")
    }
}
