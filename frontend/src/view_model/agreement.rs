//! The log as it grows.

use client::decisions::{Asked, Decision};
use client::session::Session;
use client::types::{
    Accepted, Ballot, Entry, Granted, Outcome, Reason, Rejection, RelayId, ReplicaId, Request, Resolution, Slot,
    SortedMap,
};

use super::nodes::relay_name;
use super::{LocalTime, level_name, named, replica_name};
use crate::{tr, trn};

/// How many operations are shown that nobody has proposed, and how many proposals.
const MOST_UNDECIDED: usize = 20;

/// What a decision is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Numbers,
    Leases,
    Settling,
    Modes,
    Voters,
}

impl Kind {
    pub const ALL: [Kind; 5] = [Kind::Numbers, Kind::Leases, Kind::Settling, Kind::Modes, Kind::Voters];

    /// For `data-kind`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Kind::Numbers => "numbers",
            Kind::Leases => "leases",
            Kind::Settling => "settling",
            Kind::Modes => "modes",
            Kind::Voters => "voters",
        }
    }

    #[must_use]
    pub fn word(self) -> String {
        match self {
            Kind::Numbers => tr!("Numbers"),
            Kind::Leases => tr!("Leases"),
            Kind::Settling => tr!("Settling"),
            Kind::Modes => tr!("Modes"),
            Kind::Voters => tr!("Voters"),
        }
    }

    fn of(asked: &Asked) -> Self {
        match asked {
            Asked::Assign { .. }
            | Asked::Allocate { .. }
            | Asked::Raise { .. }
            | Asked::Reach { .. }
            | Asked::Release { .. }
            | Asked::Set { .. } => Kind::Numbers,
            Asked::Lease { .. } => Kind::Leases,
            Asked::Settle { .. } | Asked::Resolve(_) => Kind::Settling,
            Asked::Mode { .. } | Asked::Dynamic => Kind::Modes,
            Asked::Nothing
            | Asked::Key
            | Asked::Policy { .. }
            | Asked::Waive
            | Asked::Reconfigure { .. }
            | Asked::Configure { .. }
            | Asked::Retire { .. } => Kind::Voters,
        }
    }
}

/// What came of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Result {
    pub is_refused: bool,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    pub voter: String,
    pub voted: bool,
}

/// How far an operation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// This tab wants it, and it has no slot yet.
    Asked,
    /// It has a slot, for which voters vote.
    Proposed,
    Chosen,
    Released,
}

impl Stage {
    /// For `data-stage`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Stage::Asked => "asked",
            Stage::Proposed => "proposed",
            Stage::Chosen => "chosen",
            Stage::Released => "released",
        }
    }
}

/// One slot, or an operation that has none yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotItem {
    /// No other one has it.
    pub key: String,
    pub slot: Option<u64>,
    pub stage: Stage,
    /// Such as `1.3.2`, with who leads by it.
    pub ballot: String,
    pub leader: String,
    pub kind: Kind,
    /// What was asked, in words.
    pub command: String,
    pub result: Option<Result>,
    /// Who asked, if anybody did.
    pub by: Option<String>,
    /// `None` if it was decided before this tab came, or is not decided.
    pub at: Option<String>,
    pub votes: Vec<Vote>,
    pub votes_in_words: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreementView {
    pub highest: u64,
    /// How many slots are chosen, and how many of them are released.
    pub chosen: u64,
    pub released: u64,
    /// Such as `1.3.2`, with who leads by it.
    pub ballot: Option<String>,
    pub leader: Option<String>,
    /// How many entries are proposed and not chosen.
    pub in_flight: u64,
    /// Why nothing is decided, if a majority cannot be reached.
    pub missing: Option<String>,
    /// The latest first.
    pub slots: Vec<SlotItem>,
}

impl AgreementView {
    #[must_use]
    pub fn of(session: &Session, time: LocalTime) -> Self {
        let view = session.view();
        let released = view.released().min(view.log().decided());
        let leader = view.leader();
        let told = leader.and_then(|ballot| session.network().told(ballot.voter));
        let next = told.and_then(|told| told.observation.votes.as_ref()).map_or(Slot(0), |votes| votes.next);
        let proposed = proposed(session);
        let mut slots = waiting(session, &proposed);
        let undecided = |(&slot, accepted): (&Slot, &&Accepted)| undecided(session, slot, accepted, time);
        slots.extend(proposed.iter().rev().map(undecided));
        slots.extend(session.decisions().latest().map(|decision| item(session, decision, released, time)));
        AgreementView {
            highest: view.ledger().highest(),
            chosen: view.log().decided().0,
            released: released.0,
            ballot: leader.map(|ballot| ballot.to_string()),
            leader: leader.map(|ballot| relay_name(ballot.voter)),
            in_flight: next.0.saturating_sub(view.log().decided().0).max(proposed.len() as u64),
            missing: missing(session),
            slots,
        }
    }
}

