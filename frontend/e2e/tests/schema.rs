//! Records with other fields than people's.

use std::path::Path;

use anyhow::Result;
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;

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
