//! Rules that a test breaks on purpose, one at a time, to see that the simulator notices. Each layer has its rules in a file
//! `rules.rs`, and the way in which each is broken beside it, in `rules/broken.rs`.

use std::cell::Cell;

macro_rules! rules {
    ($($(#[doc = $rule:literal])+ $name:ident,)*) => {
        /// A rule that can be broken; the words say what the broken replica does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mutation {
            $($(#[doc = $rule])+ $name,)*
        }

        impl Mutation {
            /// Each rule, with what its breaking means.
            pub const ALL: &[(Mutation, &str)] = &[$((Mutation::$name, concat!($($rule),+)),)*];
        }
    };
}

rules! {
    /// Half of the voters are a majority.
    SmallQuorum,
    /// A promise is told, and is not written.
    PromiseUnwritten,
    /// An entry is accepted, and is not written.
    AcceptedUnwritten,
    /// A binding message leaves before it is durable.
    EarlyWord,
    /// A candidate adopts the entry accepted under the lowest ballot.
    LowestAdopted,
    /// A candidate adopts nothing.
    NothingAdopted,
    /// A candidate adopts what an earlier configuration has left behind its end.
    LeftoversAdopted,
    /// A candidate leads though a voter knows the log further.
    LeadsBehind,
    /// A voter promises below its promise.
    PromiseBelowPromise,
    /// A voter accepts below its promise.
    AcceptBelowPromise,
    /// A voter accepts entries behind a gap.
    AcceptBehindGap,
    /// A follower takes the entry of any ballot for the decided one.
    OtherBallotDecided,
    /// A leader proposes behind the entry that ends its configuration.
    BehindTheEnd,
    /// A second change of the voters is granted before the first is in force.
    TwoSuccessors,
    /// A voter keeps its vote under another incarnation.
    AnyIncarnation,
    /// A restarted voter votes without asking what others remember of it.
    NobodyAsked,
    /// A request that comes again is done again.
    DoneAgain,
    /// A request of a forgotten session is taken for a new one.
    ForgottenIsNew,
    /// A leased number is given to whoever asks for it.
    LeaseIgnored,
    /// A lease does not raise the highest number.
    LeasesOverlap,
    /// The highest number jumps as far as somebody asks.
    ReachIgnored,
    /// A provisional number that comes again is settled again.
    SettledAgain,
    /// A provisional number that its record did not get is not listed among the conflicts.
    ConflictUntold,
    /// A record that did not get its number gets one that another record was to get by the same entry.
    LoserFirst,
    /// A switch of the mode counts whichever epoch it was meant to end.
    AnyEpochLeft,
    /// A relay gives numbers out of the leases of its earlier lives.
    OldLeaseUsed,
    /// A snapshot says that it is older than it is.
    SnapshotMisplaced,
    /// A read asks nobody.
    ReadAsksNobody,
    /// A decision is told before observers have it.
    ToldUnacknowledged,
    /// The edits on a relay without a vote count towards a majority.
    AnyRelayCounts,
    /// Edits that were sent to a relay count as held there.
    SentIsHeld,
    /// Of two contents under one dot the one stays that has come last.
    LatestContentStays,
    /// A number that a tab brings under an edit of somebody else is settled.
    DoubtIgnored,
    /// An edit takes over values that somebody else put under its dot before it was made.
    FutureBelieved,
    /// Messages that wait for a link are sent after the link is down.
    LinkOutlived,
    /// A tab waits for its relay to tell of edits that nobody has.
    UnattestedUnending,
    /// A tab that gave one dot to two edits is linked again.
    EquivocatorAdmitted,
    /// A tab goes on under its id when somebody tells it of edits that another copy of it has made.
    CopyUnnoticed,
    /// Two copies of a tab stay linked, each to another relay.
    TwinsLeft,
    /// A replica lets everybody say and ask everything.
    AnythingAllowed,
    /// A replica is retired though versions live by its dots.
    RetiredAlive,
    /// Edits of a retired replica that nobody had seen are taken for known.
    RetiredForGood,
    /// A replica that is retired lets go of its own entry.
    OwnPastForgotten,
    /// A clock follows any stamp, however far it is ahead, and stays there.
    ClockDragged,
    /// Edits that a wrong clock has stamped are sent as they are when the clock is right again.
    StampsKept,
    /// A counter may leap as far as somebody says.
    LeapBelieved,
    /// A relay does not merge how far others have raised the highest number without the log.
    RaiseUnmerged,
    /// A tab goes on with the log that it knows when all relays were restored from a backup.
    OldLogKept,
    /// A tab does not carry to the relays what they have lost, and somebody else has made.
    OrphansLeft,
    /// A number that was lost by a restore is not given anew.
    LostNumberLeft,
    /// An HTTP request under a key that has been used is done again.
    KeyUsedAgain,
    /// An HTTP request under a forgotten key is taken for a new one.
    ForgottenKeyIsNew,
    /// A relay keeps the record that it added under a key that another relay has.
    LoserKept,
    /// A relay forgets, when it is killed, for which records it has asked for numbers.
    RegistrationForgotten,
}

thread_local! {
    // The core has no statics, but for this: a rule deep inside can be broken without a parameter that everything
    // would have to carry. One for each thread, so that tests run side by side.
    static BROKEN: Cell<Option<Mutation>> = const { Cell::new(None) };
}

/// Breaks a rule for all replicas of this thread, in place of the one broken before.
pub fn set(mutation: Option<Mutation>) {
    BROKEN.set(mutation);
}

/// Whether this rule is broken.
pub(crate) fn is(mutation: Mutation) -> bool {
    BROKEN.get() == Some(mutation)
}
