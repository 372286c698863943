//! A relay whose disk hangs is not ready, and one whose disk fails ends.

use std::path::Path;

use axum::body::to_bytes;
use axum::extract::State;
use axum::http::StatusCode;
use rusqlite::Connection as Database;

use super::*;
use crate::health;
use crate::storage::Purpose;
use crate::storage::sqlite::Sqlite;

/// A relay alone on a real disk.
fn start(dir: &Path) -> Scene {
    let purpose = Purpose { voter: RelayId(1), schema: Schema::people() };
    let storage = Sqlite::open(dir, &purpose).expect("a database");
    Scene::start_on(Box::new(storage), RelayId(1), &[], machine::recover)
}

/// The answer of `/readyz`.
async fn ready(scene: &Scene) -> (StatusCode, String) {
    let response = health::ready(State(scene.app())).await;
    let status = response.status();
    let body = to_bytes(response.into_body(), 4096).await.expect("a short body");
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

async fn until_ready(scene: &Scene) {
    let wait = async { while ready(scene).await.0 != StatusCode::OK {} };
    timeout(PATIENCE, wait).await.expect("it is ready in time");
}

#[tokio::test]
async fn a_relay_whose_disk_hangs_is_not_ready_until_it_writes_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let scene = start(dir.path());
    scene.leader(&room("people")).await;
    until_ready(&scene).await;

    // A lock of the database, held by somebody else, holds up the thread that writes.
    let other = Database::open(dir.path().join("duet.sqlite3")).expect("the database");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    tokio::time::pause();
    // Commits from before the lock may be reported after it, and each counts as a sign of the disk for a second. They are
    // few: with the lock held nothing more is committed.
    let mut tries = 0;
    let said = loop {
        tokio::time::advance(Duration::from_secs(2)).await;
        match ready(&scene).await {
            (StatusCode::SERVICE_UNAVAILABLE, said) => break said,
            (status, said) => assert_eq!(status, StatusCode::OK, "{said}"),
        }
        tries += 1;
        assert!(tries < 20, "it is ready although its disk hangs");
    };
    assert!(said.contains("the disk has written nothing within 5 s: look at its log and its disk"), "{said}");
    assert_eq!(health::live(State(scene.app())).await.status(), StatusCode::OK, "to start it anew would not help");

    other.execute_batch("COMMIT").expect("the lock is given back");
    tokio::time::resume();
    until_ready(&scene).await;
    scene.stop().await;
}

#[tokio::test]
async fn a_relay_whose_disk_fails_says_so_and_ends() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut scene = start(dir.path());
    scene.leader(&room("people")).await;
    until_ready(&scene).await;
    let other = Database::open(dir.path().join("duet.sqlite3")).expect("the database");
    other.execute_batch("DROP TABLE row").expect("a table");
    let added = scene.add("Anna", &room("people")).await;
    assert_eq!(added, Err(NoRoom::Unknown), "nobody is told of what is not durable");
    let ended = timeout(PATIENCE, &mut scene.task).await.expect("in time").expect("no panic");
    assert!(matches!(ended, Err(NodeError::Storage(StorageError::Write(_)))), "{ended:?}");
    let (status, said) = ready(&scene).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(said.contains("the relay is stopping: ask another one"), "{said}");
    assert_eq!(health::live(State(scene.app())).await.status(), StatusCode::SERVICE_UNAVAILABLE);
}
