//! Old states that come back: a copied profile of a browser, and relays that were restored from a backup.

use anyhow::Result;
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;

const SAFE: &str = "everything is safe on a majority of relays";

#[tokio::test]
async fn two_copies_of_a_profile_overwrite_nothing_and_no_number_is_given_twice() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let profile = browser.new_profile();
    let tab = browser.open_in(profile, &relays.url(0), Window::DESKTOP).await?;
    tab.add("Anna", "").await?;
    tab.go_to("dynamic").await?;
    tab.press("Take 10 numbers along").await?;
    tab.wait_for_text("#left", "10 numbers").await?;
    tab.go_to("people").await?;
    tab.wait_for_status(SAFE).await?;
    let replica = tab.replica().await?;
    browser.kill(profile)?;
    let copy = browser.copy(profile)?;

    let one = browser.open_in(profile, &relays.url(0), Window::DESKTOP).await?;
    let two = browser.open_in(copy, &relays.url(0), Window::DESKTOP).await?;
    for (tab, name) in [(&one, "Bert"), (&two, "Cem")] {
        tab.set_offline(true).await?;
        tab.wait_for_person("Anna", |_| true).await?;
        tab.add(name, "added by one of two copies").await?;
        tab.press(&format!("Next number for {name}")).await?;
        tab.wait_for_person(name, |person| !person.number.is_empty()).await?;
    }
    one.set_offline(false).await?;
    one.wait_for_status(SAFE).await?;
    two.set_offline(false).await?;
    let other = browser.open(&relays.url(1), Window::DESKTOP).await?;
    for tab in [&one, &two, &other] {
        let is_settled = |state: &str| matches!(state, "final" | "renumbered");
        let people = tab
            .wait_for_people("three people, two of them with a number for good", |people| {
                people.len() == 3 && people.iter().filter(|person| is_settled(&person.state)).count() == 2
            })
            .await?;
        let of = |name: &str| people.iter().find(|person| person.name == name).map(|person| person.number.clone());
        assert_ne!(of("Bert"), of("Cem"), "{people:#?}");
        tab.wait_for_status(SAFE).await?;
    }
    let ids = [one.replica().await?, two.replica().await?];
    assert_ne!(ids[0], ids[1]);
    assert!(ids.contains(&replica), "one of them keeps the id: {ids:?}");
    for tab in [one, two, other] {
        tab.close().await?;
    }
    Ok(())
}

#[tokio::test]
async fn after_all_relays_are_restored_the_page_brings_what_they_lack_and_tells_of_its_number() -> Result<()> {
    let mut relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    tab.add("Anna", "").await?;
    tab.press("Next number for Anna").await?;
    tab.wait_for_person("Anna", |anna| anna.state == "final" && anna.number == "1").await?;
    let backup = relays.back_up(0).await?;
    tab.add("Bert", "not in the backup").await?;
    tab.press("Next number for Bert").await?;
    tab.wait_for_person("Bert", |bert| bert.state == "final" && bert.number == "2").await?;
    tab.wait_for_status(SAFE).await?;
    tab.set_offline(true).await?;
    for relay in 0..3 {
        relays.kill(relay).await?;
    }
    relays.restore(&backup).await?;

    let fresh = browser.open(&relays.url(1), Window::DESKTOP).await?;
    fresh.wait_for_person("Anna", |anna| anna.number == "1").await?;
    fresh.add("Cem", "").await?;
    fresh.press("Next number for Cem").await?;
    fresh.wait_for_person("Cem", |cem| cem.state == "final" && cem.number == "2").await?;
    tab.set_offline(false).await?;
    tab.wait_until_told("The relays were restored from a backup").await?;
    tab.screenshot("relays-restored").await?;
    for tab in [&tab, &fresh] {
        tab.wait_for_person("Cem", |cem| cem.number == "2").await?;
        tab.wait_for_person("Bert", |bert| bert.note == "not in the backup" && bert.number == "3").await?;
        tab.wait_for_status(SAFE).await?;
    }
    tab.go_to("conflicts").await?;
    tab.wait_for_text("main", "Bert").await?;
    tab.screenshot("number-lost-by-a-restore").await?;
    tab.close().await?;
    fresh.close().await
}