/// In words, that there is no majority.
fn missing(session: &Session) -> Option<String> {
    let view = session.view();
    if !view.is_locally_offline() {
        return None;
    }
    let status = view.status().filter(|_| view.is_connected());
    let Some(status) = status else {
        return Some(tr!("This tab sees no relay, and nothing of what is decided. What it asks for waits here."));
    };
    let voters: Vec<_> = status.relays.iter().filter(|relay| relay.votes).collect();
    Some(tr!(
        "A majority of the voters is missing: {up} of {all} are up. Until it is back nothing is decided, and what is asked for waits.",
        up = voters.iter().filter(|relay| relay.up).count(),
        all = voters.len()
    ))
}

/// What relays have accepted and nobody here knows to be decided: of each slot what has the highest ballot.
fn proposed(session: &Session) -> SortedMap<Slot, &Accepted> {
    let decided = session.view().log().decided();
    let mut proposed = SortedMap::<Slot, &Accepted>::new();
    let told = session.network().observations().flat_map(|observation| &observation.undecided);
    for (slot, accepted) in told.filter(|(slot, _)| *slot >= decided) {
        let highest = proposed.entry(*slot).or_insert(accepted);
        if highest.ballot < accepted.ballot {
            *highest = accepted;
        }
    }
    proposed.into_iter().take(MOST_UNDECIDED).collect()
}

fn undecided(session: &Session, slot: Slot, Accepted { ballot, entry }: &Accepted, time: LocalTime) -> SlotItem {
    let by = match entry {
        Entry::Command(request) => Some(request.id.replica),
        Entry::Noop | Entry::Configure(_) | Entry::Restored { .. } => None,
    };
    let asked = Asked::by_entry(entry, &|record| session.name_or_id(record));
    let voters = session.view().ledger().configuration().map(|configuration| configuration.voters.keys());
    let votes = voters.into_iter().flatten().map(|&voter| (voter, has_voted(session, voter, slot, *ballot))).collect();
    let decision = Decision { slot, ballot: *ballot, by, asked, outcome: None, at_ms: None, votes };
    SlotItem { stage: Stage::Proposed, ..item(session, &decision, Slot(0), time) }
}

/// Whether a voter has accepted a proposal, by what it has told itself, or its leader.
fn has_voted(session: &Session, voter: RelayId, slot: Slot, ballot: Ballot) -> bool {
    session.network().observations().any(|told| {
        let own = told.by == voter && told.undecided.iter().any(|(at, held)| *at == slot && held.ballot == ballot);
        let votes = told.votes.iter().filter(|votes| votes.ballot == ballot).flat_map(|votes| &votes.accepted);
        own || votes.into_iter().any(|&(by, until)| by == voter && slot < until)
    })
}

/// What this tab has asked for and nobody is known to have proposed, the latest first.
fn waiting(session: &Session, proposed: &SortedMap<Slot, &Accepted>) -> Vec<SlotItem> {
    let is_proposed =
        |id| proposed.values().any(|held| matches!(&held.entry, Entry::Command(request) if request.id == id));
    let requests: Vec<_> = session.view().pending_requests().filter(|request| !is_proposed(request.id)).collect();
    let item = |request: &&Request| {
        let asked = Asked::by_operation(&request.operation, &|record| session.name_or_id(record));
        SlotItem {
            key: format!("asked-{}", request.id.seq),
            slot: None,
            stage: Stage::Asked,
            ballot: String::new(),
            leader: String::new(),
            kind: Kind::of(&asked),
            command: command(session, &asked),
            result: None,
            by: Some(author(session, request.id.replica)),
            at: None,
            votes: Vec::new(),
            votes_in_words: String::new(),
        }
    };
    requests.iter().rev().take(MOST_UNDECIDED).map(item).collect()
}

fn item(session: &Session, decision: &Decision, released: Slot, time: LocalTime) -> SlotItem {
    let Decision { slot, ballot, by, asked, outcome, at_ms, votes } = decision;
    SlotItem {
        key: slot.0.to_string(),
        slot: Some(slot.0),
        stage: if *slot < released { Stage::Released } else { Stage::Chosen },
        ballot: ballot.to_string(),
        leader: relay_name(ballot.voter),
        kind: Kind::of(asked),
        command: command(session, asked),
        result: outcome.and_then(|outcome| result(session, asked, outcome)),
        by: by.map(|by| author(session, by)),
        at: at_ms.map(|at_ms| time.clock(at_ms)),
        votes: votes.iter().map(|&(voter, voted)| Vote { voter: relay_name(voter), voted }).collect(),
        votes_in_words: votes_in_words(votes),
    }
}

/// Who made an edit, or asked for something: a tab, or a relay for somebody outside.
pub(super) fn author(session: &Session, id: ReplicaId) -> String {
    replica_name(session.author(id), session.view().me())
}

