//! The status line: where things stand, in words.

use shared::id::VoterId;
use shared::presence::Status;

use super::{capitalised, counted};
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
            Standing::Offline => offline(&unsaved),
            Standing::Seeking { next } => seeking(next, &unsaved),
            Standing::Connected { address, voter } => {
                let status = view.status().filter(|status| status.me == *voter);
                let fetching = session.is_fetching().then(|| view.remaining_versions());
                connected(address, *voter, status.as_ref(), &unsaved, fetching)
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

fn offline(unsaved: &Unsaved) -> StatusLine {
    let part = if unsaved.is_empty() {
        "Offline: what you edit is kept in this tab until you are back".to_owned()
    } else {
        format!("Offline: {} kept in this tab only", unsaved.are())
    };
    StatusLine { tone: Tone::Alone, parts: vec![part] }
}

fn seeking(next: &str, unsaved: &Unsaved) -> StatusLine {
    let mut parts = vec![format!("Looking for a relay: trying {next} next; edits go on")];
    if !unsaved.is_empty() {
        parts.push(format!("{} kept in this tab only", unsaved.are()));
    }
    StatusLine { tone: Tone::Alone, parts }
}

/// `fetching` says how many records are still to come, as far as that is known.
fn connected(
    dialled: &str,
    voter: VoterId,
    status: Option<&Status>,
    unsaved: &Unsaved,
    fetching: Option<u64>,
) -> StatusLine {
    let Some(status) = status else {
        let fetching = loading(fetching.unwrap_or(0)).unwrap_or_else(|| "fetching what it has".to_owned());
        let parts = vec![format!("Connected to {voter} at {dialled}"), fetching];
        return StatusLine { tone: Tone::Waiting, parts };
    };
    let address = status.relays.iter().find(|relay| relay.voter == voter).map_or(dialled, |relay| &relay.address);
    let mut parts = vec![format!("Connected to {voter} at {address}")];
    let up = status.relays.iter().filter(|relay| relay.up).count();
    match status.leader.filter(|_| status.can_agree()) {
        Some(ballot) if ballot.voter == voter => parts.push("led by it".to_owned()),
        Some(ballot) => parts.push(format!("led by {}", ballot.voter)),
        None if status.has_majority() => {
            parts.push("the relays are choosing a leader: numbers wait, edits go on".to_owned())
        }
        None => parts.push("no majority of relays: numbers wait, edits go on".to_owned()),
    }
    parts.push(format!("{up} of {} relays up", status.relays.len()));
    let saving = saving(unsaved, fetching);
    let tone = if status.can_agree() && saving.is_none() { Tone::Fine } else { Tone::Waiting };
    parts.push(saving.unwrap_or_else(|| "everything is on a relay".to_owned()));
    if !status.can_agree() {
        // What does not work comes first.
        parts.swap(0, 1);
        parts[0] = capitalised(&parts[0]);
        parts[1] = format!("connected to {voter} at {address}");
    }
    StatusLine { tone, parts }
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
