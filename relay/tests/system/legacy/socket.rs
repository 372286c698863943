//! Socket.IO by hand, without the libraries: sessions, bursts, and requests that are no Socket.IO.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{ALL, accept, add, data, get, until_all_answer};
use crate::cluster::{Cluster, poll};
use crate::tab::Tab;

/// Between the packets of Engine.IO in one answer.
const END_OF_PACKET: &str = "\u{1e}";
/// Where a client of Socket.IO begins that has no WebSocket.
pub(super) const HANDSHAKE: &str = "/socket.io/?EIO=4&transport=polling";

/// A session of Socket.IO by hand: where its requests go.
pub fn socket_io_session(cluster: &Cluster) -> String {
    socket_io_session_at(cluster, 1)
}

pub fn socket_io_session_at(cluster: &Cluster, id: u16) -> String {
    let (head, body) = cluster.get(id, HANDSHAKE).expect("an answer");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let open: Value = serde_json::from_str(body.strip_prefix('0').expect("an open packet")).expect("JSON");
    let path = format!("{HANDSHAKE}&sid={}", open["sid"].as_str().expect("a session"));
    cluster.post(id, &path, "", "40").expect("an answer");
    wait_for_packet_at(cluster, id, &path, "40{");
    path
}

/// Emits an event that wants an acknowledgement under this number, and gives what that says; `None` if the relay ends first.
pub fn event_of_socket_io(cluster: &Cluster, id: u16, session: &str, number: u64, event: &Value) -> Option<Value> {
    let is_taken = |(head, _): &(String, String)| head.starts_with("HTTP/1.1 200");
    cluster.post(id, session, "", &format!("42{number}{event}")).filter(is_taken)?;
    let start = format!("43{number}[");
    loop {
        let (_, said) = cluster.get(id, session).filter(is_taken)?;
        let answer = said.split(END_OF_PACKET).find_map(|packet| packet.strip_prefix(&start)?.strip_suffix(']'));
        if let Some(answer) = answer {
            return Some(serde_json::from_str(answer).expect("JSON"));
        }
    }
}

/// Waits until a session is sent a packet that begins like this, among others such as pings.
pub fn wait_for_packet(cluster: &Cluster, session: &str, start: &str) {
    wait_for_packet_at(cluster, 1, session, start);
}

pub(super) fn wait_for_packet_at(cluster: &Cluster, id: u16, session: &str, start: &str) {
    poll(&format!("a packet {start}"), || {
        let (_, said) = cluster.get(id, session).expect("an answer");
        said.split(END_OF_PACKET).any(|packet| packet.starts_with(start)).then_some(())
    });
}

#[test]
fn a_name_that_many_clients_add_at_once_is_there_once() {
    let cluster = Cluster::start(1);
    let names: Vec<_> = (10..22).map(|at| format!("Person {at}")).collect();
    let update = |name: &String| format!("420{}", json!(["update_data", {"name": name, "number": 1}]));
    let burst = names.iter().map(update).collect::<Vec<_>>().join(END_OF_PACKET);
    let sessions = [(); 3].map(|()| socket_io_session(&cluster));
    for session in &sessions {
        cluster.post(1, session, "", &burst).expect("an answer");
    }
    for session in &sessions {
        let mut done = 0;
        poll("all are done", || {
            let (_, said) = cluster.get(1, session).expect("an answer");
            done += said.split(END_OF_PACKET).filter(|packet| packet.starts_with("430[{\"name\"")).count();
            (done == names.len()).then_some(())
        });
    }
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    assert_eq!(get(&cluster, 1, "/get_data").done(), data(&names, 1));
}

