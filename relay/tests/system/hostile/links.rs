//! Links and the commands of operators need the link secret, wherever they come from.

use std::process::{Command, Stdio};

use shared::base::dot::{Dot, DotSet};
use shared::base::id::{RelayId, ReplicaId};
use shared::base::room::Room;
use shared::base::sorted::SortedMap;
use shared::consensus::{self, Slot};
use shared::protocol::{Frame, Relays};
use shared::replica::io::{Message, Violation};
use tokio_tungstenite::tungstenite::http::header;

use super::{hello_of_link, http_request, refused, status};
use crate::cluster::{Cluster, SECRET};
use crate::tab::{Client, new_replica_id};

/// A link to relay 1 that has shown the secret.
async fn link(cluster: &Cluster, secret: &str) -> Client {
    let url = format!("ws://{}/link", cluster.address(1));
    let request = http_request(&url, header::AUTHORIZATION, &format!("Bearer {secret}"));
    Client::connect(request).await.expect("a link")
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_for_relays_with_the_secret_only() {
    let cluster = Cluster::start_with(3, &["--link-secret", "s3cret"]);
    let url = format!("ws://{}/link", cluster.address(3));
    assert_eq!(status(http_request(&url, header::ORIGIN, "http://127.0.0.1:5000")).await, 403);
    assert_eq!(status(&url).await, 401);
    assert_eq!(status(http_request(&url, header::AUTHORIZATION, "Bearer s3creT")).await, 401);
    let mut client = Client::connect(http_request(&url, header::AUTHORIZATION, "Bearer s3cret")).await.expect("a link");
    client.send(&hello_of_link(3)).await;
    assert!(matches!(refused(client).await, Violation::Malformed { .. }));
    for (headers, expected) in [("", "401"), ("Authorization: Bearer s3cret\r\nOrigin: http://a.example\r\n", "403")] {
        let (head, body) = cluster.post(3, "/cluster/voters", headers, r#"{"voters": [1]}"#).expect("an answer");
        assert!(head.starts_with(&format!("HTTP/1.1 {expected}")) && body.contains("error"), "{head}{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_without_a_secret_takes_no_links_and_says_how_to_share_one() {
    let cluster = Cluster::start_with(1, &["--link-secret="]);
    let url = format!("ws://{}/link", cluster.address(1));
    assert_eq!(status(&url).await, 403);
    assert_eq!(status(http_request(&url, header::AUTHORIZATION, "Bearer ")).await, 403);
    for (method, body) in [("GET", ""), ("POST", r#"{"voters": [1]}"#)] {
        let head =
            format!("{method} /cluster/voters HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", cluster.address(1));
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        let (head, said) = cluster.request(1, &request).expect("an answer");
        assert!(head.starts_with("HTTP/1.1 403"), "{head}");
        assert!(said.contains("RELAY_LINK_SECRET=$(openssl rand -hex 32)"), "{said}");
    }
}

#[test]
fn a_relay_with_peers_and_without_a_secret_refuses_to_start_and_says_how_to_share_one() {
    for host in ["127.0.0.1", "0.0.0.0"] {
        let mut relay = Command::new(env!("CARGO_BIN_EXE_relay"));
        relay.env_clear().args(["--host", host, "--peers", "2=ws://127.0.0.1:1"]).stdin(Stdio::null());
        let output = relay.output().expect("the relay starts");
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{said}");
        assert!(said.contains("export RELAY_LINK_SECRET=$(openssl rand -hex 32)"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_of_another_founding_is_refused_before_it_learns_anything() {
    let cluster = Cluster::start(1);
    let mut client = link(&cluster, SECRET).await;
    client.send(&hello_of_link(2)).await;
    let voters = SortedMap::from([(RelayId(2), new_replica_id())]);
    let founding = Some(consensus::Configuration { number: 0, voters }.into());
    client.send(&Frame::Relays(Relays { founding, addresses: SortedMap::new() })).await;
    assert_eq!(refused(client).await, Violation::Diverged);
}

/// A `Have` that lists more edits of the relay than the relay knows is how another relay tells it that its database has
/// forgotten something. It makes the relay stop, so it counts only behind the secret.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_the_secret_can_make_a_relay_believe_that_it_has_forgotten_votes() {
    let mut cluster = Cluster::start(1);
    let replica = u64::from_str_radix(cluster.membership(1)["linked"]["1"].as_str().expect("an id"), 16).unwrap();
    let dot = Dot::new(ReplicaId(replica), 1 << 40);
    let context: DotSet = [dot].into_iter().collect();
    let have = Message::Have { context, fingerprint: 0, decided: Slot(0), chain: 0, restores: Default::default() };
    let room = Room::try_from("people".to_owned()).expect("the name of a room");

    let url = format!("ws://{}/link", cluster.address(1));
    assert_eq!(status(&url).await, 401);
    assert_eq!(status(http_request(&url, header::AUTHORIZATION, "Bearer wrong")).await, 401);
    assert!(cluster.health(1).is_some());

    let mut client = link(&cluster, SECRET).await;
    client.send(&hello_of_link(9)).await;
    client.send(&Frame::Relays(Relays::default())).await;
    client.send(&Frame::InRoom(room, have)).await;
    let status = tokio::task::block_in_place(|| cluster.wait_until_ended(1));
    assert_eq!(status.code(), Some(1));
    assert!(cluster.said(1).contains("the database has forgotten votes"), "{}", cluster.said(1));
}
