//! Pictures of every page, of a small room: on a desktop in both themes, and on a phone. `cargo xtask screenshots` runs it.

use anyhow::Result;
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;
use e2e::room;

#[tokio::main]
async fn main() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let desktop = room::filled(&relays, &mut browser).await?;
    let phone = browser.open(&relays.url(1), Window::PHONE).await?;
    phone.wait_for_person("Jana Weiss", |jana| jana.state == "provisional").await?;
    for tab in [&desktop, &phone] {
        tab.dismiss_notices().await?;
    }
    // Going to a page shows its beginning.
    desktop.go_to("lab").await?;
    for theme in ["light", "dark"] {
        desktop.set_theme(theme).await?;
        for page in desktop.pages().await? {
            desktop.go_to(&page).await?;
            desktop.screenshot(&format!("{page}-{theme}")).await?;
        }
    }
    for page in phone.pages().await? {
        phone.go_to(&page).await?;
        phone.screenshot(&format!("{page}-phone")).await?;
    }
    desktop.close().await?;
    phone.close().await
}
