//! A tab that comes back with much that it wrote offline.

use crate::cluster::Cluster;
use crate::tab::{Tab, new_secret};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_offline_arrives_whole() {
    let cluster = Cluster::start(3);
    let (secret, people) = (new_secret(), 1200);
    // More than one round of a resync carries.
    let note = "edited ".repeat(580);
    let offline = Tab::under(secret, &[]).await;
    for number in 0..people {
        let record = offline.add(&format!("person {number}")).await;
        offline.edit(record, "note", &note).await;
    }
    offline.go_online(&[cluster.url(1)]);
    let other = Tab::open(&[cluster.url(2)]).await;
    other.until("all people", |view| view.document().records().len() == people).await;
    offline.until("everything is stored", |view| view.unsaved_edits() == 0).await;
    assert_eq!(offline.byes(), []);
    let late = Tab::open(&[cluster.url(3)]).await;
    late.until("all people", |view| view.document().records().len() == people).await;
}
