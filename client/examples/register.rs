//! Registers a person with the next number, at once or as soon as a relay can be reached:
//! `cargo run -p client --example register --features sqlite -- FILE NAME RELAY...`

use std::error::Error;
use std::path::Path;

use client::native::{Client, Settings};
use client::session::NumberOperation;
use shared::base::room::Room;
use shared::schema::{FieldEdit, NAME};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(name)) = (arguments.next(), arguments.next()) else {
        return Err("usage: register FILE NAME RELAY... (such as: people.sqlite3 Anna 127.0.0.1:5000)".into());
    };
    let number = register(Path::new(&file), &name, arguments.collect()).await?;
    println!("{name} has the number {number}");
    Ok(())
}

pub async fn register(file: &Path, name: &str, relays: Vec<String>) -> Result<u64, Box<dyn Error>> {
    let room = Room::try_from("people".to_owned())?;
    let client = Client::open(Settings::new(room).file(file).relays(relays)).await?;
    let record = client.add(vec![(NAME.to_owned(), FieldEdit::Assign(name.to_owned()))]).await?;
    // The record is on the disk by now, whatever becomes of this process.
    client.number(record, NumberOperation::Next).await?;
    let number = client.final_number(record).await?;
    client.until_on_relay().await?;
    client.close().await?;
    Ok(number)
}
