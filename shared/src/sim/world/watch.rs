//! The states that the checker sees after each step, and the counts of them in the report.

use super::{Node, RELAYS, World};
use crate::consensus::Slot;
use crate::replica::io::{Message, Reply};
use crate::sim::network::NodeId;
use crate::sim::violated::Violated;

impl World {
    pub(super) fn check_state(&mut self, node: NodeId) -> Result<(), Violated> {
        let Node { replica, id, voter, checked, leads, checked_snapshot, .. } = &self.nodes[node];
        let Some(replica) = replica else { return Ok(()) };
        let view = replica.view();
        let (id, voter, decided) = (*id, *voter, view.log().decided());
        if !self.is_up_to_restore(replica) {
            (self.nodes[node].checked, self.nodes[node].checked_snapshot) = (Slot(0), Slot(0));
            return Ok(());
        }
        if decided > *checked {
            let holders: Vec<_> = self.nodes[..RELAYS].iter().map(Node::holder).collect();
            self.checker.check_log(replica, *checked, &holders)?;
        }
        let now_leads = view.leader().filter(|ballot| voter == Some(ballot.voter));
        if let Some(ballot) = now_leads.filter(|_| now_leads != *leads) {
            self.checker.check_leader(replica, ballot)?;
        }
        let snapshot = view.snapshot().filter(|snapshot| snapshot.at.slot > *checked_snapshot);
        let at = snapshot.map(|snapshot| snapshot.at.slot);
        if let Some(snapshot) = snapshot {
            self.checker.check_snapshot(snapshot)?;
        }
        // A gap between what was known and what is held was filled by a snapshot.
        let installed = view.log().start().slot == decided && decided > checked.plus(1);
        self.report.snapshots_to_tabs += u64::from(installed && voter.is_none());
        self.report.snapshots_to_relays += u64::from(installed && voter.is_some());
        self.report.snapshots_taken += u64::from(at.is_some() && !installed);
        if view.leader() > self.last_leader {
            self.last_leader = view.leader();
            self.report.leaders += 1;
        }
        self.see_configuration();
        if voter.is_none() {
            self.checker.tab_has(id, decided);
        }
        let node = &mut self.nodes[node];
        (node.checked, node.leads) = (decided, now_leads);
        node.checked_snapshot = at.unwrap_or(node.checked_snapshot);
        Ok(())
    }

    /// Looks at what a tab is told of where its edits are.
    pub(super) fn check_majority(&mut self, message: &Message) -> Result<(), Violated> {
        let Message::Stored { configuration, majority, .. } = message else { return Ok(()) };
        let holders: Vec<_> = self.nodes[..RELAYS].iter().map(Node::holder).collect();
        self.report.told_majority += u64::from(!majority.is_empty());
        self.checker.check_majority(self.now, (*configuration, majority), &holders)
    }

    pub(super) fn see_configuration(&mut self) {
        let Some(configuration) = self.checker.model.ledger().configuration() else { return };
        if configuration.number == self.configuration {
            return;
        }
        self.configuration = configuration.number;
        self.report.reconfigurations += 1;
        let renewed = self.nodes[..RELAYS].iter().filter(|node| {
            node.id.0 > RELAYS as u64 && node.voter.is_some_and(|voter| configuration.has(voter, node.id))
        });
        self.report.readmissions += renewed.count() as u64;
    }

    pub(super) fn count_reply(&mut self, node: NodeId, reply: &Reply) {
        let wanted = self.nodes[node].replica.as_ref().map(|replica| replica.view().ledger().policy().observers);
        if let Reply::Decided(_, outcome) = reply {
            self.report.refused += u64::from(outcome.is_err());
            self.report.acknowledged += u64::from(wanted > Some(0));
        }
    }
}
