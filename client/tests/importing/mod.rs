//! Files that are imported into a tab that no relay has ever seen.

#![allow(dead_code, reason = "not every test needs everything")]

use std::time::Duration;

use client::import::export::Format;
use client::import::{FileError, ImportFile, Report, Run, Turn};
use client::session::Session;
use shared::base::id::ReplicaId;
use shared::replica::io::{Now, Recovered};
use shared::schema::Schema;

pub fn alone(schema: Schema) -> (Session, Now) {
    let now = Now { monotonic: Duration::ZERO, wall_ms: 1_700_000_000_000 };
    (Session::recover(ReplicaId(0xaaaa << 48), schema, Recovered::default(), now), now)
}

/// Carries out the writes of the session, and tells it that they are on the device.
pub fn write(session: &mut Session, now: Now) {
    if let Some(last) = session.take_writes().last() {
        let _nobody_to_send_to = session.persisted(now, last.id);
    }
}

/// The whole import, as fast as it goes.
pub fn import(session: &mut Session, now: &mut Now, file: ImportFile, number_all: bool) -> Report {
    let mut run = Run::new(file, number_all, now.monotonic);
    loop {
        match run.turn(session, *now) {
            Turn::Did(_) => write(session, *now),
            Turn::Wait(wait) => now.monotonic += wait,
            Turn::Ended => return run.report().clone(),
        }
    }
}

/// Stands for the next number, besides `next`.
pub const NEXT: &str = "next";

pub fn people(name: &str, text: &str) -> Result<ImportFile, FileError> {
    ImportFile::read(name, text.as_bytes().to_vec(), &Schema::people(), NEXT)
}

pub fn import_into(schema: &Schema, name: &str, text: &str) -> (Session, Report) {
    let (mut session, mut now) = alone(schema.clone());
    let file = ImportFile::read(name, text.as_bytes().to_vec(), schema, NEXT).unwrap();
    let report = import(&mut session, &mut now, file, false);
    (session, report)
}

/// A file of people.
pub fn import_alone(name: &str, text: &str) -> (Session, Report) {
    import_into(&Schema::people(), name, text)
}

/// The lines with problems.
pub fn lines(report: &Report) -> Vec<usize> {
    report.problems.iter().map(|problem| problem.line).collect()
}

/// All records as a file.
pub fn exported(session: &Session, format: Format) -> String {
    format.write(session.view().schema(), session.view().records())
}

pub fn names(session: &Session) -> Vec<String> {
    let mut names: Vec<_> = session.view().records().map(|record| record.shown("name").to_owned()).collect();
    names.sort();
    names
}
