//! Three relays, tabs on different ones: names merge, numbers are agreed.

use shared::ledger::{Granted, Operation, Rejection};
use shared::replica::View;
use shared::replica::io::{Command, Reply};
use shared::schema;
use shared::schema::FieldEdit;

use crate::cluster::Cluster;
use crate::tab::Tab;

#[tokio::test(flavor = "multi_thread")]
async fn a_name_added_at_one_relay_appears_at_the_others() {
    let cluster = Cluster::start(3);
    let anna = Tab::open(&[cluster.url(1)]).await;
    let bela = Tab::open(&[cluster.url(2)]).await;
    anna.add("Anna").await;
    bela.add("Béla").await;
    for tab in [&anna, &bela, &Tab::open(&[cluster.url(3)]).await] {
        tab.until("both names", |view| Tab::has_name(view, "Anna") && Tab::has_name(view, "Béla")).await;
    }
    for tab in [&anna, &bela] {
        tab.until("its edits are stored", |view| view.unsaved_edits() == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_edited_at_all_relays_at_once_has_every_edit_and_is_one_version_in_the_end() {
    const EACH: usize = 50;
    let cluster = Cluster::start(3);
    let urls = [1, 2, 3].map(|id| cluster.url(id));
    let [one, two, three] = urls.each_ref().map(|url| Tab::open(std::slice::from_ref(url)));
    let tabs: [Tab; 3] = tokio::join!(one, two, three).into();
    let record = tabs[0].add("Anna").await;
    for tab in &tabs {
        tab.until("Anna", |view| Tab::has_name(view, "Anna")).await;
    }
    let put_tags = async |of: usize| {
        for tag in 0..EACH {
            let edit = FieldEdit::Insert(format!("{tag} of {of}"));
            let edit = Command::Edit { record, field: schema::TAGS.to_owned(), edit, seen: None };
            assert_eq!(tabs[of].command(edit).await, Ok(Reply::Done));
        }
    };
    tokio::join!(put_tags(0), put_tags(1), put_tags(2));
    for tab in &tabs {
        let count = |view: View<'_>| view.record(record).map_or(0, |anna| anna.elements(schema::TAGS).len());
        tab.until("every tag", |view| count(view) == 3 * EACH).await;
        tab.until("a single version", |view| view.document().version_count(record) == 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_ask_for_one_number_at_once_one_gets_it_and_the_other_learns_who() {
    let cluster = Cluster::start(3);
    let tabs = [Tab::open(&[cluster.url(1)]).await, Tab::open(&[cluster.url(2)]).await];
    let records = [tabs[0].add("Anna").await, tabs[1].add("Béla").await];
    for number in [42, 43, 50] {
        let fresh = [tabs[0].add("Anna").await, tabs[1].add("Béla").await];
        let operation = |of: usize| Operation::Assign { record: fresh[of], number };
        let outcomes: [_; 2] = tokio::join!(tabs[0].ask(operation(0)), tabs[1].ask(operation(1))).into();
        let winner = outcomes.iter().position(Result::is_ok).expect("one gets it");
        assert!(matches!(outcomes[winner], Ok(Granted::Final(numbered)) if numbered.number == number));
        match outcomes[1 - winner] {
            Err(Rejection::NumberTaken { number: taken, owner, .. }) => {
                assert_eq!((taken, owner), (number, fresh[winner]));
            }
            other => panic!("the other one should learn who has it: {other:?}"),
        }
    }
    let next = tabs[0].ask(Operation::Allocate { record: records[0] }).await;
    assert!(matches!(next, Ok(Granted::Final(numbered)) if numbered.number == 51), "{next:?}");
    let late = Tab::open(&[cluster.url(3)]).await;
    for tab in [&tabs[0], &tabs[1], &late] {
        tab.until("the highest number is 51", |view| view.ledger().highest() == 51).await;
    }
    let ledgers = [&tabs[0], &tabs[1], &late].map(|tab| tab.view(|view| view.ledger().clone()));
    assert!(ledgers.windows(2).all(|pair| pair[0] == pair[1]), "the ledgers are equal");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_relay_agrees_with_itself() {
    let cluster = Cluster::start(1);
    let tab = Tab::open(&[cluster.url(1)]).await;
    let record = tab.add("Anna").await;
    let outcome = tab.ask(Operation::Allocate { record }).await;
    assert!(matches!(outcome, Ok(Granted::Final(numbered)) if numbered.number == 1), "{outcome:?}");
}
