//! Tabs whose work outlives them: reloads, kills, copies, and tabs that never come back.

use anyhow::Result;
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;

const SAFE: &str = "everything is safe on a majority of relays";

#[tokio::test]
async fn an_edit_that_is_followed_at_once_by_a_reload_is_still_there_and_reaches_the_relays() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let other = browser.open(&relays.url(1), Window::DESKTOP).await?;
    let before = tab.replica().await?;
    tab.set_offline(true).await?;
    tab.add("Anna", "written in mid-air").await?;
    tab.reload().await?;
    tab.wait_for_person("Anna", |anna| anna.note == "written in mid-air").await?;
    assert_eq!(tab.replica().await?, before, "it goes on under its id");
    other.wait_for_person("Anna", |anna| anna.note == "written in mid-air").await?;
    tab.wait_for_status(SAFE).await?;
    tab.close().await?;
    other.close().await
}

#[tokio::test]
async fn what_was_done_while_every_relay_was_down_outlives_a_kill_of_the_browser() -> Result<()> {
    let mut relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let profile = browser.new_profile();
    let tab = browser.open_in(profile, &relays.url(0), Window::DESKTOP).await?;
    tab.add("Anna", "").await?;
    tab.wait_for_status(SAFE).await?;
    // Without a majority a request for a number cannot be decided; with no link it is not even heard.
    for relay in 0..3 {
        relays.kill(relay).await?;
    }
    tab.wait_for_status("Looking for a relay").await?;
    tab.rename("Anna", "Anya").await?;
    tab.add("Bert", "added when nobody was there").await?;
    tab.press("Next number for Bert").await?;
    tab.wait_for_person("Bert", |bert| bert.state == "provisional").await?;
    tab.wait_for_status("kept on this device").await?;
    tab.screenshot("kept-on-this-device").await?;
    browser.kill(profile)?;

    relays.restart(0).await?;
    let tab = browser.open_in(profile, &relays.url(0), Window::DESKTOP).await?;
    // No relay has ever heard of this.
    tab.wait_for_person("Anya", |_| true).await?;
    tab.wait_for_person("Bert", |bert| bert.note == "added when nobody was there").await?;
    relays.restart(1).await?;
    relays.restart(2).await?;
    tab.wait_for_person("Bert", |bert| bert.state == "final" && bert.number == "1").await?;
    tab.wait_for_highest("1").await?;
    let other = browser.open(&relays.url(1), Window::DESKTOP).await?;
    other.wait_for_person("Anya", |_| true).await?;
    other.wait_for_person("Bert", |bert| bert.state == "final" && bert.number == "1").await?;
    other.wait_for_highest("1").await?;
    tab.close().await?;
    other.close().await
}

#[tokio::test]
async fn a_duplicated_tab_writes_under_an_id_of_its_own() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let other = browser.open(&relays.url(1), Window::DESKTOP).await?;
    let first = tab.replica().await?;
    tab.add("Anna", "").await?;
    tab.wait_for_status(SAFE).await?;
    tab.duplicate().await?;
    let second = tab.replica().await?;
    assert_ne!(first, second);
    tab.wait_for_person("Anna", |_| true).await?;
    tab.add("Bert", "by the copy").await?;
    tab.switch_to_first().await?;
    assert_eq!(tab.replica().await?, first);
    tab.add("Cem", "by the first").await?;
    for name in ["Anna", "Bert", "Cem"] {
        other.wait_for_person(name, |_| true).await?;
    }
    tab.close().await?;
    other.close().await
}

#[tokio::test]
async fn a_leased_number_is_given_once_whatever_is_loaded_anew() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    for name in ["Anna", "Bert"] {
        tab.add(name, "").await?;
    }
    tab.go_to("dynamic").await?;
    tab.press("Take 10 numbers along").await?;
    tab.wait_for_text("#left", "10 numbers").await?;
    tab.go_to("people").await?;
    tab.set_offline(true).await?;
    tab.press("Next number for Anna").await?;
    tab.wait_for_person("Anna", |anna| anna.state == "leased" && anna.number == "1").await?;
    tab.reload().await?;
    tab.wait_until_connected().await?;
    tab.set_offline(true).await?;
    tab.press("Next number for Bert").await?;
    tab.wait_for_person("Bert", |bert| bert.state == "leased" && bert.number == "2").await?;
    tab.set_offline(false).await?;
    let other = browser.open(&relays.url(1), Window::DESKTOP).await?;
    other.wait_for_person("Anna", |anna| anna.number == "1").await?;
    other.wait_for_person("Bert", |bert| bert.number == "2").await?;
    tab.close().await?;
    other.close().await
}

#[tokio::test]
async fn the_edits_of_a_tab_that_was_closed_for_good_are_sent_by_another_one() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let other = browser.open(&relays.url(1), Window::DESKTOP).await?;
    let first = tab.replica().await?;
    tab.duplicate().await?;
    tab.set_offline(true).await?;
    tab.add("Anna", "left behind").await?;
    tab.wait_for_status("kept on this device").await?;
    tab.close_window().await?;
    assert_eq!(tab.replica().await?, first);
    // It looks around whenever it reaches a relay.
    tab.set_offline(true).await?;
    tab.set_offline(false).await?;
    other.wait_for_person("Anna", |anna| anna.note == "left behind").await?;
    tab.wait_for_person("Anna", |anna| anna.note == "left behind").await?;
    tab.wait_until_told("had left on this device").await?;
    tab.close().await?;
    other.close().await
}

/// Writes the database of the tab anew as an older version of the page left it: in version 1, without the secret.
const MAKE_OLDER: &str = r#"
    const [id, done] = arguments;
    const name = `duet/people/${id}`;
    const result = request => new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
    (async () => {
        const now = await result(indexedDB.open(name));
        const rows = now.transaction("rows").objectStore("rows");
        const [keys, values] = await Promise.all([result(rows.getAllKeys()), result(rows.getAll())]);
        now.close();
        await result(indexedDB.deleteDatabase(name));
        const open = indexedDB.open(name, 1);
        open.onupgradeneeded = () => open.result.createObjectStore("rows");
        const older = await result(open);
        const write = older.transaction("rows", "readwrite");
        keys.forEach((key, at) => new Uint8Array(key)[0] && write.objectStore("rows").put(values[at], key));
        await new Promise(resolve => write.oncomplete = resolve);
        older.close();
    })().then(() => done("made"), error => done(String(error)));
"#;

#[tokio::test]
async fn the_work_in_a_database_of_an_older_page_is_done_again_under_a_new_id() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let other = browser.open(&relays.url(1), Window::DESKTOP).await?;
    let before = tab.replica().await?;
    tab.add("Anna", "").await?;
    tab.wait_for_status(SAFE).await?;
    tab.set_offline(true).await?;
    tab.add("Bert", "written with the older page").await?;
    tab.wait_for_status("kept on this device").await?;
    // A page of the same origin that is not Duet.
    tab.run(&format!("location.href = '{}healthz'", relays.url(0))).await?;
    tab.wait_for_text("body", "o").await?;
    let made: String = tab.measure(MAKE_OLDER, std::slice::from_ref(&before)).await?;
    assert_eq!(made, "made");
    tab.run(&format!("location.href = {:?}", relays.url(0))).await?;
    other.wait_for_person("Bert", |bert| bert.note == "written with the older page").await?;
    tab.wait_until_told("was made again by this tab").await?;
    tab.wait_for_people("two people", |people| people.len() == 2).await?;
    assert_ne!(tab.replica().await?, before);
    tab.close().await?;
    other.close().await
}
