//! Names and their numbers.

use serde::{Deserialize, Serialize};
use shared::crdt::FieldEdit;
use shared::finality::{Final, Numbering};
use shared::id::RecordId;
use shared::io::{Command, Reply};
use shared::ledger::{Granted, Wish};
use shared::replica::{NumberView, RecordView, View};
use shared::schema::FieldName;

use tokio::task::spawn_blocking;
use tokio::time::timeout_at;

use super::Original;
use super::input::Input;
use super::refusal::Refusal;
use crate::node::NoRoom;

/// A person as a client names them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    name: String,
    /// `None` for the next one.
    #[serde(default)]
    number: Option<u64>,
}

impl Input for Person {
    const EXAMPLE: &'static str = r#"{"name": "Anna", "number": 7}, or without a number to get the next one"#;
}

/// What a number rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// There is no number.
    None,
    Provisional,
    Final,
}

/// A person as they read here and now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    name: String,
    number: Option<u64>,
    state: State,
    #[serde(skip)]
    record: RecordId,
}

/// A person as the original tells of them.
#[derive(Debug, Serialize)]
pub struct Row {
    name: String,
    max_number: Option<u64>,
    /// Only of a number that may still change.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    provisional: bool,
}

/// Everybody.
#[derive(Debug, Serialize)]
pub struct Rows {
    data: Vec<Row>,
}

/// All data of a room, for another node.
#[derive(Debug, Serialize)]
pub struct Transfer {
    room: String,
    highest_number: u64,
    data: Vec<Entry>,
}

impl Original {
    /// Everybody, in the order of their names, then of their numbers.
    pub async fn rows(&self) -> Result<Rows, Refusal> {
        let row = |Entry { name, number, state, .. }| Row {
            name,
            max_number: number,
            provisional: state == State::Provisional,
        };
        let entries = self.entries(|_| true).await?;
        in_background(move || Rows { data: sorted(entries).into_iter().map(row).collect() }).await
    }

    pub async fn transfer(&self) -> Result<Transfer, Refusal> {
        let entries = self.entries(|_| true).await?;
        // Read last, so that it is at least as high as every number of the entries.
        let highest_number = self.read(|view| view.ledger().highest()).await?;
        let room = self.room.as_str().to_owned();
        in_background(move || Transfer { room, highest_number, data: sorted(entries) }).await
    }

    /// The people whose names are wanted, in the order of their ids.
    async fn entries(&self, is_wanted: impl Fn(&str) -> bool + Send + Sync + 'static) -> Result<Vec<Entry>, Refusal> {
        let entry = move |view: View<'_>, id: RecordId| {
            let entry = Entry::new(&view.record(id)?, &title(view).unwrap_or_default());
            Some(entry).filter(|entry| is_wanted(&entry.name))
        };
        let read = timeout_at(self.deadline, self.node.read_all(&self.room, entry)).await;
        Ok(read.map_err(|_| Refusal::ReadTooLong)??)
    }

    /// Adds a person with their number. If that cannot be had, nobody is added.
    pub async fn add(&self, person: Person) -> Result<Entry, Refusal> {
        let Person { name, number } = person;
        let title = self.read(title).await?.ok_or(Refusal::NoTitle)?;
        let fields = vec![(title, FieldEdit::Assign(name.clone()))];
        match self.command(Command::Register { fields, number }).await? {
            Reply::Registered(record, Ok(numbering)) => Ok(Entry::numbered(name, record, numbering)),
            Reply::Registered(record, Err(rejection)) => {
                self.command(Command::Remove { record }).await?;
                Err(rejection.into())
            }
            other => unreachable!("a person was to be added, not {other:?}"),
        }
    }

    /// Gives a person of this name this number, or one if they have none. Adds them if there is nobody of this name.
    pub async fn update(&self, person: Person) -> Result<Entry, Refusal> {
        let name = person.name.clone();
        match &self.entries(move |of| of == name).await?[..] {
            [] => self.add(person).await,
            [known] => self.renumber(known, person.number).await,
            several => Err(Refusal::Ambiguous { name: person.name, count: several.len() }),
        }
    }

    async fn renumber(&self, known: &Entry, number: Option<u64>) -> Result<Entry, Refusal> {
        let Entry { name, record, number: from, state } = known.clone();
        if from.is_some() && (number.is_none() || number == from) {
            return Ok(known.clone());
        }
        if state != State::Final {
            return self.number(name, record, number).await;
        }
        match self.ask(Wish::CompareAndSet { record, from, to: number }).await? {
            Granted::Set { number } => Ok(Entry { number: number.map(|held| held.number), ..known.clone() }),
            other => unreachable!("a number was to be changed, not {other:?}"),
        }
    }

    async fn number(&self, name: String, record: RecordId, number: Option<u64>) -> Result<Entry, Refusal> {
        match self.command(Command::Number { record, number }).await? {
            Reply::Numbered(numbering) => Ok(Entry::numbered(name, record, numbering)),
            Reply::Decided(_, Err(rejection)) => Err(rejection.into()),
            other => unreachable!("a number was asked for, not {other:?}"),
        }
    }
}

/// The field that people are known by.
fn title(view: View<'_>) -> Option<FieldName> {
    view.schema().title().map(|(_, spec)| spec.name.clone())
}

/// Does what takes long for a big room on a thread where nothing waits behind it.
pub async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    spawn_blocking(work).await.map_err(|_| Refusal::NoRoom(NoRoom::Stopping))
}

fn sorted(mut entries: Vec<Entry>) -> Vec<Entry> {
    let key = |entry: &Entry| (entry.number.is_none(), entry.number, entry.record);
    entries.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| key(a).cmp(&key(b))));
    entries
}

impl Entry {
    fn new(record: &RecordView, title: &str) -> Self {
        let (number, state) = shown(&record.number);
        Entry { name: record.shown(title).to_owned(), number, state, record: record.id }
    }

    fn numbered(name: String, record: RecordId, numbering: Numbering) -> Self {
        let (number, state) = match numbering {
            Numbering::Final(number) => (number.into_inner(), State::Final),
            Numbering::Provisional(number) => (*number.for_now(), State::Provisional),
        };
        Entry { name, number: Some(number), state, record }
    }
}

/// A number that waits for witnesses is not shown: it is not final, and cannot change either.
fn shown(number: &NumberView) -> (Option<u64>, State) {
    let held = number.held.map(|held| held.get().number);
    let provisional = number.provisional.first().map(|claim| claim.for_now().number);
    match (held.or(number.leased.map(Final::into_inner)), provisional) {
        (Some(number), _) => (Some(number), State::Final),
        (None, Some(number)) => (Some(number), State::Provisional),
        (None, None) => (None, State::None),
    }
}
