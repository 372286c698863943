//! An id belongs to whoever proves it, and no tab can have one that a relay has, or that is in use at another relay.

use shared::base::id::{RelayId, ReplicaSecret};
use shared::protocol::{Frame, Hello};
use shared::replica::io::Violation;
use shared::replica::rows::tag;

use super::refused;
use crate::cluster::{Cluster, poll};
use crate::tab::{Client, Tab, new_secret};

async fn enter(cluster: &Cluster, id: u16, secret: &ReplicaSecret) -> Client {
    let mut client = Client::connect(cluster.url(id)).await.expect("a connection");
    client.send(&Frame::Hello(Hello::Tab { secret: secret.clone(), room: "people".to_owned() })).await;
    client
}

/// Makes the id of a secret the incarnation of a relay's database, as if somebody had found a secret for it. The relay
/// does not run, and has no vote afterwards.
fn give_incarnation(cluster: &Cluster, id: u16, secret: &ReplicaSecret) {
    let database = rusqlite::Connection::open(cluster.data_dir(id).join("duet.sqlite3")).unwrap();
    let incarnation = secret.replica().0.cast_signed();
    database.execute("UPDATE meta SET value = ?1 WHERE key = 'replica'", [incarnation]).unwrap();
    database.execute("DELETE FROM row WHERE key = ?1", [&[tag::ACCEPTOR_STATE]]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_cannot_have_the_id_of_a_relay() {
    let mut cluster = Cluster::start(3);
    assert!(cluster.terminate(2).success());
    let secret = new_secret();
    give_incarnation(&cluster, 2, &secret);
    cluster.spawn(2);
    cluster.wait_until_linked();
    assert_eq!(refused(enter(&cluster, 2, &secret).await).await, Violation::IdOfRelay, "its own");
    assert_eq!(refused(enter(&cluster, 1, &secret).await).await, Violation::IdOfRelay, "that of a link");
    cluster.admit(1, &[1, 2, 3]);
    cluster.kill(2);
    poll("relay 1 knows that relay 2 is gone", || {
        cluster.health(1).filter(|health| health["peers_up"] == serde_json::json!([3]))
    });
    assert_eq!(refused(enter(&cluster, 1, &secret).await).await, Violation::IdOfRelay, "that of a voter that is away");
    let tab = Tab::open(&[cluster.url(1)]).await;
    tab.add("Anna").await;
    tab.until("its edits are stored", |view| view.unsaved_edits() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_connected_to_one_relay_is_refused_at_another_until_that_connection_ends() {
    let cluster = Cluster::start(3);
    let secret = new_secret();
    let first = Tab::under(secret.clone(), &[cluster.url(1)]).await;
    first.until("it is connected", |view| view.is_connected()).await;
    let observer = Tab::open(&[cluster.url(2)]).await;
    let id = secret.replica();
    let is_at = |observer: &Tab, relay: u16| {
        observer.view(|view| {
            let status = view.status();
            status.iter().flat_map(|status| &status.relays).any(|r| r.voter == RelayId(relay) && r.tabs.contains(&id))
        })
    };
    observer.until_so("relay 2 knows where the tab is", || is_at(&observer, 1)).await;
    assert_eq!(refused(enter(&cluster, 2, &secret).await).await, Violation::ConnectedElsewhere);
    first.add("Anna").await;
    first.until("its edits are stored", |view| view.unsaved_edits() == 0).await;
    assert_eq!(first.losses(), 0, "the tab that was there first has noticed nothing");
    first.disconnect();
    observer.until_so("relay 2 knows that the tab is gone", || !is_at(&observer, 1)).await;
    let moved = Tab::under(secret, &[cluster.url(2)]).await;
    moved.until("it is connected", |view| view.is_connected()).await;
}
