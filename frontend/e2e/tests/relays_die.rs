//! Relays are killed as power cuts kill them; tabs go on, and nothing that was acknowledged is lost.

use anyhow::Result;
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;

const SAFE: &str = "everything is safe on a majority";

#[tokio::test]
async fn the_leader_is_killed_in_mid_traffic_and_the_tabs_go_on() -> Result<()> {
    let mut relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let first = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let leader = first.leader().await? - 1;
    let other = (leader + 1) % 3;
    let at_leader = browser.open(&relays.url(leader), Window::DESKTOP).await?;
    let elsewhere = browser.open(&relays.url(other), Window::DESKTOP).await?;
    at_leader.add("Anna", "").await?;
    elsewhere.wait_for_person("Anna", |_| true).await?;

    elsewhere.press("Next number for Anna").await?;
    relays.kill(leader).await?;
    at_leader.add("Bert", "added while the relay dies").await?;
    elsewhere.add("Cem", "").await?;
    elsewhere.give_number("Cem", 77).await?;

    for tab in [&at_leader, &elsewhere] {
        tab.wait_for_person("Anna", |anna| anna.state == "final").await?;
        tab.wait_for_person("Bert", |bert| bert.note == "added while the relay dies").await?;
        tab.wait_for_person("Cem", |cem| cem.state == "final" && cem.number == "77").await?;
        tab.wait_for_highest("77").await?;
        tab.wait_for_status("2 of 3 relays").await?;
    }

    relays.restart(leader).await?;
    let late = browser.open(&relays.url(leader), Window::DESKTOP).await?;
    for name in ["Anna", "Cem"] {
        late.wait_for_person(name, |person| person.state == "final").await?;
    }
    late.wait_for_person("Bert", |_| true).await?;
    late.wait_for_highest("77").await?;
    late.wait_for_status("3 of 3 relays").await?;
    for tab in [first, at_leader, elsewhere, late] {
        tab.close().await?;
    }
    Ok(())
}

#[tokio::test]
async fn all_three_are_killed_and_nothing_that_was_acknowledged_is_missing() -> Result<()> {
    let mut relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    tab.add("Anna", "first").await?;
    tab.give_number("Anna", 5).await?;
    tab.wait_for_person("Anna", |anna| anna.state == "final").await?;
    tab.add("Bert", "second").await?;
    tab.press("Next number for Bert").await?;
    tab.wait_for_person("Bert", |bert| bert.state == "final" && bert.number == "6").await?;
    tab.wait_for_status(SAFE).await?;
    // The tab must not be the one that brings everything back.
    tab.close().await?;
    for relay in 0..3 {
        relays.kill(relay).await?;
    }
    for relay in 0..3 {
        relays.restart(relay).await?;
    }
    for relay in 0..3 {
        let tab = browser.open(&relays.url(relay), Window::DESKTOP).await?;
        tab.wait_for_person("Anna", |anna| anna.number == "5" && anna.note == "first").await?;
        tab.wait_for_person("Bert", |bert| bert.number == "6" && bert.note == "second").await?;
        tab.wait_for_highest("6").await?;
        tab.close().await?;
    }
    Ok(())
}
