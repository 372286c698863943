//! A person's number: its state in a glyph and a word, and what people type.

use client::import::parse_number_operation;
use client::notification::Owner;
use client::session::{NumberOperation, Session};
use client::types::{
    AgreedState, AgreedView, Conflict, ConflictId, Final, MAX_NUMBER, Numbered, Operation, Provisional, RecordId,
    Rejection, Slot, UnsettledNumber, text,
};

use super::contested::Contested;
use super::{Nouns, named, story};
use crate::tr;

/// How far a number has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberState {
    None,
    /// Given without the log, which may decide otherwise.
    Provisional,
    /// Asked for, not decided yet.
    Pending,
    /// Decided, but not seen by as many tabs yet as the policy wants.
    Unreleased,
    Final,
    /// Given out of this tab's lease, so that nobody else can get it.
    Leased,
    /// Another record got the number that this one had provisionally, and this one got another.
    Renumbered,
    Rejected,
}

impl NumberState {
    /// For `data-state`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            NumberState::None => "none",
            NumberState::Provisional => "provisional",
            NumberState::Pending => "pending",
            NumberState::Unreleased => "unreleased",
            NumberState::Final => "final",
            NumberState::Leased => "leased",
            NumberState::Renumbered => "renumbered",
            NumberState::Rejected => "rejected",
        }
    }

    #[must_use]
    pub fn glyph(self) -> &'static str {
        match self {
            NumberState::None => "",
            NumberState::Provisional => "◌",
            NumberState::Pending => "◔",
            NumberState::Unreleased => "◑",
            NumberState::Final | NumberState::Leased => "●",
            NumberState::Renumbered => "↻",
            NumberState::Rejected => "✕",
        }
    }

    #[must_use]
    pub fn word(self) -> String {
        match self {
            NumberState::None => tr!("no number"),
            NumberState::Provisional => tr!("provisional"),
            NumberState::Pending => tr!("proposed"),
            NumberState::Unreleased => tr!("waiting for observers"),
            NumberState::Final => tr!("final"),
            NumberState::Leased => tr!("final, from this tab's lease"),
            NumberState::Renumbered => tr!("renumbered"),
            NumberState::Rejected => tr!("rejected"),
        }
    }

    /// For the tooltip.
    #[must_use]
    pub fn meaning(self) -> String {
        match self {
            NumberState::None => tr!("Nobody has asked for a number yet."),
            NumberState::Provisional => {
                tr!("Given without asking the relays. They make it final, or replace it if somebody else has it.")
            }
            NumberState::Pending => tr!("Asked for. The relays have not decided yet."),
            NumberState::Unreleased => {
                tr!(
                    "A majority of the relays has decided. It is final when more tabs have it, so that it survives the relays."
                )
            }
            NumberState::Final => tr!("A majority of the relays has decided: nobody else can get this number."),
            NumberState::Leased => tr!("The relays have set this number aside for this tab: nobody else can get it."),
            NumberState::Renumbered => {
                tr!("Somebody else has the number that was given provisionally. This one is final.")
            }
            NumberState::Rejected => tr!("The relays have decided otherwise."),
        }
    }
}

/// A person's number as the table shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    pub state: NumberState,
    /// The digits, or a word in their place. Empty without a number.
    pub text: String,
    /// Why it was refused, or what is under way.
    pub remark: Option<String>,
    /// Whether the remark is a refusal that can be put away.
    pub dismissable: bool,
    /// A removed record that holds the wanted number, with that number.
    pub to_free: Option<(RecordId, u64)>,
    /// The wanted number, if it has become free since.
    pub to_take: Option<u64>,
    /// Whether the record holds a number that it could release.
    pub releasable: bool,
    /// Where it was decided.
    pub proof: Option<String>,
    /// What it came of, if nobody has seen to that yet.
    pub conflict: Option<OpenConflict>,
}

/// A conflict that somebody can see to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenConflict {
    pub id: ConflictId,
    /// The number given in place of the other, if it can be taken back.
    pub given: Option<u64>,
}

