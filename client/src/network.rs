//! What the relays have told of themselves while this tab watches.

use std::collections::VecDeque;

use litemap::LiteMap;
use shared::base::id::RelayId;
use shared::consensus::{Slot, Votes};
use shared::replica::io::Now;
use shared::replica::observation::{End, LinkSeen, Observation};

/// How many messages are shown to move at one time.
const MAX_PULSES: usize = 24;

/// A message, or several at one moment, from one end of a link to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// Rises with every one.
    pub serial: u64,
    /// The sender.
    pub from: End,
    /// The receiver.
    pub to: End,
}

/// What one relay has told last.
#[derive(Clone, Debug)]
pub struct Told {
    /// The observation.
    pub observation: Observation,
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// The observations of all relays, while somebody watches.
#[derive(Debug, Default)]
pub struct Network {
    told: LiteMap<RelayId, Told>,
    /// Up to where each voter has the log, as far as a leader of this configuration has said.
    accepted: (u32, LiteMap<RelayId, Slot>),
    /// The latest last.
    pulses: VecDeque<Pulse>,
    sent: u64,
}

impl Network {
    /// Takes in what a relay has told, and says whether there are votes in it that are news.
    pub fn observed(&mut self, now: Now, observation: Observation) -> bool {
        let by = End::Relay(observation.by);
        for link in &observation.links {
            self.note_traffic(by, link);
        }
        let has_news = observation.votes.as_ref().is_some_and(|votes| self.note_votes(votes));
        self.told.insert(observation.by, Told { observation, at_ms: now.wall_ms });
        has_news
    }

    /// Both relays of a link tell of it, so that each tells what it has sent.
    fn note_traffic(&mut self, by: End, link: &LinkSeen) {
        if link.sent > 0 {
            self.pulse(by, link.to);
        }
        if link.received > 0 && matches!(link.to, End::Tab(_)) {
            self.pulse(link.to, by);
        }
    }

    fn pulse(&mut self, from: End, to: End) {
        self.sent += 1;
        self.pulses.push_back(Pulse { serial: self.sent, from, to });
        if self.pulses.len() > MAX_PULSES {
            self.pulses.pop_front();
        }
    }

    fn note_votes(&mut self, votes: &Votes) -> bool {
        let (configuration, accepted) = &mut self.accepted;
        if votes.ballot.configuration < *configuration {
            return false;
        }
        if votes.ballot.configuration > *configuration {
            // A voter may have come back with another database.
            (*configuration, *accepted) = (votes.ballot.configuration, LiteMap::new());
        }
        let mut has_news = false;
        for &(voter, until) in &votes.accepted {
            let known = accepted.entry(voter).or_default();
            has_news |= until > *known;
            *known = until.max(*known);
        }
        has_news
    }

    /// Up to where each voter has the log.
    #[must_use]
    pub fn accepted(&self) -> &LiteMap<RelayId, Slot> {
        &self.accepted.1
    }

    /// Returns the last observation of a relay.
    #[must_use]
    pub fn told(&self, by: RelayId) -> Option<&Told> {
        self.told.get(&by)
    }

    /// What every relay has told last.
    pub fn observations(&self) -> impl Iterator<Item = &Observation> {
        self.told.values().map(|told| &told.observation)
    }

    /// The link of a relay, as that relay sees it.
    #[must_use]
    pub fn link(&self, by: RelayId, to: End) -> Option<&LinkSeen> {
        self.told.get(&by)?.observation.links.iter().find(|link| link.to == to)
    }

    /// Returns the latest messages, the latest last.
    pub fn pulses(&self) -> impl Iterator<Item = Pulse> + '_ {
        self.pulses.iter().copied()
    }

    /// Nobody watches any more: what is known of links gets old.
    pub fn forget_links(&mut self) {
        self.pulses.clear();
        for (_, told) in &mut self.told {
            told.observation.links.clear();
        }
    }
}
