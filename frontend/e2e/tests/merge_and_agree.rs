//! Two tabs on two relays merge what they did apart, and agree on numbers.

use anyhow::Result;
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;
use e2e::tab::Tab;

async fn two_tabs(relays: &Relays, browser: &mut Browser) -> Result<(Tab, Tab)> {
    let one = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let two = browser.open(&relays.url(1), Window::DESKTOP).await?;
    Ok((one, two))
}

#[tokio::test]
async fn names_given_offline_stand_side_by_side_and_one_click_settles_them_everywhere() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let (one, two) = two_tabs(&relays, &mut browser).await?;
    one.add("Anna", "pays in cash").await?;
    two.wait_for_person("Anna", |anna| anna.note == "pays in cash").await?;

    one.set_offline(true).await?;
    two.set_offline(true).await?;
    one.rename("Anna", "Anya").await?;
    two.rename("Anna", "Annie").await?;
    one.set_offline(false).await?;
    two.set_offline(false).await?;

    for tab in [&one, &two] {
        tab.wait_for_people("both names side by side", |people| people[0].candidates == ["Annie", "Anya"]).await?;
    }
    two.screenshot("two-names").await?;
    two.press("Keep Anya").await?;
    for tab in [&one, &two] {
        tab.wait_for_person("Anya", |anya| anya.candidates.is_empty()).await?;
    }
    one.close().await?;
    two.close().await
}

#[tokio::test]
async fn a_tag_added_here_and_removed_there_stays_and_a_lost_note_is_told() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let (one, two) = two_tabs(&relays, &mut browser).await?;
    one.add("Anna", "pays in cash").await?;
    one.add_tag("Anna", "board").await?;
    two.wait_for_person("Anna", |anna| anna.tags == ["board"]).await?;

    one.set_offline(true).await?;
    two.set_offline(true).await?;
    one.add_tag("Anna", "choir").await?;
    two.remove_tag("Anna", "board").await?;
    one.write_note("Anna", "sings alto").await?;
    two.write_note("Anna", "left the board").await?;
    one.set_offline(false).await?;
    two.set_offline(false).await?;

    for tab in [&one, &two] {
        tab.wait_for_person("Anna", |anna| anna.tags == ["choir"] && anna.note == "left the board").await?;
    }
    one.wait_until_told("Your note “sings alto” for Anna was replaced by tab").await?;
    one.screenshot("lost-note").await?;
    one.press("Put back the note of Anna").await?;
    for tab in [&one, &two] {
        tab.wait_for_person("Anna", |anna| anna.tags == ["choir"] && anna.note == "sings alto").await?;
    }
    one.close().await?;
    two.close().await
}

#[tokio::test]
async fn a_person_removed_here_and_edited_there_is_back_whole_and_both_tabs_say_why() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let (one, two) = two_tabs(&relays, &mut browser).await?;
    one.add("Anna", "pays in cash").await?;
    one.give_number("Anna", 42).await?;
    two.wait_for_person("Anna", |anna| anna.state == "final").await?;

    two.set_offline(true).await?;
    two.rename("Anna", "Anya").await?;
    one.press("Remove Anna").await?;
    one.wait_for_people("an empty table", <[_]>::is_empty).await?;
    two.set_offline(false).await?;

    for tab in [&one, &two] {
        let anya = tab.wait_for_person("Anya", |_| true).await?;
        assert_eq!((anya.note.as_str(), anya.number.as_str()), ("pays in cash", "42"), "back with every field");
        tab.wait_until_told("the edit wins").await?;
    }
    one.close().await?;
    two.close().await
}

