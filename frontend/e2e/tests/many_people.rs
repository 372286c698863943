//! Ten thousand people: only those that are seen are in the document, and the keyboard and the search reach all.

use anyhow::Result;
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;
use e2e::tab::Tab;
use e2e::writer::{Writer, name};
use e2e::{press, wait_for};

const PEOPLE: usize = 10_000;
/// A few screens of them.
const MOST_ROWS: usize = 150;

const NAMES: &str =
    "return [...document.querySelectorAll('[data-record] td.title button')].map(name => name.innerText.trim())";
const FOCUSED: &str = "return document.activeElement.getAttribute('aria-label') ?? ''";

async fn wait_for_row(tab: &Tab, wanted: &str) -> Result<()> {
    wait_for(wanted, || async {
        let names: Vec<String> = tab.look(NAMES).await?;
        assert!(names.len() <= MOST_ROWS, "{} rows are in the document", names.len());
        Ok(if names.iter().any(|name| name == wanted) { Ok(()) } else { Err(format!("{names:?}")) })
    })
    .await
}

async fn wait_for_focus(tab: &Tab, wanted: &str) -> Result<()> {
    wait_for(wanted, || async {
        let focused: String = tab.look(FOCUSED).await?;
        Ok(if focused == wanted { Ok(()) } else { Err(focused) })
    })
    .await
}

#[tokio::test]
async fn of_ten_thousand_people_those_are_in_the_document_that_are_seen_and_all_can_be_reached() -> Result<()> {
    let relays = Relays::start().await?;
    let mut writer = Writer::new().await?;
    writer.add_people(PEOPLE).await?;
    writer.connect(&relays.url(0)).await?;
    let mut names: Vec<String> = (0..PEOPLE).map(name).collect();
    names.sort_by_key(|name| name.to_lowercase());
    let (first, last) = (&names[0], &names[PEOPLE - 1]);

    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    tab.wait_for_text("#people-heading + p", "10,000 people").await?;
    wait_for_row(&tab, first).await?;
    let count: String = tab.look("return document.querySelector('table').getAttribute('aria-rowcount')").await?;
    assert_eq!(count, (PEOPLE + 1).to_string());

    tab.run("scrollTo(0, document.documentElement.scrollHeight)").await?;
    wait_for_row(&tab, last).await?;
    tab.screenshot("many-people-end").await?;
    tab.run("scrollTo(0, document.documentElement.scrollHeight / 2)").await?;
    wait_for("the middle", || async {
        let seen: Vec<String> = tab.look(NAMES).await?;
        let at = seen.first().and_then(|seen| names.iter().position(|name| name == seen)).unwrap_or_default();
        Ok(if (PEOPLE / 3..PEOPLE * 2 / 3).contains(&at) { Ok(()) } else { Err(format!("row {at}")) })
    })
    .await?;
    let middle = &names[PEOPLE / 2];
    tab.type_over("Search", middle).await?;
    tab.wait_for_text("#people-heading + p", "1 of 10,000 people").await?;
    wait_for_row(&tab, middle).await?;
    tab.close().await
}

/// Counts how often nothing has the focus between two tasks of the page.
const COUNT_LOST_FOCUS: &str = "
    const { port1, port2 } = new MessageChannel();
    window.lostFocus = 0;
    port1.onmessage = () => {
        if (document.activeElement === document.body) window.lostFocus++;
        port2.postMessage(null);
    };
    port2.postMessage(null);
";

#[tokio::test]
async fn the_keyboard_goes_to_rows_that_are_not_in_the_document_and_keeps_its_place_when_rows_arrive_above()
-> Result<()> {
    let relays = Relays::start().await?;
    let mut writer = Writer::new().await?;
    writer.add_people(2_000).await?;
    writer.connect(&relays.url(0)).await?;
    let mut names: Vec<String> = (0..2_000).map(name).collect();
    names.sort_by_key(|name| name.to_lowercase());

    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    tab.wait_for_text("#people-heading + p", "2,000 people").await?;
    wait_for_row(&tab, &names[0]).await?;
    tab.run(&format!("document.querySelector('[aria-label=\"Rename {}\"]').focus()", names[0])).await?;
    tab.press_key(press::DOWN).await?;
    wait_for_focus(&tab, &format!("Rename {}", names[1])).await?;
    tab.press_key(press::END).await?;
    wait_for_focus(&tab, &format!("Rename {}", names[1999])).await?;
    tab.press_key(press::UP).await?;
    wait_for_focus(&tab, &format!("Rename {}", names[1998])).await?;
    tab.press_key(press::RIGHT).await?;
    wait_for_focus(&tab, &format!("Edit the note of {}", names[1998])).await?;
    tab.press_key(press::ENTER).await?;
    wait_for_focus(&tab, &format!("New note for {}", names[1998])).await?;

    tab.run(COUNT_LOST_FOCUS).await?;
    tab.slow_down(4.0).await?;
    writer.add_people(300).await?;
    tab.wait_for_text("#people-heading + p", "2,300 people").await?;
    wait_for_focus(&tab, &format!("New note for {}", names[1998])).await?;
    tab.run("scrollTo(0, 0)").await?;
    let first = (0..2_300).map(name).min_by_key(|name| name.to_lowercase()).unwrap_or_default();
    wait_for_row(&tab, &first).await?;
    wait_for_focus(&tab, &format!("New note for {}", names[1998])).await?;
    tab.slow_down(1.0).await?;
    let lost: u64 = tab.look("return window.lostFocus").await?;
    assert_eq!(lost, 0, "keys that are pressed while rows come and go would go nowhere");
    tab.press_key(press::ESCAPE).await?;
    wait_for_focus(&tab, &format!("Edit the note of {}", names[1998])).await?;
    tab.press_key(press::HOME).await?;
    wait_for_focus(&tab, &format!("Edit the note of {first}")).await?;
    tab.close().await
}

