//! Browser profiles that are copied, or come back out of a backup, so that two tabs are at work under one id.

use super::{RELAYS, World};
use crate::base::id::ReplicaId;
use crate::replica::io::{PeerId, Violation};
use crate::sim::network::NodeId;
use crate::sim::violated::Violated;

impl World {
    /// The browser of a tab is closed for good, and goes on with a copy of another one's profile.
    pub(super) fn copy_profile(&mut self, original: NodeId) -> Result<(), Violated> {
        let copy = self.some_tab();
        let (of, id) = (self.nodes[original].id, self.nodes[copy].id);
        if of == id || self.are_neighbours(original, copy) || !self.stop(copy)? {
            return Ok(());
        }
        self.report.copies += 1;
        self.checker.model.copied.insert(of);
        self.nodes[copy].disk = self.nodes[original].disk.copy();
        self.nodes[copy].id = of;
        self.nodes[copy].clock_was_wrong |= self.nodes[original].clock_was_wrong;
        self.start(copy);
        self.ends_unless_copied(id);
        self.connect_all(copy)
    }

    /// A tab cannot go on under its id: another copy of it does.
    pub(super) fn take_new_id(&mut self, tab: NodeId) -> Result<(), Violated> {
        let id = self.nodes[tab].id;
        if !self.checker.model.copied.contains(&id) {
            return Err(Violated::WronglyCopied { tab: id });
        }
        if !self.stop(tab)? {
            return Ok(());
        }
        self.report.copies_found += 1;
        self.nodes[tab].id = self.new_id();
        self.nodes[tab].disk.wipe();
        self.start(tab);
        self.ends_unless_copied(id);
        self.connect_all(tab)
    }

    /// If this copy was the last one, its id is gone for good.
    fn ends_unless_copied(&mut self, id: ReplicaId) {
        if self.nodes[RELAYS..].iter().all(|node| node.id != id) {
            self.gone.push(id);
        }
        self.restores.closed(id);
    }

    /// A relay has cut links of tabs, of which it knows two copies. Gives the links that it had another reason to cut.
    pub(super) fn renew_copies(
        &mut self,
        relay: NodeId,
        cut: Vec<(PeerId, Violation)>,
    ) -> Result<Vec<(PeerId, Violation)>, Violated> {
        let mut others = Vec::new();
        for (link, violation) in cut {
            let tab = self.network.other_end(link, relay);
            let is_copied = |tab: &NodeId| self.checker.model.copied.contains(&self.nodes[*tab].id);
            match (tab.filter(is_copied), &violation) {
                (Some(tab), Violation::Copied | Violation::Equivocation { .. }) => self.take_new_id(tab)?,
                _ => others.push((link, violation)),
            }
        }
        Ok(others)
    }

    /// A relay has one link to a tab: a newer one takes the place of an older one, whose tab is thereby a copy.
    pub(super) fn replace_copies(&mut self, tab: NodeId, relay: NodeId) -> Result<(), Violated> {
        let id = self.nodes[tab].id;
        for other in RELAYS..self.nodes.len() {
            if other != tab && self.nodes[other].id == id && self.network.between(other, relay).is_some() {
                self.take_new_id(other)?;
            }
        }
        Ok(())
    }

    /// After healing no two replicas are at work under one id.
    pub(super) fn check_copies(&self) -> Result<(), Violated> {
        for (at, node) in self.nodes.iter().enumerate() {
            if self.nodes[..at].iter().any(|other| other.id == node.id) {
                return Err(Violated::TwoUnderOneId { id: node.id });
            }
        }
        Ok(())
    }
}
