//! Words for what the node answers: why a relay does not vote or work, why a room cannot be used, and what to type.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::{Display, Formatter, Result};

use shared::base::id::RelayId;

use crate::node::{Admission, Closed, DEFAULT_ROOM, NoRoom, NodeError, NotAsked, Obstacle, Trouble};

/// Names relays in a sentence.
fn in_words(relays: &BTreeSet<RelayId>) -> String {
    relays.iter().map(RelayId::to_string).collect::<Vec<_>>().join(", ")
}

impl Display for Admission {
    /// The command, as it is typed.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let ids: Vec<_> = self.voters.iter().map(|voter| voter.0.to_string()).collect();
        write!(f, "curl http://{}/cluster/voters -d '{{\"voters\": [{}]}}'", self.address, ids.join(", "))?;
        f.write_str(" -H \"Authorization: Bearer $RELAY_LINK_SECRET\"")
    }
}

impl Display for Trouble {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Trouble::NotFounded { missing } if missing.is_empty() => {
                f.write_str("nobody votes yet: the relay with the lowest id waits for those that its --peers names")
            }
            Trouble::NotFounded { missing } => {
                let missing = in_words(missing);
                write!(f, "nobody votes yet: no link to {missing}, which --peers names; start what is missing")
            }
            Trouble::NotAmongVoters(admission) => write!(f, "it is not among the voters; admit it: {admission}"),
            Trouble::NoLink => f.write_str("there is no link to it: it is down, or cannot be reached"),
            Trouble::OtherIncarnation(admission) => write!(
                f,
                "its database is not the one that votes: it was wiped, or restored from an older copy; admit it: {admission}"
            ),
        }
    }
}

impl Display for Obstacle {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Obstacle::RoomClosed => write!(f, "the room {DEFAULT_ROOM} is closed: /healthz says why"),
            Obstacle::NoVote(trouble) => trouble.fmt(f),
            Obstacle::NoMajority { away } if away.is_empty() => {
                f.write_str("no majority of the voters is in sight: wait until the links to the others are open")
            }
            Obstacle::NoMajority { away } => {
                let away = in_words(away);
                write!(f, "no majority of the voters is in sight: there is no link to {away}; start it")
            }
            Obstacle::Recovering => f.write_str("it was started lately and asks the others how it has voted: wait"),
        }
    }
}

impl Display for Closed {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Closed::Reading => f.write_str("it had an internal error and is being read anew from disk"),
            Closed::ForGood { reason } => write!(
                f,
                "it fails again and again: restart this relay, and if that does not help, use another relay and report this: {reason}"
            ),
        }
    }
}

impl Display for NotAsked {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            NotAsked::NotLinked(missing) => {
                write!(f, "no link to {}: start what is missing, or name others", in_words(missing))
            }
            NotAsked::NoRoom => f.write_str(
                "no room is open, and who votes is kept in the rooms: /healthz says which rooms have failed and what to do",
            ),
            NotAsked::NotFounded => f.write_str(
                "the relays have not found one another yet: start all that --peers names, and wait until they are linked",
            ),
        }
    }
}

impl Display for NoRoom {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            NoRoom::Stopping => f.write_str("the relay is stopping, and nothing was done: ask another one"),
            NoRoom::Unknown => f.write_str(
                "the relay or the room has ended meanwhile, and it is not known whether this was done: look at another relay before you ask again",
            ),
            NoRoom::Missing => f.write_str(
                "there is no such room: add a record to it to create it, or open the page with ?room= and the name of the room",
            ),
            NoRoom::TooMany { limit } => write!(
                f,
                "this relay keeps {limit} rooms already: use one of them, or have the relays started with a higher --max-rooms"
            ),
            NoRoom::TooFast => f.write_str(
                "too many new rooms come from this address: use a room that exists, or try again in a minute",
            ),
            NoRoom::Failed => f.write_str("the room had an internal error and is read anew from disk: try again"),
            NoRoom::Closed => f.write_str(
                "the room fails again and again, so it is closed at this relay: use another relay, and restart this one",
            ),
            NoRoom::ReadFailed => f.write_str(
                "an internal error has ended this read: the log of the relay says where; nothing was changed",
            ),
        }
    }
}

impl Error for NoRoom {}

impl Display for NodeError {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            NodeError::Storage(error) => error.fmt(f),
            NodeError::Forgot { room, admit } => write!(
                f,
                "the database has forgotten votes that other relays remember, in the room {}: it was restored from an older copy, or has lost its last writes. So that nothing is decided twice, it has been made a new incarnation, which has no vote. Start this relay again: it gets everything from the others, and has a vote again after {admit}",
                room.as_str()
            ),
        }
    }
}

impl Error for NodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            NodeError::Storage(error) => error.source(),
            NodeError::Forgot { .. } => None,
        }
    }
}
