//! Counts of the events in runs. A run that never saw a fault proves little.

macro_rules! report {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// How often each kind of event has happened.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Report {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Report {
            /// Adds the counts of another report.
            pub fn add(&mut self, other: &Report) {
                $(self.$name += other.$name;)*
            }

            /// Each count with its name.
            #[must_use]
            pub fn counts(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

report! {
    /// Inputs that replicas have handled.
    steps,
    /// Relays that lost what they had not flushed.
    crashes,
    /// Relays that lost everything.
    wipes,
    /// Relays that came back with an older copy of their disk.
    rollbacks,
    /// Times that all relays were restored from a backup of one of them.
    restores,
    /// Tabs that knew the log as it was before a restore, and learnt it anew.
    rejoined,
    /// Relays that came back with an older copy, and learnt from others what they had forgotten.
    amnesia_detections,
    /// Configurations that came into force.
    reconfigurations,
    /// Admissions of a relay whose votes were lost under an older incarnation.
    readmissions,
    /// Ballots that led.
    leaders,
    /// Links over which nothing came in one direction.
    one_way_links,
    /// Networks that were cut into a chain.
    chains,
    /// Networks that were cut in two.
    partitions,
    /// Wall clocks of nodes that jumped.
    clock_jumps,
    /// Links that were ended because stamps were too far ahead, of a node whose clock was wrong.
    clocks_refused,
    /// Nodes that slept for a while.
    sleeps,
    /// Tabs that broke the protocol, and were cut for it.
    lies,
    /// Dots that liars gave to two edits.
    equivocations,
    /// Numbers that liars brought under edits of others.
    forged_numbers,
    /// Tabs that ended in the midst of their writes, and came back with their disk.
    reopened,
    /// Tabs that were closed, with what no relay had.
    reloads,
    /// Tabs that went on with a copy of another one's profile.
    copies,
    /// Tabs that took a new id, since another copy was at work under theirs.
    copies_found,
    /// Entries decided.
    decided,
    /// Requests that the ledger refused.
    refused,
    /// Requests that were decided more than once.
    repeated,
    /// Requests of replicas that the ledger had forgotten.
    forgotten,
    /// Keys under which programs outside have asked for something.
    keys,
    /// HTTP requests under a key that was used before, by the same one or by another one.
    keys_repeated,
    /// HTTP requests under keys, and registrations, that a relay resumed after it was killed.
    gone_on_with,
    /// Ranges leased.
    ranges,
    /// Numbers that were given provisionally.
    provisional,
    /// Raises of the highest number that did not ask the log.
    raised_without_log,
    /// Final numbers that were given out of leases.
    leased,
    /// Provisional numbers, and numbers out of leases, that were settled.
    settled,
    /// Settled numbers that became conflicts.
    conflicts,
    /// Epochs begun.
    epochs,
    /// Epochs that the leader began, by load or by calm.
    epochs_by_load,
    /// Replicas retired.
    retired,
    /// Retired replicas that came back under their ids.
    came_back,
    /// Waivers: decisions that became visible without enough observers.
    waivers,
    /// Replies that waited for observers.
    acknowledged,
    /// Times that a tab was told which of its edits are on a majority.
    told_majority,
    /// Snapshots taken by relays.
    snapshots_taken,
    /// Snapshots installed by relays that lagged behind.
    snapshots_to_relays,
    /// Snapshots installed by tabs that came late.
    snapshots_to_tabs,
    /// Linearizable reads answered.
    linearizable_reads,
    /// Reads by session answered.
    session_reads,
    /// Records at the end.
    records,
}
