//! Old states that come back: a copied profile of a browser, and relays that were restored from a backup.

use anyhow::Result;
use e2e::browser::{Browser, Profile, Window};
use e2e::relays::Relays;
use e2e::tab::Tab;
use e2e::wait_for;

const SAFE: &str = "everything is safe on a majority of relays";

/// A tab on the page of the first relay, whose origin has what the browser keeps, that is connected to the second relay.
/// That one takes it when the first relay has said that the tab is gone, as `observer` sees, which is at the second relay.
async fn open_elsewhere(browser: &mut Browser, profile: Profile, relays: &Relays, observer: &Tab) -> Result<Tab> {
    // The page does not know the relay by this address, and asks.
    let address = relays.url(1).replace("http://127.0.0.1", "localhost").replace('/', "");
    let tab = browser.open_in(profile, &format!("{}?relay={address}", relays.url(0)), Window::DESKTOP).await?;
    wait_for_tabs_at_first(observer, true).await?;
    // The question covers the switch.
    tab.run("document.querySelector('[role=switch][aria-label=Offline]').click()").await?;
    wait_for_tabs_at_first(observer, false).await?;
    tab.click_named(".relay-question button", "Connect").await?;
    tab.set_offline(false).await?;
    tab.wait_for_text(".relays > li:has(.mark.merge) .relay", "relay 2").await?;
    Ok(tab)
}

/// Waits until the relay of `observer` knows of tabs at the first relay, or of none.
async fn wait_for_tabs_at_first(observer: &Tab, wanted: bool) -> Result<()> {
    wait_for(&format!("tabs at the first relay: {wanted}"), || async {
        let are_there: bool =
            observer.look("return !!document.querySelector('[aria-label=\"Tabs at relay 1\"]')").await?;
        Ok(if are_there == wanted { Ok(()) } else { Err(are_there.to_string()) })
    })
    .await
}

async fn is_told_of_its_copy(tab: &Tab) -> Result<()> {
    tab.wait_until_told("another copy of this tab is at work under the same id").await?;
    tab.wait_until_told("so it has a new id").await
}

/// A copy gives the first number of the lease that all copies have, offline.
async fn number_one_more(copy: &Tab, replica: &str, name: &str) -> Result<()> {
    copy.set_offline(true).await?;
    assert_eq!(copy.replica().await?, replica, "it is a copy");
    copy.wait_for_person("Anna", |_| true).await?;
    copy.add(name, "added by one of two copies").await?;
    copy.press(&format!("Next number for {name}")).await?;
    copy.wait_for_person(name, |person| person.state == "leased" && person.number == "1").await.map(drop)
}

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
    number_one_more(&one, &replica, "Bert").await?;
    let other = browser.open(&relays.url(1), Window::DESKTOP).await?;
    let two = open_elsewhere(&mut browser, copy, &relays, &other).await?;
    number_one_more(&two, &replica, "Cem").await?;
    one.set_offline(false).await?;
    one.wait_for_status(SAFE).await?;
    two.set_offline(false).await?;
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
    for (tab, id) in [&one, &two].into_iter().zip(&ids) {
        if *id != replica {
            is_told_of_its_copy(tab).await?;
        }
    }
    for tab in [one, two, other] {
        tab.close().await?;
    }
    Ok(())
}

/// The page knows no relay but the one that it is from, as when all are behind one address.
const FORGET_RELAYS: &str = "localStorage.removeItem('duet.vouched-relays')";

#[tokio::test]
async fn a_copy_whose_id_is_always_connected_to_another_relay_goes_on_under_a_new_one() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let profile = browser.new_profile();
    let tab = browser.open_in(profile, &relays.url(0), Window::DESKTOP).await?;
    tab.add("Anna", "").await?;
    tab.wait_for_status(SAFE).await?;
    let replica = tab.replica().await?;
    browser.kill(profile)?;
    let copy = browser.copy(profile)?;

    let other = browser.open(&relays.url(1), Window::DESKTOP).await?;
    let two = open_elsewhere(&mut browser, copy, &relays, &other).await?;
    let one = browser.open_any_in(profile, "about:blank", Window::DESKTOP).await?;
    one.break_next_page(FORGET_RELAYS).await?;
    one.run(&format!("location.href = {:?}", relays.url(0))).await?;
    one.add("Bert", "added by one of two copies").await?;
    two.add("Cem", "added by the other one").await?;
    one.wait_long_for_text("#status", SAFE).await?;
    is_told_of_its_copy(&one).await?;
    for tab in [&one, &two, &other] {
        tab.wait_for_people("three people", |people| people.len() == 3).await?;
        tab.wait_for_status(SAFE).await?;
    }
    assert_ne!(one.replica().await?, replica);
    assert_eq!(two.replica().await?, replica, "it was there first");
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

    // Nor is it wedged by what it has kept.
    tab.go_to("people").await?;
    tab.reload().await?;
    tab.wait_for_person("Bert", |bert| bert.number == "3").await?;
    tab.write_note("Bert", "after the restore").await?;
    tab.add("Dora", "").await?;
    tab.press("Next number for Dora").await?;
    tab.wait_for_status(SAFE).await?;
    fresh.wait_for_person("Bert", |bert| bert.note == "after the restore").await?;
    for tab in [&tab, &fresh] {
        tab.wait_for_person("Dora", |dora| dora.state == "final" && dora.number == "4").await?;
    }
    tab.close().await?;
    fresh.close().await
}
