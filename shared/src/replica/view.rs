//! Read access to the state of a replica.

use litemap::LiteMap;

use super::agreed::AgreedView;
use super::observers::Observer;
use super::state::Replica;
use super::undo::Undoable;
use crate::base::dot::{Dot, DotSet};
use crate::base::id::{RecordId, ReplicaId};
use crate::base::sorted::SortedMap;
use crate::consensus::{AcceptorState, Ballot, Slot};
use crate::ledger::finality::{Final, Provisional};
use crate::ledger::{Ledger, Load, Log, Numbered, Operation, Request, UnsettledNumber, Voter};
use crate::merge::crdt::{Field, Write};
use crate::merge::document::Document;
use crate::replica::io::{ImportId, Snapshot};
use crate::replica::presence::Status;
use crate::schema::{FieldId, FieldKind, FieldName, Schema};

/// A replica's state, for reading.
#[derive(Clone, Copy)]
pub struct View<'a> {
    replica: &'a Replica,
}

/// A record as this replica reads it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordView {
    /// The id of the record.
    pub id: RecordId,
    /// Every field of the schema.
    pub fields: SortedMap<FieldName, FieldView>,
    /// Its number, and requests under way for one.
    pub number: AgreedView,
}

/// A field as this replica reads it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldView {
    /// The values of a register, the one to display first. More than one: concurrent writes that nobody has settled.
    Register(Vec<CandidateView>),
    /// The value of a counter.
    Counter(i64),
    /// The elements of a set, ascending.
    Set(Vec<String>),
}

/// A value with its author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateView {
    /// The value.
    pub value: String,
    /// The author of the write.
    pub by: ReplicaId,
    /// The time of the write by the author's clock, in milliseconds since the Unix epoch.
    pub at_ms: u64,
}

impl RecordView {
    /// The values of a register, the one to display first; none of a field that is no register or has no value.
    #[must_use]
    pub fn candidates(&self, field: &str) -> &[CandidateView] {
        match self.fields.get(field) {
            Some(FieldView::Register(candidates)) => candidates,
            _ => &[],
        }
    }

    /// The value of a register to display, empty if it has none.
    #[must_use]
    pub fn shown(&self, field: &str) -> &str {
        self.candidates(field).first().map_or("", |candidate| &candidate.value)
    }

    /// The elements of a set; none of a field that is no set.
    #[must_use]
    pub fn elements(&self, field: &str) -> &[String] {
        match self.fields.get(field) {
            Some(FieldView::Set(elements)) => elements,
            _ => &[],
        }
    }
}

impl<'a> View<'a> {
    pub(super) fn new(replica: &'a Replica) -> Self {
        View { replica }
    }

    /// Returns the id of this replica.
    #[must_use]
    pub fn me(&self) -> ReplicaId {
        self.replica.core.me
    }

    /// Whether a clock that is right could have made all stamps that this replica has issued or seen at `wall_ms`, in
    /// milliseconds since the Unix epoch.
    #[must_use]
    pub fn stamps_are_right(&self, wall_ms: u64) -> bool {
        self.replica.core.clock.all_were_right(wall_ms)
    }

