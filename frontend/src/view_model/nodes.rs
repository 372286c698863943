//! The relays and tabs as a network.

mod place;

pub use place::Position;

use client::connection::ConnectionState;
use client::session::Session;
use client::types::{End, RelayId, RelayStatus, ReplicaId, Status};
use litemap::LiteMap;

use super::LocalTime;
use crate::{tr, trn};
use place::{relay_place, tab_place};

/// For how many tabs there is room at one relay in the drawing; the table has all.
const DRAWN_TABS: usize = 3;
/// How many tabs the table has.
const LISTED_TABS: usize = 100;
/// Who was heard so lately is there now.
const NOW_MS: u32 = 2500;

/// What a node does, or is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    ThisTab,
    Leads,
    Votes,
    NoVote,
    Quarantined,
    Recovering,
    Observers,
}

impl Part {
    /// For `data-part`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Part::ThisTab => "this",
            Part::Leads => "leads",
            Part::Votes => "votes",
            Part::NoVote => "no-vote",
            Part::Quarantined => "quarantined",
            Part::Recovering => "recovering",
            Part::Observers => "observers",
        }
    }

    #[must_use]
    pub fn glyph(self) -> &'static str {
        match self {
            Part::ThisTab => "▸",
            Part::Leads => "★",
            Part::Votes => "◆",
            Part::NoVote => "◇",
            Part::Quarantined => "⊘",
            Part::Recovering => "↻",
            Part::Observers => "◉",
        }
    }

    #[must_use]
    pub fn word(self) -> String {
        match self {
            Part::ThisTab => tr!("this tab"),
            Part::Leads => tr!("leader"),
            Part::Votes => tr!("voter"),
            Part::NoVote => tr!("no vote"),
            Part::Quarantined => tr!("quarantined"),
            Part::Recovering => tr!("recovering"),
            Part::Observers => tr!("observer"),
        }
    }
}

/// Whether a node is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Up,
    Down,
    /// This tab has no link by which it could tell.
    Unknown,
}

impl Presence {
    /// For `data-presence`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Presence::Up => "up",
            Presence::Down => "down",
            Presence::Unknown => "unknown",
        }
    }

    #[must_use]
    pub fn word(self) -> String {
        match self {
            Presence::Up => tr!("up"),
            Presence::Down => tr!("down"),
            Presence::Unknown => tr!("not reached"),
        }
    }
}

/// A relay or a tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub end: End,
    pub name: String,
    pub is_relay: bool,
    pub presence: Presence,
    pub parts: Vec<Part>,
    /// Of a relay: host and port. Of a tab: the relay that it is at.
    pub address: String,
    /// The name of its database, as far as it is known.
    pub incarnation: Option<String>,
    /// To whom, and how long.
    pub round_trips: Vec<String>,
    pub seen: String,
    /// `None` if it is not drawn.
    pub place: Option<Position>,
}

/// A link between two that are drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub from: Position,
    pub to: Position,
    pub is_up: bool,
    /// Between relays, and not to a tab.
    pub is_trunk: bool,
    pub round_trip: Option<String>,
}

/// A message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moving {
    pub serial: u64,
    pub from: Position,
    pub to: Position,
}

/// Tabs for which there is no room in the drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoreTabs {
    pub count: usize,
    pub place: Position,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodesView {
    /// The drawing in a sentence.
    pub summary: String,
    /// Relays first.
    pub nodes: Vec<Node>,
    pub unlisted: usize,
    pub more: Vec<MoreTabs>,
    pub lines: Vec<Line>,
    pub moving: Vec<Moving>,
}

impl NodesView {
    #[must_use]
    pub fn of(session: &Session, connection: &ConnectionState, time: LocalTime) -> Self {
        let connected = match connection {
            ConnectionState::Connected { voter, .. } => Some(*voter),
            _ => None,
        };
        let status = session.view().status().unwrap_or(Status { me: RelayId(0), leader: None, relays: Vec::new() });
        let connected = connected.filter(|voter| status.me == *voter);
        let scene = Scene { session, status: &status, connected, time };
        let mut view = NodesView {
            summary: scene.summary(connection),
            nodes: Vec::new(),
            unlisted: 0,
            more: Vec::new(),
            lines: Vec::new(),
            moving: Vec::new(),
        };
        for (at, relay) in status.relays.iter().enumerate() {
            view.nodes.push(scene.relay(relay, Some(relay_place(at, status.relays.len()))));
        }
        for (at, relay) in status.relays.iter().enumerate() {
            scene.add_tabs(&mut view, relay, (at, status.relays.len()));
        }
        if connected.is_none() {
            view.nodes.push(scene.tab(session.view().me(), None, Some(Position { x: 500, y: 500 })));
        }
        scene.add_lines(&mut view);
        view
    }

