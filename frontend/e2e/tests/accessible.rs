//! The page for people who do not see it, use no mouse, or have a small screen.

use anyhow::Result;
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;
use e2e::room;

#[tokio::test]
async fn no_page_has_obstacles_or_scrolls_sideways_in_either_theme_on_a_desktop_or_a_phone() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let desktop = room::filled(&relays, &mut browser).await?;
    let phone = browser.open(&relays.url(1), Window::PHONE).await?;
    phone.wait_for_person("Jana Weiss", |jana| jana.state == "provisional").await?;
    let mut found = Vec::new();
    for (tab, window) in [(&desktop, "desktop"), (&phone, "phone")] {
        for theme in ["light", "dark"] {
            tab.set_theme(theme).await?;
            for page in tab.pages().await? {
                tab.go_to(&page).await?;
                let obstacles = tab.obstacles().await?;
                found.extend(obstacles.into_iter().map(|what| format!("{page}, {theme}, {window}: {what}")));
                if tab.scrolls_sideways().await? {
                    found.push(format!("{page}, {theme}, {window}: scrolls sideways"));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    desktop.close().await?;
    phone.close().await
}

#[tokio::test]
async fn the_page_speaks_russian_once_it_is_asked_to_and_remembers() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    tab.add("Anna", "").await?;
    tab.click("#language").await?;
    tab.wait_for_text("html[lang=ru] h1", "Люди").await?;
    tab.wait_for_text("html:has(#language:focus) .page-head", "1 запись").await?;
    tab.wait_for_status("Гибридный режим · лидер — ретранслятор").await?;
    tab.screenshot("russian").await?;
    tab.reload().await?;
    tab.wait_for_text("html[lang=ru] h1", "Люди").await?;
    tab.wait_until_connected().await?;
    tab.click("#language").await?;
    tab.wait_for_text("html[lang=en] h1", "People").await?;
    tab.close().await
}
