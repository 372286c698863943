//! Clients with a file: what they have said to be kept outlives a kill, and nobody goes on under an id that is in use.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use client::native::{Client, FileError, OpenError, Settings};
use client::session::NumberOperation;
use rusqlite::Connection;
use shared::base::dot::Dot;
use shared::base::id::{RecordId, ReplicaId};
use shared::base::room::Room;
use shared::ledger::finality::Numbering;
use shared::replica::io::Command as Ask;
use shared::schema::NAME;
use tempfile::TempDir;

use super::{
    add, at, has_new_id, name, name_of, names, number_of, open, until, until_name, until_names, until_online, within,
};
use crate::cluster::Cluster;
use crate::tab::people;

/// A child gets the file and the addresses of relays in these.
const FILE: &str = "DUET_TEST_FILE";
const RELAYS: &str = "DUET_TEST_RELAYS";

fn offline(file: &Path) -> Settings {
    Settings::new(people()).file(file)
}

async fn reopen(settings: Settings) -> Client {
    within(Client::open(settings)).await.unwrap_or_else(|error| panic!("{error}"))
}

async fn error_of(settings: Settings) -> FileError {
    match Client::open(settings).await {
        Err(OpenError::File { error, .. }) => error,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it is opened"),
    }
}

/// A program with a client, in a process of its own: this very test binary, which runs [`child_process`].
struct Program {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Program {
    fn start(file: &Path, relays: &[String]) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this test binary"));
        command.args(["--exact", "client::durable::child_process", "--nocapture"]);
        command.env(FILE, file).env(RELAYS, relays.join(","));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
        let said = BufReader::new(child.stdout.take().expect("it is piped"));
        Program { child, said }
    }

