//! Links that name a relay which the page's own relays do not know.

use anyhow::Result;
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;
use e2e::stranger::Stranger;
use e2e::tab::Tab;

const SAFE: &str = "everything is safe on a majority of relays";
const ENTER: char = '\u{e007}';
const ESCAPE: char = '\u{e00c}';
const DIALOG: &str = "dialog.relay-question[open]";

async fn is_asked(tab: &Tab) -> Result<bool> {
    tab.look(&format!("return document.querySelector({DIALOG:?}) !== null")).await
}

#[tokio::test]
async fn a_link_with_a_foreign_relay_sends_nothing_there_until_the_user_agrees() -> Result<()> {
    let relays = Relays::start().await?;
    let stranger = Stranger::start().await?;
    let mut browser = Browser::start().await?;
    let first = browser.open(&relays.url(0), Window::DESKTOP).await?;
    first.add("Anna", "").await?;
    first.wait_for_status(SAFE).await?;
    first.close().await?;
    let url = format!("{}?room=people&relay={}", relays.url(0), stranger.address());

    let tab = browser.open(&url, Window::PHONE).await?;
    tab.wait_for_text("#relay-address", &stranger.address()).await?;
    tab.wait_for_text(&format!("{DIALOG} button:focus"), "Cancel").await?;
    assert_eq!(tab.obstacles().await?, [""; 0]);
    assert!(!tab.scrolls_sideways().await?);
    tab.screenshot("relay-question-phone").await?;
    tab.wait_for_status(SAFE).await?;
    tab.press_key(ENTER).await?;
    assert!(!is_asked(&tab).await?, "Enter means Cancel");
    tab.wait_for_person("Anna", |_| true).await?;
    tab.add("Bert", "").await?;
    tab.wait_for_status(SAFE).await?;
    tab.reload().await?;
    tab.wait_for_text("#relay-address", &stranger.address()).await?;
    tab.press_key(ESCAPE).await?;
    assert!(!is_asked(&tab).await?, "Esc means Cancel");
    tab.wait_for_status(SAFE).await?;
    assert_eq!(stranger.connections(), 0, "nothing went there");
    tab.close().await
}

#[tokio::test]
async fn the_user_can_agree_to_a_foreign_relay_for_one_room_in_one_tab() -> Result<()> {
    let relays = Relays::start().await?;
    let stranger = Stranger::start().await?;
    let mut browser = Browser::start().await?;
    let url = |room: &str| format!("{}?room={room}&relay={}", relays.url(0), stranger.address());
    let tab = browser.open(&url("people"), Window::DESKTOP).await?;
    for theme in ["light", "dark"] {
        // The dialog covers the button of the theme.
        tab.run(&format!("document.documentElement.dataset.theme = {theme:?}")).await?;
        tab.screenshot(&format!("relay-question-{theme}")).await?;
    }
    tab.click_named(&format!("{DIALOG} button"), "Connect").await?;
    assert_eq!(stranger.first_hello().await?.1, "people");
    assert!(!is_asked(&tab).await?);
    // The page goes on with its own relays, and remembers none but those.
    tab.wait_for_status(SAFE).await?;
    let known: String = tab.look("return localStorage.getItem('duet.vouched-relays')").await?;
    assert!(!known.contains(&stranger.address()), "{known}");

    tab.run(&format!("location.href = {:?}", url("people"))).await?;
    tab.wait_until_connected().await?;
    assert!(!is_asked(&tab).await?, "this tab has agreed already");
    tab.run(&format!("location.href = {:?}", url("other"))).await?;
    tab.wait_for_text("#relay-words", "“other”").await?;
    tab.close().await
}

#[tokio::test]
async fn a_tab_whose_id_is_refused_goes_on_under_a_new_one_and_loses_nothing() -> Result<()> {
    let relays = Relays::start().await?;
    let stranger = Stranger::start().await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let other = browser.open(&relays.url(1), Window::DESKTOP).await?;
    tab.add("Anna", "").await?;
    tab.wait_for_status(SAFE).await?;
    tab.set_offline(true).await?;
    tab.add("Bert", "added while offline").await?;
    tab.rename("Anna", "Anya").await?;
    tab.wait_for_status("kept on this device").await?;
    let before = tab.replica().await?;
    // As if one of its relays had told of it.
    let link = format!("{}?relay={}", relays.url(0), stranger.address());
    tab.run(&format!(
        "localStorage.setItem('duet.vouched-relays', {:?}); location.href = {link:?}",
        stranger.address()
    ))
    .await?;
    assert_eq!(stranger.first_hello().await?.0, before, "the id is the hash of the secret that was kept");
    tab.wait_until_told("so it has a new id").await?;
    for name in ["Anya", "Bert"] {
        other.wait_for_person(name, |_| true).await?;
        tab.wait_for_person(name, |_| true).await?;
    }
    tab.wait_for_status(SAFE).await?;
    let after = tab.replica().await?;
    assert_ne!(after, before);
    tab.run(&format!("location.href = {:?}", relays.url(0))).await?;
    tab.wait_for_status(SAFE).await?;
    assert_eq!(tab.replica().await?, after, "it goes on under the new id");
    other.wait_for_people("two people", |people| people.len() == 2).await?;
    let databases = "const done = arguments[arguments.length - 1];
        indexedDB.databases().then(all => done(all.map(one => one.name)))";
    let left: Vec<String> = tab.measure(databases, &[]).await?;
    assert!(!left.iter().any(|name| name.ends_with(&before)), "{left:?}");
    tab.close().await?;
    other.close().await
}
