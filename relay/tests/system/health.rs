//! How a relay tells those who watch over it whether it lives, and whether it can do its work.

use serde_json::{Value, json};

use crate::cluster::{Cluster, poll};

/// The status, and what is said in words.
fn ready(cluster: &Cluster, id: u16) -> Option<(u16, Value)> {
    let (head, body) = cluster.get(id, "/readyz")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    assert_eq!(status == 503, head.contains("retry-after: "), "{head}");
    Some((status, serde_json::from_str(&body).expect("JSON")))
}

fn until_ready(cluster: &Cluster, id: u16) {
    poll(&format!("relay {id} is ready"), || (ready(cluster, id)?.0 == 200).then_some(()));
}

fn until_not_ready(cluster: &Cluster, id: u16, reason: &str) {
    poll(&format!("relay {id} is not ready: {reason}"), || {
        let (status, said) = ready(cluster, id)?;
        assert_eq!(said["ready"], json!(status == 200));
        let reasons = said["reasons"].as_array()?.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ");
        (status == 503 && reasons.contains(reason)).then_some(())
    });
}

fn assert_live(cluster: &Cluster, id: u16) {
    let (head, body) = cluster.get(id, "/livez").expect("an answer");
    assert!(head.starts_with("HTTP/1.1 200") && body == "ok\n", "{head}\n{body}");
}

#[test]
fn a_relay_is_ready_as_long_as_a_majority_is_in_sight_and_lives_without() {
    let mut cluster = Cluster::start(3);
    (1..=3).for_each(|id| until_ready(&cluster, id));
    cluster.kill(1);
    until_ready(&cluster, 3);
    cluster.kill(2);
    until_not_ready(&cluster, 3, "no majority of the voters is in sight: there is no link to relay 1, relay 2");
    assert_live(&cluster, 3);
    cluster.spawn(1);
    until_ready(&cluster, 3);
    until_ready(&cluster, 1);
}

#[test]
fn a_relay_that_has_not_found_the_others_lives_and_is_not_ready() {
    let mut cluster = Cluster::prepare(3, &[]);
    cluster.spawn(2);
    until_not_ready(&cluster, 2, "nobody votes yet");
    assert_live(&cluster, 2);
    cluster.spawn(1);
    cluster.spawn(3);
    (1..=3).for_each(|id| until_ready(&cluster, id));
}

#[test]
fn a_relay_without_a_vote_is_ready_once_it_knows_who_votes() {
    let mut cluster = Cluster::start(3);
    cluster.join(4, &[1, 2, 3]);
    until_ready(&cluster, 4);
    assert_eq!(cluster.health(4).expect("an answer")["votes"], false);
}
