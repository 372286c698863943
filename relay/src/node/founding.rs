//! How the relays come to the configuration with which every log begins, before there is a log to agree in.
//!
//! The relay with the lowest id among its `--peers` and itself founds, once it is linked to all of them and each has
//! said over that link that it knows of no founding. Whoever hears of one, and knows of none, takes it over; nobody
//! ever changes it. There is one founding only:
//! - Nobody speaks of a founding before it is durable, so that no crash takes back what was said.
//! - Whoever has said over a link that it knows of none hears nothing more over older links of that relay: a founding
//!   that was under way from a founder whose database was wiped is dropped with the link.
//! - A founder that was wiped in between therefore founds anew only if nobody has kept what it founded before, and by
//!   those who have not kept it nothing was decided.

use std::collections::{BTreeMap, BTreeSet};

use shared::base::id::{RelayId, ReplicaId};
use shared::consensus::{self, Configuration};

/// What one relay knows of the founding.
#[derive(Debug)]
pub struct Founding {
    me: (RelayId, ReplicaId),
    /// The relays that are to be there when this one founds: `--peers`.
    awaited: BTreeSet<RelayId>,
    known: Option<consensus::Founding>,
    /// Whether `known` is durable.
    is_stored: bool,
    /// The linked relays that know of no founding.
    unfounded: BTreeMap<RelayId, ReplicaId>,
}

/// Two relays know of two foundings: they belong to different ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Differs;

impl Founding {
    /// `stored` is what the database says.
    pub fn new(me: (RelayId, ReplicaId), awaited: BTreeSet<RelayId>, stored: Option<consensus::Founding>) -> Self {
        Founding { me, awaited, is_stored: stored.is_some(), known: stored, unfounded: BTreeMap::new() }
    }

    pub fn known(&self) -> Option<&consensus::Founding> {
        self.known.as_ref()
    }

    /// What to tell other relays; nothing while it is being stored.
    pub fn to_tell(&self) -> Option<Option<&consensus::Founding>> {
        if self.known.is_none() || self.is_stored { Some(self.known.as_ref()) } else { None }
    }

    /// What is known has become durable.
    pub fn stored(&mut self) {
        self.is_stored = true;
    }

    /// A relay has told, over its newest link, which founding it knows of. Gives the founding that this relay knows of
    /// from now on and is to store, if it knew of none.
    ///
    /// # Errors
    /// [`Differs`] if this relay knows of another one.
    pub fn heard(
        &mut self,
        (from, incarnation): (RelayId, ReplicaId),
        theirs: Option<consensus::Founding>,
    ) -> Result<Option<consensus::Founding>, Differs> {
        match (&self.known, theirs) {
            (None, None) => {
                self.unfounded.insert(from, incarnation);
                Ok(self.try_found())
            }
            (None, Some(theirs)) => {
                self.known = Some(theirs);
                Ok(self.known.clone())
            }
            (Some(known), Some(theirs)) if *known != theirs => Err(Differs),
            (Some(_), _) => Ok(None),
        }
    }

    /// The link to a relay is down.
    pub fn lost(&mut self, voter: RelayId) {
        self.unfounded.remove(&voter);
    }

    /// The founding that this relay makes, if that is its task and all are there.
    pub fn try_found(&mut self) -> Option<consensus::Founding> {
        let is_lowest = self.awaited.iter().all(|&other| self.me.0 < other);
        if self.known.is_some() || !is_lowest || self.missing().next().is_some() {
            return None;
        }
        let others = self.awaited.iter().map(|other| (*other, self.unfounded[other]));
        self.known = Some(Configuration { number: 0, voters: others.chain([self.me]).collect() }.into());
        self.known.clone()
    }

    /// The relays without which this one does not found.
    pub fn missing(&self) -> impl Iterator<Item = RelayId> + '_ {
        self.awaited.iter().copied().filter(|other| !self.unfounded.contains_key(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: (RelayId, ReplicaId) = (RelayId(1), ReplicaId(10));
    const SECOND: (RelayId, ReplicaId) = (RelayId(2), ReplicaId(20));
    const THIRD: (RelayId, ReplicaId) = (RelayId(3), ReplicaId(30));

    fn of(voters: &[(RelayId, ReplicaId)]) -> consensus::Founding {
        Configuration { number: 0, voters: voters.iter().copied().collect() }.into()
    }

    fn fresh(me: (RelayId, ReplicaId), awaited: &[(RelayId, ReplicaId)]) -> Founding {
        Founding::new(me, awaited.iter().map(|&(voter, _)| voter).collect(), None)
    }

    #[test]
    fn the_lowest_founds_when_all_are_linked_and_know_of_none() {
        let mut founding = fresh(ME, &[SECOND, THIRD]);
        assert_eq!(founding.heard(SECOND, None), Ok(None));
        founding.lost(SECOND.0);
        assert_eq!(founding.heard(THIRD, None), Ok(None));
        let voters = of(&[ME, SECOND, THIRD]);
        assert_eq!(founding.heard(SECOND, None), Ok(Some(voters.clone())));
        assert_eq!(founding.to_tell(), None);
        founding.stored();
        assert_eq!(founding.to_tell(), Some(Some(&voters)));
    }

    #[test]
    fn another_one_does_not_found_and_takes_over_what_it_hears() {
        let mut founding = fresh(SECOND, &[ME, THIRD]);
        assert_eq!(founding.heard(ME, None), Ok(None));
        assert_eq!(founding.heard(THIRD, None), Ok(None));
        let voters = of(&[ME, SECOND, THIRD]);
        assert_eq!(founding.heard(THIRD, Some(voters.clone())), Ok(Some(voters.clone())));
        assert_eq!(founding.heard(ME, Some(voters)), Ok(None));
        assert_eq!(founding.heard(ME, Some(of(&[ME]))), Err(Differs));
    }

    #[test]
    fn a_wiped_founder_takes_over_what_it_founded_before() {
        let mut founding = fresh((ME.0, ReplicaId(11)), &[SECOND, THIRD]);
        let voters = of(&[ME, SECOND, THIRD]);
        assert_eq!(founding.heard(SECOND, None), Ok(None));
        assert_eq!(founding.heard(THIRD, Some(voters.clone())), Ok(Some(voters)));
    }

    #[test]
    fn one_without_peers_founds_alone_and_only_once() {
        let mut founding = fresh(ME, &[]);
        assert_eq!(founding.try_found(), Some(of(&[ME])));
        assert_eq!(founding.try_found(), None);
        assert_eq!(founding.heard(SECOND, None), Ok(None));
    }
}
