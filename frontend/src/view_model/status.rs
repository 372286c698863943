//! The status line: where things stand, in words.

use client::connection::ConnectionState;
use client::session::{Progress, Safety, Session, Unsafe};
use client::types::{Dynamic, Level, Load, Mode, RelayId, Status};

use super::load_chart::figure;
use super::relay_name;
use crate::{tr, trn};

/// So many records take long enough to come for people to want to know.
const MANY: u64 = 1000;

/// How good things are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Fine,
    /// Something waits or is being looked for.
    Waiting,
    /// By choice, or until a relay is found, only this tab has the edits.
    Alone,
}

impl Tone {
    /// For `data-tone`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Tone::Fine => "fine",
            Tone::Waiting => "waiting",
            Tone::Alone => "alone",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusLine {
    pub tone: Tone,
    /// To be told one after the other, the most important first.
    pub parts: Vec<String>,
}

impl StatusLine {
    pub(super) fn of(session: &Session, connection: &ConnectionState) -> Self {
        if let Some(progress) = session.reading() {
            return reading(progress);
        }
        let view = session.view();
        match connection {
            ConnectionState::Offline => offline(session, view.leased()),
            ConnectionState::Seeking { next } => seeking(session, next, view.leased()),
            ConnectionState::Connected { address, voter } => {
                let fetching = session.is_fetching().then(|| view.remaining_versions());
                connected(session, address, *voter, fetching)
            }
        }
    }
}

/// Describes the edits and requests that no relay has, and where they are kept: `kept on this device: 3 edits`.
fn kept_here(session: &Session) -> Option<String> {
    let (unsaved, in_memory) = (session.kept_at_most(Safety::Device), session.kept_at_most(Safety::Memory));
    let what = in_words(if in_memory.is_empty() { unsaved } else { in_memory })?;
    Some(if in_memory.is_empty() {
        tr!("kept on this device: {what}", what = what)
    } else {
        tr!("kept in this tab only: {what}", what = what)
    })
}

/// `3 edits, 1 request for a number`
fn in_words(what: Unsafe) -> Option<String> {
    let edits = trn!(what.edits, "{count} edit", "{count} edits");
    let operations = trn!(what.operations, "{count} request for a number", "{count} requests for numbers");
    match (what.edits, what.operations) {
        (0, 0) => None,
        (_, 0) => Some(edits),
        (0, _) => Some(operations),
        _ => Some(tr!("{edits} and {operations}", edits = edits, operations = operations)),
    }
}

/// Nothing leaves this tab meanwhile.
fn reading(Progress { records, percent }: Progress) -> StatusLine {
    let part = trn!(
        records,
        "Reading what this device has kept: {percent} %, {count} record so far",
        "Reading what this device has kept: {percent} %, {count} records so far",
        percent = percent
    );
    StatusLine { tone: Tone::Alone, parts: vec![part, tr!("edits are made when all are read")] }
}

fn offline(session: &Session, left: u64) -> StatusLine {
    let part = match kept_here(session) {
        Some(kept) => tr!("Offline, {kept}", kept = kept),
        None if session.is_on_device() => tr!("Offline: what you edit is kept on this device until you are back"),
        None => tr!("Offline: what you edit is kept in this tab until you are back"),
    };
    StatusLine { tone: Tone::Alone, parts: vec![part, numbers_alone(left)] }
}

fn seeking(session: &Session, next: &str, left: u64) -> StatusLine {
    let mut parts = vec![tr!("Looking for a relay: trying {address} next; edits go on", address = next)];
    let neighbours = session.neighbour_count() as u64;
    if neighbours > 0 {
        parts.push(trn!(
            neighbours,
            "merging with {count} tab of this browser",
            "merging with {count} tabs of this browser"
        ));
    }
    parts.push(numbers_alone(left));
    parts.extend(kept_here(session));
    StatusLine { tone: Tone::Alone, parts }
}

/// How this tab gives numbers by itself.
fn numbers_alone(left: u64) -> String {
    match left {
        0 => tr!("new numbers are provisional"),
        left => trn!(left, "{count} number left in this tab's lease", "{count} numbers left in this tab's lease"),
    }
}

/// `fetching` says how many records are still to come, as far as that is known.
fn connected(session: &Session, dialled: &str, voter: RelayId, fetching: Option<u64>) -> StatusLine {
    let view = session.view();
    let Some(status) = view.status().filter(|status| status.me == voter) else {
        let fetching = loading(fetching.unwrap_or(0)).unwrap_or_else(|| tr!("fetching what it has"));
        let parts =
            vec![tr!("Connected to {relay} at {address}", relay = relay_name(voter), address = dialled), fetching];
        return StatusLine { tone: Tone::Waiting, parts };
    };
    let level = view.ledger().epoch().level;
    let mut parts = vec![mode(level, view.unsettled_count())];
    match status.leader.filter(|_| status.can_agree()) {
        Some(ballot) => parts.push(tr!("led by {relay}", relay = relay_name(ballot.voter))),
        // What does not work comes first.
        None => parts.insert(0, no_agreement(&status, view.leased())),
    }
    let up = status.relays.iter().filter(|relay| relay.up).count();
    let tabs: usize = status.relays.iter().map(|relay| relay.tabs.len()).sum();
    let tabs = trn!(tabs as u64, "{count} tab", "{count} tabs");
    parts.push(tr!("{up} of {all} relays, {tabs}", up = up, all = status.relays.len(), tabs = tabs));
    if status.can_agree() {
        parts.push(rate(view.load().unwrap_or_default(), &view.ledger().dynamic()));
    }
    let saving = saving(session.kept_at_most(Safety::Device), fetching).or_else(|| of_neighbours(session));
    let is_calm = status.can_agree() && level.mode() == Mode::Hybrid && saving.is_none();
    parts.push(saving.unwrap_or_else(|| match view.edits_not_on_majority() {
        0 => tr!("everything is safe on a majority of relays"),
        _ => tr!("everything is safe on a relay"),
    }));
    StatusLine { tone: if is_calm { Tone::Fine } else { Tone::Waiting }, parts }
}

/// How numbers are given.
fn mode(level: Level, unsettled: usize) -> String {
    match level {
        Level::Batching => tr!("Hybrid"),
        Level::Leases => tr!("Hybrid, numbers out of leases"),
        Level::Provisional => tr!("CRDT only: new numbers are provisional"),
        Level::Shedding => trn!(
            unsettled as u64,
            "CRDT only: no new numbers until {count} is settled",
            "CRDT only: no new numbers until {count} are settled"
        ),
    }
}

fn no_agreement(status: &Status, left: u64) -> String {
    if status.has_majority() {
        return tr!("The relays are choosing a leader: numbers wait, edits go on");
    }
    tr!("No majority of relays, so this tab is locally offline: {numbers}, edits go on", numbers = numbers_alone(left))
}

/// `12 requests/s of 50`
fn rate(load: Load, dynamic: &Dynamic) -> String {
    let per_second = |count: u32, window_ms: u32| f64::from(count) * 1000.0 / f64::from(window_ms.max(1));
    let (now, most) = (per_second(load.asked, load.window_ms), per_second(dynamic.high_request, dynamic.window_ms));
    tr!("{rate} requests/s of {most}", rate = figure(now), most = figure(most))
}

fn saving(unsaved: Unsafe, fetching: Option<u64>) -> Option<String> {
    match (unsaved.edits, unsaved.operations) {
        (0, 0) => fetching.map(|records| loading(records).unwrap_or_else(|| tr!("fetching what is new"))),
        (0, operations) => Some(trn!(operations, "{count} number being decided", "{count} numbers being decided")),
        (edits, _) => Some(trn!(edits, "saving {count} edit", "saving {count} edits")),
    }
}

/// Edits that other tabs have told this one, and no relay has.
fn of_neighbours(session: &Session) -> Option<String> {
    let edits = session.view().edits_of_neighbours_only();
    (edits > 0).then(|| {
        trn!(
            edits,
            "{count} edit of another tab of this browser is on no relay yet",
            "{count} edits of other tabs of this browser are on no relay yet"
        )
    })
}

/// How far a load that takes a while has come.
fn loading(records: u64) -> Option<String> {
    (records >= MANY).then(|| trn!(records, "loading, {count} record to come", "loading, {count} records to come"))
}
