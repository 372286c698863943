//! Tabs of one browser, while no relay can be reached.

use std::collections::BTreeSet;

use anyhow::Result;
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;
use e2e::site::{HALF, Site};
use e2e::tab::Tab;

const SAFE: &str = "everything is safe on a majority of relays";

async fn names_are(tab: &e2e::tab::Tab, names: &[&str]) -> Result<()> {
    let are_these = |people: &[e2e::tab::Person]| {
        let mut seen: Vec<_> = people.iter().map(|person| person.name.as_str()).collect();
        seen.sort_unstable();
        seen == names
    };
    tab.wait_for_people(&format!("{names:?}"), are_these).await.map(drop)
}

#[tokio::test]
async fn with_all_relays_down_the_tabs_of_a_browser_merge_live_and_a_new_one_joins_them() -> Result<()> {
    let mut relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let url = relays.url(0);
    let first = browser.open(&url, Window::DESKTOP).await?;
    first.wait_until_page_is_kept("Duet").await?;
    let second = browser.open_beside(&first, &url).await?;
    second.wait_until_connected().await?;
    first.add("Anna", "").await?;
    second.wait_for_person("Anna", |_| true).await?;
    second.wait_for_status(SAFE).await?;
    for relay in 0..3 {
        relays.kill(relay).await?;
    }
    for tab in [&first, &second] {
        tab.wait_for_status("merging with 1 tab of this browser").await?;
    }

    first.add("Bert", "added by the first").await?;
    second.wait_for_person("Bert", |bert| bert.note == "added by the first").await?;
    second.rename("Bert", "Bertha").await?;
    first.wait_for_person("Bertha", |_| true).await?;
    second.add("Cem", "").await?;
    first.wait_for_person("Cem", |_| true).await?;

    let third = browser.open_beside(&first, &format!("{url}?room=people")).await?;
    names_are(&third, &["Anna", "Bertha", "Cem"]).await?;
    third.wait_for_status("merging with 2 tabs of this browser").await?;
    third.screenshot("neighbours").await?;
    third.add("Dora", "").await?;
    first.wait_for_person("Dora", |_| true).await?;

    for relay in 0..3 {
        relays.restart(relay).await?;
    }
    for tab in [&first, &second, &third] {
        tab.wait_for_status(SAFE).await?;
    }
    let elsewhere = browser.open(&relays.url(1), Window::DESKTOP).await?;
    for tab in [&first, &second, &third, &elsewhere] {
        names_are(tab, &["Anna", "Bertha", "Cem", "Dora"]).await?;
    }
    elsewhere.close().await?;
    first.close().await
}

/// Opens two tabs of one browser at one relay.
async fn two_tabs(browser: &mut Browser, relays: &Relays) -> Result<[Tab; 2]> {
    let url = relays.url(0);
    let first = browser.open(&url, Window::DESKTOP).await?;
    let second = browser.open_beside(&first, &url).await?;
    second.wait_until_connected().await?;
    Ok([first, second])
}

/// "Offline" is for demonstrations, too: two tabs of one browser diverge.
#[tokio::test]
async fn a_tab_that_is_offline_hears_no_neighbour() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let [first, second] = two_tabs(&mut browser, &relays).await?;
    first.add("Anna", "").await?;
    second.wait_for_person("Anna", |_| true).await?;
    first.set_offline(true).await?;
    second.set_offline(true).await?;
    first.rename("Anna", "Anya").await?;
    second.rename("Anna", "Annie").await?;
    first.set_offline(false).await?;
    second.set_offline(false).await?;
    first
        .wait_for_people("both names", |people| people.iter().any(|anna| anna.candidates == ["Annie", "Anya"]))
        .await?;
    first.close().await
}

/// A tab must drop messages that wait for a neighbour when it goes online: a relay refuses a tab that sends it such messages.
#[tokio::test]
async fn two_tabs_of_a_browser_that_number_people_offline_are_never_refused_when_they_are_back() -> Result<()> {
    const ROUNDS: usize = 5;
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let [first, second] = two_tabs(&mut browser, &relays).await?;
    for round in 1..=ROUNDS {
        for (tab, who) in [(&first, "Anna"), (&second, "Bert")] {
            tab.set_offline(true).await?;
            tab.submit("New person", &[("Name", &format!("{who} {round}")), ("Number", "next")]).await?;
            tab.wait_for_person(&format!("{who} {round}"), |person| person.state == "provisional").await?;
        }
        first.set_offline(false).await?;
        second.set_offline(false).await?;
        for tab in [&first, &second] {
            let people = tab
                .wait_for_people("everybody with a number for good", |people| {
                    let is_settled = |state: &str| matches!(state, "final" | "renumbered");
                    people.len() == 2 * round && people.iter().all(|person| is_settled(&person.state))
                })
                .await?;
            let numbers: BTreeSet<_> = people.iter().map(|person| &person.number).collect();
            assert_eq!(numbers.len(), people.len(), "{people:#?}");
            tab.wait_for_status(SAFE).await?;
            for part in [".notices", "[aria-label='What happened']"] {
                let told: String =
                    tab.look(&format!("return document.querySelector({part:?})?.innerText ?? ''")).await?;
                assert!(!told.contains("refused this tab"), "round {round}: {told}");
            }
        }
    }
    first.close().await
}

#[tokio::test]
async fn online_always_shows_the_newest_page_and_offline_the_last_complete_one() -> Result<()> {
    let mut browser = Browser::start().await?;
    let site = Site::start("the older build").await?;
    let tab = browser.open_any(&site.url(), Window::DESKTOP).await?;
    tab.wait_until_page_is_kept("the older build").await?;
    site.deploy("the newer build");
    tab.reload().await?;
    tab.wait_for_text("#build", "the newer build").await?;
    tab.wait_until_page_is_kept("the newer build").await?;
    site.stop().await;
    tab.reload().await?;
    tab.wait_for_text("#build", "the newer build").await?;
    tab.close().await
}

#[tokio::test]
async fn a_page_whose_files_are_not_there_yet_does_not_take_the_place_of_the_one_that_is_kept() -> Result<()> {
    let mut browser = Browser::start().await?;
    let site = Site::start("the older build").await?;
    let tab = browser.open_any(&site.url(), Window::DESKTOP).await?;
    tab.wait_until_page_is_kept("the older build").await?;
    site.deploy(HALF);
    tab.reload().await?;
    tab.wait_for_text("#build", "the older build").await?;
    site.deploy("the newer build");
    tab.reload().await?;
    tab.wait_for_text("#build", "the newer build").await?;
    site.stop().await;
    tab.close().await
}
