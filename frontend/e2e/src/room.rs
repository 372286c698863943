//! A small club, with everything in it that the page can show: for tests that look at whole pages, and for pictures.

use anyhow::Result;

use crate::browser::{Browser, Window};
use crate::relays::Relays;
use crate::tab::Tab;

/// Name, note, tags.
const MEMBERS: [(&str, &str, &[&str]); 12] = [
    ("Anna Berger", "Founding member", &["board"]),
    ("Bert Cremer", "Keeps the books", &["board", "treasurer"]),
    ("Cem Yildiz", "Brings the drums", &["choir"]),
    ("Dora Novak", "", &["choir", "soprano"]),
    ("Emil Lund", "Away until May", &[]),
    ("Fatima Haddad", "Has the key of the hall", &["board"]),
    ("Goran Ilic", "", &["choir", "bass"]),
    ("Hana Suzuki", "New since spring", &[]),
    ("Ivan Petrov", "New since spring", &["choir"]),
    ("Jana Weiss", "Asks for vegetarian food", &[]),
    ("Karim Osman", "", &["choir", "tenor"]),
    ("Lena Fischer", "Prints the posters", &[]),
];

/// A tab of a room that two tabs have filled: with numbers that are final, refused, renumbered and provisional, names given
/// at the same time, and a note that gave way to another.
///
/// # Errors
/// If the page does not do what it should.
pub async fn filled(relays: &Relays, browser: &mut Browser) -> Result<Tab> {
    let one = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let two = browser.open(&relays.url(1), Window::DESKTOP).await?;
    fill(&one, &two).await?;
    two.close().await?;
    Ok(one)
}

async fn fill(one: &Tab, two: &Tab) -> Result<()> {
    for (name, note, tags) in MEMBERS {
        one.add(name, note).await?;
        if !tags.is_empty() {
            one.add_tags(name, tags).await?;
        }
    }
    for (name, ..) in &MEMBERS[..6] {
        one.press(&format!("Next number for {name}")).await?;
        one.wait_for_person(name, |person| person.state == "final").await?;
    }
    one.give_number("Goran Ilic", 2).await?;
    one.wait_for_person("Goran Ilic", |person| person.state == "rejected").await?;
    two.wait_for_people("everybody", |people| people.len() == MEMBERS.len()).await?;
    part(one, two).await?;
    two.go_to("dynamic").await?;
    two.press("Take the step Provisional by hand").await?;
    two.wait_for_text(".now", "Somebody took this step by hand").await?;
    two.go_to("people").await?;
    two.press("Next number for Jana Weiss").await?;
    one.wait_for_person("Jana Weiss", |person| person.state == "provisional").await.map(drop)
}

/// What two tabs do at the same time, away from the relays.
async fn part(one: &Tab, two: &Tab) -> Result<()> {
    one.set_offline(true).await?;
    two.set_offline(true).await?;
    one.give_number("Hana Suzuki", 42).await?;
    two.give_number("Ivan Petrov", 42).await?;
    one.rename("Cem Yildiz", "Cem Yildiz-Kaya").await?;
    two.rename("Cem Yildiz", "Cem Kaya").await?;
    one.write_note("Lena Fischer", "Prints posters and leaflets").await?;
    two.write_note("Lena Fischer", "Prints the posters, with Karim").await?;
    one.set_offline(false).await?;
    one.wait_for_person("Hana Suzuki", |person| person.state == "final").await?;
    two.set_offline(false).await?;
    for tab in [one, two] {
        tab.wait_for_person("Ivan Petrov", |person| person.state == "renumbered").await?;
        tab.wait_for_people("both names", |people| people.iter().any(|person| person.candidates.len() == 2)).await?;
    }
    Ok(())
}
