//! The promises that a run can break.

use thiserror::Error;

use crate::base::dot::{Dot, DotSet};
use crate::base::id::{RecordId, RelayId, ReplicaId};
use crate::consensus::{Ballot, Slot};
use crate::ledger::{Entry, Key, Outcome, Request, RequestId, UnsettledNumber};
use crate::replica::io::{PeerId, Reply, Violation};

/// A promise that a run broke. The simulator stops there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Violated {
    /// Two replicas learnt different entries for one slot.
    #[error("slot {slot} was decided as {first:?} and as {second:?}")]
    Agreement {
        /// The slot that was decided twice.
        slot: Slot,
        /// The entry that was learnt first.
        first: Box<Entry>,
        /// The other entry.
        second: Box<Entry>,
    },
    /// Two `Accept` messages of one ballot hold different entries for one slot.
    #[error("slot {slot} holds two values under ballot {ballot}")]
    TwoValuesUnderOneBallot {
        /// The slot with two entries.
        slot: Slot,
        /// The ballot under which both were sent.
        ballot: Ballot,
    },
    /// A voter promised or accepted a ballot below one that it had promised before.
    #[error("{voter} took part in ballot {ballot} after it had promised {promised}")]
    PromiseFell {
        /// The voter that broke its promise.
        voter: RelayId,
        /// The ballot that it should have refused.
        ballot: Ballot,
        /// The highest ballot that it had promised.
        promised: Ballot,
    },
    /// A replica learnt a decision that no majority of the voters had on disk.
    #[error("slot {slot} was decided when {holders} of the voters of configuration {number} had it on disk")]
    NoQuorum {
        /// The slot that was decided.
        slot: Slot,
        /// The number of the configuration that decided it.
        number: u32,
        /// How many voters had the entry on disk.
        holders: usize,
    },
    /// A voter led without an entry that was decided before.
    #[error("the leader of ballot {ballot} lacks slot {slot}, which was decided before")]
    LeaderLacks {
        /// The ballot of the leader.
        ballot: Ballot,
        /// The decided slot that the leader lacks.
        slot: Slot,
    },
    /// An entry was decided under a ballot of another configuration, or began a configuration that does not follow.
    #[error("{entry:?} was decided in slot {slot} under ballot {ballot}, while configuration {number} was in force")]
    WrongConfiguration {
        /// The slot of the entry.
        slot: Slot,
        /// The ballot under which it was decided.
        ballot: Ballot,
        /// The number of the configuration in force.
        number: u32,
        /// The entry that should not have been decided.
        entry: Box<Entry>,
    },
    /// A request that came again in the log changed the ledger again, or got another outcome.
    #[error("the request {request:?} of slot {first} was done again in slot {again}")]
    DoneTwice {
        /// The name of the request.
        request: RequestId,
        /// The slot in which it was done.
        first: Slot,
        /// The slot in which it was done again.
        again: Slot,
    },
    /// A relay keeps the past of a replica that should have been retired.
    #[error("{id} is away for long and nothing lives by its edits, but node {node} keeps its entry")]
    Unretired {
        /// The relay, by its index in the world.
        node: usize,
        /// The replica that should have been retired.
        id: ReplicaId,
    },
    /// The log gave a leased number to somebody other than the lessee.
    #[error("number {number} was leased, and given by somebody else in slot {slot}")]
    LeasedNumberGiven {
        /// The slot that gave the number.
        slot: Slot,
        /// The leased number.
        number: u64,
    },
    /// A record that was renumbered got a number that another record was to get by the same entry.
    #[error(
        "slot {slot} gave number {number} in place of another one, and another record was to get it by the same entry"
    )]
    PushedOut {
        /// The slot of the entry.
        slot: Slot,
        /// The number that the other record lost.
        number: u64,
    },
    /// A user was told that a number is final, without a decision or a lease.
    #[error("number {number} was told to be final for {record}, and no lease and no decision says so")]
    FinalWithoutGround {
        /// The number that was told.
        number: u64,
        /// The record that should have the number.
        record: RecordId,
    },
    /// Two records have one final number.
    #[error("number {number} is final for {first} and for {second}")]
    TwoOwners {
        /// The number that both have.
        number: u64,
        /// The record that had the number first.
        first: RecordId,
        /// The other record.
        second: RecordId,
    },
    /// An entry raised the highest number by more than the reach.
    #[error("slot {slot} raised the highest number from {from} to {to}, which is too far")]
    TooFarAhead {
        /// The slot of the entry.
        slot: Slot,
        /// The highest number before the entry.
        from: u64,
        /// The highest number after the entry.
        to: u64,
    },
    /// A change of the level that was based on the load of one epoch took effect in another epoch.
    #[error("slot {slot} switched the mode for the load of epoch {from}, which was over")]
    StaleSwitch {
        /// The slot that changed the level.
        slot: Slot,
        /// The number of the epoch whose load was measured.
        from: u64,
    },
    /// A settled number is neither final nor listed as a conflict, or it is both.
    #[error(
        "the provisional number {number:?} was settled in slot {slot}, and is neither final nor a conflict, or both"
    )]
    NumberUnaccounted {
        /// The slot that settled the number.
        slot: Slot,
        /// The settled number.
        number: UnsettledNumber,
    },
    /// The ledger counted other numbers as newly settled than the checker did.
    #[error("slot {slot} settled {settled} numbers, of which {fresh} were not settled before")]
    SettledTwice {
        /// The slot that settled the numbers.
        slot: Slot,
        /// How many of them were not settled before, as the checker counts.
        fresh: u32,
        /// How many the ledger counted as newly settled.
        settled: u32,
    },
    /// A provisional number is still not settled after everything healed.
    #[error("after everything healed the number of record {record} at replica {node} is not settled")]
    Unsettled {
        /// The replica, by its index in the world.
        node: usize,
        /// The record with the provisional number.
        record: RecordId,
    },
    /// A snapshot, or the hash of a log, differs from that of the checker's model.
    #[error("the snapshot at slot {slot} is not the fold of the log")]
    WrongSnapshot {
        /// The slot of the snapshot, or the end of the log.
        slot: Slot,
    },
    /// A user was told an outcome that the log does not hold, or was told two outcomes of one request.
    #[error("the outcome of {request:?} was told as {told:?}, and is {now:?}")]
    OutcomeChanged {
        /// The name of the request.
        request: RequestId,
        /// The outcome that users were told first.
        told: Outcome,
        /// The outcome in the log; `None` if the request was not done.
        now: Option<Outcome>,
    },
    /// A user was told an outcome before enough observers had it.
    #[error("the outcome of slot {slot} was told when {seen} observers had it, and {wanted} were wanted")]
    ToldTooEarly {
        /// The slot of the request.
        slot: Slot,
        /// How many observers had it.
        seen: usize,
        /// How many the policy wanted.
        wanted: u8,
    },
    /// A request was decided in a slot before an outcome that was told before the request was made.
    #[error("a request made when slot {floor} had been told was decided in slot {slot}")]
    OutOfOrder {
        /// The slot of the request.
        slot: Slot,
        /// Every slot below had been told when the request was made.
        floor: Slot,
    },
    /// A read saw less of the log than it should have.
    #[error("a read that began when slot {floor} had been told saw the log only below {applied}")]
    StaleRead {
        /// The read saw the log below this slot.
        applied: Slot,
        /// The read should have seen the log below this slot.
        floor: Slot,
    },
    /// Edits that were acknowledged as durable are gone.
    #[error("edits that were acknowledged are missing at replica {node}: {missing:?}")]
    EditsLost {
        /// The replica that lacks them, by its index in the world.
        node: usize,
        /// The dots of the lost edits.
        missing: DotSet,
    },
    /// A tab was told that edits are on a majority, and they are not.
    #[error("edits were told to be on a majority of configuration {number}, and are not: {missing:?}")]
    NotOnMajority {
        /// The number of the configuration that was named.
        number: u32,
        /// The dots that no majority has on disk.
        missing: DotSet,
    },
    /// A relay refuses a tab for equivocation that it did not commit.
    #[error("{tab} is refused for two edits under {dot}, and has made one")]
    WronglyAccused {
        /// The accused tab.
        tab: ReplicaId,
        /// The dot that it is said to have used twice.
        dot: Dot,
    },
    /// A relay still has an own edit with a stamp that no right clock gives, after everything healed.
    #[error("after everything healed relay {node} keeps its own edit of record {record} far ahead of all clocks")]
    StampAhead {
        /// The relay, by its index in the world.
        node: usize,
        /// The record of the edit.
        record: RecordId,
    },
    /// Two replicas run under one id after everything healed.
    #[error("two replicas are at work under {id} after everything healed")]
    TwoUnderOneId {
        /// The id that both have.
        id: ReplicaId,
    },
    /// A tab gave up its id as one of two copies, though it was never copied.
    #[error("{tab} took itself for one of two copies, or a relay did, and nobody has copied it")]
    WronglyCopied {
        /// The id of the tab.
        tab: ReplicaId,
    },
    /// After a restore, a record that had a number has none, and no conflict tells users so.
    #[error(
        "record {record} had a number before all relays were restored; at replica {node} it has none, and no conflict"
    )]
    NumberNotGivenAnew {
        /// The replica, by its index in the world.
        node: usize,
        /// The record without a number.
        record: RecordId,
    },
    /// The relays do not agree who has equivocated.
    #[error("relay {node} does not know that {liar} gave one dot to two edits")]
    Unaccused {
        /// The relay that does not know it, by its index in the world.
        node: usize,
        /// The replica that has equivocated.
        liar: ReplicaId,
    },
    /// The simulated system does not come to rest.
    #[error("the replicas do not come to rest: they have taken {steps} steps")]
    Restless {
        /// How many steps the replicas have taken.
        steps: u64,
    },
    /// A replica ended the link to an honest one.
    #[error("replica {node} has cut the honest {link:?}: {violation}")]
    Refused {
        /// The replica that ended the link, by its index in the world.
        node: usize,
        /// The link that was ended.
        link: PeerId,
        /// The reason that it gave.
        violation: Violation,
    },
    /// A replica sent a message over a link after it was told that the link is down.
    #[error("replica {node} sends over {link:?}, which it was told is down")]
    SentAfterDown {
        /// The sender, by its index in the world.
        node: usize,
        /// The link that is down.
        link: PeerId,
    },
    /// A relay raised the highest number without the log, by more than the reach.
    #[error("the highest number was told to be raised to {raised}, and nothing may raise it above {most}")]
    RaisedTooFar {
        /// The number that was asked for and confirmed.
        raised: u64,
        /// The highest number to which it may be raised.
        most: u64,
    },
    /// A relay has forgotten a raise that it had confirmed.
    #[error("relay {node} has forgotten that the highest number was raised to {raised}: to it, it is {highest}")]
    RaiseLost {
        /// The replica, by its index in the world.
        node: usize,
        /// The number to which the highest number was raised.
        raised: u64,
        /// The highest number at this replica.
        highest: u64,
    },
    /// Two requests of the log have used one key.
    #[error("{key:?} was used in slot {first}, and again in slot {again}")]
    KeyUsedTwice {
        /// The key that was used twice.
        key: Key,
        /// The slot of the first request.
        first: Slot,
        /// The slot of the second request.
        again: Slot,
    },
    /// A repeated HTTP request under a key got another answer than the first time.
    #[error("of an HTTP request under {key:?} was told {first:?}, and then {again:?}")]
    OtherAnswer {
        /// The key of the HTTP request.
        key: Key,
        /// The answer that was given first.
        first: Box<Reply>,
        /// The other answer.
        again: Box<Reply>,
    },
    /// One key has made two records.
    #[error("after everything healed replica {node} has the records {first} and {second} of one key")]
    TwoUnderOneKey {
        /// The replica that has both, by its index in the world.
        node: usize,
        /// The record that was found first.
        first: RecordId,
        /// The other record.
        second: RecordId,
    },
    /// A relay added a record that should have come with a number, and it has none.
    #[error("after everything healed replica {node} has record {record} without the number that was to come with it")]
    HalfRegistered {
        /// The replica that has the record, by its index in the world.
        node: usize,
        /// The record without a number.
        record: RecordId,
    },
    /// A relay accepted a lie of a tab.
    #[error("a tab was believed: {what}")]
    Believed {
        /// The lie, for a developer to read.
        what: String,
    },
    /// Two replicas differ after everything healed.
    #[error("replica {node} differs from replica {first} after everything healed: {what}")]
    NotConverged {
        /// The replica that differs, by its index in the world.
        node: usize,
        /// The replica that it was compared with, by its index in the world.
        first: usize,
        /// The difference, for a developer to read.
        what: String,
    },
    /// A replica still has requests that are not decided, after everything healed.
    #[error("after everything healed replica {node} still waits, at last for {waiting:?}")]
    Undecided {
        /// The replica, by its index in the world.
        node: usize,
        /// The requests that wait.
        waiting: Vec<Request>,
    },
}
