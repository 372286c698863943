//! Text that is half typed while others edit, rows go out of sight, or the page is to be closed.

use anyhow::Result;
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;
use e2e::tab::Tab;
use e2e::wait_for;
use e2e::writer::{Writer, name};

/// The content of the field with this name; an error if there is no such field.
fn field(label: &str) -> String {
    format!("return document.querySelector(`[aria-label=\"{label}\"]`)?.value ?? 'no such field'")
}

/// Opens two tabs at two relays, both with a person called Anna.
async fn two_tabs_with_anna(browser: &mut Browser, relays: &Relays) -> Result<[Tab; 2]> {
    let one = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let two = browser.open(&relays.url(1), Window::DESKTOP).await?;
    one.add("Anna", "").await?;
    two.wait_for_person("Anna", |_| true).await?;
    Ok([one, two])
}

#[tokio::test]
async fn a_name_that_comes_while_another_one_is_typed_stands_beside_it() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let [one, two] = two_tabs_with_anna(&mut browser, &relays).await?;
    one.press("Rename Anna").await?;
    two.rename("Anna", "Annie").await?;
    // The field is open; what the row is called around it has changed.
    one.wait_for_text("[data-record] .remove", "Remove").await?;
    one.type_over("New name for Annie", "Anya\u{e007}").await?;
    for tab in [&one, &two] {
        tab.wait_for_people("both names", |people| people[0].candidates == ["Annie", "Anya"]).await?;
    }
    one.press("Keep Anya").await?;
    two.wait_for_person("Anya", |anya| anya.candidates.is_empty()).await?;
    // A field that is saved as it was opened takes nothing back.
    one.press("Rename Anya").await?;
    two.rename("Anya", "Antje").await?;
    one.press_key('\u{e007}').await?;
    one.wait_for_person("Antje", |antje| antje.candidates.is_empty()).await?;
    one.close().await?;
    two.close().await
}

#[tokio::test]
async fn what_is_half_typed_outlives_searches_other_pages_and_the_removal_of_its_record() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let one = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let two = browser.open(&relays.url(1), Window::DESKTOP).await?;
    one.add("Anna", "").await?;
    one.add("Bert", "").await?;
    two.wait_for_people("both", |people| people.len() == 2).await?;
    one.press("Edit the note of Anna").await?;
    one.type_over("New note for Anna", "half a sent").await?;
    one.type_into("form[aria-label='New person'] input[aria-label=Name]", "Ce").await?;
    one.go_to("nodes").await?;
    one.go_to("people").await?;
    assert_eq!(one.read::<String>(&field("New note for Anna")).await?, "half a sent");
    assert_eq!(one.read::<String>(&field("Name")).await?, "Ce");
    one.type_into("#search", "Bert").await?;
    one.wait_for_text(".people .notices", "half a sent").await?;
    one.click_named(".people .notices button", "Show").await?;
    assert_eq!(one.read::<String>(&field("New note for Anna")).await?, "half a sent");
    two.press("Remove Anna").await?;
    one.wait_for_text(".people .notices", "Removed while you typed").await?;
    one.screenshot("half-typed").await?;
    one.click_named(".people .notices button", "Bring it back").await?;
    for tab in [&one, &two] {
        tab.wait_for_person("Anna", |anna| anna.note == "half a sent").await?;
    }
    one.close().await?;
    two.close().await
}

