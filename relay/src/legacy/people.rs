//! Names, which merge, with the highest number beside them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::Serialize;
use shared::base::id::RecordId;
use shared::protocol::Update;
use shared::replica::View;
use shared::replica::io::{Command, Consistency, Reply};
use shared::schema::{FieldEdit, FieldName};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::timeout_at;

use super::Original;
use super::input::{Input, Members};
use super::refusal::{Refusal, shortened};
use crate::node::NoRoom;

/// How many names may be added at once, each only where nobody has it yet.
const TURNS_AT_ONCE: usize = 64;

/// A person to be added.
#[derive(Clone, Debug)]
pub struct Person {
    name: Option<String>,
}

impl Input for Person {
    const EXAMPLE: &'static str = r#"{"name": "Anna"}"#;

    fn from_members(members: &Members) -> Result<Self, String> {
        Ok(Person { name: members.text("name")? })
    }
}

/// A name to be added, and a highest number to be proposed.
#[derive(Clone, Debug, Serialize)]
pub struct Proposal {
    /// Empty to propose the number alone.
    name: String,
    /// One below the highest changes nothing.
    number: i64,
}

impl Input for Proposal {
    const EXAMPLE: &'static str = r#"{"name": "Anna", "number": 7}"#;

    fn from_members(members: &Members) -> Result<Self, String> {
        Ok(Proposal { name: members.wanted_text("name")?, number: members.whole_number("number")? })
    }
}

impl From<Proposal> for Update {
    fn from(Proposal { name, number }: Proposal) -> Self {
        Update { name, number }
    }
}

/// The deed, in words.
#[derive(Debug, Serialize)]
pub struct Done {
    message: String,
}

/// A person as `/get_data` tells of them.
#[derive(Debug, Serialize)]
pub struct Row {
    name: String,
    /// The highest number of the room, which every row has; `null` if there is none.
    max_number: Option<u64>,
}

/// A person as the event `data` tells of them.
#[derive(Debug, Serialize)]
pub struct Name {
    name: String,
}

/// Everybody.
#[derive(Debug, Serialize)]
pub struct Data<T> {
    data: Vec<T>,
}

impl Original {
    /// Everybody by name, each with the highest number.
    pub async fn rows(&self) -> Result<Data<Row>, Refusal> {
        let names = self.names(|_| true).await?;
        let max_number = self.highest().await?.number;
        in_background(move || sorted(names, |name| Row { name, max_number })).await
    }

    /// Everybody by name.
    pub async fn people(&self) -> Result<Data<Name>, Refusal> {
        let names = self.names(|_| true).await?;
        in_background(move || sorted(names, |name| Name { name })).await
    }

    /// The names that are wanted, in the order in which they are kept.
    async fn names(&self, is_wanted: impl Fn(&str) -> bool + Send + Sync + 'static) -> Result<Vec<String>, Refusal> {
        let name = move |view: View<'_>, id: RecordId| {
            let record = view.record(id)?;
            let name = record.shown(&title(view).unwrap_or_default());
            is_wanted(name).then(|| name.to_owned())
        };
        let read = timeout_at(self.deadline, self.node.read_all(&self.room, name)).await;
        Ok(read.map_err(|_| Refusal::ReadTooLong)??)
    }

    /// Adds a person.
    pub async fn add(&self, Person { name }: Person) -> Result<Done, Refusal> {
        let name = name.filter(|name| !name.trim().is_empty()).ok_or(Refusal::NoName)?;
        let message = format!("{name} was added");
        self.add_name(name).await?;
        Ok(Done { message })
    }

    async fn add_name(&self, name: String) -> Result<(), Refusal> {
        let title = self.read(title).await?.ok_or(Refusal::NoTitle)?;
        match self.command(Command::Add { fields: vec![(title, FieldEdit::Assign(name))] }).await? {
            Reply::Added(_) => Ok(()),
            other => unreachable!("a person was to be added, not {other:?}"),
        }
    }

    /// Adds a name, unless somebody has it already.
    async fn add_once(&self, name: String) -> Result<(), Refusal> {
        // Nobody adds it between the look and the addition; but somebody may at another relay.
        static TURNS: [Mutex<()>; TURNS_AT_ONCE] = [const { Mutex::const_new(()) }; TURNS_AT_ONCE];
        let mut hasher = DefaultHasher::new();
        (self.room.as_str(), &name).hash(&mut hasher);
        let turn = TURNS[(hasher.finish() % TURNS_AT_ONCE as u64) as usize].lock();
        let _turn = timeout_at(self.deadline, turn).await.map_err(|_| Refusal::Undecided)?;
        let wanted: Arc<str> = name.as_str().into();
        if self.names(move |known| known == &*wanted).await?.is_empty() {
            self.add_name(name).await?;
        }
        Ok(())
    }

    /// Adds a name that nobody has yet, and proposes a highest number. All who listen are told. A number that would be
    /// refused is refused before the name is added.
    pub async fn update(&self, proposal: &Proposal) -> Result<(), Refusal> {
        let Proposal { name, number } = proposal.clone();
        let number = u64::try_from(number).unwrap_or(0);
        let (highest, checked) = self.read(move |view| (view.highest(), view.ledger().check_raise(number))).await?;
        let is_higher = number > highest;
        if is_higher {
            checked?;
        }
        if !name.is_empty() {
            self.add_once(name.clone()).await?;
        }
        if is_higher {
            self.raise(number).await.map_err(|refusal| match refusal {
                Refusal::NoRoom(NoRoom::Stopping) if !name.is_empty() => Refusal::NameAlone(shortened(&name)),
                refusal => refusal,
            })?;
        }
        // It is done, also where nobody can be told any more.
        let _stopping = self.node.tell_updated(self.room.clone(), proposal.clone().into()).await;
        Ok(())
    }

    /// Waits until this relay has what those have that are linked to it.
    pub async fn transfer(&self) -> Result<(), Refusal> {
        self.command(Command::Read(Consistency::OfAllRelays)).await.map(drop)
    }
}

/// The field that people are known by.
pub fn title(view: View<'_>) -> Option<FieldName> {
    view.schema().title().map(|(_, spec)| spec.name.clone())
}

/// Does what takes long for a big room on a thread where nothing waits behind it.
pub async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    spawn_blocking(work).await.map_err(|_| Refusal::NoRoom(NoRoom::Stopping))
}

fn sorted<T>(mut names: Vec<String>, row: impl Fn(String) -> T) -> Data<T> {
    names.sort_unstable();
    Data { data: names.into_iter().map(row).collect() }
}
