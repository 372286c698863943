//! A tab that comes back with very many records: it shows them as they are read, and loses nothing that is done meanwhile.

use anyhow::Result;
use e2e::browser::{Browser, Window};
use e2e::many::State;
use e2e::relays::Relays;
use e2e::tab::Tab;
use e2e::writer::Writer;

const PEOPLE: usize = 20_000;
const COUNT: &str = "#people-heading + p";
const READING: &str = "Reading what this device has kept";

/// Adds somebody with the form, once, as soon as there are rows while the page still reads.
const ADD_MEANWHILE: &str = r#"
    const add = new MutationObserver(() => {
        const reads = document.querySelector('#status')?.textContent.includes("Reading what this device has kept");
        const form = document.querySelector("form[aria-label='New person']");
        if (sessionStorage.added || !reads || !form || !document.querySelector("[data-record]")) return;
        add.disconnect();
        sessionStorage.added = "yes";
        const name = form.querySelector("input[aria-label=Name]");
        name.value = "Zoe, added meanwhile";
        name.dispatchEvent(new InputEvent("input", { bubbles: true }));
        // The page takes in what was typed before it is sent.
        setTimeout(() => form.requestSubmit());
    });
    add.observe(document, { childList: true, subtree: true, characterData: true });
"#;

async fn find(tab: &Tab, name: &str) -> Result<()> {
    tab.type_over("Search", name).await?;
    tab.wait_for_person(name, |_| true).await.map(drop)
}

#[tokio::test]
async fn rows_and_progress_are_shown_while_much_is_read_and_what_is_done_meanwhile_or_right_after_is_kept() -> Result<()>
{
    let relays = Relays::start().await?;
    let mut writer = Writer::new().await?;
    writer.add_people(PEOPLE).await?;
    writer.connect(&relays.url(0)).await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open_any("about:blank", Window::DESKTOP).await?;
    tab.note_states().await?;
    tab.run(&format!("location.href = {:?}", relays.url(0))).await?;
    tab.wait_for_text(COUNT, "20,000 people").await?;
    let is_wrong = |state: &State| state.status.contains("relays,") && state.empty.contains("Waiting for a relay");
    let wrong: Vec<_> = tab.noted().await?.states.into_iter().filter(is_wrong).collect();
    assert!(wrong.is_empty(), "the relay was there: {wrong:?}");
    tab.wait_until_kept(PEOPLE).await?;

    tab.break_next_page(ADD_MEANWHILE).await?;
    tab.slow_down(4.0).await?;
    tab.reload().await?;
    tab.wait_for_text(COUNT, "20,001 people").await?;
    tab.slow_down(1.0).await?;
    let states = tab.noted().await?.states;
    let is_partly_there = |state: &&State| state.status.contains(READING) && state.rows > 10;
    assert!(states.iter().any(|state| is_partly_there(&state)), "{states:#?}");
    let waiting: Vec<_> = states.iter().filter(|state| state.empty.contains("Waiting for a relay")).collect();
    assert!(waiting.is_empty(), "it has them itself: {waiting:?}");
    tab.submit("New person", &[("Name", "Yan, added right after")]).await?;
    tab.wait_for_text(COUNT, "20,002 people").await?;

    tab.reload().await?;
    tab.wait_for_text(COUNT, "20,002 people").await?;
    for name in ["Zoe, added meanwhile", "Yan, added right after"] {
        find(&tab, name).await?;
    }
    tab.close().await
}

/// Lets the device fail once, when the first rows have been read.
const FAIL_MEANWHILE: &str = r#"
    const read = IDBObjectStore.prototype.getAll;
    let left = 4;
    IDBObjectStore.prototype.getAll = function (...all) {
        left -= 1;
        if (left === 0) throw new DOMException("the disk is broken", "UnknownError");
        return read.apply(this, all);
    };
"#;

#[tokio::test]
async fn a_database_that_cannot_be_read_to_its_end_is_left_alone_and_its_tab_goes_on_under_another_id() -> Result<()> {
    const SOME: usize = 2_000;
    let relays = Relays::start().await?;
    let mut writer = Writer::new().await?;
    writer.add_people(SOME).await?;
    writer.connect(&relays.url(0)).await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    tab.wait_for_text(COUNT, "2,000 people").await?;
    tab.wait_until_kept(SOME).await?;
    let before = tab.replica().await?;

    tab.break_next_page(FAIL_MEANWHILE).await?;
    tab.reload().await?;
    tab.wait_for_text(".notices", "cannot be read here, and stays as it is: the disk is broken").await?;
    tab.wait_for_text(COUNT, "2,000 people").await?;
    assert_ne!(tab.replica().await?, before);
    tab.submit("New person", &[("Name", "Zoe, added after")]).await?;
    tab.wait_for_text(COUNT, "2,001 people").await?;
    tab.wait_for_status("everything is safe on a majority of relays").await?;
    tab.close().await
}
