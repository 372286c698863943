//! The crate `client`, as programs use it, at real relays.

mod durable;
#[expect(dead_code, reason = "it is a program, whose main nobody calls here")]
#[path = "../../../client/examples/register.rs"]
mod example;

use client::connection::ConnectionState;
use client::native::{Client, CommandError, NoNumber, OpenError, Settings, Stopped};
use client::notification::{Decided, Decision, Entry, Notification};
use client::session::{NumberOperation, Session};
use shared::base::id::{RecordId, ReplicaSecret};
use shared::ledger::Rejection;
use shared::ledger::finality::Numbering;
use shared::replica::io::CommandRejection;
use shared::schema::{FieldEdit, FieldName, NAME};
use tokio::time::timeout;

use crate::cluster::{Cluster, PATIENCE};
use crate::tab::{new_secret, people};

/// How a client of the first of these relays is opened. It goes to the others when that is gone.
fn at(cluster: &Cluster, relays: &[u16]) -> Settings {
    Settings::new(people()).relays(relays.iter().map(|&id| cluster.address(id))).no_other_relays()
}

async fn open(cluster: &Cluster, relays: &[u16]) -> Client {
    Client::open(at(cluster, relays)).await.expect("a client in memory")
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(PATIENCE, work).await.expect("it is done in time")
}

/// A client that reaches a majority of the relays: what it asks for now is decided by them, and is not provisional.
async fn online(cluster: &Cluster, relays: &[u16]) -> Client {
    let client = open(cluster, relays).await;
    until_online(&client).await;
    client
}

async fn until_online(client: &Client) {
    until(client, |session| session.has_caught_up() && !session.view().is_locally_offline()).await;
}

async fn until(client: &Client, is_wanted: impl Fn(&Session) -> bool) {
    within(client.until(is_wanted)).await.expect("the client goes on");
}

fn name(name: &str) -> Vec<(FieldName, FieldEdit)> {
    vec![(NAME.to_owned(), FieldEdit::Assign(name.to_owned()))]
}

async fn add(client: &Client, of: &str) -> RecordId {
    within(client.add(name(of))).await.expect("nothing is in the way")
}

/// The final number of a record, as soon as this client has heard of it.
async fn number_of(client: &Client, record: RecordId) -> u64 {
    until(client, |session| session.view().number(record).held.is_some()).await;
    within(client.final_number(record)).await.expect("it is final")
}

fn name_of(client: &Client, record: RecordId) -> Option<String> {
    client.look(|session, _| Some(session.view().record(record)?.shown(NAME).to_owned()))
}

/// The names of all people, in their order.
fn names(session: &Session) -> Vec<String> {
    let mut names: Vec<_> = session.view().records().map(|record| record.shown(NAME).to_owned()).collect();
    names.sort();
    names
}

async fn until_names(client: &Client, wanted: &[&str]) {
    let done = timeout(PATIENCE, client.until(|session| names(session) == wanted)).await;
    done.unwrap_or_else(|_| panic!("there are {:?}", client.look(|session, _| names(session))))
        .expect("the client goes on");
}

fn has_new_id(client: &Client) -> bool {
    let is_new = |entry: &Entry| matches!(entry.notification, Notification::NewId(_));
    client.look(|session, _| session.feed().entries().any(is_new))
}