#[tokio::test]
async fn of_two_requests_for_one_number_exactly_one_gets_it_and_the_other_sees_who_has_it() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let (one, two) = two_tabs(&relays, &mut browser).await?;
    one.add("Anna", "").await?;
    two.add("Bert", "").await?;
    one.wait_for_person("Bert", |_| true).await?;
    two.wait_for_person("Anna", |_| true).await?;

    let (by_one, by_two) = tokio::join!(one.give_number("Anna", 7), two.give_number("Bert", 7));
    by_one.and(by_two)?;

    let anna = one.wait_for_person("Anna", |anna| anna.state == "final" || anna.state == "rejected").await?;
    let bert = two.wait_for_person("Bert", |bert| bert.state == "final" || bert.state == "rejected").await?;
    let states = [anna.state.as_str(), bert.state.as_str()];
    assert!(states == ["final", "rejected"] || states == ["rejected", "final"], "exactly one gets it: {states:?}");
    let (loser, winner) = if anna.state == "rejected" { (&anna, "Bert") } else { (&bert, "Anna") };
    assert!(loser.remark.contains("7") && loser.remark.contains(winner), "{loser:?} sees that {winner} has it");
    if anna.state == "rejected" { &one } else { &two }.screenshot("rejected").await?;

    let third = browser.open(&relays.url(2), Window::PHONE).await?;
    third.wait_for_person(winner, |winner| winner.state == "final" && winner.number == "7").await?;
    for tab in [&one, &two, &third] {
        tab.wait_for_highest("7").await?;
    }
    third.screenshot("phone").await?;
    one.close().await?;
    two.close().await?;
    third.close().await
}

#[tokio::test]
async fn what_was_done_last_is_undone_everywhere_unless_somebody_has_changed_it_since() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let (one, two) = two_tabs(&relays, &mut browser).await?;
    one.add("Anna", "pays in cash").await?;
    one.write_note("Anna", "sings alto").await?;
    one.press("Remove Anna").await?;
    two.wait_for_people("an empty table", <[_]>::is_empty).await?;

    one.press_ctrl_z().await?;
    one.wait_for_toast("Undone: removing Anna.").await?;
    for tab in [&one, &two] {
        tab.wait_for_person("Anna", |anna| anna.note == "sings alto").await?;
    }
    two.write_note("Anna", "sings bass").await?;
    one.wait_for_person("Anna", |anna| anna.note == "sings bass").await?;
    one.press_ctrl_z().await?;
    one.wait_for_toast("Somebody has changed it since").await?;
    one.wait_for_person("Anna", |anna| anna.note == "sings bass").await?;
    one.screenshot("undo").await?;
    one.close().await?;
    two.close().await
}

/// The picture in the README: made of the real page, so that it cannot lie.
#[tokio::test]
async fn the_picture_in_the_readme() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let (one, two) = two_tabs(&relays, &mut browser).await?;
    for (name, note) in
        [("Anna Berg", "treasurer"), ("Bert Dahl", ""), ("Cem Aydin", "joins in May"), ("Dana Roth", "")]
    {
        one.add(name, note).await?;
    }
    for (name, tags) in [("Anna Berg", &["board", "choir"][..]), ("Cem Aydin", &["choir"]), ("Dana Roth", &["board"])] {
        one.add_tags(name, tags).await?;
    }
    one.press("Next number for Anna Berg").await?;
    one.wait_for_person("Anna Berg", |anna| anna.state == "final").await?;
    one.press("Next number for Bert Dahl").await?;
    one.give_number("Dana Roth", 1).await?;
    one.wait_for_person("Dana Roth", |dana| dana.state == "rejected").await?;
    two.wait_for_person("Bert Dahl", |bert| bert.state == "final").await?;
    one.set_offline(true).await?;
    one.rename("Cem Aydin", "Cem Aydın").await?;
    two.rename("Cem Aydin", "Djem Aydin").await?;
    one.set_offline(false).await?;
    one.wait_for_people("two names", |people| people.iter().any(|person| person.candidates.len() == 2)).await?;
    one.wait_for_status("everything is safe on a majority").await?;
    one.screenshot("people").await?;
    one.close().await?;
    two.close().await
}
