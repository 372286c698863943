//! The command line that asks a relay that runs.

use std::process::{Command, Output};

use serde_json::json;

use super::{add, get, take_level, until};
use crate::cluster::Cluster;

fn run(cluster: &Cluster, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relay"));
    let url = format!("http://{}", cluster.address(1));
    command.env_clear().args(arguments).args(["--url", &url]).output().expect("the command line")
}

/// What the command line says, which must have done what it was to do.
#[track_caller]
fn said(cluster: &Cluster, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = run(cluster, arguments);
    assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("text")
}

/// Why the command line did nothing.
#[track_caller]
fn refused(cluster: &Cluster, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = run(cluster, arguments);
    assert_eq!((status.code(), stdout.len()), (Some(1), 0), "{arguments:?}");
    let said = String::from_utf8(stderr).expect("text");
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[test]
fn the_mode_is_shown_in_words_and_changed() {
    let cluster = Cluster::start(3);
    assert!(said(&cluster, &["mode"]).starts_with("people: batching (the log decides on each number)\n"));
    let provisional = said(&cluster, &["mode", "provisional"]);
    assert!(provisional.starts_with("people: provisional ("), "{provisional}");
    assert!(provisional.contains("somebody wanted it; load changes nothing until `relay mode auto`"), "{provisional}");
    assert_eq!(get(&cluster, 1, "mode").expect(200)["level"], "provisional");
    until(&cluster, 3, "mode", "the others know", |mode| mode["reason"] == "by_hand");
    assert!(said(&cluster, &["mode", "auto"]).contains("somebody let load decide again"));
    assert!(said(&cluster, &["mode", "leases", "--room", "other"]).starts_with("other: leases ("));
    assert_eq!(run(&cluster, &["mode", "turbo"]).status.code(), Some(2));
}

#[test]
fn settings_are_shown_and_changed() {
    let cluster = Cluster::start(1);
    assert!(said(&cluster, &["settings"]).contains("high_request=50\n"));
    let changed = said(&cluster, &["settings", "high_request=100", "rule=hand"]);
    assert!(changed.contains("high_request=100\n") && changed.contains("rule=hand\n"), "{changed}");
    assert_eq!(get(&cluster, 1, "settings").expect(200)["high_request"], 100);
    assert!(refused(&cluster, &["settings", "high_request=0"]).contains("high_request must be from 1 to 1000000"));
    assert!(refused(&cluster, &["settings", "speed=1"]).contains("unknown field `speed`"));
    assert_eq!(run(&cluster, &["settings", "high_request"]).status.code(), Some(2));
}

#[test]
fn conflicts_are_told_in_a_line_each() {
    let cluster = Cluster::start(1);
    assert_eq!(said(&cluster, &["conflicts"]), "no conflicts\n");
    take_level(&cluster, 1, "provisional");
    for name in ["Anna", "B\u{1b}[31méla"] {
        add(&cluster, 1, name, &json!(7));
    }
    take_level(&cluster, 1, "batching");
    let inbox = until(&cluster, 1, "conflicts", "it is settled", |inbox| !inbox["conflicts"][0].is_null());
    let (id, since) = (inbox["conflicts"][0]["id"].as_str().unwrap(), &inbox["conflicts"][0]["winner_since"]);
    // A name cannot steer the terminal.
    let line = format!("{id}  B\u{fffd}[31méla wanted 7: Anna has it since slot {since}; it got 8 instead [open]\n");
    assert_eq!(said(&cluster, &["conflicts"]), line);
    assert_eq!(said(&cluster, &["conflicts", "anna", "--open"]), line);
    assert_eq!(said(&cluster, &["conflicts", "nobody"]), "no conflicts\n");
}

#[test]
fn the_name_of_a_conflict_neither_turns_around_its_line_nor_breaks_it() {
    let cluster = Cluster::start(1);
    take_level(&cluster, 1, "provisional");
    for name in ["\u{202e}annA", "B\u{2028}\u{9b}31m\u{2069}\u{202e}ala"] {
        add(&cluster, 1, name, &json!(7));
    }
    take_level(&cluster, 1, "batching");
    let inbox = until(&cluster, 1, "conflicts", "it is settled", |inbox| !inbox["conflicts"][0].is_null());
    let (id, since) = (inbox["conflicts"][0]["id"].as_str().unwrap(), &inbox["conflicts"][0]["winner_since"]);
    let (loser, winner) = ("\u{2068}B\u{fffd}\u{fffd}31m\u{202e}ala\u{2069}", "\u{2068}\u{202e}annA\u{2069}");
    let line = format!("{id}  {loser} wanted 7: {winner} has it since slot {since}; it got 8 instead [open]\n");
    assert_eq!(said(&cluster, &["conflicts"]), line);
}

#[test]
fn it_says_when_no_relay_answers() {
    let mut cluster = Cluster::start(1);
    // A name that would lead to another path is none.
    for room in ["a b", "../../x", "people?seen=1"] {
        let Output { status, stderr, .. } = run(&cluster, &["mode", "--room", room]);
        assert_eq!(status.code(), Some(2), "{room}");
        assert!(String::from_utf8_lossy(&stderr).contains("the room's name must be"), "{room}");
    }
    cluster.kill(1);
    assert!(refused(&cluster, &["mode"]).contains("no relay answers at http://127.0.0.1"));
}