/// The records in whose rows Tab stops.
const STOPS: &str = "const stops = [...document.querySelectorAll('[data-record] :is(button, input)')];
    return [...new Set(stops.filter(stop => stop.tabIndex >= 0).map(stop => stop.closest('tr').querySelector('td.title').innerText.trim()))]";

async fn wait_for_stops(tab: &Tab, wanted: &str) -> Result<()> {
    wait_for(wanted, || async {
        let stops: Vec<String> = tab.look(STOPS).await?;
        Ok(if matches!(&stops[..], [only] if only == wanted) { Ok(()) } else { Err(format!("{stops:?}")) })
    })
    .await
}

#[tokio::test]
async fn tab_stops_in_one_row_and_then_leaves_the_table_also_while_others_edit() -> Result<()> {
    let relays = Relays::start().await?;
    let mut writer = Writer::new().await?;
    writer.add_people(300).await?;
    writer.connect(&relays.url(0)).await?;
    let mut names: Vec<String> = (0..300).map(name).collect();
    names.sort_by_key(|name| name.to_lowercase());
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    tab.wait_for_text("#people-heading + p", "300 people").await?;
    wait_for_row(&tab, &names[0]).await?;
    wait_for_stops(&tab, &names[0]).await?;
    tab.run("document.querySelector('thead th:nth-child(3) button').focus()").await?;
    tab.press_key(press::TAB).await?;
    wait_for_focus(&tab, &format!("Rename {}", names[0])).await?;
    tab.press_key(press::DOWN).await?;
    wait_for_stops(&tab, &names[1]).await?;

    let edited = (0..300).find(|&person| name(person) == names[1]).unwrap_or_default();
    writer.write_note(edited, "edited by somebody else").await?;
    writer.add_people(100).await?;
    tab.wait_for_text("#people-heading + p", "400 people").await?;
    wait_for_focus(&tab, &format!("Rename {}", names[1])).await?;
    wait_for_stops(&tab, &names[1]).await?;
    tab.press_key(press::TAB).await?;
    wait_for_focus(&tab, &format!("Edit the note of {}", names[1])).await?;
    tab.run("document.activeElement.closest('tr').querySelector('td.remove button').focus()").await?;
    tab.press_key(press::TAB).await?;
    let is_outside: bool = tab.look("return !document.activeElement.closest('table')").await?;
    assert!(is_outside, "{}", tab.look::<String>(FOCUSED).await?);
    tab.close().await
}

const FIRST_NOTE: &str = "[data-field=note] button";

async fn to_be_sorted(window: Window) -> Result<(Relays, Browser, Tab)> {
    let relays = Relays::start().await?;
    let mut writer = Writer::new().await?;
    writer.add_people(500).await?;
    writer.connect(&relays.url(0)).await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), window).await?;
    wait_for_row(&tab, "Anna Berg 00000").await?;
    Ok((relays, browser, tab))
}

#[tokio::test]
async fn on_a_phone_a_choice_of_columns_stands_in_for_the_headings() -> Result<()> {
    let (_relays, _browser, tab) = to_be_sorted(Window::PHONE).await?;
    tab.type_into(".sorting select", "Note").await?;
    tab.wait_for_text(FIRST_NOTE, "joined in 1990").await?;
    tab.press("Descending").await?;
    tab.wait_for_text(FIRST_NOTE, "joined in 2025").await?;
    tab.screenshots("sorting-phone").await?;
    tab.reload().await?;
    tab.wait_for_text(FIRST_NOTE, "joined in 2025").await?;
    let chosen: String = tab.look("return document.querySelector('.sorting select').value").await?;
    assert!(chosen.starts_with("Note"), "{chosen}");
    tab.close().await
}

#[tokio::test]
async fn a_click_on_a_heading_sorts_by_it_and_the_next_the_other_way_round_also_after_a_reload() -> Result<()> {
    let (_relays, _browser, tab) = to_be_sorted(Window::DESKTOP).await?;
    tab.click("th:nth-child(2) button").await?;
    tab.wait_for_text(FIRST_NOTE, "joined in 1990").await?;
    tab.click("th:nth-child(2) button").await?;
    tab.wait_for_text(FIRST_NOTE, "joined in 2025").await?;
    let sorted: String = tab.look("return document.querySelector('th:nth-child(2)').ariaSort").await?;
    assert_eq!(sorted, "descending");
    tab.run("location.reload()").await?;
    tab.wait_for_text(FIRST_NOTE, "joined in 2025").await?;
    tab.close().await
}
