//! `openraft`, on a runtime of one thread, with messages handed over in memory.

mod store;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use futures_util::future::join_all;
use openraft::error::{InstallSnapshotError, RPCError, RaftError};
use openraft::network::{RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse, VoteRequest,
    VoteResponse,
};
use openraft::{BasicNode, Config, Raft, SnapshotPolicy};
use tokio::runtime;

use self::store::{LogStore, StateMachine};
use super::{MEASURED, WARM_UP};
use crate::command::Command;
use crate::figures::Sample;

pub const NAME: &str = "openraft";

const VOTERS: u64 = 3;

openraft::declare_raft_types!(
    pub Types: D = Command, R = (), NodeId = u64, Node = BasicNode
);

type Failure<E = openraft::error::Infallible> = RPCError<u64, BasicNode, RaftError<u64, E>>;

/// All nodes, once they have started.
#[derive(Clone, Default)]
struct Network(Arc<OnceLock<BTreeMap<u64, Raft<Types>>>>);

/// The way to one node.
struct Connection {
    network: Network,
    to: u64,
}

impl Connection {
    fn target(&self) -> &Raft<Types> {
        &self.network.0.get().expect("all nodes have started before any speaks")[&self.to]
    }
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Connection;

    async fn new_client(&mut self, target: u64, _node: &BasicNode) -> Connection {
        Connection { network: self.clone(), to: target }
    }
}

impl RaftNetwork<Types> for Connection {
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, Failure> {
        Ok(self.target().append_entries(request).await.expect("nodes do not fail"))
    }

    async fn install_snapshot(
        &mut self,
        _request: InstallSnapshotRequest<Types>,
        _option: RPCOption,
    ) -> Result<InstallSnapshotResponse<u64>, Failure<InstallSnapshotError>> {
        unreachable!("no snapshots are made")
    }

    async fn vote(&mut self, request: VoteRequest<u64>, _option: RPCOption) -> Result<VoteResponse<u64>, Failure> {
        Ok(self.target().vote(request).await.expect("nodes do not fail"))
    }
}

/// Keeps so many commands in flight, each by a task of its own.
pub fn drive(in_flight: usize) -> Sample {
    let runtime = runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let nodes = start().await;
        let leader = nodes[&0].wait(None).metrics(|state| state.current_leader.is_some(), "a leader").await;
        let leader = leader.expect("nodes do not fail").current_leader.expect("waited for it");
        let sample = Sample::after(Instant::now() + WARM_UP, MEASURED);
        let (begin, end) = (sample.begin(), sample.end());
        let proposers = (0..in_flight).map(|_| tokio::spawn(propose(nodes[&leader].clone(), begin, end)));
        let samples = join_all(proposers).await;
        let shut_down = nodes.values().map(Raft::shutdown);
        join_all(shut_down).await.into_iter().for_each(|end| end.expect("nodes do not fail"));
        samples.into_iter().fold(sample, |mut all, one| {
            all.join(one.expect("tasks do not fail"));
            all
        })
    })
}

async fn start() -> BTreeMap<u64, Raft<Types>> {
    let config = Config { snapshot_policy: SnapshotPolicy::Never, ..Config::default() };
    let config = Arc::new(config.validate().expect("a valid configuration"));
    let network = Network::default();
    let mut nodes = BTreeMap::new();
    for id in 0..VOTERS {
        let raft = Raft::new(id, Arc::clone(&config), network.clone(), LogStore::default(), StateMachine::default());
        nodes.insert(id, raft.await.expect("nodes do not fail"));
    }
    let members: BTreeMap<_, _> = (0..VOTERS).map(|id| (id, BasicNode::default())).collect();
    network.0.set(nodes.clone()).unwrap_or_else(|_| unreachable!("set once"));
    nodes[&0].initialize(members).await.expect("nodes do not fail");
    nodes
}

async fn propose(leader: Raft<Types>, begin: Instant, end: Instant) -> Sample {
    let mut sample = Sample::after(begin, end - begin);
    let mut since = Instant::now();
    for number in 0.. {
        leader.client_write(Command::new(number)).await.expect("the leader takes commands");
        let now = Instant::now();
        sample.add(since, now);
        if now >= end {
            break;
        }
        since = now;
    }
    sample
}
