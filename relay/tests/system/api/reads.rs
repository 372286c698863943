//! What a reader can be sure of.

use serde_json::json;

use super::{add, get, send};
use crate::cluster::Cluster;

#[test]
fn every_read_says_how_far_it_knows_the_log_and_another_relay_waits_for_that() {
    let cluster = Cluster::start(3);
    for round in 1..=5 {
        let record = add(&cluster, 1, "Anna", &json!("next"));
        let number = format!("records/{record}");
        let answer = get(&cluster, 1, &number);
        let seen = answer.header("duet-applied").expect("the slot").to_owned();
        for id in [2, 3] {
            let mode = get(&cluster, id, &format!("settings?consistency=session&seen={seen}"));
            mode.expect(200);
            let applied: u64 = mode.header("duet-applied").unwrap().parse().unwrap();
            assert!(applied >= seen.parse().unwrap(), "round {round}: relay {id} has {applied}, and {seen} was seen");
        }
    }
}

#[test]
fn a_linearizable_read_knows_what_anybody_was_told_before() {
    let cluster = Cluster::start(3);
    let anna = add(&cluster, 1, "Anna", &json!("next"));
    for level in ["leases", "batching", "leases", "batching"] {
        let told = send(&cluster, 1, "POST mode", &json!({"level": level})).expect(200);
        for id in [2, 3] {
            let mode = get(&cluster, id, "mode?consistency=linearizable").expect(200);
            assert_eq!((&mode["epoch"], &mode["level"]), (&told["epoch"], &json!(level)), "relay {id}");
        }
    }
    get(&cluster, 3, &format!("records/{anna}?consistency=linearizable")).expect(200);
}

#[test]
fn a_read_that_cannot_be_sure_in_time_says_so_and_a_local_one_goes_on() {
    let mut cluster = Cluster::start(3);
    add(&cluster, 1, "Anna", &json!("next"));
    get(&cluster, 1, "records?consistency=session").expect_problem(400, "bad-request");
    get(&cluster, 1, "records?consistency=eventual").expect_problem(400, "bad-request");
    cluster.kill(2);
    cluster.kill(3);
    std::thread::scope(|scope| {
        for consistency in ["linearizable", "session&seen=1000000", "session&seen=9223372036854775807"] {
            let cluster = &cluster;
            scope.spawn(move || {
                let answer = get(cluster, 1, &format!("records?consistency={consistency}"));
                answer.expect_problem(503, "not-in-time");
                assert!(answer.header("retry-after").is_some());
            });
        }
        get(&cluster, 1, "records?consistency=local").expect(200);
    });
}
