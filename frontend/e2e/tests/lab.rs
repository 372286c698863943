//! The lab: a worse network, a burst, two writers; and the guided tour to its end.

use anyhow::Result;
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;
use e2e::tab::Tab;

async fn impair(tab: &Tab, latency: &str, loss: &str) -> Result<()> {
    tab.type_over("Latency", latency).await?;
    tab.type_over("Loss", loss).await
}

#[tokio::test]
async fn over_a_slow_and_lossy_network_an_edit_still_arrives() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let one = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let two = browser.open(&relays.url(1), Window::DESKTOP).await?;
    one.go_to("lab").await?;
    impair(&one, "300", "10").await?;
    one.wait_for_text(".impaired", "+300 ms each way, 10 % lost").await?;
    one.screenshot("lab").await?;
    one.go_to("people").await?;
    one.add("Anna", "over a bad line").await?;
    two.wait_for_person("Anna", |anna| anna.note == "over a bad line").await?;
    two.rename("Anna", "Anya").await?;
    one.wait_for_person("Anya", |_| true).await?;
    one.go_to("lab").await?;
    one.click_named("button", "Back to the real network").await?;
    one.close().await?;
    two.close().await
}

#[tokio::test]
async fn a_burst_says_what_came_of_it_and_can_be_cleared_away() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    tab.go_to("lab").await?;
    tab.click("form[aria-label='A burst of edits'] label:nth-of-type(3) input").await?;
    tab.click_named("button", "Begin the burst").await?;
    tab.wait_for_text(".outcome", "numbers final\n100").await?;
    tab.wait_for_text(".outcome", "stored by a relay\n100").await?;
    tab.wait_for_text(".outcome", "half within").await?;
    tab.screenshot("lab-burst").await?;
    tab.click_named("button", "Remove the 100 records of the bursts").await?;
    tab.go_to("people").await?;
    tab.wait_for_people("an empty table", <[_]>::is_empty).await?;
    tab.close().await
}

#[tokio::test]
async fn two_writers_at_once_leave_both_names() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::PHONE).await?;
    tab.go_to("lab").await?;
    tab.click_named("button", "Let two write at once").await?;
    tab.wait_for_text(".told-story", "Neither was lost").await?;
    tab.screenshot("lab-phone").await?;
    tab.go_to("people").await?;
    tab.wait_for_people("both names", |people| people[0].candidates == ["Annie", "Anya"]).await?;
    tab.close().await
}

#[tokio::test]
async fn the_tour_leads_through_its_five_steps_to_the_end() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let one = browser.open(&relays.url(0), Window::DESKTOP).await?;
    one.click_named("button", "Take the tour in five steps").await?;
    one.wait_for_text(".tour", "step 1 of 5").await?;
    one.screenshot("tour").await?;
    one.add("Anna", "").await?;
    one.give_number("Anna", 42).await?;

    one.wait_for_text(".tour", "step 2 of 5").await?;
    let two = browser.open(&relays.url(1), Window::DESKTOP).await?;

    one.wait_for_text(".tour", "step 3 of 5").await?;
    one.set_offline(true).await?;
    two.set_offline(true).await?;
    one.rename("Anna", "Anya").await?;
    two.rename("Anna", "Annie").await?;
    one.set_offline(false).await?;
    two.set_offline(false).await?;
    one.wait_for_people("both names", |people| people[0].candidates.len() == 2).await?;
    one.press("Keep Anya").await?;

    one.wait_for_text(".tour", "step 4 of 5").await?;
    one.click_named(".tour a", "Go there").await?;
    one.click_named(".tour button", "Add a guest with the next number").await?;

    one.wait_for_text(".tour", "step 5 of 5").await?;
    one.click_named(".tour a", "Go there").await?;
    one.set_offline(true).await?;
    one.add("Boris", "").await?;
    one.give_number("Boris", 7).await?;
    one.wait_for_person("Boris", |boris| boris.state == "provisional").await?;
    one.set_offline(false).await?;
    one.wait_for_text(".tour", "That is Duet").await?;
    one.screenshot("tour-done").await?;
    one.click_named(".tour button", "Close").await?;
    one.go_to("lab").await?;
    one.wait_for_text(".experiments", "Take the tour again").await?;
    one.close().await?;
    two.close().await
}
