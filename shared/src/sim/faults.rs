//! The faults of a simulated system.

use std::time::Duration;

use super::network::Weather;

/// Which faults a world has.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// How the network treats messages.
    pub weather: Weather,
    /// True if relays crash.
    pub crashes: bool,
    /// True if relays lose their disks, or come back with an older copy.
    pub amnesia: bool,
    /// True if the network partitions.
    pub partitions: bool,
    /// True if operators change the voters.
    pub reconfigurations: bool,
    /// True if a relay that lost its disk returns under its old incarnation, as if it had lost nothing. No protocol
    /// survives this. It shows that the checker notices.
    pub denial: bool,
}

impl Faults {
    /// Everything that the protocol must survive.
    pub const ALL: Faults = Faults {
        weather: Weather { loss: 30, duplication: 30, max_delay: Duration::from_millis(30) },
        crashes: true,
        amnesia: true,
        partitions: true,
        reconfigurations: true,
        denial: false,
    };
}

/// The purpose of a world: not all faults can be survived together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ordinary,
    /// Older copies of disks come back, which is found out only by whoever remembers: restarted voters wait for all
    /// others, relays do not crash otherwise, and in each configuration one forgets at the most.
    Forgetting,
    /// All relays are restored from a backup of one of them, and none loses its disk otherwise.
    Restoring,
    /// Replicas are retired, and no disk is lost: whoever proposes a retirement must be able to tell why.
    Retiring,
}