    /// Returns the schema of the room.
    #[must_use]
    pub fn schema(&self) -> &'a Schema {
        &self.replica.core.schema
    }

    /// Returns the document: all live versions, and the causal context.
    #[must_use]
    pub fn document(&self) -> &'a Document {
        &self.replica.core.document
    }

    /// All records, in the order of their ids.
    pub fn records(&self) -> impl Iterator<Item = RecordView> + 'a {
        let view = *self;
        self.replica.core.document.records().filter_map(move |id| view.record(id))
    }

    /// Returns a record; `None` if it does not exist here, or was removed.
    #[must_use]
    pub fn record(&self, id: RecordId) -> Option<RecordView> {
        let version = self.replica.core.document.read(id)?;
        let specs = self.replica.core.schema.fields();
        let fields = specs.map(|(id, spec)| (spec.name.clone(), FieldView::of(version.field(id), spec.kind)));
        Some(RecordView { id, fields: fields.collect(), number: self.number(id) })
    }

    /// One field of a record; `None` if there is no such record, or the schema has no such field.
    #[must_use]
    pub fn field(&self, id: RecordId, field: FieldId) -> Option<FieldView> {
        let (_, spec) = self.replica.core.schema.fields().find(|(id, _)| *id == field)?;
        Some(FieldView::of(self.replica.core.document.read(id)?.field(field), spec.kind))
    }

    /// A record's number, and what is under way about it, also of a record that was removed.
    #[must_use]
    pub fn number(&self, id: RecordId) -> AgreedView {
        let chosen = self.replica.core.ledger.number_of(id);
        let released = |numbered: &Numbered| numbered.slot < self.released();
        let is_own_lease =
            |unsettled: &&UnsettledNumber| unsettled.leased && unsettled.dot.replica() == self.replica.core.me;
        let own_lease = self.replica.numbers.unsettled.of(id).find(is_own_lease);
        // A number that nobody else may ever get is not shown before a crash could make this replica give it again.
        let (kept, waiting) = match own_lease {
            Some(unsettled) if unsettled.dot.counter() > self.replica.user.kept.edits() => {
                (None, Some(Operation::Allocate { record: id }))
            }
            own_lease => (own_lease, None),
        };
        let provisional = |unsettled: &UnsettledNumber| Provisional::new(*unsettled);
        AgreedView {
            held: chosen.filter(released).map(Final::new),
            leased: kept.map(|unsettled| Final::new(unsettled.number)),
            provisional: self
                .replica
                .numbers
                .unsettled
                .of(id)
                .filter(|unsettled| !is_own_lease(unsettled))
                .map(provisional)
                .collect(),
            unreleased: chosen.filter(|numbered| !released(numbered)),
            pending: waiting.or_else(|| {
                self.replica.agreement.requests.pending_for(id).map(|operation| operation.plain().into_owned())
            }),
            refused: self.replica.agreement.requests.refused(id),
        }
    }

    /// Returns the ledger, as far as the log is decided here; parts may not be visible yet.
    #[must_use]
    pub fn ledger(&self) -> &'a Ledger {
        &self.replica.core.ledger
    }

    /// Returns the log of this replica.
    #[must_use]
    pub fn log(&self) -> &'a Log {
        &self.replica.core.log
    }

    /// How far this relay has bound itself; `None` in a tab.
    #[must_use]
    pub fn acceptor_state(&self) -> Option<AcceptorState> {
        self.replica.voter().map(Voter::acceptor_state)
    }

    /// Whether this relay has a vote by the log, as far as it is known here.
    #[must_use]
    pub fn is_voter(&self) -> bool {
        self.replica.voter().is_some_and(Voter::is_member)
    }

    /// Whether this relay may be lacking votes that it has given before: it was restarted and has not heard the others
    /// yet, or they have told it so.
    #[must_use]
    pub fn is_recovering(&self) -> bool {
        self.replica.voter().is_some_and(Voter::is_recovering)
    }

    /// Everything decided below is released: as many observers have it as the policy wants.
    #[must_use]
    pub fn released(&self) -> Slot {
        self.replica.agreement.observers.released()
    }

    /// The acknowledgements of observers, as far as they report to this relay.
    #[must_use]
    pub fn observers(&self) -> &SortedMap<ReplicaId, Observer> {
        self.replica.agreement.observers.seen()
    }

    /// The last snapshot of the log's state that was taken or installed here.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.replica.agreement.snapshots.latest()
    }

    /// The ballot of the leader, as this replica knows it.
    #[must_use]
    pub fn leader(&self) -> Option<Ballot> {
        match self.replica.voter() {
            Some(voter) => voter.leader(),
            None => self.replica.peers.status().and_then(|status| status.leader),
        }
    }

    /// How things stand: as this relay sees it, or as this tab's relay has told. `None` in a tab that has never been
    /// connected.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        match self.replica.voter() {
            Some(voter) => {
                let me = (voter.me(), self.replica.core.me);
                Some(self.replica.peers.own_status(me, voter.leader(), voter.configuration()))
            }
            None => self.replica.peers.status().cloned(),
        }
    }

    /// Whether a link to some relay is up.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.replica.peers.any_relay().is_some()
    }

    /// How many of this replica's own edits no relay has confirmed to be durable.
    #[must_use]
    pub fn unsaved_edits(&self) -> u64 {
        let none = DotSet::default();
        self.own_edits_beyond(self.replica.role.tab().map_or(&none, |tab| &tab.stored))
    }

    /// Whether this replica has made an edit that cannot have left it: where somebody else knows of such a dot, another copy
    /// of this replica has made it.
    #[must_use]
    pub fn is_unsent(&self, dot: Dot) -> bool {
        let may_have_left = self.replica.role.tab().map_or(u64::MAX, |tab| tab.copies.sent());
        dot.replica() == self.replica.core.me && dot.counter() > may_have_left
    }

    /// How many edits of the other tabs of this browser are here, and on no relay as far as it is known here.
    #[must_use]
    pub fn edits_of_neighbours_only(&self) -> u64 {
        self.replica.role.tab().map_or(0, |tab| tab.unattested.count())
    }

    /// Returns how many own edits are not known to be durable on a majority of the voters in force. Requests are
    /// durable there as soon as they are decided, and are not [pending](Self::pending_operations) then.
    #[must_use]
    pub fn edits_not_on_majority(&self) -> u64 {
        let none = DotSet::default();
        let configuration = self.replica.core.ledger.configuration();
        let told = self.replica.role.tab().map(|tab| &tab.on_majority);
        let in_force = told.filter(|told| configuration.is_none_or(|voters| voters.number <= told.configuration));
        self.own_edits_beyond(in_force.map_or(&none, |told| &told.dots))
    }

    /// How many of this replica's own edits are not among some dots.
    fn own_edits_beyond(&self, dots: &DotSet) -> u64 {
        let own = self.replica.core.document.context().of(self.replica.core.me);
        own.difference(dots).intervals().map(|(_, (start, end))| end - start + 1).sum()
    }

    /// How many of this replica's own edits are not durable here, as far as its host has said.
    #[must_use]
    pub fn unpersisted_edits(&self) -> u64 {
        self.replica
            .core
            .document
            .context()
            .highest(self.replica.core.me)
            .saturating_sub(self.replica.user.kept.edits())
    }

    /// How many of this replica's own operations that are undecided are not durable here.
    #[must_use]
    pub fn unpersisted_operations(&self) -> usize {
        self.replica.agreement.requests.own_pending_after(self.replica.user.kept.requests())
    }

    /// The action that the next undo takes back; `None` if there is none.
    #[must_use]
    pub fn undo(&self) -> Option<Undoable> {
        self.replica.user.undo_stack.latest()
    }

    /// How many records of an import can still be undone.
    #[must_use]
    pub fn imported(&self, import: ImportId) -> usize {
        self.replica.user.undo_stack.imported(import)
    }

    /// How many versions of a resync under way have not come yet.
    #[must_use]
    pub fn remaining_versions(&self) -> u64 {
        self.replica.user.remaining
    }

    /// The provisional numbers that are not settled, the oldest first.
    pub fn unsettled(&self) -> impl Iterator<Item = Provisional<UnsettledNumber>> + 'a {
        self.replica.numbers.unsettled.iter().map(|unsettled| Provisional::new(*unsettled))
    }

    /// Whether a number of a record is doubted, and so not settled, until its author or a relay attests it.
    #[must_use]
    pub fn doubts(&self, record: RecordId, write: &Write) -> bool {
        self.replica.trust.distrust.doubts(record, write)
    }

    /// The authors who gave one dot to two edits, each with such a dot: a relay refuses their links.
    #[must_use]
    pub fn equivocators(&self) -> &'a LiteMap<ReplicaId, Dot> {
        self.replica.trust.distrust.equivocators()
    }

    /// How many provisional numbers are not settled.
    #[must_use]
    pub fn unsettled_count(&self) -> usize {
        self.replica.numbers.unsettled.len()
    }

    /// How many numbers are left of what is leased to this replica.
    #[must_use]
    pub fn leased(&self) -> u64 {
        self.replica.numbers.leases.left()
    }

    /// Whether this replica cannot reach a majority of the voters: the numbers that it gives are provisional, but for
    /// those out of its leases.
    #[must_use]
    pub fn is_locally_offline(&self) -> bool {
        !self.replica.sees_majority()
    }

    /// The highest number: what the log says, or what this relay knows to be raised without the log.
    #[must_use]
    pub fn highest(&self) -> u64 {
        self.replica.highest()
    }

    /// The leader's latest measurements, as far as this replica was told.
    #[must_use]
    pub fn load(&self) -> Option<Load> {
        self.replica.numbers.load
    }

    /// How long it takes to be answered by the relay of this tab, in microseconds, as far as that was measured while this
    /// replica watches.
    #[must_use]
    pub fn round_trip(&self) -> Option<u32> {
        self.replica.user.telemetry.round_trip(self.replica.peers.any_relay()?)
    }

    /// The requests that are undecided here, its own and those passed to it.
    pub fn pending_requests(&self) -> impl Iterator<Item = &'a Request> + 'a {
        self.replica.agreement.requests.pending()
    }

    /// How many of this replica's own operations are undecided.
    #[must_use]
    pub fn pending_operations(&self) -> usize {
        self.replica.agreement.requests.own_pending()
    }
}

impl FieldView {
    pub(super) fn of(field: Option<&Field>, kind: FieldKind) -> Self {
        match field {
            Some(Field::Lww(register)) => {
                FieldView::Register(register.latest().into_iter().map(CandidateView::new).collect())
            }
            Some(Field::Mv(register)) => {
                FieldView::Register(register.candidates().into_iter().map(CandidateView::new).collect())
            }
            Some(Field::Counter(counter)) => FieldView::Counter(counter.value()),
            Some(Field::Set(set)) => FieldView::Set(set.iter().map(str::to_owned).collect()),
            None => match kind {
                FieldKind::Lww | FieldKind::Mv => FieldView::Register(Vec::new()),
                FieldKind::Counter => FieldView::Counter(0),
                FieldKind::Set => FieldView::Set(Vec::new()),
            },
        }
    }
}

impl CandidateView {
    pub(super) fn new(write: &Write) -> Self {
        CandidateView { value: write.value.clone(), by: write.dot.replica(), at_ms: write.stamp.wall_ms }
    }
}

impl Replica {
    /// The state, for reading.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View::new(self)
    }
}
