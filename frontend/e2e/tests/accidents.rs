//! Browsers and networks that fail without a word, and people who type while others do.

use anyhow::Result;
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;

const SAFE: &str = "everything is safe on a majority";

/// The content of the field with this name; an error if there is no such field.
fn field(label: &str) -> String {
    format!("return document.querySelector(`[aria-label=\"{label}\"]`)?.value ?? 'no such field'")
}

#[tokio::test]
async fn a_name_that_comes_while_another_one_is_typed_stands_beside_it() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let one = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let two = browser.open(&relays.url(1), Window::DESKTOP).await?;
    one.add("Anna", "").await?;
    two.wait_for_person("Anna", |_| true).await?;
    one.press("Rename Anna").await?;
    two.rename("Anna", "Annie").await?;
    // The field is open; what the row is called around it has changed.
    one.wait_for_text("[data-record] .remove", "Remove").await?;
    one.type_over("New name for Annie", "Anya\u{e007}").await?;
    for tab in [&one, &two] {
        tab.wait_for_people("both names", |people| people[0].candidates == ["Annie", "Anya"]).await?;
    }
    one.press("Keep Anya").await?;
    two.wait_for_person("Anya", |anya| anya.candidates.is_empty()).await?;
    // A field that is saved as it was opened takes nothing back.
    one.press("Rename Anya").await?;
    two.rename("Anya", "Antje").await?;
    one.press_key('\u{e007}').await?;
    one.wait_for_person("Antje", |antje| antje.candidates.is_empty()).await?;
    one.close().await?;
    two.close().await
}

#[tokio::test]
async fn what_is_half_typed_outlives_searches_other_pages_and_the_removal_of_its_record() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let one = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let two = browser.open(&relays.url(1), Window::DESKTOP).await?;
    one.add("Anna", "").await?;
    one.add("Bert", "").await?;
    two.wait_for_people("both", |people| people.len() == 2).await?;
    one.press("Edit the note of Anna").await?;
    one.type_over("New note for Anna", "half a sent").await?;
    one.type_into("form[aria-label='New person'] input[aria-label=Name]", "Ce").await?;
    one.go_to("nodes").await?;
    one.go_to("people").await?;
    assert_eq!(one.read::<String>(&field("New note for Anna")).await?, "half a sent");
    assert_eq!(one.read::<String>(&field("Name")).await?, "Ce");
    one.type_into("#search", "Bert").await?;
    one.wait_for_text(".people .notices", "half a sent").await?;
    one.click_named(".people .notices button", "Show").await?;
    assert_eq!(one.read::<String>(&field("New note for Anna")).await?, "half a sent");
    two.press("Remove Anna").await?;
    one.wait_for_text(".people .notices", "Removed while you typed").await?;
    one.screenshot("half-typed").await?;
    one.click_named(".people .notices button", "Bring it back").await?;
    for tab in [&one, &two] {
        tab.wait_for_person("Anna", |anna| anna.note == "half a sent").await?;
    }
    one.close().await?;
    two.close().await
}

#[tokio::test]
async fn a_tab_that_only_reads_leaves_a_relay_that_says_nothing() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let reader = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let writer = browser.open(&relays.url(1), Window::DESKTOP).await?;
    writer.add("Anna", "").await?;
    reader.wait_for_person("Anna", |_| true).await?;
    reader.wait_for_status(SAFE).await?;
    relays.freeze(0)?;
    writer.add("Bert", "").await?;
    reader.wait_for_person("Bert", |_| true).await?;
    reader.close().await?;
    writer.close().await
}

#[tokio::test]
async fn a_wish_over_a_dead_link_is_met_out_of_the_lease() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    tab.add("Anna", "").await?;
    tab.go_to("dynamic").await?;
    tab.click("button.along").await?;
    tab.wait_for_text("#left", "of its own left").await?;
    tab.go_to("people").await?;
    tab.wait_for_status(SAFE).await?;
    for relay in 0..3 {
        relays.freeze(relay)?;
    }
    tab.press("Next number for Anna").await?;
    tab.wait_for_person("Anna", |anna| anna.state == "leased").await?;
    tab.close().await
}

#[tokio::test]
async fn a_device_whose_clock_is_two_hours_ahead_is_told_so_and_its_work_is_sent() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let other = browser.open(&relays.url(1), Window::DESKTOP).await?;
    let tab = browser.open_any("about:blank", Window::DESKTOP).await?;
    tab.break_next_page("const now = Date.now; Date.now = () => now() + 2 * 60 * 60 * 1000;").await?;
    tab.run(&format!("location.href = {:?}", relays.url(0))).await?;
    tab.wait_until_connected().await?;
    tab.add("Anna", "").await?;
    tab.wait_for_text(".notices", "min ahead of the relay's: set it right").await?;
    tab.press("Next number for Anna").await?;
    for each in [&tab, &other] {
        each.wait_for_person("Anna", |anna| anna.state == "final" && anna.number == "1").await?;
    }
    // It is stamped rightly now, so that somebody else's later note wins.
    tab.write_note("Anna", "by the wrong clock").await?;
    other.wait_for_person("Anna", |anna| anna.note == "by the wrong clock").await?;
    other.write_note("Anna", "by the right clock").await?;
    tab.wait_for_person("Anna", |anna| anna.note == "by the right clock").await?;
    tab.wait_for_status(SAFE).await?;
    tab.close().await?;
    other.close().await
}

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

#[tokio::test]
async fn a_page_that_has_stopped_by_an_error_says_so() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    tab.add("Anna", "").await?;
    tab.run("Node.prototype.cloneNode = () => { throw new Error('broken'); }").await?;
    // It is drawn no more, so that nobody can wait for what it should show.
    tab.click("nav a[href='#dynamic']").await?;
    tab.wait_for_text("#stopped", "This page has stopped by an error of its own").await?;
    tab.screenshot("stopped").await?;
    tab.click("#stopped a").await?;
    tab.wait_for_status(SAFE).await?;
    tab.close().await
}

#[tokio::test]
async fn a_relay_that_refuses_the_origin_of_the_page_is_told_as_that() -> Result<()> {
    let relays = Relays::start().await?;
    // Off loopback a relay lets only pages in that it knows.
    let strict = Relays::start_with(vec!["--host".into(), "0.0.0.0".into()]).await?;
    let mut browser = Browser::start().await?;
    let stranger = strict.url(0).replace("http://", "").replace('/', "");
    let tab = browser.open_any(&format!("{}?relay={stranger}", relays.url(0)), Window::DESKTOP).await?;
    tab.click_named(".relay-question button", "Connect").await?;
    let told = format!("The relay at {stranger} answers, but takes no connection from this page");
    tab.wait_for_text(".notices", &told).await?;
    tab.close().await
}
