//! `omnipaxos`: Sequence Paxos with its storage in memory.

use std::time::Duration;

use omnipaxos::messages::Message;
use omnipaxos::{ClusterConfig, OmniPaxos, ServerConfig};
use omnipaxos_storage::memory_storage::MemoryStorage;

use super::Voters;
use crate::command::Command;

const VOTERS: u64 = 3;

impl omnipaxos::storage::Entry for Command {
    type Snapshot = omnipaxos::storage::NoSnapshot;
}

pub struct Omnipaxos {
    nodes: Vec<Node>,
    /// Moves messages from one node to the others.
    messages: Vec<Message<Command>>,
    leader: usize,
    commands: u64,
}

struct Node {
    paxos: OmniPaxos<Command, MemoryStorage<Command>>,
    /// How many decided entries the state machine has read.
    applied: usize,
}

impl Node {
    /// Reads what is decided, as a state machine has to that applies it.
    fn apply(&mut self) -> usize {
        if self.paxos.get_decided_idx() == self.applied {
            return 0;
        }
        let decided = self.paxos.read_decided_suffix(self.applied).expect("decided entries can be read");
        self.applied += decided.len();
        std::hint::black_box(&decided).len()
    }
}

impl Omnipaxos {
    /// Lets every node send what it has to send. Says whether there was anything.
    fn exchange(&mut self) -> bool {
        let mut sent = false;
        for from in 0..self.nodes.len() {
            self.nodes[from].paxos.take_outgoing_messages(&mut self.messages);
            for message in self.messages.drain(..) {
                sent = true;
                let to = message.get_receiver() as usize - 1;
                self.nodes[to].paxos.handle_incoming(message);
            }
        }
        sent
    }
}

impl Voters for Omnipaxos {
    const NAME: &'static str = "omnipaxos";

    fn elect(in_flight: usize) -> Self {
        let node = |pid| {
            let cluster = ClusterConfig { configuration_id: 1, nodes: (1..=VOTERS).collect(), flexible_quorum: None };
            // Faster than the default of 1, and it never waits for a batch to fill: all in flight are decided together.
            let server = ServerConfig { pid, batch_size: in_flight, ..ServerConfig::default() };
            let paxos = cluster.build_for_server(server, MemoryStorage::default()).expect("a valid configuration");
            Node { paxos, applied: 0 }
        };
        let mut voters =
            Omnipaxos { nodes: (1..=VOTERS).map(node).collect(), messages: Vec::new(), leader: 0, commands: 0 };
        loop {
            voters.tick(Duration::ZERO);
            voters.deliver();
            if let Some((leader, true)) = voters.nodes[0].paxos.get_current_leader() {
                voters.leader = leader as usize - 1;
                return voters;
            }
        }
    }

    fn propose(&mut self) {
        self.commands += 1;
        let command = Command::new(self.commands);
        self.nodes[self.leader].paxos.append(command).expect("the leader takes commands");
    }

    fn deliver(&mut self) -> usize {
        while self.exchange() {}
        let applied: Vec<_> = self.nodes.iter_mut().map(Node::apply).collect();
        applied[self.leader]
    }

    fn tick(&mut self, _since_start: Duration) {
        self.nodes.iter_mut().for_each(|node| node.paxos.tick());
    }
}
