//! The conflict inbox.

use serde_json::{Value, json};

use super::{add, ask_with, get, send, take_level, until};
use crate::cluster::Cluster;

/// A relay at which Anna and Béla both had the number 7 for the time being, and which has settled that.
fn collided(flags: &[&str]) -> (Cluster, [String; 2], Value) {
    let cluster = Cluster::start_with(1, flags);
    if !flags.is_empty() {
        until(&cluster, 1, "settings", "the settings are there", |settings| settings["on_collision"] == "reject");
    }
    take_level(&cluster, 1, "provisional");
    let ids = [add(&cluster, 1, "Anna", &json!(7)), add(&cluster, 1, "＝Béla, \"B\"", &json!(7))];
    take_level(&cluster, 1, "batching");
    let inbox = until(&cluster, 1, "conflicts", "it is settled", |inbox| !inbox["conflicts"][0].is_null());
    (cluster, ids, inbox["conflicts"][0].clone())
}

#[test]
fn a_collision_is_told_with_both_sides_and_can_be_undone_once() {
    let (cluster, [anna, bela], conflict) = collided(&[]);
    assert_eq!(conflict["loser"], json!({"record": bela, "name": "＝Béla, \"B\""}));
    assert_eq!(conflict["winner"], json!({"record": anna, "name": "Anna"}));
    assert_eq!((&conflict["wanted"], &conflict["resolution"]), (&json!(7), &json!(null)));
    assert_eq!((&conflict["given"]["state"], &conflict["given"]["value"]), (&json!("final"), &json!(8)));
    assert!(conflict["winner_since"].is_u64() && conflict["why"].is_string(), "{conflict}");

    for (search, found) in [("q=b%C3%89la", 1), ("q=anna", 1), ("q=8", 1), ("q=nobody", 0), ("open=true", 1)] {
        let inbox = get(&cluster, 1, &format!("conflicts?{search}")).expect(200);
        assert_eq!(inbox["conflicts"].as_array().unwrap().len(), found, "{search}");
    }
    let line = format!("POST conflicts/{}/resolution", conflict["id"].as_str().unwrap());
    assert_eq!(send(&cluster, 1, &line, &json!({"resolution": "undone"})).expect(200)["resolution"], "undone");
    assert_eq!(get(&cluster, 1, &format!("records/{bela}")).expect(200)["number"], json!(null));
    let again = send(&cluster, 1, &line, &json!({"resolution": "kept"}));
    assert_eq!(again.expect_problem(409, "resolved-already")["resolution"], "undone");
    assert_eq!(get(&cluster, 1, "conflicts?open=true").expect(200)["conflicts"], json!([]));
    let unknown = send(&cluster, 1, "POST conflicts/9999.0/resolution", &json!({"resolution": "kept"}));
    unknown.expect_problem(404, "not-found");
}

#[test]
fn where_collisions_are_rejected_nothing_is_given_instead() {
    let (cluster, [_, bela], conflict) = collided(&["--on-collision", "reject"]);
    assert_eq!(conflict["given"], json!(null));
    assert_eq!(get(&cluster, 1, &format!("records/{bela}")).expect(200)["number"], json!(null));
}

#[test]
fn the_inbox_is_a_table_for_whoever_wants_one() {
    let (cluster, [anna, bela], conflict) = collided(&[]);
    let by_format = get(&cluster, 1, "conflicts?format=csv");
    let by_header = ask_with(&cluster, 1, "GET conflicts", &[("Accept", "text/csv")], None);
    assert_eq!(by_format.text, by_header.text);
    assert!(by_format.header("content-type").unwrap().starts_with("text/csv"));
    let lines: Vec<&str> = by_format.text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("id,wanted,loser,loser name,winner,winner name,"));
    let id = conflict["id"].as_str().unwrap();
    // What a spreadsheet would take for a formula is marked as text.
    assert!(lines[1].starts_with(&format!("{id},7,{bela},\"'＝Béla, \"\"B\"\"\",{anna},Anna,")), "{}", lines[1]);
    assert_eq!(get(&cluster, 1, "conflicts?format=csv&q=nobody").text.lines().count(), 1);
}
