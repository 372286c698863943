//! The relays, as one of them sees them.

use serde_json::{Value, json};

use super::{add, until};
use crate::cluster::Cluster;
use crate::tab::Tab;

fn leaders(nodes: &Value) -> Vec<&Value> {
    nodes["nodes"].as_array().unwrap().iter().filter(|node| node["leads"] == true).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_relay_tells_who_is_up_votes_leads_and_has_tabs() {
    let mut cluster = Cluster::start(3);
    let _tab = Tab::open(&[cluster.url(2)]).await;
    tokio::task::block_in_place(|| {
        add(&cluster, 1, "Anna", &json!("next"));
        let is_so =
            |nodes: &Value| leaders(nodes).len() == 1 && nodes["nodes"][1]["tabs"].as_array().unwrap().len() == 1;
        for id in 1..=3 {
            let nodes = until(&cluster, id, "nodes", "the leader and the tab are known", is_so);
            assert_eq!((&nodes["me"], &nodes["leader"]), (&json!(id), &leaders(&nodes)[0]["id"]));
            for (at, node) in (1..).zip(nodes["nodes"].as_array().unwrap()) {
                let expected = (&json!(at), &json!(cluster.address(at)), &json!(true), &json!(true));
                assert_eq!((&node["id"], &node["address"], &node["up"], &node["votes"]), expected);
            }
        }
        cluster.kill(3);
        until(&cluster, 1, "nodes", "it is down", |nodes| nodes["nodes"][2]["up"] == false);
    });
}
