//! The terms of the field that the page uses, explained. `docs/reference/glossary.md` has all of them.

use crate::tr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    Relay,
    Leader,
    Voter,
    Observer,
    Incarnation,
    Quarantined,
    RoundTrip,
    Slot,
    Ballot,
    Vote,
    Chosen,
    Released,
    HighestNumber,
    Merge,
    Concurrent,
    Dot,
    Stamp,
}

impl Term {
    pub const OF_NODES: &[Term] = &[
        Term::Relay,
        Term::Leader,
        Term::Voter,
        Term::Observer,
        Term::Incarnation,
        Term::Quarantined,
        Term::RoundTrip,
    ];
    pub const OF_AGREEMENT: &[Term] =
        &[Term::Slot, Term::Ballot, Term::Vote, Term::Chosen, Term::Released, Term::HighestNumber];
    pub const OF_MERGES: &[Term] = &[Term::Merge, Term::Concurrent, Term::Dot, Term::Stamp];

    /// For ids.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Term::Relay => "relay",
            Term::Leader => "leader",
            Term::Voter => "voter",
            Term::Observer => "observer",
            Term::Incarnation => "incarnation",
            Term::Quarantined => "quarantined",
            Term::RoundTrip => "round-trip",
            Term::Slot => "slot",
            Term::Ballot => "ballot",
            Term::Vote => "vote",
            Term::Chosen => "chosen",
            Term::Released => "released",
            Term::HighestNumber => "highest-number",
            Term::Merge => "merge",
            Term::Concurrent => "concurrent",
            Term::Dot => "dot",
            Term::Stamp => "stamp",
        }
    }

    #[must_use]
    pub fn word(self) -> String {
        match self {
            Term::Relay => tr!("Relay"),
            Term::Leader => tr!("Leader"),
            Term::Voter => tr!("Voter"),
            Term::Observer => tr!("Observer"),
            Term::Incarnation => tr!("Incarnation"),
            Term::Quarantined => tr!("Quarantined"),
            Term::RoundTrip => tr!("Round trip"),
            Term::Slot => tr!("Slot"),
            Term::Ballot => tr!("Ballot"),
            Term::Vote => tr!("Votes"),
            Term::Chosen => tr!("Chosen"),
            Term::Released => tr!("Released"),
            Term::HighestNumber => tr!("Highest number"),
            Term::Merge => tr!("Merge"),
            Term::Concurrent => tr!("Concurrent"),
            Term::Dot => tr!("Dot"),
            Term::Stamp => tr!("Stamp"),
        }
    }

    #[must_use]
    pub fn meaning(self) -> String {
        match self {
            Term::Relay => {
                tr!("A server that keeps everything on its disk and passes it on. Tabs connect to one of them.")
            }
            Term::Leader => tr!(
                "The relay that puts the requests for numbers in order. If it is lost, the others choose another one."
            ),
            Term::Voter => tr!("A relay whose vote counts. A majority of the voters decides."),
            Term::Observer => {
                tr!("A tab that tells the relays what it has of the log, where the rules want it to have that, too.")
            }
            Term::Incarnation => {
                tr!("The name of a database. A relay that has lost its database comes back under another one.")
            }
            Term::Quarantined => tr!(
                "Its database is not the one that has the vote, so that it may have forgotten votes. It learns, but does not vote."
            ),
            Term::RoundTrip => tr!("How long a message and the answer to it take."),
            Term::Slot => tr!("A place in the log. Each holds one decision, the same everywhere, for ever."),
            Term::Ballot => tr!("One attempt to lead: the configuration, the round, and the relay that leads by it."),
            Term::Vote => {
                tr!("A part of the ring for each voter: it is filled when the voter has stored the decision.")
            }
            Term::Chosen => tr!("A majority of the voters has stored it: it can never change."),
            Term::Released => {
                tr!("Chosen, and seen by as many observers as the rules want: people are told that it is final.")
            }
            Term::HighestNumber => {
                tr!("The highest number that was ever given, leased or raised to. The next one is above it.")
            }
            Term::Merge => {
                tr!("What somebody else has written, joined with what this tab has. Nobody has to be asked.")
            }
            Term::Concurrent => tr!(
                "Written by people who did not know of one another's edits: both are in, and nothing is overwritten unseen."
            ),
            Term::Dot => tr!("The name of one edit: who made it, and which of theirs it was."),
            Term::Stamp => {
                tr!("When it was written: by the clock of its author, moved on where cause and effect demand it.")
            }
        }
    }
}
