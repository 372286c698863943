//! Ten thousand lines of a file into the room and out again.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;
use e2e::tab::Tab;
use tempfile::TempDir;

const LINES: usize = 10_000;
const IN: &str = "9,997 lines are in.";

/// Every thousandth person has a number, and three lines have problems.
fn file(folder: &Path) -> Result<String> {
    let mut text = String::from("name;note;tags;number;e-mail\r\n");
    for line in 1..=LINES {
        match line {
            10 => writeln!(text, ";nobody;;;\r")?,
            20 => writeln!(text, "Person {line};;;many;\r")?,
            9000 => writeln!(text, "Person {line};;;1;\r")?,
            _ => {
                let number = if line % 1000 == 1 { (line / 1000 + 1).to_string() } else { String::new() };
                writeln!(
                    text,
                    "\"Person {line}\";\"says \"\"{line}\"\"\";choir, board;{number};p{line}@example.org\r"
                )?;
            }
        }
    }
    let path = folder.join("people.csv");
    std::fs::write(&path, text)?;
    Ok(path.display().to_string())
}

async fn import(tab: &Tab, path: &str) -> Result<()> {
    tab.click_named("button", "Import").await?;
    tab.choose_file("File", path).await?;
    tab.wait_for_text("dialog.import .preview", "Person 1").await?;
    tab.click("dialog.import button[type=submit]").await
}

#[tokio::test]
async fn ten_thousand_lines_come_in_while_the_page_stays_usable_and_every_tab_gets_them() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let folder = TempDir::new()?;
    let path = file(folder.path())?;
    let one = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let two = browser.open(&relays.url(1), Window::DESKTOP).await?;

    tab_shows_what_is_left_out(&one, &path).await?;
    one.click("dialog.import button[type=submit]").await?;
    // The page is there meanwhile: somebody looks at another page while the bar moves on.
    one.go_to("conflicts").await?;
    one.wait_for_text(".import-panel", "Importing people.csv").await?;
    let percent: u32 = one.read("return +(document.querySelector('.import-panel progress')?.value ?? 100)").await?;
    ensure!(percent <= 100);
    one.screenshot("import-under-way").await?;
    one.go_to("people").await?;

    one.wait_long_for_text(".import-panel", IN).await?;
    one.wait_long_for_text(".import-panel", "10 numbers are final.").await?;
    one.wait_for_text(".import-panel .refused", "Line 11").await?;
    let refused: String = one.read("return document.querySelector('.import-panel .refused').innerText").await?;
    for said in ["Line 11", "The name is empty", "Line 21", "“many” is no number", "Line 9001", "Number 1"] {
        ensure!(refused.contains(said), "{said}: {refused}");
    }
    one.screenshot("import-report").await?;
    two.wait_long_for_text("#people-heading + p", "9,997 people").await?;

    let exported = one.exported("Export as JSON").await?;
    one.close().await?;
    two.close().await?;

    let path = folder.path().join("people.json");
    std::fs::write(&path, &exported)?;
    let other = browser.open(&format!("{}?room=other", relays.url(0)), Window::DESKTOP).await?;
    import(&other, &path.display().to_string()).await?;
    other.wait_long_for_text(".import-panel", "9,997 lines are in.").await?;
    other.wait_long_for_text(".import-panel", "10 numbers are final.").await?;
    ensure!(records(&other.exported("Export as JSON").await?)? == records(&exported)?, "not the same again");
    other.close().await
}

/// Nothing else happens in the tab: what an import adds is kept and sent by itself.
#[tokio::test]
async fn what_the_panel_says_is_in_outlives_a_kill_of_the_browser() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let profile = browser.new_profile();
    let folder = TempDir::new()?;
    let path = folder.path().join("two.csv");
    std::fs::write(&path, "name\nPerson 1\nPerson 2\n")?;
    let path = path.display().to_string();
    let tab = browser.open_in(profile, &relays.url(0), Window::DESKTOP).await?;
    let other = browser.open(&relays.url(1), Window::DESKTOP).await?;
    import(&tab, &path).await?;
    other.wait_for_people("two", |people| people.len() == 2).await?;

    tab.set_offline(true).await?;
    tab.wait_for_status("Offline").await?;
    tab.press("Dismiss the import").await?;
    import(&tab, &path).await?;
    tab.wait_for_text(".import-panel", "2 lines are in.").await?;
    browser.kill(profile)?;
    let tab = browser.open_in(profile, &relays.url(0), Window::DESKTOP).await?;
    tab.wait_for_people("four", |people| people.len() == 4).await?;
    other.wait_for_people("four", |people| people.len() == 4).await?;
    tab.close().await?;
    other.close().await
}

async fn tab_shows_what_is_left_out(tab: &Tab, path: &str) -> Result<()> {
    tab.click_named("button", "Import").await?;
    tab.choose_file("File", path).await?;
    tab.wait_for_text("dialog.import", "Left out, since no field is called so: e-mail.").await?;
    tab.screenshot("import-preview").await
}

/// What records hold, without what is another room's.
fn records(json: &str) -> Result<Vec<(String, serde_json::Value)>> {
    let records: Vec<serde_json::Value> = serde_json::from_str(json).context("the export is JSON")?;
    let mut each: Vec<_> =
        records.iter().map(|record| (record["fields"].to_string(), record["number"]["value"].clone())).collect();
    each.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(each)
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_refused_with_what_to_do_and_nothing_happens() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let folder = TempDir::new()?;
    let path = folder.path().join("latin.csv");
    std::fs::write(&path, b"name\nJos\xe9\n")?;
    let tab = browser.open(&relays.url(0), Window::PHONE).await?;
    tab.click_named("button", "Import").await?;
    tab.choose_file("File", &path.display().to_string()).await?;
    tab.wait_for_text("dialog.import [role=alert]", "CSV UTF-8").await?;
    tab.screenshot("import-refused-phone").await?;
    tab.click_named("dialog.import button", "Cancel").await?;
    tab.wait_for_people("nobody", <[_]>::is_empty).await?;
    tab.close().await
}
