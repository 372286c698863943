//! The page *Lab*, in words.

use client::burst::{Burst, percentile};
use client::impairment::Impairment;
use client::web::{LabState, WriterNames, WritersStep};

use super::named;
use crate::{tr, trn};

/// How the experiments of this tab stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabView {
    pub impairment: Impairment,
    pub burst: Option<BurstView>,
    /// How many records of bursts are there to be removed.
    pub guests: usize,
    pub writers: Option<WritersStep>,
}

/// What came of a burst.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BurstView {
    /// How much is done, from 0 to 100.
    pub percent: u32,
    /// Each figure with what it means.
    pub figures: Vec<(String, String)>,
}

/// One sentence for each step of the two writers. The last sentence is about the step under way.
#[must_use]
pub fn writers_story(step: &WritersStep) -> Vec<String> {
    let place = match step {
        WritersStep::Saving => 0,
        WritersStep::Apart => 1,
        WritersStep::Returning => 2,
        WritersStep::Parted { .. } => 3,
        WritersStep::Settled { .. } => 4,
        WritersStep::Failed { status: 0 } => {
            return vec![tr!("The relay that this page came from does not answer. Go back online, and try again.")];
        }
        WritersStep::Failed { status } => {
            return vec![tr!(
                "The relay did not write: it answered {status}. Open the page at a relay itself, and try again.",
                status = status
            )];
        }
    };
    let mut story = vec![
        tr!("Anna is added here, and the relays get her."),
        tr!("This tab goes offline and calls her Anya. At the same time a relay calls her Annie."),
        tr!("This tab comes back."),
    ];
    story.truncate(place + 1);
    match step {
        WritersStep::Parted { names } => {
            story.push(tr!(
                "Neither was lost: both names stand side by side, {names}. Choose one in the table or in Conflicts.",
                names = names.iter().map(named).collect::<Vec<_>>().join(", ")
            ));
        }
        WritersStep::Settled { name } => {
            story.push(tr!("Somebody chose: it is {name} now, in every tab.", name = named(name)));
        }
        _ => {}
    }
    story
}

impl LabView {
    #[must_use]
    pub fn of(LabState { impairment, burst, guests, writers }: LabState<'_>) -> Self {
        LabView { impairment, burst: burst.map(BurstView::of), guests, writers: writers.cloned() }
    }
}

/// The name of a record of a burst.
#[must_use]
pub fn guest_name(number: u32) -> String {
    tr!("Guest {number}", number = number)
}

/// The names that the two writers give.
#[must_use]
pub fn writer_names() -> WriterNames {
    WriterNames { first: tr!("Anna"), own: tr!("Anya"), other: tr!("Annie") }
}

impl BurstView {
    fn of(burst: &Burst) -> Self {
        let tally = burst.tally();
        let done = tally.sent + tally.refused;
        let mut figures = vec![
            (tr!("sent"), format!("{}", tally.sent)),
            (tr!("stored by a relay"), format!("{}", tally.stored_ms.len())),
        ];
        figures.extend(times(&tally.stored_ms).map(|times| (tr!("until stored"), times)));
        if tally.settled + tally.provisional + tally.waiting > 0 {
            figures.push((tr!("numbers final"), tally.settled.to_string()));
            figures.push((tr!("provisional"), tally.provisional.to_string()));
            figures.push((tr!("not decided"), tally.waiting.to_string()));
        }
        figures.extend(times(&tally.final_ms).map(|times| (tr!("until final"), times)));
        if tally.refused > 0 {
            figures.push((tr!("refused"), tally.refused.to_string()));
        }
        BurstView { percent: 100 * done / burst.plan().count, figures }
    }
}

/// The median, and what all but a hundredth stay below.
fn times(millis: &[u32]) -> Option<String> {
    let (median, most) = (percentile(millis, 50)?, percentile(millis, 99)?);
    Some(tr!("half within {median} ms, 99 % within {most} ms", median = median, most = most))
}

/// What the network of this tab is like, for the line at the top; nothing if it is as it is.
#[must_use]
pub fn impairment_in_words(impairment: Impairment) -> Option<String> {
    let Impairment { latency_ms, loss_percent } = impairment;
    match (latency_ms, loss_percent) {
        (0, 0) => None,
        (latency, 0) => Some(tr!("Lab: +{latency} ms each way", latency = latency)),
        (0, loss) => Some(tr!("Lab: {loss} % lost", loss = loss)),
        (latency, loss) => Some(tr!("Lab: +{latency} ms each way, {loss} % lost", latency = latency, loss = loss)),
    }
}

/// How many there are to remove, for a button.
#[must_use]
pub fn guests_in_words(guests: usize) -> String {
    trn!(guests as u64, "Remove the {count} record of the bursts", "Remove the {count} records of the bursts")
}
