//! What a tab shows of the agreement and of merges.

use anyhow::Result;
use serde::Deserialize;

use crate::tab::Tab;
use crate::wait_for;

const READ_SLOTS: &str = r#"
    return [...document.querySelectorAll("[data-slot]")].map(row => ({
        command: row.querySelector(".said").innerText.trim(),
        result: row.querySelector(".result")?.innerText.trim() ?? "",
        votes: row.querySelectorAll(".votes path[data-voted=true]").length,
        words: row.querySelector("[role=img]").getAttribute("aria-label"),
        stage: row.dataset.stage,
    }));
"#;

const READ_NODES: &str = r#"
    return [...document.querySelectorAll("[aria-label='Relays and tabs'] tbody tr")].map(row => ({
        name: row.querySelector("th").innerText.trim(),
        presence: row.dataset.presence,
        parts: [...row.querySelectorAll("[data-part]")].map(part => part.dataset.part),
        round_trips: [...row.querySelectorAll(".trip")].map(trip => trip.innerText.trim()),
    }));
"#;

const READ_MERGES: &str = r#"
    const values = field => [...field.querySelectorAll(".value")].map(value => value.innerText.trim()).sort();
    return [...document.querySelectorAll("[data-merge]")].map(merge => ({
        name: merge.querySelector("strong").innerText.trim(),
        change: merge.dataset.change,
        concurrent: merge.dataset.concurrent === "true",
        before: [...merge.querySelectorAll(".before")].flatMap(values),
        after: [...merge.querySelectorAll(".after")].flatMap(values),
    }));
"#;

/// A slot of the log.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Slot {
    pub command: String,
    pub result: String,
    /// How many parts of the ring are filled.
    pub votes: usize,
    pub words: String,
    /// Such as `proposed` or `released`.
    pub stage: String,
}

/// A relay or a tab, in the table of nodes.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Node {
    pub name: String,
    pub presence: String,
    /// Such as `leads`, `votes` or `this`.
    pub parts: Vec<String>,
    pub round_trips: Vec<String>,
}

/// A merge of the feed.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Merge {
    pub name: String,
    pub change: String,
    pub concurrent: bool,
    /// In alphabetical order.
    pub before: Vec<String>,
    pub after: Vec<String>,
}

impl Tab {
    /// Waits until the page of the log is as `wanted` says.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn wait_for_slots(&self, what: &str, wanted: impl Fn(&[Slot]) -> bool) -> Result<Vec<Slot>> {
        wait_for(what, || async {
            let slots: Vec<Slot> = self.read(READ_SLOTS).await?;
            Ok(if wanted(&slots) { Ok(slots) } else { Err(format!("{slots:#?}")) })
        })
        .await
    }

    /// Waits until the page of the nodes is as `wanted` says.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn wait_for_nodes(&self, what: &str, wanted: impl Fn(&[Node]) -> bool) -> Result<Vec<Node>> {
        wait_for(what, || async {
            let nodes: Vec<Node> = self.read(READ_NODES).await?;
            Ok(if wanted(&nodes) { Ok(nodes) } else { Err(format!("{nodes:#?}")) })
        })
        .await
    }

    /// Waits until the page of the merges is as `wanted` says.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn wait_for_merges(&self, what: &str, wanted: impl Fn(&[Merge]) -> bool) -> Result<Vec<Merge>> {
        wait_for(what, || async {
            let merges: Vec<Merge> = self.read(READ_MERGES).await?;
            Ok(if wanted(&merges) { Ok(merges) } else { Err(format!("{merges:#?}")) })
        })
        .await
    }

    /// Saves pictures of the page as `name-light.png` and `name-dark.png`, if pictures are wanted.
    ///
    /// # Errors
    /// If they cannot be taken or written.
    pub async fn screenshots(&self, name: &str) -> Result<()> {
        for theme in ["dark", "light"] {
            let _: Option<String> = self.read(&format!("document.documentElement.dataset.theme = '{theme}'")).await?;
            self.screenshot(&format!("{name}-{theme}")).await?;
        }
        Ok(())
    }

    /// How many dots have moved along the lines since the page was opened.
    ///
    /// # Errors
    /// If the page does not answer.
    pub async fn moving(&self) -> Result<usize> {
        self.read("return document.querySelectorAll('.moving').length").await
    }
}
