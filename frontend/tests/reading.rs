//! A tab that comes back with many records: how it takes them in part by part, and what it shows meanwhile.

use client::connection::ConnectionState;
use client::rows::Records;
use client::session::{Action, NewRecord, Progress, Session};
use frontend::view_model::{Loading, LocalTime, PageState, Projection};
use shared::base::id::ReplicaId;
use shared::replica::io::{Changed, Now, Recovered};
use shared::schema::{FieldEdit, NAME, Schema};
use std::time::Duration;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const ID: ReplicaId = ReplicaId(0xabc);
const NOW: Now = Now { monotonic: Duration::ZERO, wall_ms: 1_700_000_000_000 };
const TIME: LocalTime = LocalTime { minutes_ahead_of_utc: 0 };
/// More than are made rows at a time.
const PEOPLE: usize = 2500;

fn add(session: &mut Session, name: String) {
    let fields = vec![(NAME.to_owned(), FieldEdit::Assign(name))];
    let _no_link = session.act(NOW, Action::Add(NewRecord { fields, number: None }));
}

/// The disk of a tab with many people.
fn left() -> Recovered {
    let mut session = Session::recover(ID, Schema::people(), Recovered::default(), NOW);
    (0..PEOPLE).for_each(|person| add(&mut session, format!("Person {}", person * 7 % PEOPLE)));
    let mut left = Recovered::default();
    session.take_writes().into_iter().flat_map(|batch| batch.ops).for_each(|op| left.apply(op));
    left
}

fn seeking() -> ConnectionState {
    ConnectionState::Seeking { next: "127.0.0.1:5000".to_owned() }
}

fn look(projection: &mut Projection, session: &mut Session) -> PageState {
    let changed: Changed = session.take_changed();
    (*projection.look(session, changed, &seeking(), TIME)).clone()
}

#[wasm_bindgen_test]
#[test]
fn records_that_are_read_in_parts_are_shown_at_once_and_in_the_end_as_if_read_in_one() {
    let mut left = left();
    let records: Records = std::mem::take(&mut left.records);
    let middle = *records.keys().nth(1000).expect("there are more");
    let (records, rest): (Records, Records) = records.into_iter().partition(|(record, _)| *record < middle);
    let (mut session, mut projection) = (Session::read(ID, Schema::people(), left, NOW), Projection::default());
    let page = look(&mut projection, &mut session);
    assert_eq!((page.rows.len(), page.loading), (0, Loading::Reading), "it waits for no relay");
    for (part, percent, count) in [(records, 40, 1000), (rest, 100, PEOPLE)] {
        let read = session.read_on(NOW, part, percent);
        assert_eq!(session.reading(), Some(Progress { records: count as u64, percent }));
        projection.take_in(&session, read);
        let page = look(&mut projection, &mut session);
        assert_eq!(page.rows.len(), count);
        assert!(page.status.parts[0].starts_with("Reading what this device has kept: "), "{:?}", page.status);
    }
    assert_eq!(session.deadline(), None, "it does nothing before it has all");
    let _no_link = session.end_reading(NOW);
    assert_eq!(session.reading(), None);
    let at_once = PageState::of(&session, &seeking(), TIME, None);
    assert_eq!(look(&mut projection, &mut session).rows, at_once.rows);
    add(&mut session, "One more".to_owned());
    assert_eq!(look(&mut projection, &mut session).rows.len(), PEOPLE + 1);
    assert!(!session.take_writes().is_empty(), "it goes to the disk");
}

#[wasm_bindgen_test]
#[test]
fn of_many_changes_some_are_shown_at_a_time_and_all_in_the_end_in_their_order() {
    let mut session = Session::recover(ID, Schema::people(), left(), NOW);
    let mut projection = Projection::default();
    let mut counts = vec![look(&mut projection, &mut session).rows.len()];
    while projection.is_behind() {
        // What the user does does not wait for it.
        add(&mut session, format!("Own {}", counts.len()));
        projection.catch_up(&session);
        counts.push(look(&mut projection, &mut session).rows.len());
    }
    assert!(counts[0] < PEOPLE && counts.is_sorted(), "{counts:?}");
    assert_eq!(look(&mut projection, &mut session).rows, PageState::of(&session, &seeking(), TIME, None).rows);
}