impl Number {
    pub(super) fn of(
        session: &Session,
        contested: &Contested,
        nouns: &Nouns,
        record: RecordId,
        view: &AgreedView,
    ) -> Self {
        let mut number = Number::none();
        match view.state() {
            AgreedState::Final(held) => number.be_decided(session, NumberState::Final, held.into_inner()),
            AgreedState::Unreleased(decided) => number.be_decided(session, NumberState::Unreleased, decided),
            AgreedState::Leased(leased) => {
                let is_kept = session.can_keep_leased();
                number.state = if is_kept { NumberState::Leased } else { NumberState::Pending };
                number.remark = (!is_kept).then(|| tr!("final when a relay has it: this device keeps nothing"));
                number.text = leased.into_inner().to_string();
            }
            AgreedState::Provisional(oldest) => {
                number.be_provisional(session, contested, &oldest, view.provisional.get(1));
            }
            AgreedState::None | AgreedState::Pending { .. } => {}
        }
        number.releasable = view.pending.is_none()
            && (view.held.is_some() || view.leased.is_some() || number.state == NumberState::Provisional);
        if let Some(operation) = &view.pending {
            number.state = NumberState::Pending;
            number.be_pending(operation, session.view().is_connected());
        } else if let Some(rejection) = view.refused {
            number.be_refused(session, nouns, rejection);
        } else if let Some(conflict) = contested.open(record) {
            number.be_in_conflict(session, nouns, conflict, view);
        }
        number
    }

    /// Nobody has asked for it.
    #[must_use]
    pub fn none() -> Self {
        Number {
            state: NumberState::None,
            text: String::new(),
            remark: None,
            dismissable: false,
            to_free: None,
            to_take: None,
            releasable: false,
            proof: None,
            conflict: None,
        }
    }

    fn be_decided(&mut self, session: &Session, state: NumberState, decided: Numbered) {
        (self.state, self.text) = (state, decided.number.to_string());
        self.proof = Some(tr!("Decided at {place}", place = place(session, decided.slot)));
    }

    fn be_provisional(
        &mut self,
        session: &Session,
        contested: &Contested,
        unsettled: &Provisional<UnsettledNumber>,
        other: Option<&Provisional<UnsettledNumber>>,
    ) {
        let UnsettledNumber { record, number, leased, dot, .. } = *unsettled.for_now();
        self.state = NumberState::Provisional;
        self.text = number.to_string();
        let until = if session.view().is_locally_offline() {
            tr!("the relays decide when they can be reached")
        } else if session.view().ledger().epoch().level.settles() {
            tr!("the relays are about to decide")
        } else {
            tr!("the relays decide when there is less to do")
        };
        self.remark = Some(match (contested.rival(record, number), other.map(|other| other.for_now().number)) {
            (Some(rival), _) => {
                let name = named(&session.name_or_id(rival));
                tr!(
                    "{name} has {number} provisionally, too: one of them will get another",
                    name = name,
                    number = number
                )
            }
            (None, Some(other)) => {
                tr!(
                    "{number} was given elsewhere, too: {until}, and the earlier one counts",
                    number = other,
                    until = until
                )
            }
            (None, None) if leased => tr!("out of the lease of tab {id}: {until}", id = dot.replica(), until = until),
            (None, None) => until,
        });
    }

    /// A provisional number of the record went to somebody else, or was not needed.
    fn be_in_conflict(&mut self, session: &Session, nouns: &Nouns, conflict: &Conflict, view: &AgreedView) {
        let held = view.held.map(Final::into_inner);
        let is_moot = held != conflict.given && !matches!(conflict.because, Rejection::AlreadyNumbered { .. });
        if is_moot || view.unreleased.is_some() {
            return;
        }
        self.remark = Some(collision_in_words(session, nouns, conflict));
        self.conflict = Some(OpenConflict { id: conflict.id, given: conflict.given.map(|given| given.number) });
        match conflict.given {
            Some(_) => self.state = NumberState::Renumbered,
            None if held.is_none() => {
                self.state = NumberState::Rejected;
                self.text = conflict.provisional.number.to_string();
            }
            None => {}
        }
    }

    fn be_pending(&mut self, operation: &Operation, connected: bool) {
        match operation {
            Operation::Assign { number, .. } | Operation::CompareAndSet { to: Some(number), .. } => {
                self.text = number.to_string()
            }
            Operation::Allocate { .. } => self.text = next_word(),
            Operation::Release { .. } | Operation::CompareAndSet { to: None, .. } => {
                self.remark =
                    Some(if connected { tr!("to be released") } else { tr!("to be released · waits for a relay") });
            }
            other => unreachable!("no operation about a record: {other:?}"),
        }
        if self.remark.is_none() && !connected {
            self.remark = Some(tr!("waits for a relay"));
        }
    }

