//! A worse network, for trying what it does. Pure: the socket asks when a frame arrives.
//!
//! A WebSocket runs over TCP, which loses nothing silently and keeps the order. So a packet that is lost here is sent
//! again after a time-out, which doubles (RFC 6298), and all that follows waits behind it; what is lost too often in a row
//! breaks the link.

use std::time::Duration;

/// The most that can be set, in milliseconds.
pub const MAX_LATENCY_MS: u32 = 2000;
/// The first time-out of TCP.
const FIRST_TIMEOUT: Duration = Duration::from_millis(200);
/// Lost so often in a row, a packet takes the link with it: after about six seconds.
const MOST_LOST: u32 = 5;

/// What is wrong with the network, in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Impairment {
    /// On the way there, and again on the way back.
    pub latency_ms: u32,
    /// Which part of the packets is lost, in percent.
    pub loss_percent: u32,
}

impl Impairment {
    /// Returns true if nothing is made worse.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Impairment::default()
    }

    /// Returns the delay of each direction.
    #[must_use]
    pub fn latency(self) -> Duration {
        Duration::from_millis(self.latency_ms.min(MAX_LATENCY_MS).into())
    }
}

/// What becomes of a frame, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives at this time.
    Arrives(Duration),
    /// It is lost so often that the link ends at this time.
    BreaksTheLink(Duration),
}

/// One direction of a link. The same seed gives the same fates.
#[derive(Clone, Debug)]
pub struct Lane {
    random: u64,
    /// When the latest frame arrives: none overtakes it.
    latest: Duration,
}

impl Lane {
    /// Makes a direction whose losses follow from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Lane { random: seed, latest: Duration::ZERO }
    }

    /// What becomes of a frame that is sent now.
    pub fn send(&mut self, now: Duration, impairment: Impairment) -> Fate {
        let mut resent = Duration::ZERO;
        let mut lost = 0;
        while self.percent() < impairment.loss_percent {
            resent += FIRST_TIMEOUT * (1 << lost);
            lost += 1;
            if lost == MOST_LOST {
                self.latest = self.latest.max(now + resent);
                return Fate::BreaksTheLink(self.latest);
            }
        }
        self.latest = self.latest.max(now + impairment.latency() + resent);
        Fate::Arrives(self.latest)
    }

    /// From 0 to 99 (`SplitMix64`: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    fn percent(&mut self) -> u32 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % 100) as u32
    }
}
