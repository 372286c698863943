//! The active nodes.

use client::connection::ConnectionState;
use client::session::Session;
use client::types::ReplicaId;

use super::relay_name;
use crate::tr;

/// A relay and the tabs at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayItem {
    /// Such as `relay 2`.
    pub name: String,
    pub address: String,
    pub up: bool,
    /// Whether it has a vote, in the incarnation in which it is up.
    pub votes: bool,
    pub leads: bool,
    /// Whether this tab is linked to it.
    pub ours: bool,
    pub tabs: Vec<TabItem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TabItem {
    pub id: ReplicaId,
    pub is_this: bool,
}

/// The relays as this tab's relay sees them; nothing while there is no link, since what was told last may be wrong.
pub(super) fn relays(session: &Session, connection: &ConnectionState) -> Vec<RelayItem> {
    let view = session.view();
    let ConnectionState::Connected { voter, .. } = connection else { return Vec::new() };
    let Some(status) = view.status().filter(|status| status.me == *voter) else { return Vec::new() };
    let leader = status.leader.map(|ballot| ballot.voter);
    let items = status.relays.into_iter().map(|relay| {
        let mut tabs = relay.tabs;
        tabs.sort_by_key(|&id| (id != view.me(), id));
        RelayItem {
            name: relay_name(relay.voter),
            address: relay.address,
            up: relay.up,
            votes: relay.votes,
            leads: relay.up && leader == Some(relay.voter),
            ours: relay.voter == status.me,
            tabs: tabs.into_iter().map(|id| TabItem { id, is_this: id == view.me() }).collect(),
        }
    });
    items.collect()
}

/// The relay that this tab is connected to, with its address: host and port.
pub(super) fn own(session: &Session, connection: &ConnectionState) -> Option<String> {
    let ConnectionState::Connected { address: dialled, voter } = connection else { return None };
    let relays = session.view().status().map(|status| status.relays).unwrap_or_default();
    let address = relays.into_iter().find(|relay| relay.voter == *voter).map(|relay| relay.address);
    let address = address.as_ref().unwrap_or(dialled);
    Some(tr!("{relay} at {address}", relay = relay_name(*voter), address = address))
}