    /// The rest of the next line that begins so.
    fn next(&mut self, beginning: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.said.read_line(&mut line).expect("text") > 0, "the program has ended before `{beginning}`");
            // The test harness begins lines of its own.
            if let Some((_, rest)) = line.trim_end().split_once(beginning) {
                return rest.to_owned();
            }
        }
    }

    fn kill(&mut self) {
        self.child.kill().expect("to kill a child");
        self.child.wait().expect("to wait for a child");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _may_have_ended = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// No test, but the program that the tests start and kill: a process of its own needs a way in. It adds people without end,
/// and says of each that is kept. With relays it begins with a number and a lease. In the run of all tests it has no file,
/// and nothing to do.
#[tokio::test]
async fn child_process() {
    let Some(file) = std::env::var_os(FILE).map(PathBuf::from) else { return };
    let relays = std::env::var(RELAYS).unwrap_or_default();
    let relays: Vec<&str> = relays.split(',').filter(|address| !address.is_empty()).collect();
    let client = reopen(offline(&file).relays(relays.clone())).await;
    println!("\nid {:016x}", client.replica().0);
    if !relays.is_empty() {
        until_online(&client).await;
        let record = add(&client, "numbered").await;
        client.number(record, NumberOperation::This(7)).await.expect("nobody has it");
        client.command(Ask::Lease { count: 10 }).await.expect("the relays lease numbers");
        println!("numbered {record}");
        client.disconnect();
    }
    for count in 0.. {
        let record = client.add(name(&format!("person {count}"))).await.expect("it is kept");
        println!("kept {} {}", record.0.counter(), count);
    }
}

fn id_in(said: &str) -> ReplicaId {
    ReplicaId(u64::from_str_radix(said, 16).expect("an id"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_to_be_kept_is_there_after_a_kill_under_the_same_id_and_reaches_the_relays() {
    let cluster = Cluster::start(3);
    let dir = TempDir::new().expect("a directory");
    let file = dir.path().join("client.sqlite3");
    let (id, mut kept) = tokio::task::block_in_place(|| {
        let mut program = Program::start(&file, &[cluster.address(1)]);
        let id = id_in(&program.next("id "));
        program.next("numbered ");
        let kept: Vec<String> = (0..50).map(|_| program.next("kept ")).collect();
        program.kill();
        (id, kept)
    });
    // A second life, and a second kill: nothing is numbered or leased anew.
    tokio::task::block_in_place(|| {
        let mut program = Program::start(&file, &[]);
        assert_eq!(id_in(&program.next("id ")), id);
        kept.extend((0..50).map(|_| program.next("kept ")));
        program.kill();
    });

    let client = reopen(offline(&file)).await;
    assert_eq!(client.replica(), id);
    for said in &kept {
        let (counter, count) = said.split_once(' ').expect("a record and its number");
        let record = RecordId(Dot::try_new(id, counter.parse().expect("a counter")).expect("a dot"));
        assert_eq!(name_of(&client, record), Some(format!("person {count}")), "{said}");
    }
    let numbered = client.look(|session, _| {
        let view = session.view();
        let numbered = view.records().find(|record| record.shown(NAME) == "numbered").expect("it was kept");
        (numbered.id, view.leased())
    });
    assert_eq!(numbered.1, 10, "the lease is there");
    assert_eq!(client.final_number(numbered.0).await, Ok(7), "without a relay");
    let leased = add(&client, "leased").await;
    let number = client.number(leased, NumberOperation::Next).await.expect("it has a lease");
    let Numbering::Final(number) = number else { panic!("a number out of a lease is final") };

    client.connect_to([cluster.address(2)]).expect("an address");
    within(client.until_on_relay()).await.expect("the client goes on");
    assert_eq!(client.replica(), id);
    let other = open(&cluster, &[3]).await;
    let count = client.look(|session, _| session.view().document().records().len());
    until(&other, |session| session.view().document().records().len() == count).await;
    assert_eq!(number_of(&other, leased).await, number.into_inner());
    assert_eq!(number_of(&other, numbered.0).await, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_at_a_time_opens_a_file_and_it_is_free_when_that_has_ended() {
    let dir = TempDir::new().expect("a directory");
    let file = dir.path().join("client.sqlite3");
    let mut program = Program::start(&file, &[]);
    tokio::task::block_in_place(|| program.next("kept "));
    let refused = error_of(offline(&file)).await;
    assert!(matches!(refused, FileError::Busy), "{refused}");
    tokio::task::block_in_place(|| program.kill());
    let client = reopen(offline(&file)).await;
    assert!(matches!(error_of(offline(&file)).await, FileError::Busy), "nor does the same process open it twice");
    within(client.close()).await.expect("it has not stopped before");
    drop(reopen(offline(&file)).await);
    let files = fs::read_dir(dir.path()).expect("a directory").map(|file| file.expect("a file"));
    for file in files {
        let mode = file.metadata().expect("a file").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?} is for its owner alone", file.file_name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_file_goes_on_under_a_new_id_and_brings_what_it_has() {
    let cluster = Cluster::start(1);
    let dir = TempDir::new().expect("a directory");
    let (file, copy) = (dir.path().join("client.sqlite3"), dir.path().join("copy.sqlite3"));
    let client = reopen(at(&cluster, &[1]).file(&file)).await;
    let (id, common) = (client.replica(), add(&client, "Anna").await);
    within(client.until_on_relay()).await.expect("the client goes on");
    within(client.close()).await.expect("it has not stopped before");
    fs::copy(&file, &copy).expect("a copy");

    let original = reopen(at(&cluster, &[1]).file(&file)).await;
    let of_original = add(&original, "Bert").await;
    within(original.until_on_relay()).await.expect("the client goes on");
    within(original.close()).await.expect("it has not stopped before");

    let copied = reopen(offline(&copy)).await;
    assert_eq!(copied.replica(), id, "nobody can know yet");
    let of_copy = add(&copied, "Cem").await;
    assert_eq!(of_copy, of_original, "both have used the same dot");
    copied.connect_to([cluster.address(1)]).expect("an address");
    within(copied.until_on_relay()).await.expect("the client goes on");
    let new = copied.replica();
    assert_ne!(new, id);
    assert!(has_new_id(&copied));
    until_names(&copied, &["Anna", "Bert", "Cem"]).await;
    within(copied.close()).await.expect("it has not stopped before");

    let copied = reopen(offline(&copy)).await;
    assert_eq!((copied.replica(), name_of(&copied, common).as_deref()), (new, Some("Anna")));
    assert_eq!(copied.look(|session, _| names(session)), ["Anna", "Bert", "Cem"], "each is there once");
    let original = reopen(at(&cluster, &[1]).file(&file)).await;
    until_names(&original, &["Anna", "Bert", "Cem"]).await;
    assert_eq!(original.replica(), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_copy_has_to_do_again_outlives_its_end_before_it_has_found_a_relay() {
    let cluster = Cluster::start(1);
    let dir = TempDir::new().expect("a directory");
    let (file, copy) = (dir.path().join("client.sqlite3"), dir.path().join("copy.sqlite3"));
    let client = reopen(at(&cluster, &[1]).file(&file)).await;
    let id = client.replica();
    add(&client, "Anna").await;
    within(client.until_on_relay()).await.expect("the client goes on");
    within(client.close()).await.expect("it has not stopped before");
    fs::copy(&file, &copy).expect("a copy");
    let original = reopen(at(&cluster, &[1]).file(&file)).await;
    add(&original, "Bert").await;
    within(original.until_on_relay()).await.expect("the client goes on");
    within(original.close()).await.expect("it has not stopped before");

    let copied = reopen(offline(&copy)).await;
    add(&copied, "Cem").await;
    copied.connect_to([cluster.address(1)]).expect("an address");
    until(&copied, |session| session.view().me() != id).await;
    // The kill comes at any moment from here on.
    drop(copied);
    let copied = loop {
        match Client::open(offline(&copy)).await {
            Ok(client) => break client,
            Err(OpenError::File { error: FileError::Busy, .. }) => tokio::task::yield_now().await,
            Err(other) => panic!("{other}"),
        }
    };
    copied.connect_to([cluster.address(1)]).expect("an address");
    within(copied.until_on_relay()).await.expect("the client goes on");
    let other = open(&cluster, &[1]).await;
    for client in [&other, &copied] {
        until_names(client, &["Anna", "Bert", "Cem"]).await;
    }
}

#[tokio::test]
async fn files_that_are_none_of_this_version_and_room_are_refused_in_words_and_left_as_they_are() {
    let dir = TempDir::new().expect("a directory");
    let file = dir.path().join("client.sqlite3");
    let client = reopen(offline(&file)).await;
    let record = add(&client, "Anna").await;
    within(client.close()).await.expect("it has not stopped before");

    let elsewhere = Room::try_from("elsewhere".to_owned()).expect("a name of a room");
    let refused = error_of(Settings::new(elsewhere).file(&file)).await;
    assert_eq!(refused.to_string(), "the file holds the room people: open it for that room, or give another file");

    let set_version = |version: i64| {
        let database = Connection::open(&file).expect("a database");
        database.pragma_update(None, "user_version", version).expect("it can be written");
    };
    set_version(2);
    let refused = error_of(offline(&file)).await.to_string();
    assert!(
        refused.contains("a newer version of Duet has written the file (version 2; this one knows 1)"),
        "{refused}"
    );
    set_version(1);

    let foreign = dir.path().join("notes.txt");
    fs::write(
        &foreign,
        "no database, but a text that is longer than the header of a file of SQLite, which has a hundred bytes",
    )
    .expect("a file");
    assert!(matches!(error_of(offline(&foreign)).await, FileError::Foreign));
    assert!(fs::read_to_string(&foreign).expect("a text").starts_with("no database"));
    let missing = error_of(offline(&dir.path().join("missing/client.sqlite3"))).await;
    assert!(matches!(missing, FileError::Unusable(_)), "{missing}");

    let client = reopen(offline(&file)).await;
    until_name(&client, record, "Anna").await;
}
