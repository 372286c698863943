//! The crate `client`, as programs use it, at real relays.

use client::native::{Client, LinkError};
use client::notification::{Decided, Decision, Entry, Notification};
use client::session::{Action, NewRecord, NumberOperation};
use shared::base::id::{RecordId, ReplicaSecret};
use shared::base::room::Room;
use shared::replica::View;
use shared::replica::io::Violation;
use shared::schema::{FieldEdit, NAME};
use tokio::time::timeout;

use crate::cluster::{Cluster, PATIENCE};

async fn connected(cluster: &Cluster, relay: u16, secret: u8) -> Client {
    let mut client = Client::in_memory(ReplicaSecret::new([secret; ReplicaSecret::BYTES]));
    connect(&mut client, cluster, relay, |view| view.status().is_some_and(|status| status.can_agree())).await;
    client
}

/// Connects as soon as no other relay has a link of this client any more, and waits until the view is as wanted.
async fn connect(client: &mut Client, cluster: &Cluster, relay: u16, is_wanted: fn(View<'_>) -> bool) {
    let connected = async {
        loop {
            let linked = client.connect(&cluster.url(relay), &room()).await;
            let ready = match linked {
                Ok(()) => client.until(is_wanted).await,
                Err(error) => Err(error),
            };
            match ready {
                Err(LinkError::Refused(Violation::ConnectedElsewhere)) => {}
                other => break other.expect("the relay takes clients"),
            }
        }
    };
    timeout(PATIENCE, connected).await.expect("it is done in time");
}

fn room() -> Room {
    Room::try_from("people".to_owned()).expect("a name of a room")
}

async fn within<T>(work: impl Future<Output = Result<T, LinkError>>) -> T {
    timeout(PATIENCE, work).await.expect("it is done in time").expect("the link holds")
}

fn person(name: &str, number: Option<NumberOperation>) -> NewRecord {
    NewRecord { fields: vec![(NAME.to_owned(), FieldEdit::Assign(name.to_owned()))], number }
}

async fn add(client: &mut Client, name: &str, number: Option<NumberOperation>) -> RecordId {
    client.register(person(name, number)).await.expect("the link holds").expect("nothing is in the way")
}

fn name_of(client: &Client, record: RecordId) -> Option<String> {
    client.session().view().record(record).map(|record| record.shown(NAME).to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_at_different_relays_merge_agree_and_are_notified() {
    let cluster = Cluster::start(3);
    let (mut anna, mut bert) = (connected(&cluster, 1, 1).await, connected(&cluster, 2, 2).await);
    within(bert.until(|view| view.is_connected())).await;
    let record = add(&mut anna, "Anna", Some(NumberOperation::This(42))).await;
    within(bert.until(|view| view.ledger().number_of(record).is_some())).await;
    within(bert.until(|view| view.document().contains(record))).await;
    assert_eq!(name_of(&bert, record).as_deref(), Some("Anna"));
    let edit = FieldEdit::Assign("Anya".to_owned());
    bert.act(Action::Edit { record, field: NAME.to_owned(), edit, seen: None }).await.expect("the link holds");
    within(anna.until(|view| view.record(record).is_some_and(|record| record.shown(NAME) == "Anya"))).await;

    let is_given = |entry: &Entry| {
        matches!(&entry.notification, Notification::Decided(Decided { what: Decision::Given { number: 42, .. }, .. }))
    };
    while !bert.session().feed().entries().any(is_given) {
        within(bert.step()).await;
    }
    let told = bert.take_notifications();
    assert!(told.iter().any(is_given) && told.is_sorted_by_key(|entry| entry.serial), "{told:?}");
    assert_eq!(bert.take_notifications(), [], "each is told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_works_offline_and_brings_its_edits_to_another_relay() {
    let cluster = Cluster::start(3);
    let (mut away, mut there) = (connected(&cluster, 1, 1).await, connected(&cluster, 3, 2).await);
    away.disconnect();
    let record = add(&mut away, "Anna", None).await;
    assert!(matches!(away.step().await, Err(LinkError::NotConnected)));
    assert_eq!((name_of(&away, record).as_deref(), away.session().view().unsaved_edits()), (Some("Anna"), 1));
    connect(&mut away, &cluster, 2, |view| view.unsaved_edits() == 0).await;
    within(there.until(|view| view.document().contains(record))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_id_another_one_uses_is_told_so() {
    let cluster = Cluster::start(1);
    let mut first = connected(&cluster, 1, 1).await;
    let _second = connected(&cluster, 1, 1).await;
    let ended = timeout(PATIENCE, first.listen_until(tokio::time::Instant::now() + 2 * PATIENCE)).await;
    match ended.expect("the relay ends one of the links") {
        Err(LinkError::Refused(Violation::Replaced | Violation::Copied)) => {}
        other => panic!("{other:?}"),
    }
}
