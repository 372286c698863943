//! Connections on which nothing moves, and more connections than a relay can hold.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;

use tokio::net::TcpSocket;

use crate::cluster::{Cluster, PATIENCE, poll};

fn connect(cluster: &Cluster) -> TcpStream {
    let tcp = TcpStream::connect(cluster.address(1)).expect("a connection");
    tcp.set_read_timeout(Some(PATIENCE)).expect("a socket");
    tcp
}

/// Sends something and gives all that comes until the relay cuts the connection.
fn said_until_cut(cluster: &Cluster, sent: &str) -> String {
    let mut tcp = connect(cluster);
    tcp.write_all(sent.as_bytes()).expect("it is sent");
    let mut said = Vec::new();
    match tcp.read_to_end(&mut said) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("not cut within {PATIENCE:?}: {error}; sent: {sent}"),
    }
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn connections_on_which_nothing_moves_are_cut() {
    let cluster = &Cluster::start(1);
    let host = format!("Host: {}\r\n", cluster.address(1));
    let half_body = |path: &str| {
        format!("POST {path} HTTP/1.1\r\n{host}Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n{{")
    };
    let chunked = format!("POST /cluster/voters HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n5\r\n{{\"vot");
    let cases = [
        (String::new(), ""),
        (format!("GET / HTTP/1.1\r\n{host}X-Half: "), ""),
        (format!("GET /healthz HTTP/1.1\r\n{host}\r\n"), "HTTP/1.1 200"),
        (half_body("/accept"), "HTTP/1.1 408"),
        (half_body("/cluster/voters"), "HTTP/1.1 408"),
        (chunked, "HTTP/1.1 408"),
        (half_body("/api/v1/rooms/people/records"), "HTTP/1.1 408"),
        (half_body("/socket.io/?EIO=4&transport=polling&sid=nobody"), "HTTP/1.1 400"),
        (half_body("/nothing"), "HTTP/1.1 404"),
    ];
    thread::scope(|scope| {
        for (sent, answer) in &cases {
            scope.spawn(move || {
                let said = said_until_cut(cluster, sent);
                assert!(said.starts_with(answer), "{sent}\n{said}");
            });
        }
    });
}

/// A relay alone that may have as many files open as `descriptors` says.
fn with_descriptors(descriptors: u32) -> Cluster {
    let mut cluster = Cluster::prepare(1, &[]);
    let relay = cluster.command(1);
    let mut shell = Command::new("sh");
    shell.args(["-ec", &format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"")]);
    shell.arg(relay.get_program()).args(relay.get_args());
    for (name, value) in relay.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    cluster.spawn_by(1, shell);
    cluster.wait_until_voting(1);
    cluster
}

#[test]
fn silent_connections_beyond_the_descriptors_of_a_relay_keep_nobody_out() {
    let cluster = with_descriptors(256);
    let _silent: Vec<TcpStream> = (0..300).map(|_| connect(&cluster)).collect();
    for _ in 0..3 {
        let (head, _) = cluster.get(1, "/healthz").expect("an answer");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    }
}

#[tokio::test]
async fn an_address_with_too_many_connections_is_told_so_and_others_get_in() {
    let cluster = with_descriptors(256);
    let ask = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", cluster.address(1));
    let mut open = Vec::new();
    let refusal = loop {
        assert!(open.len() < 256, "one address gets all descriptors");
        let mut tcp = connect(&cluster);
        tcp.write_all(ask.as_bytes()).expect("it is sent");
        let mut said = [0; 4096];
        let length = tcp.read(&mut said).expect("an answer");
        let said = String::from_utf8_lossy(&said[..length]).into_owned();
        if said.starts_with("HTTP/1.1 503") {
            break said;
        }
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
        open.push(tcp);
    };
    assert!(
        refusal.contains("too many connections from your address") && refusal.contains("Retry-After: "),
        "{refusal}"
    );
    let other = TcpSocket::new_v4().expect("a socket");
    other.bind("127.0.0.2:0".parse().expect("an address")).expect("another address of this machine");
    let other = other.connect(cluster.address(1).parse().expect("an address")).await.expect("a connection");
    let mut other = other.into_std().expect("a socket");
    other.set_nonblocking(false).expect("a socket");
    other.write_all(ask.as_bytes()).expect("it is sent");
    let mut said = [0; 4096];
    let length = other.read(&mut said).expect("an answer");
    assert!(said[..length].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&said[..length]));
    drop(open);
    poll("the address gets in again", || cluster.get(1, "/healthz")?.0.starts_with("HTTP/1.1 200").then_some(()));
}

#[test]
fn what_strangers_can_cause_as_often_as_they_like_does_not_fill_the_log() {
    let cluster = Cluster::start(1);
    for _ in 0..200 {
        let (head, _) =
            cluster.request(1, "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n").expect("an answer");
        assert!(head.starts_with("HTTP/1.1 421"), "{head}");
    }
    let lines = cluster.said(1).lines().filter(|line| line.contains("evil.example")).count();
    assert!((1..=20).contains(&lines), "{lines} lines for 200 requests");
}
