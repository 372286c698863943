//! Records with other fields than people's.

use std::path::{Path, PathBuf};

use anyhow::Result;
use e2e::browser::{Browser, Profile, Window};
use e2e::relays::Relays;
use e2e::tab::Tab;

#[tokio::test]
async fn two_tabs_edit_every_kind_of_field_of_an_invoice_and_converge() -> Result<()> {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/invoices.toml");
    let relays = Relays::start_for(&schema).await?;
    let mut browser = Browser::start().await?;
    let one = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let two = browser.open(&relays.url(1), Window::PHONE).await?;
    one.submit("New record", &[("Title", "Roof"), ("State", "open"), ("Amount", "100")]).await?;
    two.wait_for_record("the new invoice", |record| record["title"] == "Roof" && record["amount"] == "100").await?;

    one.set_offline(true).await?;
    two.set_offline(true).await?;
    one.edit_in_row("Rename Roof", "New title for Roof", "Roof repair").await?;
    two.edit_in_row("Rename Roof", "New title for Roof", "New roof").await?;
    two.edit_in_row("Edit the state of New roof", "New state for New roof", "sent").await?;
    one.press("Add 1 to the amount of Roof repair").await?;
    two.edit_in_row("Change the amount of New roof: 100", "New amount for New roof", "150").await?;
    one.edit_in_row("Add a label to Roof repair", "New label for Roof repair", "house, urgent").await?;
    two.edit_in_row("Add a label to New roof", "New label for New roof", "paid").await?;
    one.set_offline(false).await?;
    two.set_offline(false).await?;

    for tab in [&one, &two] {
        tab.wait_for_record("every edit", |record| {
            record["state"] == "sent" && record["amount"] == "151" && record["labels"] == "house, paid, urgent"
        })
        .await?;
    }
    two.screenshot("invoices-phone").await?;
    one.press("Keep New roof").await?;
    one.press("Next number for New roof").await?;
    for tab in [&one, &two] {
        tab.wait_for_record("the title that was kept", |record| record["title"] == "New roof").await?;
        tab.wait_for_highest("1").await?;
    }
    one.screenshot("invoices").await?;
    one.close().await?;
    two.close().await
}

/// The schema of people with one more field, in a file.
fn grown(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("people.toml");
    let fields = [("name", "mv\"\nrequired = true"), ("note", "lww\""), ("tags", "set\""), ("email", "lww\"")];
    let text = fields.map(|(name, kind)| format!("[[field]]\nname = \"{name}\"\nkind = \"{kind}\n"));
    std::fs::write(&path, text.concat())?;
    Ok(path)
}

/// Opens a tab, adds Anna, ends all relays, and adds Bert in the tab.
async fn work_without_relays(browser: &mut Browser, profile: Profile, relays: &mut Relays) -> Result<Tab> {
    let tab = browser.open_in(profile, &relays.url(0), Window::DESKTOP).await?;
    tab.add("Anna", "").await?;
    tab.wait_for_status("everything is safe on a majority").await?;
    for relay in 0..3 {
        relays.kill(relay).await?;
    }
    tab.wait_for_status("Looking for a relay").await?;
    tab.add("Bert", "while the relays were away").await?;
    Ok(tab)
}

#[tokio::test]
async fn a_tab_takes_a_schema_that_has_grown_and_what_it_did_offline_arrives() -> Result<()> {
    let mut relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let profile = browser.new_profile();
    let tab = work_without_relays(&mut browser, profile, &mut relays).await?;
    let folder = tempfile::TempDir::new()?;
    let schema = grown(folder.path())?;
    relays.use_schema(&schema);
    for relay in 0..3 {
        relays.restart(relay).await?;
    }
    tab.wait_until_connected().await?;
    tab.edit_in_row("Edit the email of Anna", "New email for Anna", "anna@example.org").await?;
    let other = browser.open(&relays.url(1), Window::DESKTOP).await?;
    other.wait_for_person("Bert", |bert| bert.note == "while the relays were away").await?;
    other.wait_for_text("[data-record]", "anna@example.org").await?;
    tab.wait_for_status("everything is safe on a majority").await?;
    // The device has the grown schema, too.
    tab.reload().await?;
    tab.wait_until_connected().await?;
    tab.wait_for_text("[data-record]", "anna@example.org").await?;
    tab.close().await?;
    other.close().await
}

#[tokio::test]
async fn a_browser_that_was_killed_with_unsent_work_takes_a_schema_that_has_grown_since() -> Result<()> {
    let mut relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let profile = browser.new_profile();
    let tab = work_without_relays(&mut browser, profile, &mut relays).await?;
    tab.press("Next number for Bert").await?;
    tab.wait_for_person("Bert", |bert| bert.state == "provisional").await?;
    tab.wait_for_status("kept on this device").await?;
    browser.kill(profile)?;

    let folder = tempfile::TempDir::new()?;
    relays.use_schema(&grown(folder.path())?);
    for relay in 0..3 {
        relays.restart(relay).await?;
    }
    let tab = browser.open_in(profile, &relays.url(0), Window::DESKTOP).await?;
    let other = browser.open(&relays.url(1), Window::DESKTOP).await?;
    for each in [&tab, &other] {
        each.wait_for_person("Bert", |bert| bert.note == "while the relays were away" && bert.state == "final").await?;
    }
    tab.edit_in_row("Edit the email of Bert", "New email for Bert", "bert@example.org").await?;
    other.wait_for_text("table", "bert@example.org").await?;
    tab.wait_for_status("everything is safe on a majority").await?;
    tab.close().await?;
    other.close().await
}
