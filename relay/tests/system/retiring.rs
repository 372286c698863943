//! Tabs that come and go by the hundred: what is left of them on disks and in what tabs are told.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};
use shared::replica::io::Command;
use shared::replica::rows::tag;

use crate::cluster::Cluster;
use crate::tab::Tab;

const TABS: usize = 300;
/// How many are open at a time.
const AT_A_TIME: usize = 30;

/// Opens a tab, adds a person, removes it, and goes when its relay has both edits.
async fn come_and_go(urls: Vec<String>) {
    let tab = Tab::open(&urls).await;
    let record = tab.add("Anna").await;
    tab.command(Command::Remove { record }).await.expect("it is removed");
    tab.until("its relay has it", |view| view.unsaved_edits() == 0).await;
}

fn context_rows(data_dir: &Path) -> i64 {
    let file = data_dir.join("duet.sqlite3");
    let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the database");
    let count = "SELECT count(*) FROM row WHERE key >= ?1 AND key < ?2";
    database.query_row(count, [[tag::CONTEXT], [tag::CONTEXT + 1]], |row| row.get(0)).expect("a count")
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_tabs_that_came_and_went_leave_a_small_context_and_few_rows() {
    let mut cluster = Cluster::start_with(3, &["--retire-after", "2"]);
    let watcher = Arc::new(Tab::open(&[cluster.url(1)]).await);
    watcher.add("Bert").await;
    for first in (0..TABS).step_by(AT_A_TIME) {
        let tabs = (first..first + AT_A_TIME).map(|at| tokio::spawn(come_and_go(vec![cluster.url(1 + at as u16 % 3)])));
        for tab in tabs.collect::<Vec<_>>() {
            tab.await.expect("a tab comes and goes");
        }
    }
    let replicas = |tab: &Tab| tab.view(|view| view.document().context().replicas().count());
    watcher.until_so("all are retired", || replicas(&watcher) == 1).await;
    let late = Tab::open(&[cluster.url(2)]).await;
    late.until("it has everything", |view| Tab::has_name(view, "Bert")).await;
    late.until("it knows the log", |view| view.document().context().replicas().count() == 1).await;
    for relay in 1..=3 {
        tokio::task::block_in_place(|| cluster.terminate(relay));
        assert!(context_rows(&cluster.data_dir(relay)) <= 1, "relay {relay} has one row, of who is there");
    }
}
