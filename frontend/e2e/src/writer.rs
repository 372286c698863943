//! Somebody else at work: a client without a page, at a real relay.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use client::native::{Client, LinkError};
use client::session::{Action, NewRecord};
use shared::base::id::{RecordId, ReplicaSecret};
use shared::base::room::Room;
use shared::schema::{FieldEdit, NAME, NOTE, TAGS};
use tokio::time::Instant;

const GIVEN_NAMES: [&str; 10] = ["Anna", "Bert", "Cem", "Dana", "Egor", "Fatima", "Gustav", "Hana", "Igor", "Jun"];
const FAMILY_NAMES: [&str; 9] = ["Berg", "Dahl", "Aydin", "Roth", "Novak", "Ivanov", "Sato", "Moreau", "Okoye"];

/// A replica of the room `people`, which works offline until it connects.
pub struct Writer {
    client: Client,
    people: Vec<RecordId>,
}

impl Writer {
    /// A replica whose id this secret proves.
    #[must_use]
    pub fn new(secret: ReplicaSecret) -> Self {
        Writer { client: Client::in_memory(secret), people: Vec::new() }
    }

    /// Adds so many people with a name each, a note, and some with tags.
    ///
    /// # Errors
    /// If the link broke, or a person cannot be added.
    pub async fn add_people(&mut self, count: usize) -> Result<()> {
        let assign = |field: &str, text: String| (field.to_owned(), FieldEdit::Assign(text));
        for at in self.people.len()..self.people.len() + count {
            let mut fields = vec![assign(NAME, name(at)), assign(NOTE, format!("joined in {}", 1990 + at % 36))];
            if at % 4 == 0 {
                fields.push((TAGS.to_owned(), FieldEdit::Insert("choir".to_owned())));
            }
            match self.client.register(NewRecord { fields, number: None }).await? {
                Ok(record) => self.people.push(record),
                Err(why) => bail!("a person is not added: {why:?}"),
            }
        }
        Ok(())
    }

    /// Changes the note of a person, by the order in which they were added.
    ///
    /// # Errors
    /// If the link broke.
    pub async fn write_note(&mut self, person: usize, note: &str) -> Result<()> {
        let (record, edit) = (self.people[person], FieldEdit::Assign(note.to_owned()));
        Ok(self.client.act(Action::Edit { record, field: NOTE.to_owned(), edit, seen: None }).await?)
    }

    /// Connects to the relay whose page is at `url`, anew if need be, and waits until that has everything. A link over
    /// which nobody listens is cut before long.
    ///
    /// # Errors
    /// If the relay does not take it.
    pub async fn connect(&mut self, url: &str) -> Result<()> {
        let room = Room::try_from("people".to_owned()).context("a name of a room")?;
        self.client.connect(&format!("{}ws", url.replacen("http", "ws", 1)), &room).await?;
        while self.client.session().view().unsaved_edits() > 0 || self.client.session().view().status().is_none() {
            self.listen_until(Instant::now() + Duration::from_millis(20)).await?;
        }
        Ok(())
    }

    /// Takes in what comes until then.
    ///
    /// # Errors
    /// If the link broke.
    pub async fn listen_until(&mut self, until: Instant) -> Result<(), LinkError> {
        self.client.listen_until(until).await
    }
}

/// Returns the name of the person that is added as number `at`. No two are alike, and they are not in alphabetical order.
#[must_use]
pub fn name(at: usize) -> String {
    format!("{} {} {at:05}", GIVEN_NAMES[at * 7 % GIVEN_NAMES.len()], FAMILY_NAMES[at * 5 % FAMILY_NAMES.len()])
}
