//! The status line: where things stand, in words.

use shared::id::VoterId;
use shared::ledger::{Dynamic, Load, Mode, Rung};
use shared::presence::Status;

use super::counted;
use super::load_chart::figure;
use crate::engine::Standing;
use crate::engine::session::Session;

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

/// What would be lost with this tab.
struct Unsaved {
    edits: u64,
    wishes: u64,
}

impl StatusLine {
    pub(super) fn of(session: &Session, standing: &Standing) -> Self {
        let view = session.view();
        let unsaved = Unsaved { edits: view.unsaved_edits(), wishes: view.pending_wishes() as u64 };
        match standing {
            Standing::Offline => offline(&unsaved, view.leased()),
            Standing::Seeking { next } => seeking(next, &unsaved, view.leased()),
            Standing::Connected { address, voter } => {
                let fetching = session.is_fetching().then(|| view.remaining_versions());
                connected(session, address, *voter, &unsaved, fetching)
            }
        }
    }
}

impl Unsaved {
    fn is_empty(&self) -> bool {
        self.edits == 0 && self.wishes == 0
    }

    /// `3 edits and 1 wish for a number are`
    fn are(&self) -> String {
        let wishes = match self.wishes {
            1 => "1 wish for a number".to_owned(),
            many => format!("{many} wishes for numbers"),
        };
        match (self.edits, self.wishes) {
            (1, 0) => "1 edit is".to_owned(),
            (edits, 0) => format!("{edits} edits are"),
            (0, 1) => format!("{wishes} is"),
            (0, _) => format!("{wishes} are"),
            (edits, _) => format!("{} and {wishes} are", counted(edits, "edit")),
        }
    }
}

fn offline(unsaved: &Unsaved, left: u64) -> StatusLine {
    let part = if unsaved.is_empty() {
        "Offline: what you edit is kept in this tab until you are back".to_owned()
    } else {
        format!("Offline: {} kept in this tab only", unsaved.are())
    };
    StatusLine { tone: Tone::Alone, parts: vec![part, numbers_alone(left)] }
}

fn seeking(next: &str, unsaved: &Unsaved, left: u64) -> StatusLine {
    let mut parts = vec![format!("Looking for a relay: trying {next} next; edits go on"), numbers_alone(left)];
    if !unsaved.is_empty() {
        parts.push(format!("{} kept in this tab only", unsaved.are()));
    }
    StatusLine { tone: Tone::Alone, parts }
}

/// How this tab gives numbers by itself.
fn numbers_alone(left: u64) -> String {
    match left {
        0 => "new numbers are provisional".to_owned(),
        left => format!("{} left in this tab's lease", counted(left, "number")),
    }
}

/// `fetching` says how many records are still to come, as far as that is known.
fn connected(session: &Session, dialled: &str, voter: VoterId, unsaved: &Unsaved, fetching: Option<u64>) -> StatusLine {
    let view = session.view();
    let Some(status) = view.status().filter(|status| status.me == voter) else {
        let fetching = loading(fetching.unwrap_or(0)).unwrap_or_else(|| "fetching what it has".to_owned());
        let parts = vec![format!("Connected to {voter} at {dialled}"), fetching];
        return StatusLine { tone: Tone::Waiting, parts };
    };
    let rung = view.ledger().epoch().rung;
    let mut parts = vec![mode(rung, view.unsettled_count())];
    match status.leader.filter(|_| status.can_agree()) {
        Some(ballot) => parts.push(format!("led by {}", ballot.voter)),
        // What does not work comes first.
        None => parts.insert(0, no_agreement(&status, view.leased())),
    }
    let up = status.relays.iter().filter(|relay| relay.up).count();
    let tabs: usize = status.relays.iter().map(|relay| relay.tabs.len()).sum();
    parts.push(format!("{up} of {} relays, {}", status.relays.len(), counted(tabs as u64, "tab")));
    if status.can_agree() {
        parts.push(rate(view.load().unwrap_or_default(), &view.ledger().dynamic()));
    }
    let saving = saving(unsaved, fetching);
    let is_calm = status.can_agree() && rung.mode() == Mode::Hybrid && saving.is_none();
    parts.push(saving.unwrap_or_else(|| "everything is safe on a relay".to_owned()));
    StatusLine { tone: if is_calm { Tone::Fine } else { Tone::Waiting }, parts }
}

/// How numbers are given.
fn mode(rung: Rung, unsettled: usize) -> String {
    match rung {
        Rung::Batching => "Hybrid".to_owned(),
        Rung::Leases => "Hybrid, numbers out of leases".to_owned(),
        Rung::Provisional => "CRDT only: new numbers are provisional".to_owned(),
        Rung::Shedding => format!("CRDT only: no new numbers until {unsettled} are settled"),
    }
}

fn no_agreement(status: &Status, left: u64) -> String {
    if status.has_majority() {
        return "The relays are choosing a leader: numbers wait, edits go on".to_owned();
    }
    format!("No majority of relays, so this tab is locally offline: {}, edits go on", numbers_alone(left))
}

/// `12 requests/s of 50`
fn rate(load: Load, dynamic: &Dynamic) -> String {
    let per_second = |count: u32, window_ms: u32| f64::from(count) * 1000.0 / f64::from(window_ms.max(1));
    let (now, most) = (per_second(load.requests, load.window_ms), per_second(dynamic.high_request, dynamic.window_ms));
    format!("{} requests/s of {}", figure(now), figure(most))
}

fn saving(unsaved: &Unsaved, fetching: Option<u64>) -> Option<String> {
    match (unsaved.edits, unsaved.wishes) {
        (0, 0) => fetching.map(|records| loading(records).unwrap_or_else(|| "fetching what is new".to_owned())),
        (0, wishes) => Some(format!("{} being decided", counted(wishes, "number"))),
        (edits, _) => Some(format!("saving {}", counted(edits, "edit"))),
    }
}

/// How far a load that takes a while has come.
fn loading(records: u64) -> Option<String> {
    (records >= MANY).then(|| format!("loading, {} records to come", grouped(records)))
}

/// `45,000`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in (0..digits.len()).rev().zip(digits.chars()) {
        grouped.push(digit);
        if place > 0 && place % 3 == 0 {
            grouped.push(',');
        }
    }
    grouped
}
