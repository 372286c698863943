//! Files and names as they come: what is shown of an import, what is left of one that was cut off, and names that would
//! disturb what stands beside them.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Result, ensure};
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;
use e2e::tab::Tab;
use tempfile::TempDir;

/// A file with this many people.
fn file(folder: &Path, people: usize) -> Result<String> {
    let mut text = String::from("name,note\n");
    (1..=people).try_for_each(|line| writeln!(text, "Person {line},says {line}"))?;
    let path = folder.join("people.csv");
    std::fs::write(&path, text)?;
    Ok(path.display().to_string())
}

async fn choose(tab: &Tab, path: &str) -> Result<()> {
    tab.click_named("button", "Import").await?;
    tab.choose_file("File", path).await?;
    tab.wait_for_text("dialog.import .preview", "Person 1").await
}

/// The header of the preview stands above the first row, and covers none.
const IS_ABOVE: &str = "
    const box = selector => document.querySelector('dialog.import .preview ' + selector).getBoundingClientRect();
    return box('th').bottom <= box('tbody tr td').top + 1 && box('th').top < box('tbody tr td').top;
";

#[tokio::test]
async fn a_preview_shows_each_row_and_an_import_is_undone_with_one_click() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let folder = TempDir::new()?;
    let path = file(folder.path(), 350)?;
    let one = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let two = browser.open(&relays.url(1), Window::DESKTOP).await?;
    two.add("Anna", "").await?;
    one.wait_for_people("one", |people| people.len() == 1).await?;
    choose(&one, &path).await?;
    ensure!(one.read::<bool>(IS_ABOVE).await?, "the header covers a row");
    one.screenshot("import-preview-rows").await?;
    one.click("dialog.import button[type=submit]").await?;
    two.wait_long_for_text("#people-heading + p", "351 people").await?;
    one.wait_for_text(".import-panel", "350 lines are in.").await?;
    one.click("button.undo").await?;
    one.wait_for_toast("Undone: the import of people.csv.").await?;
    for tab in [&one, &two] {
        let left = tab.wait_for_people("one", |people| people.len() == 1).await?;
        ensure!(left[0].name == "Anna", "{left:?}");
    }
    one.close().await?;
    two.close().await
}

#[tokio::test]
async fn the_report_of_an_import_is_not_gone_with_its_tab() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let folder = TempDir::new()?;
    let path = file(folder.path(), 60_000)?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    tab.duplicate().await?;
    choose(&tab, &path).await?;
    tab.click("dialog.import button[type=submit]").await?;
    tab.wait_for_text(".import-panel", "Importing people.csv").await?;
    tab.close_window().await?;
    // It looks around whenever it reaches a relay.
    tab.set_offline(true).await?;
    tab.set_offline(false).await?;
    tab.wait_for_text(".import-panel", "The import of people.csv ended with its tab, after line").await?;
    tab.screenshot("import-cut-off").await?;
    tab.press("Dismiss the import").await?;
    tab.reload().await?;
    tab.wait_until_connected().await?;
    ensure!(tab.read::<bool>("return document.querySelector('.import-panel') === null").await?, "it was dismissed");
    tab.close().await
}

#[tokio::test]
async fn a_name_disturbs_neither_the_sentence_nor_the_rows_beside_it() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let one = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let two = browser.open(&relays.url(1), Window::DESKTOP).await?;
    two.wait_until_connected().await?;
    one.wait_until_connected().await?;
    let stacked = format!("Za{}lgo", "\u{336}\u{30d}\u{35b}\u{316}".repeat(12));
    one.add("\u{202e}annA", "").await?;
    one.add(&stacked, "").await?;
    one.add("Zoe", "").await?;
    two.wait_for_text(".story", "added \u{2068}\u{202e}annA\u{2069}.").await?;
    let clipped: bool = two
        .read("return [...document.querySelectorAll('td.title button.value, .story li')].every(each => getComputedStyle(each).overflowY === 'clip')")
        .await?;
    ensure!(clipped, "marks paint over other rows");
    two.screenshot("names-with-marks").await?;
    one.close().await?;
    two.close().await
}