/// A note has one value: the later edit stays, and the other one is not lost without a word.
#[tokio::test]
async fn a_note_that_comes_while_another_one_is_typed_is_told_of_and_can_be_put_back() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let [one, two] = two_tabs_with_anna(&mut browser, &relays).await?;
    one.press("Edit the note of Anna").await?;
    two.write_note("Anna", "by two").await?;
    two.rename("Anna", "Annie").await?;
    // The field is open; by its name all of that is here.
    one.type_over("New note for Annie", "by one\u{e007}").await?;
    for tab in [&one, &two] {
        tab.wait_for_person("Annie", |annie| annie.note == "by one").await?;
    }
    two.wait_for_text(".notices", "Your note “by two” for Annie was replaced").await?;
    two.press("Put back the note of Annie").await?;
    for tab in [&one, &two] {
        tab.wait_for_person("Annie", |annie| annie.note == "by two").await?;
    }
    // A field that is saved as it was opened takes nothing back.
    one.press("Edit the note of Annie").await?;
    two.write_note("Annie", "by two again").await?;
    two.rename("Annie", "Antje").await?;
    one.type_into("textarea[aria-label='New note for Antje']", "\u{e007}").await?;
    for tab in [&one, &two] {
        tab.wait_for_person("Antje", |antje| antje.note == "by two again").await?;
    }
    one.close().await?;
    two.close().await
}

/// Whether the page asks its user before it is closed.
async fn asks_before_it_closes(tab: &Tab) -> Result<bool> {
    tab.look(
        "const closing = new Event('beforeunload', { cancelable: true }); \
         dispatchEvent(closing); return closing.defaultPrevented",
    )
    .await
}

#[tokio::test]
async fn the_page_asks_before_it_is_closed_with_something_half_typed() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    tab.add("Anna", "").await?;
    tab.wait_for_status("everything is safe on a majority").await?;
    assert!(!asks_before_it_closes(&tab).await?, "nothing is lost");
    tab.press("Edit the note of Anna").await?;
    assert!(!asks_before_it_closes(&tab).await?, "nothing was typed");
    tab.type_over("New note for Anna", "half a sent").await?;
    assert!(asks_before_it_closes(&tab).await?, "a note is half typed");
    tab.go_to("nodes").await?;
    assert!(asks_before_it_closes(&tab).await?, "it is half typed on another page, too");
    tab.go_to("people").await?;
    tab.type_over("New note for Anna", "a sentence\u{e007}").await?;
    tab.wait_for_person("Anna", |anna| anna.note == "a sentence").await?;
    tab.wait_for_status("everything is safe on a majority").await?;
    assert!(!asks_before_it_closes(&tab).await?, "the note is saved");
    tab.type_into("form[aria-label='New person'] textarea[aria-label=Note]", "half a per").await?;
    assert!(asks_before_it_closes(&tab).await?, "a person is half typed");
    tab.close().await
}

#[tokio::test]
async fn what_is_half_typed_outlives_that_its_row_is_scrolled_out_of_the_document() -> Result<()> {
    const PEOPLE: usize = 1_000;
    let relays = Relays::start().await?;
    let mut writer = Writer::new().await?;
    writer.add_people(PEOPLE).await?;
    writer.connect(&relays.url(0)).await?;
    let mut names: Vec<String> = (0..PEOPLE).map(name).collect();
    names.sort_by_key(|name| name.to_lowercase());
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    tab.wait_for_text("#people-heading + p", "1,000 people").await?;
    let label = format!("New note for {}", names[0]);
    tab.press(&format!("Edit the note of {}", names[0])).await?;
    tab.type_over(&label, "half a sent").await?;
    // The row that has, or had, the focus stays.
    tab.press(&format!("Edit the note of {}", names[1])).await?;
    tab.run("scrollTo(0, document.documentElement.scrollHeight)").await?;
    wait_for("the row to go", || async {
        let text: String = tab.read(&field(&label)).await?;
        Ok(if text == "no such field" { Ok(()) } else { Err(text) })
    })
    .await?;
    tab.run("scrollTo(0, 0)").await?;
    wait_for("the row to come back", || async {
        let text: String = tab.read(&field(&label)).await?;
        Ok(if text == "half a sent" { Ok(()) } else { Err(text) })
    })
    .await?;
    tab.type_over(&label, "a sentence\u{e007}").await?;
    tab.wait_for_person(&names[0], |person| person.note == "a sentence").await?;
    tab.close().await
}
