//! Starting, stopping and refusing to start.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use shared::replica::io::Violation;

use crate::cluster::{Cluster, poll};
use crate::tab::Tab;

/// Runs a relay that must refuse to start: gives its exit code and the one line that says why.
fn refusal(command: &mut Command) -> (i32, String) {
    let output = command.env("RUST_LOG", "off").stdin(Stdio::null()).output().expect("the relay starts");
    let said = String::from_utf8(output.stderr).expect("text");
    (output.status.code().expect("it ends by itself"), said)
}

/// A relay that must refuse to start says why in one line.
pub fn assert_refused(command: &mut Command, because: &str) {
    let (code, said) = refusal(command);
    assert_eq!(code, 1, "{said}");
    assert_eq!(said.lines().count(), 1, "one line: {said}");
    assert!(said.contains(because), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sigterm_it_says_goodbye_and_ends_in_time() {
    let mut cluster = Cluster::start(3);
    let tab = Tab::open(&[cluster.url(1)]).await;
    tab.add("Anna").await;
    let asked = Instant::now();
    let status = tokio::task::block_in_place(|| cluster.terminate(1));
    assert!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
    assert_eq!(status.code(), Some(0));
    tab.until_so("a goodbye", || tab.byes() == [Violation::Stopping]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_that_does_not_read_its_goodbye_does_not_hold_up_the_end() {
    let mut cluster = Cluster::start(1);
    let silent = crate::tab::Client::connect(cluster.url(1)).await.expect("a connection");
    let asked = Instant::now();
    let status = tokio::task::block_in_place(|| cluster.terminate(1));
    assert!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
    assert_eq!(status.code(), Some(0));
    drop(silent);
}

#[test]
fn a_busy_data_directory_or_port_is_refused() {
    let cluster = Cluster::start(1);
    assert_refused(&mut cluster.command(1), "another relay is using the data directory");
    let elsewhere = tempfile::tempdir().unwrap();
    assert_refused(cluster.command(1).arg("--data-dir").arg(elsewhere.path()), "choose another port");
}

#[test]
fn a_database_of_another_relay_or_version_or_a_broken_one_is_refused() {
    let mut cluster = Cluster::start(1);
    cluster.kill(1);
    let database = cluster.data_dir(1).join("duet.sqlite3");
    assert_refused(cluster.command(1).args(["--id", "2"]), "belongs to relay 1: start it with --id 1");

    let connection = rusqlite::Connection::open(&database).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    drop(connection);
    assert_refused(&mut cluster.command(1), "found version 1, need 8): run the version that wrote it");

    std::fs::write(&database, "this is no database at all, whatever its name says\n".repeat(100)).unwrap();
    assert_refused(&mut cluster.command(1), "is broken");
}

#[test]
fn a_data_directory_that_cannot_be_used_is_refused() {
    let cluster = Cluster::start(1);
    let file = tempfile::NamedTempFile::new().unwrap();
    assert_refused(cluster.command(1).arg("--data-dir").arg(file.path()), "cannot use the data directory");
}

#[test]
fn a_command_line_that_cannot_be_meant_is_a_usage_error() {
    let mut relay = Command::new(env!("CARGO_BIN_EXE_relay"));
    for flags in [&["--peers", "nonsense"][..], &["--id", "0"], &["--peers", "1=ws://127.0.0.1:1"]] {
        assert_eq!(refusal(relay.env_clear().args(flags)).0, 2, "{flags:?}");
    }
}

#[test]
fn http_answers_what_is_there_and_says_what_is_not() {
    let cluster = Cluster::start(1);
    let (head, _body) = cluster.get(1, "/healthz").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let health = poll("the founding is decided", || cluster.health(1).filter(|health| health["decided"] == 1));
    let address = cluster.address(1);
    let expected = serde_json::json!({
        "status": "ok", "id": 1, "address": address, "rooms": 1, "peers_up": [], "votes": true,
        // Who votes in the room `people`.
        "decided": 1,
        "commits": health["commits"],
        "relays": [{"id": 1, "up": true, "votes": true}],
    });
    assert_eq!(health, expected);
    for path in ["/nothing", "/../Cargo.toml"] {
        let (head, body) = cluster.get(1, path).unwrap();
        assert!(head.starts_with("HTTP/1.1 404"), "{head}");
        assert!(head.contains("content-type: text/plain"), "{head}");
        assert_eq!(body.lines().count(), 1);
    }
    let (head, _page) = cluster.get(1, "/").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    for header in ["content-security-policy: ", "x-content-type-options: nosniff", "referrer-policy: no-referrer"] {
        assert!(head.contains(header), "{head}");
    }
}
