//! The network of the lab, its bursts, and the guided tour.

use std::time::Duration;

use client::burst::{Burst, Kind, Plan, percentile};
use client::impairment::{Fate, Impairment, Lane, MAX_LATENCY_MS};
use client::name::Name;
use client::session::{Action, NumberOperation};
use client::web::{LabState, WritersStep};
use frontend::page::Page;
use frontend::view_model::tour::{STEPS, Tour};
use frontend::view_model::{LabView, guest_name, writers_story};
use shared::schema::FieldEdit;

mod net;

use net::{Net, TAB_A, TAB_B};

fn title(name: &str) -> Name {
    Name::Title(name.to_owned())
}

const MS: Duration = Duration::from_millis(1);

fn fates(seed: u64, count: u32, impairment: Impairment) -> Vec<Fate> {
    let mut lane = Lane::new(seed);
    (0..count).map(|frame| lane.send(MS * frame, impairment)).collect()
}

fn arrivals(fates: &[Fate]) -> Vec<Duration> {
    let arrival = |fate: &Fate| match *fate {
        Fate::Arrives(at) | Fate::BreaksTheLink(at) => at,
    };
    fates.iter().map(arrival).collect()
}

#[test]
fn latency_alone_delays_every_frame_by_as_much() {
    let slow = Impairment { latency_ms: 300, loss_percent: 0 };
    assert_eq!(arrivals(&fates(1, 3, slow)), [MS * 300, MS * 301, MS * 302]);
    let beyond = Impairment { latency_ms: u32::MAX, loss_percent: 0 };
    assert_eq!(beyond.latency(), MS * MAX_LATENCY_MS);
}

#[test]
fn loss_delays_what_follows_too_and_never_changes_the_order() {
    let lossy = Impairment { latency_ms: 20, loss_percent: 30 };
    let fates = fates(7, 1000, lossy);
    let at = arrivals(&fates);
    assert!(at.is_sorted());
    let late = at.iter().enumerate().filter(|(frame, at)| **at > MS * (*frame as u32 + 20)).count();
    assert!(late > 300, "{late}");
    let broken = fates.iter().filter(|fate| matches!(fate, Fate::BreaksTheLink(_))).count();
    assert!(broken < 20, "three in a thousand: {broken}");
}

#[test]
fn the_same_seed_has_the_same_fates_and_total_loss_breaks_the_link() {
    let lossy = Impairment { latency_ms: 0, loss_percent: 40 };
    assert_eq!(fates(3, 200, lossy), fates(3, 200, lossy));
    assert_ne!(fates(3, 200, lossy), fates(4, 200, lossy));
    let nothing = Impairment { latency_ms: 0, loss_percent: 100 };
    assert_eq!(fates(3, 1, nothing), [Fate::BreaksTheLink(MS * 6200)]);
}

/// A burst to its end.
fn burst(net: &mut Net, kind: Kind, count: u32) -> Burst {
    let mut burst = Burst::new(Plan { kind, count, per_second: 100 }, guest_name, net.now().monotonic);
    net.drive(TAB_A, |session, now| burst.step(session, now));
    burst
}

#[test]
fn a_burst_of_numbers_counts_what_is_stored_and_final() {
    let mut net = Net::new();
    let burst = burst(&mut net, Kind::Numbers, 30);
    let tally = burst.tally();
    assert_eq!((tally.sent, tally.stored_ms.len(), tally.settled, tally.refused), (30, 30, 30, 0));
    assert_eq!((burst.records().len(), net.page(TAB_B).rows.len()), (30, 30));
    let state = LabState { impairment: Impairment::default(), burst: Some(&burst), guests: 30, writers: None };
    let view = LabView::of(state).burst.unwrap();
    assert_eq!(view.percent, 100);
    assert!(view.figures.iter().any(|(name, value)| name == "numbers final" && value == "30"), "{view:?}");
}

#[test]
fn a_burst_of_renames_needs_one_record_alone() {
    let mut net = Net::new();
    let burst = burst(&mut net, Kind::Renames, 20);
    assert_eq!((burst.records().len(), burst.tally().stored_ms.len()), (1, 20));
    assert_eq!(net.page(TAB_B).rows[0].called, "Guest 20");
}

#[test]
fn a_burst_offline_is_provisional_and_not_stored() {
    let mut net = Net::new();
    net.part(TAB_A);
    let mut burst =
        Burst::new(Plan { kind: Kind::Numbers, count: 5, per_second: 500 }, guest_name, net.now().monotonic);
    let mut steps = 0;
    net.drive(TAB_A, |session, now| {
        steps += 1;
        let (sends, next) = burst.step(session, now);
        (sends, next.filter(|_| steps < 20))
    });
    let tally = burst.tally();
    assert_eq!((tally.sent, tally.stored_ms.len(), tally.provisional), (5, 0, 5));
}

