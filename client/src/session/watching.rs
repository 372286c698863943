//! What a session keeps of the agreement and of merges, for people to watch.

use shared::merge::document::LostWrite;
use shared::replica::io::{Command, Event, Message, Now};
use shared::replica::observation::Observation;

use super::Session;
use crate::decisions::Decisions;
use crate::merges::{Before, Merges};
use crate::name::Name;
use crate::network::Network;

/// What there is to watch.
#[derive(Debug, Default)]
pub(super) struct Watching {
    /// How many pages are open that show what the relays tell of themselves.
    pages: usize,
    network: Network,
    decisions: Decisions,
    merges: Merges,
}

impl Watching {
    /// The log is another one by now.
    pub(super) fn log_begins_anew(&mut self) {
        self.decisions = Decisions::default();
    }

    /// As many pages are open as there were for `old`.
    pub(super) fn open_as(&mut self, old: &Watching) {
        self.pages = old.pages;
    }
}

impl Session {
    /// A page that shows what the relays see is open, or no more.
    #[must_use]
    pub fn watch(&mut self, now: Now, open: bool) -> Vec<Message> {
        let pages = &mut self.watching.pages;
        *pages = if open { *pages + 1 } else { pages.saturating_sub(1) };
        self.update_watching(now)
    }

    /// Only who can see something watches.
    pub(super) fn update_watching(&mut self, now: Now) -> Vec<Message> {
        let watches = self.shown && self.watching.pages > 0;
        if !watches {
            self.watching.network.forget_links();
        }
        self.command(now, Command::Watch(watches))
    }

    /// Notes what a step has brought.
    pub(super) fn note_watched(
        &mut self,
        now: Now,
        observed: Vec<Observation>,
        (before, events, lost): (&[Before], &[Event], &[LostWrite]),
    ) {
        let Session { watching: Watching { network, decisions, merges, .. }, replica, known: records, .. } = self;
        let name_of = |record| {
            let known = records.get(&record).and_then(|known| known.names.first());
            known.cloned().unwrap_or(Name::Untitled(record))
        };
        let mut news = false;
        for observation in observed {
            news |= network.observed(now, observation);
        }
        let known = decisions.latest().next().map(|latest| latest.slot);
        decisions.follow(self.caught_up_once.then_some(now), replica.view(), name_of);
        if news || decisions.latest().next().map(|latest| latest.slot) != known {
            decisions.voted(network.accepted());
        }
        if self.caught_up_once {
            merges.note(now.wall_ms, (before, replica.view()), (events, lost), name_of);
        }
    }

    /// Returns the observations of the relays.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.watching.network
    }

    /// Returns the latest decisions of the log.
    #[must_use]
    pub fn decisions(&self) -> &Decisions {
        &self.watching.decisions
    }

    /// Returns the latest merges.
    #[must_use]
    pub fn merges(&self) -> &Merges {
        &self.watching.merges
    }
}