    fn place(&self, end: End) -> Option<Position> {
        self.nodes.iter().find(|node| node.end == end)?.place
    }
}

/// `0.8 ms`
fn millis(micros: u32) -> String {
    let tenths = (u64::from(micros) + 50) / 100;
    if tenths < 100 {
        tr!("{whole}.{tenth} ms", whole = tenths / 10, tenth = tenths % 10)
    } else {
        tr!("{whole} ms", whole = (tenths + 5) / 10)
    }
}

pub(super) fn relay_name(voter: RelayId) -> String {
    tr!("relay {id}", id = voter.0)
}

/// What the nodes are made of.
struct Scene<'a> {
    session: &'a Session,
    status: &'a Status,
    /// The relay that this tab is connected to, once it has told how things stand.
    connected: Option<RelayId>,
    time: LocalTime,
}

impl Scene<'_> {
    fn summary(&self, connection: &ConnectionState) -> String {
        if self.connected.is_none() {
            return match connection {
                ConnectionState::Offline => tr!("This tab is offline by choice: it sees nobody until it is back."),
                _ => tr!("This tab is looking for a relay: until it has found one, it sees nobody."),
            };
        }
        let Status { leader, relays, .. } = self.status;
        let up = relays.iter().filter(|relay| relay.up).count();
        let tabs = relays.iter().map(|relay| relay.tabs.len()).sum::<usize>() as u64;
        let there = trn!(
            tabs,
            "{up} of {all} relays are up, with {count} tab.",
            "{up} of {all} relays are up, with {count} tabs.",
            up = up,
            all = relays.len()
        );
        let leads = match leader.filter(|_| self.status.can_agree()) {
            Some(ballot) => tr!(
                "{relay} leads, under ballot {ballot}.",
                relay = super::capitalised(&relay_name(ballot.voter)),
                ballot = ballot
            ),
            None => tr!("Nobody leads: numbers wait until a majority of the voters has found a leader."),
        };
        format!("{there} {leads}")
    }

    fn relay(&self, relay: &RelayStatus, place: Option<Position>) -> Node {
        let network = self.session.network();
        let told = network.told(relay.voter);
        let presence = match self.connected {
            None => Presence::Unknown,
            Some(_) if relay.up => Presence::Up,
            Some(_) => Presence::Down,
        };
        let incarnation =
            told.map(|told| told.observation.incarnation).or_else(|| self.voting_incarnation(relay.voter));
        Node {
            end: End::Relay(relay.voter),
            name: super::capitalised(&relay_name(relay.voter)),
            is_relay: true,
            presence,
            parts: self.parts_of(relay, told.is_some_and(|told| told.observation.is_recovering)),
            address: relay.address.clone(),
            incarnation: incarnation.map(|incarnation| format!("{:016x}", incarnation.0)),
            round_trips: self.round_trips_of(relay),
            seen: self.relay_seen(relay, told.map(|told| told.at_ms)),
            place,
        }
    }

    fn voting_incarnation(&self, voter: RelayId) -> Option<ReplicaId> {
        self.session.view().ledger().configuration()?.voters.get(&voter).copied()
    }

    fn parts_of(&self, relay: &RelayStatus, is_recovering: bool) -> Vec<Part> {
        let leads = relay.up && self.status.leader.is_some_and(|ballot| ballot.voter == relay.voter);
        let had_vote = self.voting_incarnation(relay.voter).is_some();
        let vote = match (relay.votes, had_vote) {
            (true, _) if is_recovering => Part::Recovering,
            (true, _) => Part::Votes,
            (false, true) => Part::Quarantined,
            (false, false) => Part::NoVote,
        };
        leads.then_some(Part::Leads).into_iter().chain([vote]).collect()
    }

    fn round_trips_of(&self, relay: &RelayStatus) -> Vec<String> {
        let to_me = self.session.view().round_trip().filter(|_| self.connected == Some(relay.voter));
        let to_me = to_me.map(|micros| tr!("{time} to this tab", time = millis(micros)));
        let others = self.status.relays.iter().filter(|other| other.voter != relay.voter && other.up && relay.up);
        let others = others.filter_map(|other| {
            let micros = self.between(relay.voter, other.voter)?;
            Some(tr!("{time} to {relay}", time = millis(micros), relay = relay_name(other.voter)))
        });
        to_me.into_iter().chain(others).collect()
    }

    /// The round trip between two relays, as either has measured it.
    fn between(&self, a: RelayId, b: RelayId) -> Option<u32> {
        let network = self.session.network();
        let measured = |by, to| network.link(by, End::Relay(to)).and_then(|link| link.round_trip_us);
        measured(a, b).or_else(|| measured(b, a))
    }

    fn relay_seen(&self, relay: &RelayStatus, told_at_ms: Option<u64>) -> String {
        let is_linked = relay.up && self.connected.is_some();
        match told_at_ms {
            _ if is_linked => tr!("now"),
            Some(at_ms) => tr!("at {time}", time = self.time.clock(at_ms)),
            None => tr!("not since this page is open"),
        }
    }

    fn tab(&self, id: ReplicaId, at: Option<&RelayStatus>, place: Option<Position>) -> Node {
        let view = self.session.view();
        let is_this = id == view.me();
        let link = at.and_then(|relay| self.session.network().link(relay.voter, End::Tab(id)));
        let observers = link.is_some_and(|link| link.acknowledged.is_some());
        let measured = if is_this { view.round_trip() } else { link.and_then(|link| link.round_trip_us) };
        let heard = link.and_then(|link| link.heard_ms_ago);
        let seen = match heard {
            _ if is_this => tr!("now"),
            Some(ago) if ago < NOW_MS => tr!("now"),
            Some(ago) => tr!("{count} s ago", count = ago / 1000),
            None => tr!("silent since this page is open"),
        };
        let parts = [(Part::ThisTab, is_this), (Part::Observers, observers)];
        let relay = at.map(|relay| relay_name(relay.voter));
        let round_trip = measured.zip(relay.as_ref());
        Node {
            end: End::Tab(id),
            name: tr!("Tab {id}", id = id),
            is_relay: false,
            presence: Presence::Up,
            parts: parts.into_iter().filter_map(|(part, is)| is.then_some(part)).collect(),
            address: relay.as_ref().map(|relay| tr!("at {relay}", relay = relay)).unwrap_or_default(),
            incarnation: Some(format!("{:016x}", id.0)),
            round_trips: round_trip
                .map(|(micros, relay)| tr!("{time} to {relay}", time = millis(micros), relay = relay))
                .into_iter()
                .collect(),
            seen,
            place,
        }
    }

    /// The tabs of a relay stand behind it, this one first.
    fn add_tabs(&self, view: &mut NodesView, relay: &RelayStatus, (at, of): (usize, usize)) {
        let Some(_) = self.connected else { return };
        let me = self.session.view().me();
        let mut tabs = relay.tabs.clone();
        tabs.sort_by_key(|&id| (id != me, id));
        // Where there is no room for all, the last place is for their number.
        let drawn = if tabs.len() > DRAWN_TABS { DRAWN_TABS - 1 } else { tabs.len() };
        let more = tabs.len() - drawn;
        let places = drawn + usize::from(more > 0);
        let place = |nth: usize| tab_place(relay_place(at, of), nth, places);
        let room = LISTED_TABS.saturating_sub(view.nodes.iter().filter(|node| !node.is_relay).count());
        for (nth, &id) in tabs.iter().take(room).enumerate() {
            let spot = (nth < drawn).then(|| place(nth));
            view.nodes.push(self.tab(id, Some(relay), spot));
        }
        view.unlisted += tabs.len().saturating_sub(room);
        if more > 0 {
            let (from, to) = (relay_place(at, of), place(drawn));
            view.more.push(MoreTabs { count: more, place: to });
            view.lines.push(Line { from, to, is_up: true, is_trunk: false, round_trip: None });
        }
    }

    fn add_lines(&self, view: &mut NodesView) {
        let places: LiteMap<End, Position> =
            view.nodes.iter().filter_map(|node| Some((node.end, node.place?))).collect();
        let relays = &self.status.relays;
        for (at, a) in relays.iter().enumerate() {
            for b in &relays[at + 1..] {
                let (from, to) = (places[&End::Relay(a.voter)], places[&End::Relay(b.voter)]);
                let is_up = self.connected.is_some() && a.up && b.up;
                let round_trip = self.between(a.voter, b.voter).filter(|_| is_up).map(millis);
                view.lines.push(Line { from, to, is_up, is_trunk: true, round_trip });
            }
            for tab in a.tabs.iter().filter(|_| self.connected.is_some()) {
                let Some(&to) = places.get(&End::Tab(*tab)) else { continue };
                let from = places[&End::Relay(a.voter)];
                view.lines.push(Line { from, to, is_up: true, is_trunk: false, round_trip: None });
            }
        }
        let moving = self.session.network().pulses().filter(|_| self.connected.is_some());
        view.moving = moving
            .filter_map(|pulse| {
                Some(Moving { serial: pulse.serial, from: view.place(pulse.from)?, to: view.place(pulse.to)? })
            })
            .collect();
    }
}