fn votes_in_words(votes: &[(RelayId, bool)]) -> String {
    let have: Vec<_> = votes.iter().filter(|(_, voted)| *voted).map(|(voter, _)| relay_name(*voter)).collect();
    if have.is_empty() {
        return tr!("Not told to this tab who has voted");
    }
    tr!("{count} of {all} votes: {relays}", count = have.len(), all = votes.len(), relays = have.join(", "))
}

fn relays(voters: &[RelayId]) -> String {
    voters.iter().map(|voter| relay_name(*voter)).collect::<Vec<_>>().join(", ")
}

fn command(session: &Session, asked: &Asked) -> String {
    match asked {
        Asked::Nothing => tr!("Nothing: filled by a new leader"),
        Asked::Assign { number, name } => tr!("Assign {number} to {name}", number = number, name = named(name)),
        Asked::Allocate { name } => tr!("Next number for {name}", name = named(name)),
        Asked::Raise { number } => tr!("Raise the highest number to {number}", number = number),
        Asked::Reach { most } => tr!("Numbers at most {most} above the highest", most = most),
        Asked::Release { name } => tr!("Free the number of {name}", name = named(name)),
        Asked::Set { name, to: Some(number) } => {
            tr!("Set the number of {name} to {number}", name = named(name), number = number)
        }
        Asked::Set { name, to: None } => tr!("Free the number of {name}", name = named(name)),
        Asked::Lease { to, count } => {
            trn!(
                u64::from(*count),
                "Lease {count} number to {who}",
                "Lease {count} numbers to {who}",
                who = author(session, *to)
            )
        }
        Asked::Mode { level, reason } => match reason {
            Reason::Load => tr!("{level}, since load is high", level = level_name(*level)),
            Reason::Calm => tr!("{level}, since it is calm", level = level_name(*level)),
            Reason::ByHand => tr!("{level}, by hand", level = level_name(*level)),
            Reason::Resumed => tr!("Load decides again"),
            Reason::Founded => level_name(*level).to_string(),
        },
        Asked::Dynamic => tr!("New settings of the dynamic method"),
        Asked::Settle { count } => {
            trn!(*count as u64, "Settle {count} provisional number", "Settle {count} provisional numbers")
        }
        Asked::Resolve(Resolution::Kept) => tr!("A conflict is as it should be"),
        Asked::Resolve(Resolution::Undone) => tr!("Undo a renumbering"),
        Asked::Policy { observers } => {
            trn!(u64::from(*observers), "Final needs {count} observer", "Final needs {count} observers")
        }
        Asked::Waive => tr!("Make visible without observers"),
        Asked::Reconfigure { voters } => tr!("Let vote: {relays}", relays = relays(voters)),
        Asked::Configure { number, voters } => {
            tr!("Configuration {number} begins: {relays}", number = number, relays = relays(voters))
        }
        Asked::Key => tr!("A request of a program, once"),
        Asked::Retire { replica } => {
            tr!("{who}: past edits are listed no more", who = super::capitalised(&author(session, *replica)))
        }
    }
}

fn result(session: &Session, asked: &Asked, outcome: Outcome) -> Option<Result> {
    let text = match outcome {
        Ok(Granted::Final(numbered) | Granted::Set { number: Some(numbered) }) => {
            tr!("number {number}", number = numbered.number)
        }
        Ok(Granted::Released { number }) => tr!("{number} is free", number = number),
        Ok(Granted::Highest { number }) => tr!("highest is {number}", number = number),
        Ok(Granted::Range(range)) => tr!("{first} to {last}", first = range.first, last = range.last),
        Ok(Granted::Settled { conflicts: 0, .. }) => tr!("all final"),
        Ok(Granted::Settled { conflicts, .. }) => {
            trn!(u64::from(conflicts), "{count} conflict", "{count} conflicts")
        }
        Ok(Granted::Epoch { number, .. }) => tr!("epoch {number}", number = number),
        Ok(_) => return None,
        Err(rejection) => refusal(session, asked, rejection),
    };
    Some(Result { is_refused: outcome.is_err(), text })
}

fn refusal(session: &Session, asked: &Asked, rejection: Rejection) -> String {
    match rejection {
        Rejection::NumberTaken { number, .. } => tr!("{number} is taken", number = number),
        Rejection::NumberLeased { number, to } => {
            tr!("{number} is leased to {who}", number = number, who = author(session, to))
        }
        Rejection::AlreadyNumbered { number, .. } => tr!("it has {number} already", number = number),
        Rejection::NotNumbered => tr!("it has no number"),
        Rejection::TooFarAhead { most, .. } => tr!("at most {most} for now", most = most),
        Rejection::OtherEpoch { .. } if matches!(asked, Asked::Mode { .. }) => tr!("too late"),
        _ => tr!("refused"),
    }
}