    fn be_refused(&mut self, session: &Session, nouns: &Nouns, rejection: Rejection) {
        self.dismissable = true;
        self.remark = Some(refusal(session, nouns, rejection));
        if self.state == NumberState::None {
            self.state = NumberState::Rejected;
        }
        let Rejection::NumberTaken { number, .. } = rejection else { return };
        if self.state == NumberState::Rejected {
            self.text = number.to_string();
        }
        match session.view().ledger().owner_of(number) {
            Some((owner, _)) if matches!(session.owner(owner), Owner::Removed { .. }) => {
                self.to_free = Some((owner, number));
            }
            Some(_) => {}
            None => self.to_take = Some(number),
        }
    }
}

/// What became of a number that was given provisionally, with the place in the log that says so.
pub(super) fn collision_in_words(session: &Session, nouns: &Nouns, conflict: &Conflict) -> String {
    story::collision_in_words(&session.collision(conflict), true, nouns, session.view().me())
}

/// Why there is no number, as things stand now.
fn refusal(session: &Session, nouns: &Nouns, rejection: Rejection) -> String {
    let Rejection::NumberTaken { number, .. } = rejection else { return refusal_in_words(rejection) };
    match session.view().ledger().owner_of(number) {
        Some((owner, slot)) => {
            let owner = owner_in_words(nouns, &session.owner(owner));
            tr!("{number} belongs to {owner} ({place})", number = number, owner = owner, place = place(session, slot))
        }
        None => tr!("{number} was taken, and is free now", number = number),
    }
}

/// A refusal in which nobody else has part.
pub(super) fn refusal_in_words(rejection: Rejection) -> String {
    match rejection {
        Rejection::NumberTaken { number, slot, .. } => {
            tr!("{number} is taken since slot {slot}", number = number, slot = slot)
        }
        Rejection::AlreadyNumbered { number, .. } => {
            tr!("has number {number} already: release it first", number = number)
        }
        Rejection::NotNumbered => tr!("had no number to release"),
        Rejection::OutOfRange { .. } => InvalidNumber.to_string(),
        Rejection::OtherEpoch { .. } => tr!("another step was taken meanwhile: look again"),
        Rejection::UnknownConflict => tr!("there is no such conflict any more"),
        Rejection::ResolvedAlready { .. } => tr!("the conflict was resolved already"),
        Rejection::Exhausted => tr!("every number up to {most} is in use", most = MAX_NUMBER),
        Rejection::TooFarAhead { number, highest, most } => tr!(
            "{number} is too far above the highest number, {highest}: choose one up to {most}, or ask those who run the relays",
            number = number,
            highest = highest,
            most = most
        ),
        Rejection::NumberLeased { number, to } => {
            tr!("number {number} is leased to tab {id}", number = number, id = to)
        }
        Rejection::Changed { .. } => tr!("its number was another one by then"),
        Rejection::Forgotten => tr!("nobody knows any more whether it was done: look, and ask again"),
        other => other.to_string(),
    }
}

pub(super) fn owner_in_words(Nouns { one, stranger, .. }: &Nouns, owner: &Owner) -> String {
    match owner {
        Owner::Present { name } => named(name),
        Owner::Removed { name: Some(name) } => tr!("a removed {one}, {name}", one = one, name = named(name)),
        Owner::Removed { name: None } => tr!("a removed {one}", one = one),
        Owner::Unknown | Owner::Nobody => stranger.clone(),
    }
}

/// Where in the log, and by whom.
pub(super) fn place(session: &Session, slot: Slot) -> String {
    story::log_place(session.log_place(slot))
}

/// Not a number that can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidNumber;

impl std::fmt::Display for InvalidNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&tr!("A number is 1 to {most}, in digits.", most = MAX_NUMBER))
    }
}

/// Reads a typed text as a number.
///
/// # Errors
/// [`InvalidNumber`] for anything else, and for numbers out of range.
pub fn parse_number(typed: &str) -> Result<u64, InvalidNumber> {
    text::parse_number(typed).ok_or(InvalidNumber)
}

/// The word of the page's language for the next number.
#[must_use]
pub fn next_word() -> String {
    tr!("next")
}

/// What somebody typed, as an operation: nothing, `next`, or a number.
///
/// # Errors
/// [`InvalidNumber`] for anything else.
pub fn parse_operation(typed: &str) -> Result<Option<NumberOperation>, InvalidNumber> {
    parse_number_operation(typed, &next_word()).ok_or(InvalidNumber)
}
