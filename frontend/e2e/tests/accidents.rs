//! Browsers and networks that fail without a word.

use anyhow::Result;
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;

const SAFE: &str = "everything is safe on a majority";
/// The relay to which this tab is connected, in the list of relays.
const YOURS: &str = ".relays > li:has(.mark.merge) .relay";

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
async fn a_operation_over_a_dead_link_is_met_out_of_the_lease() -> Result<()> {
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
async fn a_operation_alone_at_a_relay_that_says_nothing_is_met_by_another_one() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    tab.add("Anna", "").await?;
    tab.wait_for_status(SAFE).await?;
    tab.wait_for_text(YOURS, "relay 1").await?;
    relays.freeze(0)?;
    // It has no lease, so that nobody but the relays can give it a number.
    tab.press("Next number for Anna").await?;
    tab.wait_for_person("Anna", |anna| anna.state == "final" && anna.number == "1").await?;
    tab.wait_for_status(SAFE).await?;
    assert!(
        !tab.look::<String>(&format!("return document.querySelector({YOURS:?}).innerText")).await?.contains("relay 1")
    );
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
