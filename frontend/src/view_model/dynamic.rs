//! The dynamic method, in words: how numbers are given now, why, and who may give which by itself.

use client::session::Session;
use client::types::{Dynamic, Level, Load, Mode, Range, Reason, ReplicaId};
use litemap::LiteMap;

use super::number::place;
use super::replica_name;
use super::story::load_in_words;
use crate::{tr, trn};

/// How many ranges of one holder are named.
const NAMED_RANGES: usize = 3;
/// How many holders of leases are shown.
const SHOWN_HOLDERS: usize = 12;

/// How numbers are given, at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct DynamicView {
    pub mode: String,
    pub level: Level,
    /// What it means, as a sentence.
    pub meaning: String,
    /// Why, and since when.
    pub why: String,
    /// What was measured when it began, unless nothing was.
    pub figures: Option<String>,
    /// Whether people have taken the level, so that load changes nothing.
    pub by_hand: bool,
    /// What this tab does by itself, if it reaches no majority of the relays.
    pub alone: Option<String>,
    pub settings: Dynamic,
    /// How many requests in a second are too many.
    pub threshold: f64,
    pub unsettled: usize,
    /// How many numbers are left in this tab's lease.
    pub left: u64,
    /// This tab first, then those who leased last.
    pub leases: Vec<LeaseItem>,
    /// How many more have leases.
    pub more_holders: usize,
}

/// The leases of one tab or relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseItem {
    pub holder: String,
    pub is_this: bool,
    /// Such as `20 to 29`.
    pub ranges: String,
    /// How many numbers they have.
    pub count: u64,
}

impl DynamicView {
    pub(super) fn of(session: &Session) -> Self {
        let view = session.view();
        let (epoch, settings) = (view.ledger().epoch(), view.ledger().dynamic());
        let mut leases = leases(session);
        let more_holders = leases.len().saturating_sub(SHOWN_HOLDERS);
        leases.truncate(SHOWN_HOLDERS);
        DynamicView {
            mode: mode_in_words(epoch.mode()),
            level: epoch.level,
            meaning: level_meaning(epoch.level),
            why: match epoch.number {
                0 => tr!("It has been so since the room was founded."),
                number => {
                    let since = place(session, epoch.since);
                    tr!(
                        "{why} Epoch {number} began at {place}.",
                        why = why(epoch.reason),
                        number = number,
                        place = since
                    )
                }
            },
            figures: (epoch.load != Load::default()).then(|| load_in_words(&epoch.load)),
            by_hand: epoch.reason == Reason::ByHand,
            alone: view.is_locally_offline().then(|| alone(view.leased())),
            settings,
            threshold: f64::from(settings.high_request) * 1000.0 / f64::from(settings.window_ms.max(1)),
            unsettled: view.unsettled_count(),
            left: view.leased(),
            leases,
            more_holders,
        }
    }
}

/// What this tab does while it reaches no majority of the relays.
pub(super) fn alone(left: u64) -> String {
    let lease = match left {
        0 => tr!("new numbers are provisional"),
        left => trn!(
            left,
            "the next number is final, out of its lease; later ones are provisional",
            "the next {count} numbers are final, out of its lease; later ones are provisional"
        ),
    };
    tr!("This tab is locally offline: {numbers}", numbers = lease)
}

#[must_use]
pub fn mode_in_words(mode: Mode) -> String {
    match mode {
        Mode::Hybrid => tr!("Hybrid"),
        Mode::CrdtOnly => tr!("CRDT only"),
    }
}

/// The name of a level.
#[must_use]
pub fn level_name(level: Level) -> String {
    match level {
        Level::Batching => tr!("Batching"),
        Level::Leases => tr!("Leases"),
        Level::Provisional => tr!("Provisional"),
        Level::Shedding => tr!("Shedding"),
    }
}

/// For `data-level`.
#[must_use]
pub fn level_key(level: Level) -> &'static str {
    match level {
        Level::Batching => "batching",
        Level::Leases => "leases",
        Level::Provisional => "provisional",
        Level::Shedding => "shedding",
    }
}

#[must_use]
pub fn level_meaning(level: Level) -> String {
    match level {
        Level::Batching => tr!("The relays decide on each number; what comes at one time is decided together."),
        Level::Leases => {
            tr!("Tabs and relays give final numbers by themselves, out of ranges that were set aside for them.")
        }
        Level::Provisional => {
            tr!("What no lease covers is given without asking, and settled when there is less to do.")
        }
        Level::Shedding => tr!("No new numbers until most of the provisional ones are settled. Edits go on."),
    }
}

fn why(reason: Reason) -> String {
    match reason {
        Reason::Founded => tr!("It was founded so."),
        Reason::Load => tr!("More was asked for than the settings allow."),
        Reason::Calm => tr!("It has been calm for long enough."),
        Reason::ByHand => {
            tr!("Somebody took this step by hand: load changes nothing until somebody lets it decide again.")
        }
        Reason::Resumed => tr!("Somebody lets load decide again."),
    }
}

fn leases(session: &Session) -> Vec<LeaseItem> {
    let view = session.view();
    let ranges: Vec<_> = view.ledger().ranges().collect();
    let mut by_holder: LiteMap<ReplicaId, Vec<Range>> = LiteMap::new();
    for range in &ranges {
        by_holder.entry(range.to).or_default().push(*range);
    }
    let latest_first = std::iter::once(view.me()).chain(ranges.iter().rev().map(|range| range.to));
    let leases = latest_first.filter_map(|holder| Some(lease(session, holder, &by_holder.remove(&holder)?)));
    leases.collect()
}

fn lease(session: &Session, holder: ReplicaId, ranges: &[Range]) -> LeaseItem {
    let view = session.view();
    let earlier = ranges.len().saturating_sub(NAMED_RANGES);
    let named: Vec<_> = ranges[earlier..]
        .iter()
        .map(|range| tr!("{first} to {last}", first = range.first, last = range.last))
        .collect();
    let before = if earlier > 0 { tr!("{earlier} earlier, ", earlier = earlier) } else { String::new() };
    LeaseItem {
        holder: replica_name(session.author(holder), view.me()),
        is_this: holder == view.me(),
        ranges: format!("{before}{}", named.join(", ")),
        count: ranges.iter().map(|range| range.last + 1 - range.first).sum(),
    }
}
