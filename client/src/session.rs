//! This tab's replica with what people are told about it. Pure: the engine around it does the I/O.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use shared::base::dot::DotSet;
use shared::base::id::{RecordId, RelayId, ReplicaId};
use shared::base::sorted::SortedMap;
use shared::consensus::Slot;
use shared::ledger::{ConflictId, Dynamic, Level, Load, Operation, Reason, Resolution};
use shared::merge::document::{Live, LostWrite};
use shared::replica::io::{
    Changed, Command, CommandId, CommandRejection, Envelope, Event, Input, Message, Now, PeerId, PeerKind, Recovered,
    Violation, WriteBatch, WriteId,
};
use shared::replica::observation::Observation;
use shared::replica::{Config, Replica, Role, Undoable, View};
use shared::schema::{FieldEdit, FieldName, Schema};

use super::author::Author;
use super::load_history::LoadHistory;
use super::merges;
use super::name::Name;
use super::notification::{Feed, Notification};
use watching::Watching;

mod answers;
mod carry_over;
mod importing;
mod linking;
mod names;
mod neighbours;
mod notifications;
mod numbering;
mod reading;
mod safety;
mod succession;
mod watching;

pub use answers::Answer;
use answers::{Asked, Questions};
use importing::Imports;
pub use importing::NotRegistered;
use reading::Core;
pub use reading::Progress;
pub use safety::{Safety, Unsafe};

/// What the user does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Adds a record.
    Add(NewRecord),
    /// Edits a field of a record.
    Edit {
        /// The record.
        record: RecordId,
        /// The field.
        field: FieldName,
        /// The edit.
        edit: FieldEdit,
        /// The versions that the user saw who typed it; `None` for those that are here now.
        seen: Option<Vec<Live>>,
    },
    /// Removes a record.
    Remove {
        /// The record.
        record: RecordId,
    },
    /// Takes back what was done last in this tab.
    Undo,
    /// Gives a record a number: by the relays, out of this tab's lease, or provisionally.
    Number {
        /// The record.
        record: RecordId,
        /// The number that it is to have.
        number: NumberOperation,
    },
    /// Takes a record's number from it, provisional or not.
    Free {
        /// The record.
        record: RecordId,
    },
    /// Leases so many numbers to this tab, which can then give them while it is offline.
    Lease {
        /// How many numbers.
        count: u32,
    },
    /// Raises the highest number, so that the next one is above it.
    Raise {
        /// The new highest number.
        number: u64,
    },
    /// Keeps or undoes the number that a record got in place of another one.
    Resolve {
        /// The conflict.
        conflict: ConflictId,
        /// Whether to keep or to undo.
        resolution: Resolution,
    },
    /// Switches the degradation level by hand.
    SwitchLevel(Level),
    /// Lets load decide on the level again, which is this one until then.
    ResumeLevels(Level),
    /// Changes the settings of the dynamic method.
    SetDynamic(Dynamic),
    /// The refusal of this record's number has been read.
    DismissRefusal {
        /// The record.
        record: RecordId,
    },
    /// A notice has been read.
    DismissNotice {
        /// The serial number of its entry.
        serial: u64,
    },
}

/// A record to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// The edits that make its content.
    pub fields: Vec<(FieldName, FieldEdit)>,
    /// The number that it is to get, if any.
    pub number: Option<NumberOperation>,
}

/// Which number somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberOperation {
    /// The next one above the highest.
    Next,
    /// This one and no other.
    This(u64),
}

/// The latest change of a record by another replica, for its row to glow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Rises with every change.
    pub serial: u64,
    /// Who changed it, if it is known.
    pub by: Option<Author>,
}

/// What the relay had when the link came up.
#[derive(Debug)]
struct Goal {
    context: DotSet,
    decided: Slot,
}

/// Where the replica's writes go.
#[derive(Debug)]
enum Disk {
    /// They are as durable at once as they will ever be.
    None,
    /// They wait for the engine, which says when they are durable.
    Device { unwritten: Vec<WriteBatch>, issued: WriteId },
}

