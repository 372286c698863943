//! `shared::replica`: three relays, as a host would drive them that takes what has arrived and then writes once.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::base::id::{RelayId, ReplicaId};
use shared::consensus::Configuration;
use shared::ledger::Operation;
use shared::replica::io::{Command, CommandId, Input, Now, Output, PeerId, PeerKind, Recovered, WriteId};
use shared::replica::{Config, Replica, Role, Tuning};
use shared::schema::Schema;

use super::Voters;

const VOTERS: usize = 3;
/// How far the clock of an election goes at a time.
const MOMENT: Duration = Duration::from_millis(10);

pub struct Duet {
    replicas: Vec<Replica>,
    /// What has arrived at each replica.
    inboxes: [Vec<Input>; VOTERS],
    now: Now,
    leader: usize,
    commands: u64,
    decided: usize,
}

impl Duet {
    fn start() -> Self {
        let now = Now { monotonic: Duration::ZERO, wall_ms: 1_700_000_000_000 };
        let voter = |node: usize| RelayId(node as u16 + 1);
        let addresses: BTreeMap<_, _> = (0..VOTERS).map(|node| (voter(node), format!("relay-{node}"))).collect();
        let incarnation = |node: usize| ReplicaId(node as u64 + 1);
        let founding =
            Configuration { number: 0, voters: (0..VOTERS).map(|node| (voter(node), incarnation(node))).collect() };
        let replica = |node: usize| {
            let (addresses, seed, tuning) = (addresses.clone(), node as u64, Tuning::default());
            let role = Role::Relay { voter: voter(node), addresses, seed, tuning };
            let config = Config { replica: incarnation(node), schema: Schema::people(), role };
            Replica::recover(config, Recovered::default(), now)
        };
        let inboxes = std::array::from_fn(|node| {
            let others = (0..VOTERS).filter(|&other| other != node);
            let kind = |other| PeerKind::Relay(voter(other), incarnation(other));
            let links = others.map(|other| Input::PeerUp(PeerId(other as u64), kind(other)));
            [Input::Found(founding.clone().into())].into_iter().chain(links).collect()
        });
        Duet { replicas: (0..VOTERS).map(replica).collect(), inboxes, now, leader: 0, commands: 0, decided: 0 }
    }

    /// Hands a replica what has arrived, and then says that what it has written is durable.
    fn step(&mut self, node: usize) {
        let mut written = None;
        for input in std::mem::take(&mut self.inboxes[node]) {
            self.handle(node, input, &mut written);
        }
        while let Some(write) = written.take() {
            self.handle(node, Input::Persisted(write), &mut written);
        }
    }

    fn handle(&mut self, node: usize, input: Input, written: &mut Option<WriteId>) {
        let Output { write, sends, replies, .. } = self.replicas[node].handle(self.now, input);
        if let Some(batch) = write {
            *written = Some(batch.id);
        }
        for envelope in sends {
            // A link is named by the node at its other end.
            let from = PeerId(node as u64);
            self.inboxes[envelope.to.0 as usize].push(Input::Receive(from, envelope.message));
        }
        self.decided += replies.len();
    }
}

impl Voters for Duet {
    const NAME: &'static str = "duet, whole replicas";

    fn elect(_in_flight: usize) -> Self {
        let mut voters = Self::start();
        loop {
            voters.deliver();
            let led = |node: &usize| {
                voters.replicas[*node].view().leader().is_some_and(|b| usize::from(b.voter.0) == node + 1)
            };
            if let Some(leader) = (0..VOTERS).find(led) {
                voters.leader = leader;
                return voters;
            }
            voters.tick(voters.now.monotonic + MOMENT);
        }
    }

    fn propose(&mut self) {
        self.commands += 1;
        let ask = Command::Ask(Operation::Raise { number: self.commands });
        self.inboxes[self.leader].push(Input::Command(CommandId(self.commands), ask));
    }

    fn deliver(&mut self) -> usize {
        while self.inboxes.iter().any(|inbox| !inbox.is_empty()) {
            (0..VOTERS).for_each(|node| self.step(node));
        }
        std::mem::take(&mut self.decided)
    }

    fn tick(&mut self, since_start: Duration) {
        self.now.monotonic = self.now.monotonic.max(since_start);
        for node in 0..VOTERS {
            if self.replicas[node].deadline().is_some_and(|at| at <= self.now.monotonic) {
                self.inboxes[node].push(Input::Wake);
            }
        }
    }
}
