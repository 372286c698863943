//! Ten thousand lines of a file into the room and out again.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;
use e2e::tab::Tab;
use e2e::wait_for;
use e2e::writer::Writer;
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

/// How many lines the panel says are in, as soon as they are `least`.
async fn lines_in(tab: &Tab, least: usize) -> Result<usize> {
    const DETAILS: &str = "return document.querySelector('.import-panel .import-details')?.innerText ?? ''";
    wait_for(&format!("{least} lines to be in"), || async {
        let details: String = tab.look(DETAILS).await?;
        let (count, _) = details.split_once(" lines are in").unwrap_or_default();
        let count = count.replace(',', "").parse().unwrap_or_default();
        Ok(if count >= least { Ok(count) } else { Err(details) })
    })
    .await
}

/// How many people there are.
const COUNT: &str =
    "return document.querySelector('#people-heading + p')?.innerText.match(/([\\d,]+) (person|people) ·/)?.[1] ?? ''";

/// Offline, so that they are nowhere but on the device.
#[tokio::test]
async fn of_a_long_import_whose_browser_is_killed_all_lines_are_there_that_were_said_to_be_in() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let profile = browser.new_profile();
    let folder = TempDir::new()?;
    let path = file(folder.path())?;
    let tab = browser.open_in(profile, &relays.url(0), Window::DESKTOP).await?;
    tab.set_offline(true).await?;
    import(&tab, &path).await?;
    let said = lines_in(&tab, 300).await?;
    browser.kill(profile)?;
    ensure!(said < LINES - 3, "the import was not under way: {said} lines are in");

    let tab = browser.open_in(profile, &relays.url(0), Window::DESKTOP).await?;
    tab.wait_for_status("everything is safe on a majority").await?;
    let other = browser.open(&relays.url(1), Window::DESKTOP).await?;
    for tab in [&tab, &other] {
        wait_for(&format!("{said} people"), || async {
            let count: String = tab.look(COUNT).await?;
            Ok(if count.replace(',', "").parse().is_ok_and(|people: usize| people >= said) {
                Ok(())
            } else {
                Err(count)
            })
        })
        .await?;
    }
    tab.close().await?;
    other.close().await
}

/// Holds up the rest of what the device has kept, when the first rows have been read, until `release` is called.
const HOLD_READING: &str = r#"
    const read = IDBObjectStore.prototype.getAll;
    const held = [];
    let [free, isHeld] = [3, true];
    window.release = () => { isHeld = false; held.forEach(tell => tell()); };
    IDBObjectStore.prototype.getAll = function (...all) {
        const request = read.apply(this, all);
        if (free-- > 0) return request;
        Object.defineProperty(request, "onsuccess", { set(tell) {
            request.addEventListener("success", event => isHeld ? held.push(() => tell(event)) : tell(event));
        } });
        return request;
    };
"#;

#[tokio::test]
async fn a_second_file_is_refused_while_the_first_one_waits_for_what_the_device_has_kept() -> Result<()> {
    const SOME: usize = 2_000;
    let relays = Relays::start().await?;
    let mut writer = Writer::new().await?;
    writer.add_people(SOME).await?;
    writer.connect(&relays.url(0)).await?;
    let folder = TempDir::new()?;
    let [first, second] = ["first.csv", "second.csv"].map(|name| folder.path().join(name).display().to_string());
    std::fs::write(&first, "name\nPerson 1\nPerson 2\n")?;
    std::fs::write(&second, "name\nPerson 1\nPerson 3\n")?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    tab.wait_for_text("#people-heading + p", "2,000 people").await?;
    tab.wait_until_kept(SOME).await?;

    tab.break_next_page(HOLD_READING).await?;
    tab.reload().await?;
    tab.wait_for_status("Reading what this device has kept").await?;
    // One that is stopped while it waits never begins.
    import(&tab, &second).await?;
    tab.click_named(".import-panel button", "Stop").await?;
    tab.wait_for_text(".import-panel", "The import of second.csv was stopped").await?;
    import(&tab, &first).await?;
    tab.wait_for_text(".import-panel", "Importing first.csv").await?;
    tab.click_named("button", "Import").await?;
    tab.choose_file("File", &second).await?;
    tab.wait_for_text("dialog.import .preview", "Person 3").await?;
    tab.wait_for_text("dialog.import", "Another file is being imported. Wait until it is in, or stop it.").await?;
    ensure!(tab.look::<bool>("return document.querySelector('dialog.import button[type=submit]').disabled").await?);
    tab.click_named("dialog.import button", "Cancel").await?;
    tab.run("release()").await?;
    tab.wait_for_text(".import-panel", "2 lines are in.").await?;
    tab.wait_for_text("#people-heading + p", "2,002 people").await?;
    tab.close().await
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