/// A replica with everything that its user is told. Every step returns the messages for the relay.
pub struct Session {
    replica: Core,
    disk: Disk,
    /// Whether the device has failed to take a write.
    has_lost_device: bool,
    /// The own edits that some relay has confirmed to be durable.
    stored: DotSet,
    /// Whether somebody can see the page: only then does this tab observer decisions.
    shown: bool,
    /// The link, if there is one.
    link: Option<PeerId>,
    links: u64,
    /// The links to other tabs of this browser.
    neighbours: Vec<PeerId>,
    /// What goes over them, until the engine takes it.
    for_neighbours: Vec<Envelope>,
    questions: Questions,
    /// Why a record was not registered in this step.
    rejected_registration: Option<CommandRejection>,
    /// What is still to be fetched, after a link came up.
    goal: Option<Goal>,
    /// Whether this tab has ever had all that its relay had. What comes before that is no news.
    caught_up_once: bool,
    feed: Feed,
    /// What was released below this slot has been told.
    told: Slot,
    /// Every record that was ever seen, also those that were removed.
    known: SortedMap<RecordId, Known>,
    changes: u64,
    /// A replica of a closed tab whose unfinished business this page has taken on.
    ward: Option<ReplicaId>,
    /// What was measured lately, shared with what shows it.
    load: Arc<LoadHistory>,
    /// What may read otherwise than when somebody looked last.
    changed: Changed,
    /// Whether this replica is one of two copies, and the host has not been told.
    copied: bool,
    watching: Watching,
    imports: Imports,
}

/// What is remembered of a record.
#[derive(Default)]
struct Known {
    /// What it was called last.
    names: Vec<Name>,
    mark: Option<Mark>,
}

/// What one input led to.
#[derive(Default)]
struct Step {
    sends: Vec<Message>,
    replies: Vec<(CommandId, Answer)>,
    cut: Option<Violation>,
}

/// The operation that begins a level.
fn set_level(level: Level, reason: Reason) -> Operation {
    Operation::SetMode { from: None, level, reason, load: Load::default() }
}

/// The record that something was done about.
fn record_of(what: Undoable) -> Option<RecordId> {
    match what {
        Undoable::Added(record) | Undoable::Edited(record, _) | Undoable::Removed(record) => Some(record),
        Undoable::Imported(_) => None,
    }
}

impl Disk {
    /// Gives what the replica is to be told at once.
    fn take(&mut self, batch: WriteBatch) -> Option<Input> {
        match self {
            Disk::None => Some(Input::Persisted(batch.id)),
            Disk::Device { unwritten, issued } => {
                *issued = batch.id;
                unwritten.push(batch);
                None
            }
        }
    }
}

fn replica(id: ReplicaId, schema: Schema, recovered: Recovered, now: Now) -> Replica {
    Replica::recover(Config { replica: id, schema, role: Role::Tab }, recovered, now)
}

impl Session {
    /// A new replica that lives in memory.
    #[must_use]
    pub fn new(id: ReplicaId, now: Now) -> Self {
        Self::with_schema(id, Schema::people(), now)
    }

    /// The same, with the fields of this schema until a relay has said otherwise.
    #[must_use]
    pub fn with_schema(id: ReplicaId, schema: Schema, now: Now) -> Self {
        Self::of(Core::Whole(Box::new(replica(id, schema, Recovered::default(), now))), Disk::None)
    }

    /// A replica that lives on this device, with what is there already. Its writes are to be
    /// [taken](Self::take_writes) and carried out after every step, and [confirmed](Self::persisted).
    #[must_use]
    pub fn recover(id: ReplicaId, schema: Schema, recovered: Recovered, now: Now) -> Self {
        let mut session = Self::read(id, schema, recovered, now);
        let _nothing_to_send = session.end_reading(now);
        session
    }

    fn of(replica: Core, disk: Disk) -> Self {
        Session {
            replica,
            disk,
            has_lost_device: false,
            stored: DotSet::default(),
            shown: true,
            link: None,
            links: 0,
            neighbours: Vec::new(),
            for_neighbours: Vec::new(),
            questions: Questions::default(),
            rejected_registration: None,
            goal: None,
            caught_up_once: false,
            feed: Feed::default(),
            told: Slot(0),
            known: SortedMap::new(),
            changes: 0,
            ward: None,
            load: Arc::default(),
            changed: Changed::default(),
            copied: false,
            watching: Watching::default(),
            imports: Imports::default(),
        }
    }

    /// A link to a relay is up, in this incarnation, which keeps this schema. Returns what to send over it, as the others
    /// do.
    ///
    /// # Errors
    /// [`Violation::OtherSchema`] if this tab holds something already that was written under another one: the link has
    /// to be cut.
    pub fn connected(
        &mut self,
        now: Now,
        voter: RelayId,
        incarnation: ReplicaId,
        schema: Schema,
    ) -> Result<Vec<Message>, Violation> {
        self.disconnected(now);
        self.adopt(now, schema)?;
        self.links += 1;
        let peer = PeerId(self.links);
        self.link = Some(peer);
        Ok(self.step(now, Input::PeerUp(peer, PeerKind::Relay(voter, incarnation))).sends)
    }

