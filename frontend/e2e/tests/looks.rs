//! How the page looks where people look in particular ways: on paper, on a phone, through a translator, over plain http.

use anyhow::Result;
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;
use e2e::room;
use e2e::tab::Tab;
use e2e::writer::Writer;

/// The narrowest phones that are still about.
const NARROW: Window = Window { width: 320, height: 568 };

/// More than are in the document, and than go on a few sheets.
const MANY: usize = 300;
/// So many are on a sheet at the most.
const MOST_ON_A_SHEET: usize = 60;

/// Things on paper that are to be pressed, or are no part of the table. Values and headings are buttons that read as
/// text.
const SEEN_ON_PAPER: &str = r#"
    const is_seen = part => part.checkVisibility() && part.getBoundingClientRect().height > 0;
    const parts = [...document.querySelectorAll(".rail, .top, .toasts *, .notices *, .tour, .record-form, .tools *, input, select, button")];
    return parts.filter(part => is_seen(part) && !part.matches("td button.value, th .sort"))
        .map(part => part.getAttribute("aria-label") ?? part.className ?? part.tagName);
"#;

#[tokio::test]
async fn on_paper_there_are_all_rows_and_nothing_to_press() -> Result<()> {
    let relays = Relays::start().await?;
    let mut writer = Writer::new().await?;
    writer.add_people(MANY).await?;
    writer.connect(&relays.url(0)).await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    tab.wait_for_text("#people-heading + p", "300 people").await?;
    // Something was undone: there is a toast.
    tab.submit("New person", &[("Name", "Zoe")]).await?;
    tab.press_ctrl_z().await?;
    tab.wait_for_toast("Undone").await?;
    let sheets = tab.print().await?;
    assert!(sheets >= MANY / MOST_ON_A_SHEET, "{sheets} sheets for {MANY} rows");
    tab.set_medium("print").await?;
    tab.screenshot("on-paper").await?;
    assert_eq!(tab.look::<Vec<String>>(SEEN_ON_PAPER).await?, Vec::<String>::new());
    tab.close().await
}

/// Words that stand in two lines. What is longer than any line may.
const BROKEN_WORDS: &str = r#"
    const broken = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode;
        if (!node.parentElement.checkVisibility() || node.parentElement.closest("script, style, .address, code")) continue;
        for (const match of node.data.matchAll(/\p{L}{2,}/gu)) {
            const range = document.createRange();
            range.setStart(node, match.index);
            range.setEnd(node, match.index + match[0].length);
            const lines = new Set([...range.getClientRects()].map(line => Math.round(line.top)));
            if (lines.size > 1) broken.push(match[0]);
        }
    }
    return broken;
"#;

#[tokio::test]
async fn no_word_is_broken_on_a_phone_in_either_language() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let filled = room::filled(&relays, &mut browser).await?;
    for window in [NARROW, Window::PHONE] {
        let tab = browser.open(&relays.url(0), window).await?;
        tab.wait_for_people("everybody", |people| people.len() == 12).await?;
        for language in ["", "Русский"] {
            if !language.is_empty() {
                tab.run("document.querySelector('#language').click()").await?;
                tab.wait_for_text("#people-heading", "Люди").await?;
            }
            for page in tab.pages().await? {
                tab.go_to(&page).await?;
                let broken: Vec<String> = tab.look(BROKEN_WORDS).await?;
                assert!(broken.is_empty(), "{} px, {language} #{page}: {broken:?}", window.width);
            }
            tab.go_to("people").await?;
        }
        tab.close().await?;
    }
    filled.close().await
}

/// The entries of the rail that are cut, or are not in sight.
const CUT_ENTRIES: &str = r#"
    return [...document.querySelectorAll("nav a[href^='#']")].filter(entry => {
        const { left, right, top, bottom } = entry.getBoundingClientRect();
        return left < 0 || right > innerWidth + 0.5 || top < 0 || bottom > innerHeight + 0.5 || entry.scrollWidth > entry.clientWidth;
    }).map(entry => entry.hash);
"#;

/// On the narrowest phones, and where words are longer, the rail is pushed aside for the last ones.
#[tokio::test]
async fn on_a_phone_every_view_is_in_sight_and_the_lab_can_be_reached() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    for window in [NARROW, Window::PHONE] {
        let tab = browser.open(&relays.url(0), window).await?;
        for heading in LANGUAGES {
            change_language(&tab, heading).await?;
            if window.width == Window::PHONE.width && heading == ENGLISH {
                assert_eq!(tab.look::<Vec<String>>(CUT_ENTRIES).await?, Vec::<String>::new());
            }
            // As by a finger.
            tab.run("document.querySelector(\"nav a[href='#lab']\").scrollIntoView({ inline: 'nearest', block: 'nearest' })").await?;
            let cut: Vec<String> = tab.look(CUT_ENTRIES).await?;
            assert!(
                !cut.iter().any(|entry| entry == "#conflicts" || entry == "#lab"),
                "{} px, {heading}: {cut:?}",
                window.width
            );
        }
        tab.go_to("lab").await?;
        tab.go_to("conflicts").await?;
        tab.screenshot(&format!("rail-{}", window.width)).await?;
        tab.close().await?;
    }
    Ok(())
}

/// The heading of the first page in English.
const ENGLISH: &str = "People";
/// The heading in each language, in the order in which the language button goes on from English.
const LANGUAGES: [&str; 2] = ["Люди", ENGLISH];

async fn change_language(tab: &Tab, heading: &str) -> Result<()> {
    tab.run("document.querySelector('#language').click()").await?;
    tab.wait_for_text("#people-heading", heading).await
}

