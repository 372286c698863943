//! A browser whose storage does not answer, is full, is cleared, or is wanted by another version of the page.

use anyhow::Result;
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;

const SAFE: &str = "everything is safe on a majority";

#[tokio::test]
async fn a_storage_that_never_answers_is_told_and_the_page_goes_on_in_memory() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    for broken in [
        "IDBFactory.prototype.open = () => ({ addEventListener() {} })",
        "IDBFactory.prototype.databases = () => new Promise(() => {}); \
         IDBFactory.prototype.open = () => ({ addEventListener() {} })",
        "LockManager.prototype.request = () => new Promise(() => {})",
    ] {
        let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
        tab.break_next_page(broken).await?;
        tab.reload().await?;
        tab.wait_until_connected().await?;
        tab.wait_for_text(".notices", "keeps its edits in memory only").await?;
        tab.add("Anna", "").await?;
        tab.wait_for_status(SAFE).await?;
        tab.press("Remove Anna").await?;
        tab.close().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_write_that_never_ends_is_told_and_the_edit_reaches_the_relays() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let other = browser.open(&relays.url(1), Window::DESKTOP).await?;
    tab.run(
        "const transaction = IDBDatabase.prototype.transaction; \
         IDBDatabase.prototype.transaction = function (...all) { \
             const real = transaction.apply(this, all); \
             Object.defineProperty(real, 'oncomplete', { set() {} }); \
             Object.defineProperty(real, 'onabort', { set() {} }); \
             return real; \
         }",
    )
    .await?;
    tab.add("Anna", "").await?;
    tab.wait_for_text(".notices", "This device keeps nothing more for this tab").await?;
    other.wait_for_person("Anna", |_| true).await?;
    tab.close().await?;
    other.close().await
}

#[tokio::test]
async fn site_data_that_is_cleared_is_noticed_and_kept_again_when_there_is_room() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    tab.add("Anna", "").await?;
    tab.wait_for_status(SAFE).await?;
    let before = tab.replica().await?;
    tab.clear_site_data(&relays.url(0)).await?;
    tab.wait_for_text(".notices", "the browser has cleared what this page kept").await?;
    tab.add("Bert", "").await?;
    tab.wait_for_status(SAFE).await?;
    tab.wait_long_for_text(".notices", "This device keeps edits again").await?;
    assert_ne!(tab.replica().await?, before);
    tab.wait_for_people("both", |people| people.len() == 2).await?;
    tab.add("Cem", "").await?;
    tab.wait_for_status(SAFE).await?;
    tab.close().await
}

/// At first there is so much room.
const ROOM: u32 = 20_000_000;

/// Asks, in a database beside the page's, for more room than the browser remembers that there is, so that it looks again.
const ASK_FOR_ROOM: &str = r#"
    const [bytes, done] = arguments;
    const open = indexedDB.open("other");
    open.onupgradeneeded = () => open.result.createObjectStore("rows");
    open.onsuccess = () => {
        const write = open.result.transaction("rows", "readwrite");
        write.onabort = () => done(write.error.name);
        write.oncomplete = () => done("there was room");
        // Chromium counts a larger value only after it is written.
        const part = new Uint8Array(50000);
        for (let at = 0; at * part.length <= +bytes; at++) write.objectStore("rows").put(part, at);
    };
"#;

#[tokio::test]
async fn a_full_storage_is_told_and_edits_are_kept_again_when_there_is_room() -> Result<()> {
    let relays = Relays::start().await?;
    let url = relays.url(0);
    let mut browser = Browser::start().await?;
    let tab = browser.open_any("about:blank", Window::DESKTOP).await?;
    tab.limit_storage(&url, Some(ROOM)).await?;
    tab.run(&format!("location.href = {url:?}")).await?;
    tab.wait_until_connected().await?;
    tab.add("Anna", "").await?;
    tab.wait_for_status(SAFE).await?;
    let before = tab.replica().await?;
    tab.limit_storage(&url, Some(1)).await?;
    let answer: String = tab.measure(ASK_FOR_ROOM, &[ROOM.to_string()]).await?;
    assert_eq!(answer, "QuotaExceededError");
    tab.add("Bert", "when nothing more went in").await?;
    tab.wait_for_text(".notices", "This device keeps nothing more for this tab").await?;
    tab.wait_for_status(SAFE).await?;
    tab.limit_storage(&url, None).await?;
    tab.wait_long_for_text(".notices", "This device keeps edits again").await?;
    assert_ne!(tab.replica().await?, before);
    tab.wait_for_people("both", |people| people.len() == 2).await?;
    tab.set_offline(true).await?;
    tab.add("Cem", "on this device only").await?;
    tab.wait_for_status("kept on this device").await?;
    tab.reload().await?;
    tab.wait_for_person("Cem", |cem| cem.note == "on this device only").await?;
    tab.wait_for_status(SAFE).await?;
    tab.close().await
}

/// Opens the database of the replica with this id as a newer version of the page would.
const OPEN_AS_NEWER: &str = r#"
    const [id, done] = arguments;
    const open = indexedDB.open(`duet/people/${id}`, 3);
    open.onblocked = () => done("the old tab does not let go");
    open.onerror = () => done(String(open.error));
    open.onsuccess = () => {
        open.result.close();
        done("open");
    };
"#;

#[tokio::test]
async fn a_tab_lets_go_of_its_database_when_a_newer_page_wants_it_and_says_so() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    tab.add("Anna", "").await?;
    tab.wait_for_status(SAFE).await?;
    // A page of the same origin that is not Duet.
    let newer = browser.open_beside(&tab, &format!("{}healthz", relays.url(0))).await?;
    assert_eq!(newer.measure::<String>(OPEN_AS_NEWER, &[tab.replica().await?]).await?, "open");
    tab.wait_for_text(".notices", "another version of this page wants it").await?;
    tab.add("Bert", "").await?;
    tab.wait_for_status(SAFE).await?;
    tab.close().await
}
