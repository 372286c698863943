//! Settings: from where they come, and that they are facts in the log.

use serde_json::{Value, json};

use super::{get, send, until};
use crate::cluster::Cluster;

fn usual_with(changes: &Value) -> Value {
    let mut settings = json!({
        "rule": "levels", "high_request": 50, "window_ms": 1000, "target_ms": 250, "dwell": 10, "lease_most": 10000,
        "shed_above": 100_000, "on_collision": "renumber",
    });
    settings.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    settings
}

#[test]
fn a_change_is_known_at_every_relay_and_outlives_them() {
    let mut cluster = Cluster::start(3);
    assert_eq!(get(&cluster, 1, "settings").expect(200), usual_with(&json!({})));
    let changed = usual_with(&json!({"high_request": 100, "rule": "hand"}));
    let answer = send(&cluster, 2, "PATCH settings", &json!({"high_request": 100, "rule": "hand"}));
    assert_eq!(answer.expect(200), changed);
    for id in [1, 3] {
        until(&cluster, id, "settings", "the settings are there", |settings| *settings == changed);
        assert_eq!(get(&cluster, id, "mode").expect(200)["settings"], changed);
    }
    for id in 1..=3 {
        cluster.kill(id);
    }
    for id in 1..=3 {
        cluster.spawn(id);
    }
    cluster.wait_until_linked();
    until(&cluster, 1, "settings", "the settings are back", |settings| *settings == changed);
}

#[test]
fn flags_the_environment_and_a_file_are_for_rooms_in_which_nobody_has_set_any() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "high_request = 7\ndwell = 3\nwindow_ms = 200\n").unwrap();
    let flags = ["--settings", file.path().to_str().unwrap(), "--high-request", "9"];
    let mut cluster = Cluster::start_with(3, &flags);
    let given = usual_with(&json!({"high_request": 9, "dwell": 3, "window_ms": 200}));
    for id in 1..=3 {
        until(&cluster, id, "settings", "the settings are there", |settings| *settings == given);
    }
    let by_hand = send(&cluster, 1, "PATCH settings", &json!({"high_request": 77})).expect(200);
    for id in 1..=3 {
        cluster.kill(id);
    }
    for id in 1..=3 {
        cluster.spawn(id);
    }
    cluster.wait_until_linked();
    // Whoever leads now has had the chance.
    send(&cluster, 1, "POST claims", &json!({"operation": "raise", "number": 1})).expect(200);
    assert_eq!(get(&cluster, 1, "settings?consistency=linearizable").expect(200), by_hand);
}

#[test]
fn the_environment_names_high_request_as_the_thesis_did() {
    let mut cluster = Cluster::prepare(1, &[]);
    let mut command = cluster.command(1);
    command.env("HIGH_REQUEST", "5").env("RELAY_RULE", "counter");
    cluster.spawn_by(1, command);
    let wanted = usual_with(&json!({"high_request": 5, "rule": "counter"}));
    until(&cluster, 1, "settings", "the settings are there", |settings| *settings == wanted);
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let cluster = Cluster::prepare(1, &[]);
    for flags in [["--dwell", "0"], ["--dwell", "x"], ["--rule", "never"], ["--settings", "/nowhere.toml"]] {
        let output = cluster.command(1).args(flags).output().expect("the relay starts");
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
    }
}
