//! Numbers without the relays, conflicts, and the levels: by hand and by load.

use anyhow::Result;
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;
use e2e::tab::Tab;

async fn two_tabs(relays: &Relays, browser: &mut Browser) -> Result<(Tab, Tab)> {
    let one = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let two = browser.open(&relays.url(1), Window::DESKTOP).await?;
    one.add("Anna", "").await?;
    two.add("Bert", "").await?;
    one.wait_for_person("Bert", |_| true).await?;
    two.wait_for_person("Anna", |_| true).await?;
    Ok((one, two))
}

#[tokio::test]
async fn of_two_tabs_that_gave_one_number_offline_one_keeps_it_and_the_other_can_undo_what_it_got() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let (one, two) = two_tabs(&relays, &mut browser).await?;
    one.set_offline(true).await?;
    two.set_offline(true).await?;
    one.give_number("Anna", 42).await?;
    two.give_number("Bert", 42).await?;
    one.wait_for_person("Anna", |anna| anna.state == "provisional" && anna.number == "42").await?;
    two.wait_for_person("Bert", |bert| bert.state == "provisional" && bert.number == "42").await?;
    two.screenshot("provisional").await?;
    one.set_offline(false).await?;
    two.set_offline(false).await?;

    for tab in [&one, &two] {
        tab.wait_for_person("Anna", |anna| anna.state == "final" && anna.number == "42").await?;
        let bert = tab.wait_for_person("Bert", |bert| bert.state == "renumbered" && bert.number == "43").await?;
        assert!(bert.remark.starts_with("Number 42 went to Anna (relay "), "{bert:?} says who has it");
    }
    two.wait_for_text("nav a[href='#conflicts']", "1").await?;
    two.go_to("conflicts").await?;
    two.wait_for_text("[data-conflict]", "Yours became 43.").await?;
    two.screenshot("conflicts").await?;
    two.press("Undo: free 43 of Bert").await?;
    two.wait_for_text("[data-conflict]", "Undone: number 43 is free again.").await?;
    two.go_to("people").await?;
    for tab in [&one, &two] {
        tab.wait_for_person("Bert", |bert| bert.state == "none").await?;
    }
    one.add("Cem", "").await?;
    one.give_number("Cem", 43).await?;
    two.wait_for_person("Cem", |cem| cem.state == "final" && cem.number == "43").await?;
    one.close().await?;
    two.close().await
}

#[tokio::test]
async fn a_step_taken_by_hand_holds_for_everybody_until_it_is_taken_back() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let (one, two) = two_tabs(&relays, &mut browser).await?;
    one.go_to("dynamic").await?;
    one.press("Take the step Provisional by hand").await?;
    one.wait_for_text(".now", "Somebody took this step by hand").await?;
    two.wait_for_status("CRDT only: new numbers are provisional").await?;
    two.give_number("Bert", 9).await?;
    two.wait_for_person("Bert", |bert| bert.state == "provisional" && bert.number == "9").await?;
    one.wait_for_text("#unsettled", "1 provisional number waits to be settled.").await?;

    one.press("Take the step Batching by hand").await?;
    one.press("Let load decide").await?;
    one.wait_for_text(".now", "Somebody lets load decide again.").await?;
    two.wait_for_status("Hybrid · led by").await?;
    two.wait_for_person("Bert", |bert| bert.state == "final" && bert.number == "9").await?;
    one.close().await?;
    two.close().await
}

#[tokio::test]
async fn a_burst_takes_a_step_and_numbers_taken_along_are_final_offline() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let (one, two) = two_tabs(&relays, &mut browser).await?;
    two.go_to("dynamic").await?;
    two.type_over("High load, in requests in a window", "0").await?;
    two.wait_for_text(".settings", "High load is 1 to 1000000 requests in a window, in digits.").await?;
    two.type_over("High load, in requests in a window", "1").await?;
    two.type_over("Window, in ms", "60000").await?;
    two.click("form.settings button[type=submit]").await?;
    two.wait_for_text(".settings", "Saved: in force for everybody.").await?;

    for number in 1..=4 {
        let name = format!("Person {number}");
        one.add(&name, "").await?;
        one.give_number(&name, number).await?;
        one.wait_for_person(&name, |person| person.state == "final").await?;
    }
    two.wait_for_text(".now", "More was asked for than the settings allow.").await?;
    two.wait_for_text(".levels [aria-current=step]", "Leases").await?;
    one.wait_for_status("Hybrid, numbers out of leases").await?;

    one.go_to("dynamic").await?;
    one.press("Take 10 numbers along").await?;
    one.wait_for_text("#left", "numbers of its own left.").await?;
    one.go_to("people").await?;
    one.set_offline(true).await?;
    one.press("Next number for Anna").await?;
    let anna = one.wait_for_person("Anna", |anna| anna.state == "leased").await?;
    one.set_offline(false).await?;
    two.go_to("people").await?;
    two.wait_for_person("Anna", |seen| seen.state == "final" && seen.number == anna.number).await?;
    one.close().await?;
    two.close().await
}
