//! Somebody else at work: a client without a page, at a real relay.

use anyhow::{Context, Result};
use client::native::{Client, Settings};
use shared::base::id::RecordId;
use shared::base::room::Room;
use shared::schema::{FieldEdit, NAME, NOTE, TAGS};

const GIVEN_NAMES: [&str; 10] = ["Anna", "Bert", "Cem", "Dana", "Egor", "Fatima", "Gustav", "Hana", "Igor", "Jun"];
const FAMILY_NAMES: [&str; 9] = ["Berg", "Dahl", "Aydin", "Roth", "Novak", "Ivanov", "Sato", "Moreau", "Okoye"];

/// A replica of the room `people`, which works offline until it connects.
pub struct Writer {
    client: Client,
    people: Vec<RecordId>,
}

impl Writer {
    /// A new replica.
    ///
    /// # Errors
    /// If there is no randomness for its id.
    pub async fn new() -> Result<Self> {
        let room = Room::try_from("people".to_owned()).context("a name of a room")?;
        Ok(Writer { client: Client::open(Settings::new(room).no_other_relays()).await?, people: Vec::new() })
    }

    /// Adds so many people with a name each, a note, and some with tags.
    ///
    /// # Errors
    /// If a person cannot be added.
    pub async fn add_people(&mut self, count: usize) -> Result<()> {
        let assign = |field: &str, text: String| (field.to_owned(), FieldEdit::Assign(text));
        for at in self.people.len()..self.people.len() + count {
            let mut fields = vec![assign(NAME, name(at)), assign(NOTE, format!("joined in {}", 1990 + at % 36))];
            if at % 4 == 0 {
                fields.push((TAGS.to_owned(), FieldEdit::Insert("choir".to_owned())));
            }
            self.people.push(self.client.add(fields).await?);
        }
        Ok(())
    }

    /// Changes the note of a person, by the order in which they were added.
    ///
    /// # Errors
    /// If the person is not there any more.
    pub async fn write_note(&self, person: usize, note: &str) -> Result<()> {
        Ok(self.client.edit(self.people[person], NOTE, FieldEdit::Assign(note.to_owned())).await?)
    }

    /// Connects to the relay whose page is at `url`, and waits until that has everything.
    ///
    /// # Errors
    /// If `url` is none of a page.
    pub async fn connect(&self, url: &str) -> Result<()> {
        self.client.connect_to([url.trim_start_matches("http://").trim_end_matches('/')])?;
        self.client.until(|session| session.view().unsaved_edits() == 0 && session.view().status().is_some()).await?;
        Ok(())
    }
}

/// Returns the name of the person that is added as number `at`. No two are alike, and they are not in alphabetical order.
#[must_use]
pub fn name(at: usize) -> String {
    format!("{} {} {at:05}", GIVEN_NAMES[at * 7 % GIVEN_NAMES.len()], FAMILY_NAMES[at * 5 % FAMILY_NAMES.len()])
}
