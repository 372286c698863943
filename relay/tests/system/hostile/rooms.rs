//! Rooms: a read creates none, one that nobody uses goes, and nobody can use up all places.

use serde_json::Value;
use shared::protocol::{Frame, Hello};
use shared::replica::io::Violation;

use super::{is_hello_of_relay, refused};
use crate::cluster::{Cluster, poll};
use crate::tab::{Client, new_secret};

const JSON: &str = "Content-Type: application/json\r\n";

/// A tab in a room that does nothing.
async fn visitor(cluster: &Cluster, room: &str) -> Client {
    let mut client = Client::connect(cluster.url(1)).await.expect("a connection");
    client.send(&Frame::Hello(Hello::Tab { secret: new_secret(), room: room.to_owned() })).await;
    assert!(is_hello_of_relay(client.next().await));
    client
}

fn rooms(cluster: &Cluster, id: u16) -> u64 {
    cluster.health(id).expect("an answer")["rooms"].as_u64().expect("a count")
}

fn add(cluster: &Cluster, room: &str) -> (u16, Value) {
    let body = r#"{"fields": {"name": "Anna"}, "number": "next"}"#;
    answer(cluster.post(1, &format!("/api/v1/rooms/{room}/records"), JSON, body).expect("an answer"))
}

fn get(cluster: &Cluster, path: &str) -> (u16, Value) {
    answer(cluster.get(1, path).expect("an answer"))
}

fn answer((head, body): (String, String)) -> (u16, Value) {
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, serde_json::from_str(&body).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_create_no_rooms_and_say_how_to_create_one() {
    let cluster = Cluster::start_with(1, &["--max-rooms", "2"]);
    for at in 0..70 {
        for resource in
            ["records", "mode", "settings", "nodes", "conflicts", "claims", "events", "records/0000000000000001.1"]
        {
            let (status, problem) = get(&cluster, &format!("/api/v1/rooms/r{at}/{resource}"));
            assert_eq!((status, &problem["type"]), (404, &"urn:duet:problem:room-not-found".into()), "{resource}");
        }
    }
    let (status, problem) = get(&cluster, "/api/v1/rooms/new/records?consistency=linearizable");
    assert_eq!(status, 404, "{problem}");
    for path in ["/get_data?room=new", "/get_load?room=new", "/data_transfer?room=new"] {
        let (status, said) = get(&cluster, path);
        assert_eq!(status, 404, "{path}");
        assert!(said["error"].as_str().unwrap().contains("add a record to it to create it"), "{said}");
    }
    assert_eq!(rooms(&cluster, 1), 1, "only the room `people`, which is always there");
    assert_eq!(get(&cluster, "/get_data").0, 200, "it answers before anybody has written");
    // What the answer says is true.
    assert_eq!(add(&cluster, "new").0, 201);
    assert_eq!(get(&cluster, "/api/v1/rooms/new/records").1["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_without_records_and_visitors_go_at_all_relays_and_their_places_are_free_again() {
    let cluster = Cluster::start_with(3, &["--max-rooms", "4"]);
    let visitors = [visitor(&cluster, "a").await, visitor(&cluster, "b").await, visitor(&cluster, "c").await];
    for id in 1..=3 {
        poll("the rooms are open at all relays", || (rooms(&cluster, id) == 4).then_some(()));
    }
    assert_eq!(refused(visitor(&cluster, "d").await).await, Violation::TooManyRooms { limit: 4 });
    assert_eq!(add(&cluster, "c").0, 201);
    drop(visitors);
    for id in 1..=3 {
        poll("blank rooms go, and no others", || (rooms(&cluster, id) == 2).then_some(()));
    }
    let (status, added) = add(&cluster, "d");
    assert_eq!((status, &added["number"]["value"]), (201, &1.into()), "{added}");
    // A room that was dropped is used like a new one: the relays agree in it.
    let (status, added) = add(&cluster, "a");
    assert_eq!((status, &added["number"]["value"]), (201, &1.into()), "{added}");
    for id in 1..=3 {
        poll("the room is at all relays", || {
            let (head, body) = cluster.get(id, "/api/v1/rooms/a/records")?;
            let (status, records) = answer((head, body));
            (status == 200 && records["records"][0]["number"]["value"] == 1).then_some(())
        });
    }
    assert_eq!(get(&cluster, "/api/v1/rooms/c/records").1["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_was_dropped_leaves_nothing_on_disk_but_the_promise() {
    let mut cluster = Cluster::start(3);
    let visitor = visitor(&cluster, "passing").await;
    poll("somebody leads the room", || cluster.said(1).contains(r#"leads room="passing""#).then_some(()));
    drop(visitor);
    for id in 1..=3 {
        poll("it goes", || (rooms(&cluster, id) == 1).then_some(()));
    }
    assert!(cluster.terminate(2).success());
    let database = rusqlite::Connection::open(cluster.data_dir(2).join("duet.sqlite3")).unwrap();
    let left = "SELECT count(*) FROM row WHERE room = 'passing'";
    assert_eq!(database.query_row(left, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    let promised = "SELECT count(*) FROM meta WHERE key = 'promised'";
    assert_eq!(database.query_row(promised, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_cannot_open_rooms_without_end() {
    let cluster = Cluster::start(1);
    let mut opened = Vec::new();
    let refusal = loop {
        assert!(opened.len() < 60, "there is a bound far below the number of rooms");
        let (status, problem) = add(&cluster, &format!("room-{}", opened.len()));
        if status != 201 {
            break problem;
        }
        opened.push(status);
    };
    assert_eq!(refusal["type"], "urn:duet:problem:too-many-new-rooms", "{refusal}");
    assert!(opened.len() >= 50, "honest programs open some at once: {}", opened.len());
    let client = visitor(&cluster, "room-one-more").await;
    assert_eq!(refused(client).await, Violation::TooManyNewRooms);
    assert_eq!(add(&cluster, "room-0").0, 201, "a room that exists is used as ever");
}
