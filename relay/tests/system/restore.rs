//! The drill: a backup of a relay at work, all relays restored from it, and tabs that come back and know more.

use std::path::Path;
use std::process::{Command, Output};

use shared::ledger::{Granted, Operation, Rejection};
use shared::replica::io::Violation;

use crate::cluster::{Cluster, free_port, poll};
use crate::tab::Tab;

fn relay(task: &str, flags: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relay"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("RELAY_")) {
        command.env_remove(name);
    }
    command.arg(task).args(flags).output().expect("the relay starts")
}

/// What a task has said, which must succeed.
fn done(task: &str, flags: &[&str]) -> String {
    let output = relay(task, flags);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Restores a relay that is stopped. Gives the name of the restore.
fn restore(cluster: &Cluster, backup: &Path, id: u16, restore: Option<&str>) -> String {
    let (from, dir, id) = (backup.display().to_string(), cluster.data_dir(id).display().to_string(), id.to_string());
    let mut flags = vec!["--from", &from, "--data-dir", &dir, "--id", &id];
    flags.extend(restore.into_iter().flat_map(|name| ["--restore", name]));
    let said = done("restore", &flags);
    let name = said.split("as restore ").nth(1).and_then(|rest| rest.split(':').next());
    name.expect("the restore is named").to_owned()
}

/// Writes a backup of a relay that may be at work, or of a copy of its directory.
fn back_up(dir: &Path, to: &Path) {
    done("backup", &["--data-dir", &dir.display().to_string(), "--to", &to.display().to_string()]);
}

async fn add_with_number(tab: &Tab, name: &str) -> u64 {
    let record = tab.add(name).await;
    match tab.ask(Operation::Allocate { record }).await {
        Ok(Granted::Final(numbered)) => numbered.number,
        other => panic!("{name} gets a number: {other:?}"),
    }
}

fn number_of(tab: &Tab, name: &str) -> Option<u64> {
    tab.view(|view| {
        let record = view.records().find(|record| record.shown("name") == name)?;
        Some(view.ledger().number_of(record.id)?.number)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn after_all_relays_are_restored_tabs_bring_what_is_lacking_and_every_loss_is_told() {
    let mut cluster = Cluster::start(3);
    let backup = cluster.data_dir(1).with_file_name("backup.sqlite3");
    let staying = Tab::open(&[cluster.url(1)]).await;
    assert_eq!(add_with_number(&staying, "Ada").await, 1);
    back_up(&cluster.data_dir(1), &backup);

    // All that follows is not in the backup. One of the two who know of it never comes back.
    assert_eq!(add_with_number(&staying, "Bo").await, 2);
    let leaving = Tab::open(&[cluster.url(2)]).await;
    assert_eq!(add_with_number(&leaving, "Cy").await, 3);
    staying.until("Cy with a number", |view| Tab::has_name(view, "Cy") && view.ledger().count() == 3).await;
    leaving.disconnect();
    drop(leaving);
    for id in 1..=3 {
        cluster.terminate(id);
    }
    let name = restore(&cluster, &backup, 1, None);
    for id in 2..=3 {
        restore(&cluster, &backup, id, Some(&name));
    }

    // Somebody else is there first.
    cluster.spawn(2);
    cluster.spawn(3);
    let fresh = Tab::open(&[cluster.url(2)]).await;
    assert_eq!(add_with_number(&fresh, "Dee").await, 2);
    cluster.spawn(1);

    let everybody = ["Ada", "Bo", "Cy", "Dee"];
    let have_numbers = |tab: &Tab| everybody.iter().all(|name| number_of(tab, name).is_some());
    for tab in [&staying, &fresh] {
        tab.until_so("everybody has a number", || have_numbers(tab)).await;
        tab.until("no edit is unsaved", |view| view.unsaved_edits() == 0 && view.edits_of_neighbours_only() == 0).await;
        assert_eq!((number_of(tab, "Ada"), number_of(tab, "Dee")), (Some(1), Some(2)));
        let taken = tab.view(|view| view.ledger().conflicts().map(|conflict| conflict.because).collect::<Vec<_>>());
        assert!(matches!(taken[..], [Rejection::NumberTaken { number: 2, .. }, ..]), "Bo's loss is told: {taken:?}");
    }
    let mut numbers = everybody.map(|name| number_of(&fresh, name));
    numbers.sort_unstable();
    assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]), "{numbers:?}");
    assert_eq!(staying.byes(), [Violation::Stopping]);
    let next = add_with_number(&staying, "Eve").await;
    assert!(!numbers.contains(&Some(next)), "the tab goes on");
    fresh.until("Eve", |view| Tab::has_name(view, "Eve")).await;
    assert!(cluster.said(1).contains("from before the restore"), "the operator reads of it: {}", cluster.said(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_was_not_restored_with_the_others_is_told_so() {
    let mut cluster = Cluster::start(3);
    let backup = cluster.data_dir(1).with_file_name("backup.sqlite3");
    let tab = Tab::open(&[cluster.url(1)]).await;
    add_with_number(&tab, "Ada").await;
    back_up(&cluster.data_dir(1), &backup);
    add_with_number(&tab, "Bo").await;
    tab.disconnect();
    for id in 1..=3 {
        cluster.terminate(id);
    }
    let name = restore(&cluster, &backup, 1, None);
    restore(&cluster, &backup, 2, Some(&name));
    (1..=3).for_each(|id| cluster.spawn(id));
    poll("relay 3 is told", || cluster.said(3).contains("the other relays were restored from a backup").then_some(()));
    let fresh = Tab::open(&[cluster.url(2)]).await;
    add_with_number(&fresh, "Dee").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_relay_that_is_the_only_one_is_restored_tabs_go_on_and_every_loss_is_told() {
    let mut cluster = Cluster::start(1);
    let backup = cluster.data_dir(1).with_file_name("backup.sqlite3");
    let staying = Tab::open(&[cluster.url(1)]).await;
    assert_eq!(add_with_number(&staying, "Ada").await, 1);
    back_up(&cluster.data_dir(1), &backup);
    assert_eq!(add_with_number(&staying, "Bo").await, 2);
    cluster.terminate(1);
    restore(&cluster, &backup, 1, None);

    // Somebody else is there first, at another door.
    let (mut elsewhere, port) = (cluster.command(1), free_port());
    elsewhere.env("RELAY_PORT", port.to_string());
    cluster.spawn_by(1, elsewhere);
    let fresh = Tab::open(&[format!("ws://127.0.0.1:{port}/ws"), cluster.url(1)]).await;
    assert_eq!(add_with_number(&fresh, "Dee").await, 2);
    assert_eq!(cluster.terminate(1).code(), Some(0));
    cluster.spawn(1);
    for tab in [&staying, &fresh] {
        tab.until_so("everybody has a number", || {
            ["Ada", "Bo", "Dee"].map(|name| number_of(tab, name)) == [Some(1), Some(3), Some(2)]
        })
        .await;
        tab.until("no edit is unsaved", |view| view.unsaved_edits() == 0).await;
        let told = tab.view(|view| view.ledger().conflicts().map(|conflict| conflict.because).collect::<Vec<_>>());
        assert!(matches!(told[..], [Rejection::NumberTaken { number: 2, .. }]), "Bo's loss is told: {told:?}");
    }
    assert!(cluster.said(1).contains("from before the restore"), "{}", cluster.said(1));
    assert_eq!(add_with_number(&staying, "Eve").await, 4);
}

/// All files of a relay's directory.
fn copy_files(from: &Path, to: &Path) {
    let _there_may_be_none = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).expect("a directory");
    for file in std::fs::read_dir(from).expect("a directory") {
        let file = file.expect("a file");
        std::fs::copy(file.path(), to.join(file.file_name())).expect("the file is copied");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_older_files_are_put_back_by_hand_the_operator_reads_how_to_mend_it_and_that_mends_it() {
    let mut cluster = Cluster::start(3);
    let copy = |cluster: &Cluster, id: u16| cluster.data_dir(id).with_file_name(format!("copy-{id}"));
    let backup = cluster.data_dir(1).with_file_name("backup.sqlite3");
    let staying = Tab::open(&[cluster.url(1), cluster.url(2)]).await;
    assert_eq!(add_with_number(&staying, "Ada").await, 1);
    (1..=3).for_each(|id| assert_eq!(cluster.terminate(id).code(), Some(0)));
    (1..=3).for_each(|id| copy_files(&cluster.data_dir(id), &copy(&cluster, id)));
    (1..=3).for_each(|id| cluster.spawn(id));
    assert_eq!(add_with_number(&staying, "Bo").await, 2);
    staying.until("no edit is unsaved", |view| view.unsaved_edits() == 0).await;

    (1..=3).for_each(|id| assert_eq!(cluster.terminate(id).code(), Some(0)));
    (1..=3).for_each(|id| copy_files(&copy(&cluster, id), &cluster.data_dir(id)));
    (1..=3).for_each(|id| cluster.spawn(id));
    let fresh = Tab::open(&[cluster.url(3)]).await;
    assert_eq!(add_with_number(&fresh, "Dee").await, 2);
    let is_cut = || staying.left().contains(&Violation::Diverged) || staying.byes().contains(&Violation::Diverged);
    staying.until_so("it cannot go on", is_cut).await;
    poll("the operator is told", || {
        let said: String = (1..=2).map(|id| cluster.said(id)).collect();
        let is_told = ["knows another log", "put back from older copies", "`relay restore`"];
        is_told.iter().all(|words| said.contains(words)).then_some(())
    });

    (1..=3).for_each(|id| assert_eq!(cluster.terminate(id).code(), Some(0)));
    back_up(&copy(&cluster, 1), &backup);
    let name = restore(&cluster, &backup, 1, None);
    (2..=3).for_each(|id| drop(restore(&cluster, &backup, id, Some(&name))));
    (1..=3).for_each(|id| cluster.spawn(id));
    for tab in [&staying, &fresh] {
        tab.until_so("everybody is there with a number", || {
            ["Ada", "Bo", "Dee"].iter().all(|name| number_of(tab, name).is_some())
        })
        .await;
        tab.until("no edit is unsaved", |view| view.unsaved_edits() == 0).await;
    }
    add_with_number(&staying, "Eve").await;
    fresh.until("Eve", |view| Tab::has_name(view, "Eve")).await;
}

#[test]
fn a_backup_is_refused_by_a_relay_and_an_existing_file_by_a_backup() {
    let mut cluster = Cluster::start(1);
    let backup = cluster.data_dir(1).with_file_name("backup.sqlite3");
    let (dir, to) = (cluster.data_dir(1).display().to_string(), backup.display().to_string());
    done("backup", &["--data-dir", &dir, "--to", &to]);
    assert!(!relay("backup", &["--data-dir", &dir, "--to", &to]).status.success(), "the file is there already");
    cluster.terminate(1);
    std::fs::copy(&backup, cluster.data_dir(1).join("duet.sqlite3")).expect("the file is copied");
    cluster.spawn(1);
    assert!(!cluster.wait_until_ended(1).success());
    assert!(cluster.said(1).contains("relay restore --from"), "{}", cluster.said(1));
}