    /// Takes the schema of a relay, or of a neighbour. A replica that has neither written nor learned anything can be made
    /// anew under its old id; any other takes a schema that extends its own.
    fn adopt(&mut self, now: Now, schema: Schema) -> Result<(), Violation> {
        let view = self.view();
        let untouched =
            view.document().context().is_empty() && view.log().decided() == Slot(0) && view.pending_operations() == 0;
        if *view.schema() == schema {
            Ok(())
        } else if untouched {
            self.replica = Core::Whole(Box::new(replica(view.me(), schema, Recovered::default(), now)));
            self.neighbours.clear();
            let _unlinked = self.set_shown(now, self.shown);
            Ok(())
        } else if self.replica.whole().is_some_and(|replica| replica.extend_schema(&schema)) {
            Ok(())
        } else {
            Err(Violation::OtherSchema)
        }
    }

    /// The link to the relay is gone.
    pub fn disconnected(&mut self, now: Now) {
        self.goal = None;
        if let Some(peer) = self.link.take() {
            // Without a link there is nowhere to send to.
            let _nothing_to_send = self.step(now, Input::PeerDown(peer));
        }
    }

    /// # Errors
    /// If the relay broke the protocol: the link has to be cut.
    pub fn receive(&mut self, now: Now, message: Message) -> Result<Vec<Message>, Violation> {
        let Some(peer) = self.link else { return Ok(Vec::new()) };
        if let Message::Have { context, decided, .. } = &message {
            self.goal = Some(Goal { context: context.clone(), decided: *decided });
        }
        if let Message::Load(load) = &message {
            Arc::make_mut(&mut self.load).measured(now.monotonic, load);
        }
        let step = self.step(now, Input::Receive(peer, message));
        match step.cut {
            None => Ok(step.sends),
            Some(violation) => Err(violation),
        }
    }

    /// The [deadline](Self::deadline) has come. Returns messages for the relay.
    #[must_use]
    pub fn wake(&mut self, now: Now) -> Vec<Message> {
        self.step(now, Input::Wake).sends
    }