/// In how many lines the status stands.
const STATUS_LINES: &str = r#"
    const status = document.querySelector('#status');
    return Math.round(status.getBoundingClientRect().height / parseFloat(getComputedStyle(status).lineHeight));
"#;

async fn lines(tab: &Tab) -> Result<usize> {
    tab.look(STATUS_LINES).await
}

#[tokio::test]
async fn on_a_phone_the_status_takes_two_lines_and_tells_more_on_a_tap() -> Result<()> {
    let mut relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::PHONE).await?;
    tab.wait_for_status("everything is safe").await?;
    assert!(lines(&tab).await? <= 2, "connected");
    tab.screenshot("status-phone").await?;
    tab.press("Details of the status").await?;
    tab.wait_for_text("#status", "3 of 3 relays").await?;
    tab.press("Details of the status").await?;
    tab.set_offline(true).await?;
    tab.add("Anna", "").await?;
    tab.wait_for_status("kept on this device").await?;
    assert!(lines(&tab).await? <= 2, "offline");
    tab.set_offline(false).await?;
    for relay in 0..3 {
        relays.kill(relay).await?;
    }
    tab.wait_for_status("Looking for a relay").await?;
    assert!(lines(&tab).await? <= 2, "without a relay");
    tab.close().await
}

async fn is_short_in_each_language(tab: &Tab, state: &str) -> Result<()> {
    for heading in LANGUAGES {
        change_language(tab, heading).await?;
        let lines = lines(tab).await?;
        assert!((1..=2).contains(&lines), "{state}, {heading}: {lines} lines");
    }
    Ok(())
}

#[tokio::test]
async fn the_status_takes_two_lines_at_320_pixels_and_in_russian_too() -> Result<()> {
    let mut relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let narrow = browser.open(&relays.url(0), NARROW).await?;
    let phone = browser.open(&relays.url(0), Window::PHONE).await?;
    for (tab, name) in [(&narrow, "Anna"), (&phone, "Bert")] {
        tab.wait_for_status("everything is safe").await?;
        is_short_in_each_language(tab, "connected").await?;
        tab.set_offline(true).await?;
        tab.add(name, "").await?;
        tab.wait_for_status("kept on this device").await?;
        is_short_in_each_language(tab, "offline").await?;
        tab.set_offline(false).await?;
    }
    relays.kill(1).await?;
    relays.kill(2).await?;
    for tab in [&narrow, &phone] {
        tab.wait_for_status("No majority of relays").await?;
        is_short_in_each_language(tab, "without a majority").await?;
    }
    relays.kill(0).await?;
    for tab in [&narrow, &phone] {
        tab.wait_for_status("Looking for a relay").await?;
        is_short_in_each_language(tab, "without a relay").await?;
    }
    narrow.screenshot("status-narrow").await?;
    narrow.close().await?;
    phone.close().await
}

/// The parts of the page that the tour covers, of those that it speaks of: where a person is added, the first row, and the status.
const COVERED: &str = r#"
    const tour = document.querySelector(".tour").getBoundingClientRect();
    return [`form[aria-label='New person']`, '#status', '[data-record]'].filter(what => {
        const part = document.querySelector(what);
        part.scrollIntoView({ block: "center" });
        const { left, right, top, bottom } = part.getBoundingClientRect();
        return left < tour.right && right > tour.left && top < tour.bottom && bottom > tour.top;
    });
"#;

#[tokio::test]
async fn the_tour_does_not_cover_what_it_speaks_of() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    for (window, name) in [(Window::DESKTOP, "tour-desktop"), (Window::PHONE, "tour-phone")] {
        let tab = browser.open(&relays.url(0), window).await?;
        tab.go_to("lab").await?;
        tab.click_named("button", "Take the tour").await?;
        tab.go_to("people").await?;
        tab.add(name, "").await?;
        assert_eq!(tab.look::<Vec<String>>(COVERED).await?, Vec::<String>::new(), "{name}");
        tab.screenshot(name).await?;
        tab.close().await?;
    }
    Ok(())
}

#[tokio::test]
async fn translators_leave_alone_what_the_page_itself_updates() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let filled = room::filled(&relays, &mut browser).await?;
    let script = "return [...document.body.querySelectorAll('*')].filter(part => part.translate === true).map(part => part.outerHTML)";
    for page in filled.pages().await? {
        filled.go_to(&page).await?;
        assert_eq!(filled.look::<Vec<String>>(script).await?, Vec::<String>::new(), "#{page}");
    }
    filled.close().await
}

#[tokio::test]
async fn over_plain_http_from_another_machine_it_is_said_what_does_not_work() -> Result<()> {
    let relays =
        Relays::start_with(["--host", "0.0.0.0", "--allow-host", "duet.test"].map(Into::into).to_vec()).await?;
    let mut browser = Browser::start().await?;
    // A name that is not this machine's for the browser, and leads to it.
    let url = relays.url(0).replace("127.0.0.1", "duet.test");
    let tab = browser.open_any(&url, Window::DESKTOP).await?;
    tab.screenshot("plain-http").await?;
    tab.wait_until_told("This page came over plain http").await?;
    tab.wait_until_told("Ask who runs the relay for an address with https").await?;
    assert!(!tab.look::<bool>("return isSecureContext").await?, "the browser takes it for unsafe, too");
    tab.wait_for_status("everything is safe").await?;
    tab.set_offline(true).await?;
    tab.submit("New person", &[("Name", "Anna")]).await?;
    tab.wait_for_status("kept in this tab only").await?;
    tab.close().await
}
