//! The pages on which people see consensus and merges.

use anyhow::Result;
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;
use e2e::wait_for;
use e2e::watching::{Merge, Node, Slot};

fn relay(nodes: &[Node], id: usize) -> Option<&Node> {
    nodes.iter().find(|node| node.name == format!("Relay {id}"))
}

fn leads(node: &Node) -> bool {
    node.parts.iter().any(|part| part == "leads")
}

#[tokio::test]
async fn three_votes_for_every_slot_and_a_new_leader_when_the_old_one_is_killed() -> Result<()> {
    let mut relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let writer = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let leader = writer.leader().await?;
    let other = leader % 3; // The index of the next relay.
    let watcher = browser.open(&relays.url(other), Window::DESKTOP).await?;
    let phone = browser.open(&relays.url(other), Window::PHONE).await?;
    watcher.go_to("agreement").await?;
    writer.add("Anna", "").await?;
    writer.give_number("Anna", 42).await?;
    writer.add("Bert", "").await?;
    writer.press("Next number for Bert").await?;
    writer.wait_for_person("Bert", |bert| bert.number == "43").await?;
    let voted =
        |slots: &[Slot]| slots.len() >= 3 && slots.iter().all(|slot| slot.votes == 3 && slot.stage == "released");
    let slots = watcher.wait_for_slots("three votes for each slot", voted).await?;
    assert_eq!((slots[0].command.as_str(), slots[0].result.as_str()), ("Next number for Bert", "→ number 43"));
    assert_eq!((slots[1].command.as_str(), slots[1].result.as_str()), ("Assign 42 to Anna", "→ number 42"));
    assert_eq!(slots[0].words, "3 of 3 votes: relay 1, relay 2, relay 3");
    watcher.wait_for_text("#figure-highest-number", "43").await?;
    watcher.screenshots("agreement").await?;
    phone.go_to("agreement").await?;
    phone.wait_for_slots("the same on the phone", voted).await?;
    phone.screenshots("agreement-phone").await?;

    for tab in [&watcher, &phone] {
        tab.go_to("nodes").await?;
        let known = |nodes: &[Node]| {
            relay(nodes, leader).is_some_and(leads)
                && nodes.iter().all(|node| !node.name.starts_with("Relay") || node.round_trips.len() >= 2)
        };
        tab.wait_for_nodes("who leads, and how long messages take", known).await?;
    }
    writer.add("Cem", "").await?;
    wait_for("a message on its way", || async {
        Ok(if watcher.moving().await? > 0 { Ok(()) } else { Err("nothing moves".to_owned()) })
    })
    .await?;
    watcher.screenshots("nodes").await?;
    phone.screenshots("nodes-phone").await?;

    relays.kill(leader - 1).await?;
    let replaced = |nodes: &[Node]| {
        let is_down = relay(nodes, leader).is_some_and(|node| node.presence == "down" && !leads(node));
        is_down && nodes.iter().any(leads)
    };
    watcher.wait_for_nodes("the old leader down, and a new one", replaced).await?;
    watcher.screenshots("nodes-leader-down").await?;
    for tab in [writer, watcher, phone] {
        tab.close().await?;
    }
    Ok(())
}

#[tokio::test]
async fn with_two_of_three_relays_killed_a_operation_waits_in_sight_and_is_decided_when_they_are_back() -> Result<()> {
    let mut relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let phone = browser.open(&relays.url(0), Window::PHONE).await?;
    tab.add("Anna", "").await?;
    tab.give_number("Anna", 42).await?;
    tab.wait_for_highest("42").await?;
    for relay in [1, 2] {
        relays.kill(relay).await?;
    }
    tab.wait_for_status("1 of 3 relays").await?;
    for (tab, number) in [(&tab, "50"), (&phone, "60")] {
        tab.type_into(".raise input", &format!("{number}\u{e007}")).await?;
        tab.go_to("agreement").await?;
        tab.wait_for_text(".notice.waits", "1 of 3 are up").await?;
        let operation = format!("Raise the highest number to {number}");
        tab.wait_for_text("[data-stage=asked] .said, [data-stage=proposed] .said", &operation).await?;
    }
    tab.screenshots("no-majority").await?;
    phone.screenshots("no-majority-phone").await?;
    for relay in [1, 2] {
        relays.restart(relay).await?;
    }
    tab.wait_for_slots("the operation to be decided", |slots| {
        slots.iter().any(|slot| slot.command.ends_with(" 60") && slot.stage == "released")
    })
    .await?;
    tab.close().await?;
    phone.close().await
}

#[tokio::test]
async fn a_concurrent_rename_is_shown_with_before_and_after_and_paused_merges_come_step_by_step() -> Result<()> {
    let relays = Relays::start().await?;
    let mut browser = Browser::start().await?;
    let watcher = browser.open(&relays.url(0), Window::DESKTOP).await?;
    let writer = browser.open(&relays.url(1), Window::DESKTOP).await?;
    watcher.add("Anna", "").await?;
    writer.wait_for_person("Anna", |_| true).await?;
    writer.set_offline(true).await?;
    watcher.rename("Anna", "Anya").await?;
    writer.rename("Anna", "Annie").await?;
    watcher.go_to("merges").await?;
    writer.set_offline(false).await?;
    let both = |merge: &Merge| merge.concurrent && merge.before == ["Anya"] && merge.after == ["Annie", "Anya"];
    watcher.wait_for_merges("both names", |merges| merges.first().is_some_and(both)).await?;

    watcher.press("Pause").await?;
    for name in ["Bert", "Cem"] {
        writer.add(name, "").await?;
    }
    watcher.wait_for_text(".pace", "Paused: 2 wait").await?;
    watcher.press("Step").await?;
    let stepped = watcher.wait_for_merges("one step", |merges| merges.len() == 2).await?;
    assert_eq!((stepped[0].name.as_str(), stepped[0].change.as_str()), ("Bert", "added"));
    watcher.wait_for_text(".pace", "Paused: 1 waits").await?;
    watcher.screenshots("merges").await?;
    watcher.press("Go on").await?;
    watcher.wait_for_merges("all", |merges| merges.len() == 3 && merges[0].name == "Cem").await?;
    for tab in [watcher, writer] {
        tab.close().await?;
    }
    Ok(())
}
