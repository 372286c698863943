//! The ways of giving numbers that are compared.

use hyper::Method as Http;
use serde_json::{Value, json};

use crate::client::Client;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    CrdtOnly,
    PaxosOnly,
    /// The rule of the thesis: CRDTs alone once there were more than 50 requests.
    Thesis,
    Levels,
    /// The levels where no numbers are leased: every one that the log is not asked for is provisional.
    WithoutLeases,
}

impl Method {
    /// Those of the thesis's experiment.
    pub const SWEPT: [Method; 4] = [Method::CrdtOnly, Method::PaxosOnly, Method::Thesis, Method::Levels];

    pub fn name(self) -> &'static str {
        match self {
            Method::CrdtOnly => "CRDT only",
            Method::PaxosOnly => "Paxos only",
            Method::Thesis => "the thesis's rule",
            Method::Levels => "the levels",
            Method::WithoutLeases => "the levels without leases",
        }
    }

    /// Whether every number is final in the end without anybody's help.
    pub fn settles_by_itself(self) -> bool {
        matches!(self, Method::PaxosOnly | Method::Levels | Method::WithoutLeases)
    }

    /// Sets a room up. `high_request` is for those that look at it.
    pub async fn prepare(self, client: &mut Client, room: &str, high_request: u64) {
        let settings: Value = match self {
            Method::CrdtOnly => json!({"rule": "hand", "lease_most": 0}),
            Method::PaxosOnly => json!({"rule": "hand"}),
            Method::Thesis => json!({"rule": "counter", "lease_most": 0, "high_request": high_request}),
            Method::Levels => json!({"rule": "levels", "high_request": high_request}),
            Method::WithoutLeases => json!({"rule": "levels", "lease_most": 0, "high_request": high_request}),
        };
        client.change(Http::PATCH, &format!("{room}/settings"), settings).await;
        if self == Method::CrdtOnly {
            client.change(Http::POST, &format!("{room}/mode"), json!({"level": "provisional"})).await;
        }
    }

    /// Goes back to deciding on each number.
    pub async fn go_back(client: &mut Client, room: &str) {
        client.change(Http::POST, &format!("{room}/mode"), json!({"level": "batching"})).await;
    }
}