#[test]
fn percentiles_are_of_what_there_is() {
    assert_eq!(percentile(&[], 50), None);
    assert_eq!(percentile(&[7], 99), Some(7));
    let values: Vec<u32> = (1..=200).rev().collect();
    assert_eq!((percentile(&values, 50), percentile(&values, 99)), (Some(100), Some(198)));
}

#[test]
fn the_story_of_the_two_writers_grows_and_a_failure_says_what_to_do() {
    let parted = WritersStep::Parted { names: ["Annie", "Anya"].map(title).to_vec() };
    assert_eq!(writers_story(&WritersStep::Saving).len(), 1);
    assert!(writers_story(&parted).last().unwrap().contains("Annie, Anya"));
    assert_eq!(writers_story(&WritersStep::Settled { name: title("Anya") }).len(), 4);
    assert!(writers_story(&WritersStep::Failed { status: 500 })[0].contains("try again"));
}

/// What somebody is to do, after what the tab shows now.
struct Tourist(Tour);

impl Tourist {
    fn look(&mut self, net: &Net, page: Page) -> (usize, usize) {
        self.0 = self.0.clone().advanced(&net.page(TAB_A), page);
        let view = self.0.view();
        (view.place, view.tasks.iter().filter(|(_, done)| *done).count())
    }
}

fn rename(net: &mut Net, tab: usize, name: &str) {
    let record = net.page(tab).rows[0].id;
    net.act(
        tab,
        Action::Edit { record, field: "name".to_owned(), edit: FieldEdit::Assign(name.to_owned()), seen: None },
    );
}

#[test]
fn the_tour_waits_for_each_step_and_comes_to_its_end() {
    let mut net = Net::new();
    net.part(TAB_B);
    let mut tour = Tourist(Tour::begin(&net.page(TAB_A)));
    assert_eq!(tour.look(&net, Page::People), (1, 0));
    net.add(TAB_A, "Anna", None);
    assert_eq!(tour.look(&net, Page::People), (1, 1), "somebody, but no number yet");
    let anna = net.page(TAB_A).rows[0].id;
    net.act(TAB_A, Action::Number { record: anna, number: NumberOperation::Next });
    assert_eq!(tour.look(&net, Page::People), (2, 0));
    net.join(TAB_B);
    // Relays gather for a moment who comes and goes.
    net.pass(Duration::from_millis(300));
    assert_eq!(tour.look(&net, Page::People), (3, 0));

    net.part(TAB_A);
    net.part(TAB_B);
    assert_eq!(tour.look(&net, Page::People), (3, 1));
    rename(&mut net, TAB_A, "Anya");
    rename(&mut net, TAB_B, "Annie");
    net.join(TAB_A);
    assert_eq!(tour.look(&net, Page::People), (3, 1), "the other is not back yet");
    net.join(TAB_B);
    assert_eq!(tour.look(&net, Page::People), (3, 2));
    rename(&mut net, TAB_A, "Anya");
    assert_eq!(tour.look(&net, Page::People), (4, 0));

    assert_eq!(tour.look(&net, Page::Agreement), (4, 1));
    net.add(TAB_A, "Boris", Some(NumberOperation::Next));
    assert_eq!(tour.look(&net, Page::Agreement), (5, 0));

    net.part(TAB_A);
    assert_eq!(tour.look(&net, Page::People), (5, 1));
    net.add(TAB_A, "Clara", Some(NumberOperation::Next));
    assert_eq!(tour.look(&net, Page::People), (5, 2));
    net.join(TAB_A);
    net.settle(TAB_A);
    assert_eq!(tour.look(&net, Page::People), (6, 0));
    assert!(tour.0.is_over() && tour.0.view().over);
}

#[test]
fn each_step_of_the_tour_can_be_skipped_and_all_have_words() {
    let net = Net::new();
    let page = net.page(TAB_A);
    let mut tour = Tour::begin(&page);
    for place in 1..=STEPS {
        let view = tour.view();
        assert_eq!(view.place, place);
        assert!(!view.title.is_empty() && !view.text.is_empty() && !view.tasks.is_empty());
        tour = tour.skipped(&page);
    }
    assert!(tour.is_over());
    assert_eq!(tour.clone().skipped(&page), tour);
}