#[test]
fn events_of_one_client_are_done_in_the_order_in_which_it_sent_them() {
    let cluster = Cluster::start(1);
    let session = socket_io_session(&cluster);
    let update = |number: u64| format!("42{}", json!(["update_data", {"name": "Anna", "number": number, "x": 1}]));
    let wrong = "42[\"update_data\",{\"name\":\"Béla\",\"number\":null}]".to_owned();
    let asks = ["42[\"get_data\"]", "42[\"get_highest_number\"]"].map(str::to_owned);
    let burst: Vec<_> = (1..=5).map(update).chain([wrong]).chain(asks).collect();
    cluster.post(1, &session, "", &burst.join(END_OF_PACKET)).expect("an answer");
    let mut packets = Vec::new();
    poll("the last answer", || {
        let (_, said) = cluster.get(1, &session).expect("an answer");
        packets.extend(said.split(END_OF_PACKET).filter(|packet| packet.starts_with("42")).map(str::to_owned));
        packets.iter().any(|packet| packet.starts_with("42[\"highest_number\"")).then_some(())
    });
    // Others are told beside the answers.
    packets.retain(|packet| !packet.starts_with("42[\"data_updated\""));
    assert!(
        packets[0].starts_with("42[\"error\"") && packets[0].contains("`number` must be a whole number"),
        "{packets:?}"
    );
    let rest = ["42[\"data\",{\"data\":[{\"name\":\"Anna\"}]}]", "42[\"highest_number\",{\"number\":5}]"];
    assert_eq!(packets[1..], rest);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_told_of_what_tabs_do_with_the_name_and_the_highest_number() {
    let cluster = Cluster::start(3);
    accept(&cluster, 1, 7).done();
    until_all_answer(&cluster, "/get_data", &data(&[], 7));
    let sessions = [1, 3].map(|id| (id, socket_io_session_at(&cluster, id)));
    let tab = Tab::open(&[cluster.url(1)]).await;
    tab.add("Dora").await;
    for (id, session) in &sessions {
        wait_for_packet_at(&cluster, *id, session, r#"42["data_updated",{"name":"Dora","number":7}]"#);
    }
}

#[test]
fn the_list_of_sockets_has_the_ports_of_the_relays_that_are_up_and_no_others() {
    let mut cluster = Cluster::start(3);
    let session = socket_io_session(&cluster);
    let until_up = |cluster: &Cluster, up: &[u16]| {
        let port = |&id: &u16| cluster.address(id).rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
        let ports: Vec<u16> = up.iter().filter_map(port).collect();
        let mut count = 0;
        poll(&format!("the list has {up:?}"), || {
            count += 1;
            let said = event_of_socket_io(cluster, 1, &session, count, &json!(["get_socket_list"])).expect("an answer");
            (said == json!({ "sockets": ports })).then_some(())
        });
    };
    until_up(&cluster, &ALL);
    cluster.kill(2);
    until_up(&cluster, &[1, 3]);
    cluster.kill(3);
    until_up(&cluster, &[1]);
    cluster.spawn(2);
    until_up(&cluster, &[1, 2]);
}

#[test]
fn of_a_room_without_numbers_the_highest_is_null() {
    let cluster = Cluster::start(1);
    let session = socket_io_session(&cluster);
    let highest = |count: u64| event_of_socket_io(&cluster, 1, &session, count, &json!(["get_highest_number"]));
    assert_eq!(get(&cluster, 1, "/get_data").done(), data(&[], None));
    assert_eq!(highest(1), Some(json!({"number": null})));
    add(&cluster, 1, "Anna");
    assert_eq!(get(&cluster, 1, "/get_data").done(), data(&["Anna"], None));
    assert_eq!(highest(2), Some(json!({"number": null})));
    accept(&cluster, 1, 3).done();
    assert_eq!(highest(3), Some(json!({"number": 3})));
}

#[test]
fn a_client_that_stays_does_not_hold_up_the_end() {
    let mut cluster = Cluster::start(1);
    let _session = socket_io_session(&cluster);
    let asked = Instant::now();
    assert_eq!(cluster.terminate(1).code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
}

#[test]
fn whatever_is_no_socket_io_is_refused_and_nobody_else_notices() {
    let cluster = Cluster::start(1);
    let bystander = socket_io_session(&cluster);
    let other = socket_io_session(&cluster);
    let long = "4".repeat(2_000_000);
    let [broken, big] = [socket_io_session(&cluster), socket_io_session(&cluster)];
    let table = [
        ("GET", "/socket.io", "", "400"),
        ("GET", "/socket.io/", "", "400"),
        ("GET", "/socket.io/x", "", "404"),
        ("GET", "/socket.io/?EIO=9&transport=polling", "", "400"),
        ("GET", "/socket.io/?EIO=4&transport=pigeon", "", "400"),
        ("GET", "/socket.io/?EIO=4&transport=websocket", "", "400"),
        ("GET", "/socket.io/?EIO=4&transport=polling&sid=nobody", "", "400"),
        ("GET", "/socket.io/?EIO=4&transport=polling&room=no%20room", "", "400"),
        ("POST", "/socket.io/?EIO=4&transport=polling", "40", "400"),
        ("PUT", other.as_str(), "40", "400"),
        ("POST", broken.as_str(), "nonsense", "400"),
        ("POST", big.as_str(), &long, "413"),
    ];
    for (method, path, body, status) in table {
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}");
        let (head, said) = cluster.request(1, &format!("{head}\r\n\r\n{body}")).expect("an answer");
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{method} {path}: {head}\n{said}");
    }
    for (event, reply) in [("get_highest_number", "highest_number"), ("nonsense", "error")] {
        cluster.post(1, &bystander, "", &format!("42[{event:?}]")).expect("an answer");
        wait_for_packet(&cluster, &bystander, &format!("42[{reply:?}"));
    }
}

#[test]
fn only_so_many_clients_may_be_connected_and_whoever_leaves_makes_room() {
    // This machine may have three quarters of the 1024 places.
    const MOST: usize = 768;
    let cluster = Cluster::start(1);
    let first = socket_io_session(&cluster);
    for _ in 1..MOST {
        let (head, _) = cluster.get(1, HANDSHAKE).expect("an answer");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    }
    assert!(get(&cluster, 1, HANDSHAKE).refused(503).starts_with("too many clients"));
    cluster.post(1, &first, "", "1").expect("an answer");
    poll("there is room again", || cluster.get(1, HANDSHAKE)?.0.starts_with("HTTP/1.1 200").then_some(()));
}

#[test]
fn every_event_of_a_burst_is_answered() {
    const COUNT: usize = 40;
    let cluster = Cluster::start(1);
    let session = socket_io_session(&cluster);
    let burst = ["42[\"get_data\"]"; COUNT].join(END_OF_PACKET);
    cluster.post(1, &session, "", &burst).expect("an answer");
    let mut answers = 0;
    poll("every answer", || {
        let (_, said) = cluster.get(1, &session).expect("an answer");
        let is_answer = |packet: &&str| packet.starts_with("42[\"data\"") || packet.starts_with("42[\"error\"");
        answers += said.split(END_OF_PACKET).filter(is_answer).count();
        (answers == COUNT).then_some(())
    });
}

/// The events of an address may bring 32 MiB at once, and 2 MiB a second from then on.
#[test]
fn events_cost_the_budget_of_the_address_that_sends_them() {
    let cluster = Cluster::start(1);
    let session = socket_io_session(&cluster);
    let event = json!(["update_data", {"name": "", "number": 1, "unknown": "x".repeat(1_000_000)}]);
    let begun = Instant::now();
    for _ in 0..40 {
        cluster.post(1, &session, "", &format!("420{event}")).expect("an answer");
        wait_for_packet(&cluster, &session, "430[{");
    }
    assert!(begun.elapsed() > Duration::from_secs(2), "40 MB came in {:?}", begun.elapsed());
}