    /// When to [`wake`](Self::wake).
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.replica.deadline()
    }

    /// Does an action of the user. Returns messages for the relay.
    #[must_use]
    pub fn act(&mut self, now: Now, action: Action) -> Vec<Message> {
        self.feed.dismiss_passing();
        match action {
            Action::Add(record) => self.add(now, record),
            Action::Undo => self.undo(now),
            Action::Edit { record, field, edit, seen } => {
                let sends = self.command(now, Command::Edit { record, field, edit, seen });
                self.note_names(record);
                sends
            }
            Action::Remove { record } => self.command(now, Command::Remove { record }),
            Action::Number { record, number } => self.number(now, record, number),
            Action::Free { record } => self.free(now, record),
            Action::Lease { count } => self.command(now, Command::Lease { count }),
            Action::Raise { number } => self.ask(now, Operation::Raise { number }),
            Action::Resolve { conflict, resolution } => self.ask(now, Operation::Resolve { conflict, resolution }),
            Action::SwitchLevel(level) => self.ask(now, set_level(level, Reason::ByHand)),
            Action::ResumeLevels(level) => self.ask(now, set_level(level, Reason::Resumed)),
            Action::SetDynamic(dynamic) => self.ask(now, Operation::SetDynamic { dynamic }),
            Action::DismissRefusal { record } => self.command(now, Command::Dismiss { record }),
            Action::DismissNotice { serial } => {
                self.feed.dismiss(serial);
                Vec::new()
            }
        }
    }

    /// Asks the ledger for an operation. The log answers.
    #[must_use]
    pub fn ask(&mut self, now: Now, operation: Operation) -> Vec<Message> {
        self.command(now, Command::Ask(operation))
    }

    /// Returns true if somebody can see this replica.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.shown
    }

    /// The page can be seen, or cannot.
    #[must_use]
    pub fn set_shown(&mut self, now: Now, shown: bool) -> Vec<Message> {
        self.shown = shown;
        let willing = Command::Observer { willing: shown, durable: self.is_on_device() };
        let mut sends = self.command(now, willing);
        sends.extend(self.update_watching(now));
        sends
    }

    /// Adds a notification that nobody should miss.
    pub fn alert(&mut self, now: Now, notification: Notification) {
        self.feed.alert(now.wall_ms, notification);
    }

    /// The own edits that some relay has confirmed to be durable.
    #[must_use]
    pub fn stored(&self) -> &DotSet {
        &self.stored
    }

    /// Returns the replica itself, as soon as all of its records are there.
    #[must_use]
    pub fn replica(&self) -> Option<&Replica> {
        self.replica.as_whole()
    }

    /// Returns a view of the replica.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        self.replica.view()
    }

    /// Returns the notifications.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Returns the latest change of a record by another replica.
    #[must_use]
    pub fn mark(&self, record: RecordId) -> Option<Mark> {
        self.known.get(&record)?.mark
    }

    /// What was measured lately, and the levels at that time.
    #[must_use]
    pub fn load(&self) -> &Arc<LoadHistory> {
        &self.load
    }

    /// What may read otherwise than when this was asked last.
    pub fn take_changed(&mut self) -> Changed {
        std::mem::take(&mut self.changed)
    }

    /// Whether it has turned out, since this was asked last, that another copy of this replica is at work under its id, so
    /// that this one needs a new id.
    pub fn take_copied(&mut self) -> bool {
        std::mem::take(&mut self.copied)
    }

    /// Whether this tab has ever had all that its relay had.
    #[must_use]
    pub fn has_caught_up(&self) -> bool {
        self.caught_up_once
    }

    /// Whether a part of what the relay has is still on its way.
    #[must_use]
    pub fn is_fetching(&self) -> bool {
        self.link.is_some() && (self.goal.is_some() || !self.caught_up_once)
    }

    /// The record is there at once, and so gets its number, though the answer waits for the disk.
    fn add(&mut self, now: Now, NewRecord { fields, number }: NewRecord) -> Vec<Message> {
        let view = self.view();
        let record = view.document().next_dot(view.me()).map(RecordId);
        let mut sends = self.command(now, Command::Add { fields });
        if let Ok(record) = record
            && self.view().document().contains(record)
        {
            self.note_names(record);
            sends.extend(number.into_iter().flat_map(|number| self.number(now, record, number)));
        }
        sends
    }

    fn undo(&mut self, now: Now) -> Vec<Message> {
        let Some(what) = self.view().undo() else { return Vec::new() };
        if let Undoable::Imported(import) = what {
            return self.undo_import(now, import);
        }
        let sends = self.give(now, Command::Undo, Some(Asked::Undo(what)));
        record_of(what).into_iter().for_each(|record| self.note_names(record));
        sends
    }

    /// Gives a command; it is told why, where it cannot be done. An operation is answered later, by the log.
    fn command(&mut self, now: Now, command: Command) -> Vec<Message> {
        self.give(now, command, None)
    }

    /// Gives a command; what it is answered is told as `asked` says.
    fn give(&mut self, now: Now, command: Command, asked: Option<Asked>) -> Vec<Message> {
        self.questions.given += 1;
        let id = CommandId(self.questions.given);
        self.questions.asked.extend(asked.map(|asked| (id, asked)));
        self.step(now, Input::Command(id, command)).sends
    }

    /// This page has taken on what a closed tab has left to do: what is refused to that one, its user reads here.
    pub fn look_after(&mut self, replica: ReplicaId) {
        self.ward = Some(replica);
    }

    /// Takes one input to its end. There is none as long as records are being read, but for whether the page is seen and
    /// watches, which is said again at the end.
    fn step(&mut self, now: Now, input: Input) -> Step {
        let mut step = Step::default();
        let mut events: Vec<Event> = Vec::new();
        let mut lost: Vec<LostWrite> = Vec::new();
        let mut observed: Vec<Observation> = Vec::new();
        let before = if self.caught_up_once { merges::look_before(self.view(), &input) } else { Vec::new() };
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let Some(replica) = self.replica.whole() else { return step };
            let output = replica.handle(now, input);
            self.note_stored(output.write.as_ref());
            inputs.extend(output.write.and_then(|batch| self.disk.take(batch)));
            for envelope in output.sends {
                if self.link == Some(envelope.to) {
                    step.sends.push(envelope.message);
                } else if self.neighbours.contains(&envelope.to) {
                    self.for_neighbours.push(envelope);
                }
            }
            step.replies.extend(output.replies);
            step.cut = step.cut.or(output.cut.into_iter().next().map(|(_, violation)| violation));
            self.changed.join(output.changed);
            self.copied |= output.forgot;
            if let Some(numbers) = output.restored {
                self.log_begins_anew(now, numbers);
            }
            events.extend(output.events);
            lost.extend(output.lost);
            observed.extend(output.observed);
        }
        self.notify_of_events(now, &events, &lost);
        self.note_watched(now, observed, (&before, &events, &lost));
        self.notify_of_losses(now, lost);
        self.notify_of_decisions(now);
        self.note_level(now);
        self.reach_goal();
        self.notify_of_answers(now, std::mem::take(&mut step.replies));
        step
    }

    fn note_level(&mut self, now: Now) {
        let level = self.view().ledger().epoch().level;
        if self.load.level() != Some(level) {
            Arc::make_mut(&mut self.load).began(now.monotonic, level);
        }
    }

    fn reach_goal(&mut self) {
        let view = self.replica.view();
        let reached = |goal: &Goal| view.document().has_seen(&goal.context) && goal.decided <= view.log().decided();
        if self.goal.as_ref().is_some_and(reached) {
            self.goal = None;
            self.caught_up_once = true;
        }
    }
}