async fn until_name(client: &Client, record: RecordId, name: &str) {
    until(client, |session| session.view().record(record).is_some_and(|record| record.shown(NAME) == name)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_at_different_relays_merge_agree_and_are_notified() {
    let cluster = Cluster::start(3);
    let (anna, bert) = (online(&cluster, &[1]).await, online(&cluster, &[2]).await);
    let mut news = bert.subscribe();
    let record = add(&anna, "Anna").await;
    let number = within(anna.number(record, NumberOperation::This(42))).await.expect("nobody has it");
    assert!(matches!(number, Numbering::Final(number) if *number.get() == 42), "{number:?}");
    assert_eq!(number_of(&bert, record).await, 42);
    until_name(&bert, record, "Anna").await;
    within(bert.edit(record, NAME, FieldEdit::Assign("Anya".to_owned()))).await.expect("it is there");
    until_name(&anna, record, "Anya").await;

    let other = add(&bert, "Bert").await;
    let refused = within(bert.number(other, NumberOperation::This(42))).await;
    let is_taken = |rejection: &Rejection| matches!(rejection, Rejection::NumberTaken { number: 42, .. });
    assert!(
        matches!(&refused, Err(CommandError::Rejected(CommandRejection::Refused(why))) if is_taken(why)),
        "{refused:?}"
    );
    assert!(matches!(bert.final_number(other).await, Err(NoNumber::Refused(why)) if is_taken(&why)));
    within(bert.remove(other)).await.expect("it is there");
    until(&anna, |session| !session.view().document().contains(other)).await;

    let is_given = |entry: &Entry| {
        matches!(&entry.notification, Notification::Decided(Decided { what: Decision::Given { number: 42, .. }, .. }))
    };
    let (mut last, mut found) = (0, false);
    while !found {
        let entry = within(news.next()).await.expect("the client goes on");
        assert!(entry.serial > last, "each is told once: {entry:?}");
        (last, found) = (entry.serial, is_given(&entry));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_works_offline_and_brings_its_edits_to_another_relay() {
    let cluster = Cluster::start(3);
    let (away, there) = (open(&cluster, &[1]).await, open(&cluster, &[3]).await);
    until(&away, Session::has_caught_up).await;
    away.disconnect();
    let record = add(&away, "Anna").await;
    assert_eq!(
        away.look(|session, link| (session.view().unsaved_edits(), link.clone())),
        (1, ConnectionState::Offline)
    );
    away.connect_to([cluster.address(2)]).expect("an address");
    within(away.until_on_relay()).await.expect("the client goes on");
    until_name(&there, record, "Anna").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_goes_to_another_relay_that_its_own_one_has_told_of() {
    let mut cluster = Cluster::start(3);
    let client = Client::open(Settings::new(people()).relays([cluster.address(1)])).await.expect("a client in memory");
    until(&client, |session| session.view().status().is_some_and(|status| status.relays.len() == 3)).await;
    tokio::task::block_in_place(|| cluster.kill(1));
    let record = add(&client, "Anna").await;
    within(client.until_on_relay()).await.expect("the client goes on");
    until_name(&open(&cluster, &[3]).await, record, "Anna").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_clients_with_one_id_one_goes_on_under_a_new_id_and_nothing_is_lost() {
    let cluster = Cluster::start(1);
    let secret = new_secret();
    let under = |secret: ReplicaSecret| Client::open(at(&cluster, &[1]).under(secret));
    let (first, second) = (under(secret.clone()).await.unwrap(), under(secret.clone()).await.unwrap());
    // Both use the same dot while neither has heard of the other.
    first.disconnect();
    second.disconnect();
    add(&first, "Anna").await;
    add(&second, "Bert").await;
    for client in [&first, &second] {
        client.connect_to([cluster.address(1)]).expect("an address");
        within(client.until_on_relay()).await.expect("the client goes on");
    }
    for client in [&first, &second] {
        until_names(client, &["Anna", "Bert"]).await;
    }
    assert_ne!(first.replica(), second.replica());
    assert!(has_new_id(&first) || has_new_id(&second));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_closed_does_nothing_more_and_whoever_waits_is_told() {
    let cluster = Cluster::start(1);
    let client = open(&cluster, &[1]).await;
    until(&client, Session::has_caught_up).await;
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.until(|_| false).await }
    });
    add(&client, "Anna").await;
    assert_eq!(within(client.close()).await, Ok(()));
    assert_eq!(within(waiting).await.expect("it does not panic"), Err(Stopped::Closed));
    assert_eq!(client.add(name("Bert")).await, Err(CommandError::Stopped(Stopped::Closed)));
    assert!(matches!(
        Client::open(Settings::new(people()).relays(["http://relay"])).await,
        Err(OpenError::NoAddress(_))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn example_of_the_guide_registers_people_one_after_the_other() {
    let cluster = Cluster::start(3);
    let dir = tempfile::TempDir::new().expect("a directory");
    let file = dir.path().join("people.sqlite3");
    for (number, name) in [(1, "Anna"), (2, "Bert")] {
        let relays = (1..=3).map(|id| cluster.address(id)).collect();
        assert_eq!(within(example::register(&file, name, relays)).await.expect("it is done"), number);
    }
    let guide = include_str!("../../../docs/how-to/use-the-client-in-a-program.md");
    let source = include_str!("../../../client/examples/register.rs");
    let (_, function) = source.split_once("\npub ").expect("a function");
    assert!(guide.contains(function), "the guide shows another example than the one that is run");
}
