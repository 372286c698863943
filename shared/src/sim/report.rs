//! What runs have reached. A run that never saw a fault proves little.

macro_rules! report {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// How often each thing has happened.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Report {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Report {
            /// Adds up two reports.
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
    /// Of the relays that came back with an older copy, such as were told by others what they had forgotten.
    amnesia_detections,
    /// Configurations that came into force.
    reconfigurations,
    /// Of those, such as gave a vote to a relay that had forgotten its votes under an older incarnation.
    readmissions,
    /// Ballots that led.
    leaders,
    /// Links over which nothing came in one direction.
    one_way_links,
    /// Networks that were cut into a chain.
    chains,
    /// Networks that were cut in two.
    partitions,
    clock_jumps,
    clocks_refused,
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
    /// Claims that the ledger refused.
    refused,
    /// Claims that were decided more than once.
    repeated,
    /// Claims of replicas that were forgotten.
    forgotten,
    /// Keys under which programs outside have asked for something.
    keys,
    /// Requests that came once more under their key, or were others than the first under it.
    keys_repeated,
    /// Requests under keys, and registrations, that a relay was at when it was killed, and went on with.
    gone_on_with,
    /// Ranges leased.
    ranges,
    /// Numbers that were given provisionally.
    provisional,
    /// Raises of the highest number that did not ask the log.
    raised_without_log,
    /// Final numbers that were given out of leases.
    leased,
    /// Provisional claims, and numbers out of leases, that were settled.
    settled,
    /// Of those, such as did not get what they wanted.
    conflicts,
    /// Epochs begun.
    epochs,
    /// Of those, such as were begun by load, or by calm.
    epochs_by_load,
    /// Replicas retired.
    retired,
    /// Of those, such as came back and went on under their ids.
    came_back,
    /// Decisions that were released without their witnesses, by a waiver.
    waivers,
    /// Replies that had waited for witnesses.
    witnessed,
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
