//! Long databases: until a browser has kept all of them, and what a page shows while it reads them.

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::tab::Tab;
use crate::wait_for;

/// How many rows of records the database of this tab has. Records that one replica has added one after the other share a
/// row, sixteen of them.
const KEPT: &str = r#"
    const [done] = arguments;
    const open = indexedDB.open("duet/people/" + sessionStorage.getItem("duet/people/replica"));
    open.onsuccess = () => {
        const rows = open.result.transaction("rows").objectStore("rows");
        const count = rows.count(IDBKeyRange.bound(new Uint8Array([12]), new Uint8Array([13])));
        count.onsuccess = () => { open.result.close(); done(count.result); };
    };
"#;

/// Before anything else on the page: notes each state that it shows from its first on, with the time in milliseconds since
/// the page is being opened, and each task that the browser calls long.
const NOTE_STATES: &str = r##"
    window.noted = { states: [], tasks: [] };
    const text = part => document.querySelector(part)?.textContent ?? "";
    new PerformanceObserver(list => list.getEntries().forEach(task => noted.tasks.push(task.duration)))
        .observe({ type: "longtask", buffered: true });
    new MutationObserver(() => {
        const state = { status: text("#status"), rows: document.querySelectorAll("[data-record]").length,
            count: text("#people-heading + p"), empty: text(".empty") };
        const last = noted.states.at(-1);
        if (!last || Object.keys(state).some(key => last[key] !== state[key]))
            noted.states.push({ at: performance.now(), ...state });
    }).observe(document, { childList: true, subtree: true, characterData: true });
"##;

/// The page as it stood at a time.
#[derive(Clone, Debug, Deserialize)]
pub struct State {
    /// In milliseconds since the page is being opened.
    pub at: f64,
    /// The status line.
    pub status: String,
    /// How many rows are in the document.
    pub rows: usize,
    /// The line that says how many records there are.
    pub count: String,
    /// The words in place of an empty table.
    pub empty: String,
}

/// The states of a page that were noted since it was opened.
#[derive(Clone, Debug, Deserialize)]
pub struct Noted {
    pub states: Vec<State>,
    /// How long each long task was, in milliseconds.
    pub tasks: Vec<f64>,
}

impl Tab {
    /// From the next time that a page is loaded, notes what it shows.
    ///
    /// # Errors
    /// If the browser does not take it.
    pub async fn note_states(&self) -> Result<()> {
        self.break_next_page(NOTE_STATES).await
    }

    /// The states that were [noted](Self::note_states) so far.
    ///
    /// # Errors
    /// If nothing is.
    pub async fn noted(&self) -> Result<Noted> {
        self.look("return window.noted").await.context("nothing is noted")
    }

    /// Waits until the browser has kept so many records.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn wait_until_kept(&self, records: usize) -> Result<()> {
        wait_for(&format!("{records} records to be kept"), || async {
            let rows: usize = self.measure(KEPT, &[]).await?;
            Ok(if rows >= records / 16 { Ok(()) } else { Err(format!("{rows} rows")) })
        })
        .await
    }
}
