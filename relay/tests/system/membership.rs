//! Who votes: how relays find one another, what a relay that has forgotten does, and how it is admitted again.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use shared::ledger::{Granted, Operation};
use shared::protocol::{Frame, Hello};
use shared::replica::View;
use shared::replica::rows::tag;
use tokio::time::timeout;

use crate::cluster::{Cluster, SECRET, authorization, poll};
use crate::tab::{Client, Tab, new_secret};

/// How long to look whether something happens that must not. A candidate without success tries again after 0.3 s, and
/// a relay that was restarted votes after 1.5 s at the latest.
const A_WHILE: Duration = Duration::from_millis(2500);

/// Adds a person, who gets a number.
async fn number(tab: &Tab, name: &str) {
    let record = tab.add(name).await;
    let outcome = tab.ask(Operation::Allocate { record }).await;
    assert!(matches!(outcome, Ok(Granted::Final(_))), "{outcome:?}");
}

async fn sees(tab: &Tab, names: &[&str]) {
    let numbered =
        |name: &str| tab.view(|view| view.records().any(|r| r.shown("name") == name && r.number.held.is_some()));
    tab.until_so("everybody, with a number", || names.iter().all(|name| numbered(name))).await;
}

/// What the relay `by` says is wrong with the relay `of`.
fn trouble(cluster: &Cluster, by: u16, of: u16) -> Option<String> {
    let health = cluster.health(by)?;
    let relay = health["relays"].as_array()?.iter().find(|relay| relay["id"] == of)?;
    relay["trouble"].as_str().map(str::to_owned)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// Relay 2 has no vote, is admitted, and then its vote is needed.
async fn is_admitted_again(cluster: &mut Cluster, tab: &Tab) {
    cluster.wait_until_linked();
    poll("relay 2 says how to admit it", || {
        cluster.said(2).contains("/cluster/voters -d '{\"voters\": [1, 2, 3]}'").then_some(())
    });
    assert_eq!(cluster.health(2).unwrap()["votes"], false);
    poll("relay 1 says so, too", || trouble(cluster, 1, 2).filter(|it| it.contains("not the one that votes")));
    number(tab, "by the others").await;
    cluster.admit(3, &[1, 2, 3]);
    assert_eq!(trouble(cluster, 1, 2), None);
    cluster.kill(3);
    number(tab, "with the vote of the admitted one").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_that_come_up_in_any_order_find_one_another() {
    for order in [[1, 2, 3], [3, 2, 1], [2, 1, 3]] {
        let mut cluster = Cluster::prepare(3, &[]);
        let mut tabs = Vec::new();
        for id in order {
            cluster.spawn(id);
            cluster.wait_until_linked();
            let tab = Tab::open(&[cluster.url(id)]).await;
            tab.add(&format!("at {id}")).await;
            tabs.push(tab);
            let health = cluster.health(id).unwrap();
            assert!(id == order[2] || health["votes"] == false, "a majority is not enough to begin with: {health}");
        }
        (1..=3).for_each(|id| cluster.wait_until_voting(id));
        assert_eq!(cluster.membership(1)["founding"], cluster.membership(3)["founding"]);
        for (tab, id) in tabs.iter().zip(order) {
            number(tab, &format!("Anna {id}")).await;
        }
        for tab in &tabs {
            sees(tab, &["Anna 1", "Anna 2", "Anna 3"]).await;
            tab.until("what was written before", |view| (1..=3).all(|id| Tab::has_name(view, &format!("at {id}"))))
                .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_before_all_relays_are_there_merges_and_gets_its_number_later() {
    let mut cluster = Cluster::prepare(3, &[]);
    cluster.spawn(1);
    cluster.spawn(2);
    cluster.wait_until_linked();
    let tab = Tab::open(&[cluster.url(1)]).await;
    let record = tab.add("Anna").await;
    let other = Tab::open(&[cluster.url(2)]).await;
    other.until("Anna", |view| Tab::has_name(view, "Anna")).await;
    assert!(trouble(&cluster, 1, 1).unwrap().contains("no link to relay 3"));
    // The founder is wiped before it could found.
    cluster.kill(1);
    std::fs::remove_dir_all(cluster.data_dir(1)).unwrap();
    cluster.spawn(1);
    cluster.spawn(3);
    let outcome = tab.ask(Operation::Allocate { record }).await;
    assert!(matches!(outcome, Ok(Granted::Final(_))), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_relay_has_no_vote_until_it_is_admitted() {
    let mut cluster = Cluster::start(3);
    let tab = Tab::open(&[cluster.url(1)]).await;
    number(&tab, "Anna").await;
    cluster.kill(2);
    std::fs::remove_dir_all(cluster.data_dir(2)).unwrap();
    cluster.spawn(2);
    cluster.wait_until_linked();
    number(&tab, "Béla").await;

    cluster.kill(3);
    cluster.wait_until_linked();
    let record = tab.add("Cili").await;
    let ask = tab.ask(Operation::Allocate { record });
    tokio::pin!(ask);
    assert!(timeout(A_WHILE, &mut ask).await.is_err(), "decided by one vote of three");
    cluster.spawn(3);
    ask.await.expect("a number, by those who remember");

    is_admitted_again(&mut cluster, &tab).await;
    let late = Tab::open(&[cluster.url(2)]).await;
    sees(&late, &["Anna", "Béla", "Cili"]).await;
}

/// Relay 2 has forgotten nothing, so it votes; and with one of the others away its vote is needed.
async fn comes_back_and_votes(cluster: &mut Cluster, tab: &Tab) {
    cluster.spawn(2);
    cluster.wait_until_linked();
    cluster.kill(3);
    number(tab, "Béla").await;
    cluster.spawn(3);
    cluster.wait_until_linked();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_restored_from_an_older_copy_notices_and_gives_up_its_vote() {
    let mut cluster = Cluster::start(3);
    let tab = Tab::open(&[cluster.url(1)]).await;
    number(&tab, "Anna").await;
    assert!(cluster.terminate(2).success());
    let backup = tempfile::tempdir().unwrap();
    copy(&cluster.data_dir(2), backup.path());
    comes_back_and_votes(&mut cluster, &tab).await;

    assert!(cluster.terminate(2).success());
    std::fs::remove_dir_all(cluster.data_dir(2)).unwrap();
    copy(backup.path(), &cluster.data_dir(2));
    forgets(&mut cluster);
    is_admitted_again(&mut cluster, &tab).await;
    let late = Tab::open(&[cluster.url(2)]).await;
    sees(&late, &["Anna", "Béla"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_has_lost_its_last_writes_notices_and_one_that_has_not_votes() {
    let mut cluster = Cluster::start(3);
    let tab = Tab::open(&[cluster.url(1)]).await;
    let log = cluster.data_dir(2).join("duet.sqlite3-wal");
    number(&tab, "Anna").await;
    // Stopped in order: everything is in the file itself.
    assert!(cluster.terminate(2).success());
    assert!(!log.exists());
    comes_back_and_votes(&mut cluster, &tab).await;

    cluster.kill(2);
    assert!(std::fs::metadata(&log).unwrap().len() > 0);
    File::options().write(true).open(&log).unwrap().set_len(0).unwrap();
    forgets(&mut cluster);
    is_admitted_again(&mut cluster, &tab).await;
}

#[test]
fn one_that_joins_founds_nothing_even_with_the_lowest_id() {
    let mut cluster = Cluster::prepare(0, &[]);
    cluster.join(2, &[]);
    cluster.wait_until_voting(2);
    cluster.join(1, &[2]);
    cluster.wait_until_linked();
    let founding = poll("it has taken over the founding", || {
        Some(cluster.membership(1)["founding"].clone()).filter(|founding| !founding.is_null())
    });
    assert_eq!(founding, cluster.membership(2)["founding"]);
    assert_eq!(founding["voters"].as_object().unwrap().keys().collect::<Vec<_>>(), ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_relay_gets_a_snapshot_of_a_long_log_and_keeps_it() {
    const DECISIONS: u64 = 10_000;
    let mut cluster = Cluster::start(3);
    let tab = Tab::open(&[cluster.url(1)]).await;
    for first in (1..=DECISIONS).step_by(1000) {
        let raised = (first..first + 1000).map(|number| tab.ask(Operation::Raise { number }));
        assert!(join_all(raised).await.iter().all(Result::is_ok));
    }
    cluster.kill(2);
    std::fs::remove_dir_all(cluster.data_dir(2)).unwrap();
    cluster.spawn(2);
    cluster.wait_until_linked();
    let is_there = |view: View<'_>| view.ledger().highest() >= DECISIONS;
    Tab::open(&[cluster.url(2)]).await.until("every decision", is_there).await;
    cluster.admit(1, &[1, 2, 3]);
    cluster.kill(1);
    number(&Tab::open(&[cluster.url(3)]).await, "Anna").await;
    cluster.kill(2);
    cluster.kill(3);
    let database = rusqlite::Connection::open(cluster.data_dir(2).join("duet.sqlite3")).unwrap();
    let count = "SELECT count(*) FROM row WHERE key >= ?1 AND key < ?2";
    let counted = |tag: u8| database.query_row(count, [[tag], [tag + 1]], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(counted(tag::SNAPSHOT), 1);
    assert!(counted(tag::LOG) < DECISIONS as i64);
    drop(database);
    cluster.spawn(2);
    // From its own disk.
    Tab::open(&[cluster.url(2)]).await.until("every decision", is_there).await;
}

/// Relay 2 is started, ends with the explanation, and is started again.
fn forgets(cluster: &mut Cluster) {
    cluster.spawn(2);
    assert_eq!(cluster.wait_until_ended(2).code(), Some(1));
    let said = cluster.said(2);
    let last = said.lines().last().unwrap();
    assert!(last.starts_with("relay: the database has forgotten votes that other relays remember"), "{last}");
    cluster.spawn(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn voters_that_make_no_sense_are_refused_with_the_reason() {
    let mut cluster = Cluster::start(3);
    let refused = |cluster: &Cluster, voters: &[u16], because: &str| {
        let (status, outcome) = cluster.set_voters(1, voters);
        assert_eq!(status, 409, "{outcome}");
        assert!(outcome["error"].as_str().unwrap().contains(because), "{outcome}");
    };
    let tab = Tab::open(&[cluster.url(1)]).await;
    number(&tab, "Anna").await;
    refused(&cluster, &[1, 2], "two voters stop deciding as soon as one of them is down");
    refused(&cluster, &[], "somebody must vote");
    refused(&cluster, &[1, 2, 3, 7, 9], "no link to relay 7, relay 9: start what is missing, or name others");
    cluster.kill(3);
    cluster.wait_until_linked();
    refused(&cluster, &[1, 2, 3], "no link to relay 3");
    let (head, body) = cluster.post(1, "/cluster/voters", &authorization(SECRET), "voters=1").unwrap();
    assert!(head.starts_with("HTTP/1.1 400") && body.contains(r#"{\"voters\": [1, 2, 3]}"#), "{head}{body}");
    number(&tab, "Béla").await;
}

#[test]
fn voters_that_cannot_be_set_for_now_are_refused_as_unavailable() {
    let mut cluster = Cluster::prepare(3, &[]);
    cluster.spawn(1);
    poll("it answers", || cluster.health(1));
    let (status, outcome) = cluster.set_voters(1, &[1]);
    assert_eq!(status, 503, "{outcome}");
    assert!(outcome["error"].as_str().unwrap().contains("have not found one another yet"), "{outcome}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_alone_becomes_three_and_keeps_everything() {
    let mut cluster = Cluster::start(1);
    let tab = Tab::open(&[cluster.url(1)]).await;
    number(&tab, "Anna").await;
    cluster.join(2, &[1]);
    cluster.join(3, &[1]);
    // Those who join hear of one another from the first.
    cluster.wait_until_linked();
    poll("a newcomer has no vote", || trouble(&cluster, 1, 3).filter(|it| it.contains("not among the voters")));
    number(&tab, "Béla").await;
    cluster.admit(2, &[1, 2, 3]);
    assert_eq!(cluster.set_voters(3, &[1, 2, 3]).1, serde_json::json!({"rooms": {"people": {"number": 1}}}));
    let late = Tab::open(&[cluster.url(3)]).await;
    sees(&late, &["Anna", "Béla"]).await;

    let mut client = Client::connect(cluster.url(2)).await.expect("a connection");
    client.send(&Frame::Hello(Hello::Tab { secret: new_secret(), room: "later".to_owned() })).await;
    for id in 1..=3 {
        poll("the room is open at all relays", || {
            (cluster.membership(id)["rooms"]["later"]["number"] == 0).then_some(())
        });
    }
    let (head, body) = cluster
        .post(2, "/api/v1/rooms/later/records", "Content-Type: application/json\r\n", r#"{"fields": {"name": "A"}}"#)
        .expect("an answer");
    assert!(head.starts_with("HTTP/1.1 201"), "{head}{body}");
    for id in 1..=3 {
        poll("a room that is opened later follows once there is something in it", || {
            (cluster.membership(id)["rooms"]["later"]["number"] == 1).then_some(())
        });
    }
    for id in 1..=3 {
        cluster.terminate(id);
    }
    for id in 1..=3 {
        cluster.spawn(id);
    }
    // The first remembers where the others are.
    cluster.wait_until_linked();
    cluster.kill(1);
    number(&late, "Cili").await;
}
