//! A tab with the page, used as a person would: by the roles and names that assistive technology sees.

mod looks;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use fantoccini::elements::Element;
use fantoccini::wd::WindowHandle;
use fantoccini::{Client, Locator};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::faults::Order;
use crate::wait_for;

/// Reads the table of people.
const READ_PEOPLE: &str = r#"
    const text = (row, field) => {
        const shown = row.querySelector(`[data-field=${field}] button.value`);
        return shown && !shown.dataset.empty ? shown.innerText.trim() : "";
    };
    return [...document.querySelectorAll("[data-record]")].map(row => ({
        record: row.dataset.record,
        name: text(row, "name"),
        note: text(row, "note"),
        candidates: [...row.querySelectorAll("[data-field=name] .choice strong")].map(c => c.innerText.trim()).sort(),
        tags: [...row.querySelectorAll("[data-field=tags] .tag span")].map(tag => tag.innerText.trim()),
        state: row.querySelector("[data-state]").dataset.state,
        number: row.querySelector("[data-state] .digits")?.innerText ?? "",
        remark: row.querySelector("[data-state] .remark")?.innerText ?? "",
    }));
"#;

/// Reads the table of records of any schema: for each field what the row shows, the elements of sets after commas.
const READ_RECORDS: &str = r#"
    const shown = field => field.querySelector(".tags")
        ? [...field.querySelectorAll(".tag span")].map(element => element.innerText.trim()).join(", ")
        : field.querySelector("button.value:not([data-empty])")?.innerText.trim() ?? "";
    return [...document.querySelectorAll("[data-record]")].map(row => Object.fromEntries(
        [...row.querySelectorAll("[data-field]")].map(field => [field.dataset.field, shown(field)])));
"#;

/// One row of the table, with what it shows of each field.
pub type Record = BTreeMap<String, String>;

/// One row of the table of people.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Person {
    pub record: String,
    pub name: String,
    pub note: String,
    /// Names given at the same time, in alphabetical order; none once it is settled.
    pub candidates: Vec<String>,
    /// In alphabetical order.
    pub tags: Vec<String>,
    /// Such as `none`, `provisional`, `pending`, `final`, `renumbered` or `rejected`.
    pub state: String,
    pub number: String,
    /// What is said about the number.
    pub remark: String,
}

pub struct Tab {
    client: Client,
}

impl Tab {
    #[must_use]
    pub fn new(client: Client) -> Self {
        Tab { client }
    }

    /// A new window in this tab's browser.
    ///
    /// # Errors
    /// If the browser opens none.
    pub(crate) async fn open_window(&self) -> Result<WindowHandle> {
        Ok(self.client.new_window(false).await.context("opening a window")?.handle)
    }

    /// Where the browser of this tab takes orders.
    ///
    /// # Errors
    /// If it does not say.
    pub(crate) fn debugger_address(&self) -> Result<String> {
        let capabilities = self.client.capabilities().context("the browser has not said what it can do")?;
        let address = capabilities.get("goog:chromeOptions").and_then(|options| options.get("debuggerAddress"));
        Ok(address.and_then(|address| address.as_str()).context("the browser takes no orders")?.to_owned())
    }

    /// Loads the page anew.
    ///
    /// # Errors
    /// If it cannot be had.
    pub async fn reload(&self) -> Result<()> {
        self.client.refresh().await.context("loading the page anew")
    }

    /// Waits until a service worker serves the page, and keeps a version of it whose text holds `mark`.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn wait_until_page_is_kept(&self, mark: &str) -> Result<()> {
        let script = r#"
            const done = arguments[arguments.length - 1];
            const worker = navigator.serviceWorker.controller ? "" : "no service worker serves this page yet: ";
            const told = text => done([worker, text ?? ""]);
            caches.match("/").then(page => page?.text()).then(told, error => told(String(error)));
        "#;
        wait_for(&format!("the page with {mark:?} to be kept"), || async {
            let kept = self.client.execute_async(script, Vec::new()).await.context("asking for what is kept")?;
            let [worker, page] = [0, 1].map(|part| kept[part].as_str().unwrap_or_default());
            Ok(if worker.is_empty() && page.contains(mark) { Ok(()) } else { Err(format!("{worker}{page}")) })
        })
        .await
    }

    /// # Errors
    /// If the page does not answer.
    pub async fn people(&self) -> Result<Vec<Person>> {
        self.read(READ_PEOPLE).await
    }

    /// Waits until the table is as `wanted` says.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn wait_for_people(&self, what: &str, wanted: impl Fn(&[Person]) -> bool) -> Result<Vec<Person>> {
        wait_for(what, || async {
            let people = self.people().await?;
            Ok(if wanted(&people) { Ok(people) } else { Err(format!("{people:#?}\n{}", self.status().await?)) })
        })
        .await
    }

    /// Waits until there is a person called `name`, and `wanted` is true of it.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn wait_for_person(&self, name: &str, wanted: impl Fn(&Person) -> bool) -> Result<Person> {
        let is_it = |person: &Person| person.name == name && wanted(person);
        let people = self.wait_for_people(name, |people| people.iter().any(is_it)).await?;
        people.into_iter().find(is_it).context("found a moment ago")
    }

    /// Waits until there is one record, and `wanted` is true of it.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn wait_for_record(&self, what: &str, wanted: impl Fn(&Record) -> bool) -> Result<()> {
        wait_for(what, || async {
            let records: Vec<Record> = self.read(READ_RECORDS).await?;
            Ok(match &records[..] {
                [record] if wanted(record) => Ok(()),
                others => Err(format!("{others:#?}\n{}", self.status().await?)),
            })
        })
        .await
    }

    /// # Errors
    /// If the page does not answer.
    pub async fn status(&self) -> Result<String> {
        self.read("return document.querySelector('#status')?.textContent ?? 'no page yet'").await
    }

    /// Waits until the status line says `text`.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn wait_for_status(&self, text: &str) -> Result<()> {
        wait_for(&format!("the status {text:?}"), || async {
            let status = self.status().await?;
            Ok(if status.contains(text) { Ok(()) } else { Err(status) })
        })
        .await
    }

    /// Waits until the page is connected to a relay.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn wait_until_connected(&self) -> Result<()> {
        wait_for("a relay", || async {
            let tone: String = self.read("return document.querySelector('#status')?.dataset.tone ?? ''").await?;
            Ok(if matches!(tone.as_str(), "fine" | "waiting") { Ok(()) } else { Err(self.status().await?) })
        })
        .await
    }

    /// Goes to another page with the rail: `people`, `dynamic` or `conflicts`.
    ///
    /// # Errors
    /// If there is no such page.
    pub async fn go_to(&self, page: &str) -> Result<()> {
        self.click(&format!("nav a[href='#{page}']")).await?;
        self.find(&format!("nav a[href='#{page}'][aria-current=page]")).await.map(drop)
    }

    /// Waits until the first thing that is `selector` says `text`.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn wait_for_text(&self, selector: &str, text: &str) -> Result<()> {
        wait_for(&format!("{text:?} in {selector}"), || async {
            let script = format!("return document.querySelector({selector:?})?.innerText ?? 'nothing there'");
            let seen: String = self.read(&script).await?;
            Ok(if seen.contains(text) { Ok(()) } else { Err(seen) })
        })
        .await
    }

    /// Types over what is in a field.
    ///
    /// # Errors
    /// If there is no such field.
    pub async fn type_over(&self, label: &str, text: &str) -> Result<()> {
        let field = self.find(&format!(":is(input, textarea)[aria-label='{label}']")).await?;
        // Ctrl+A first: an emptied field is an input of its own.
        field.send_keys(&format!("\u{e009}a\u{e000}{text}")).await.with_context(|| format!("typing {label}"))
    }

    /// Waits until the tab tells, in a notice and in the feed, something that contains `text`.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn wait_until_told(&self, text: &str) -> Result<()> {
        wait_for(&format!("being told {text:?}"), || async {
            let told: Vec<String> = self
                .read("return ['.notices', '[aria-label=\"What happened\"]'].map(part => document.querySelector(part)?.innerText ?? '')")
                .await?;
            Ok(if told.iter().all(|part| part.contains(text)) { Ok(()) } else { Err(format!("{told:?}")) })
        })
        .await
    }

    /// Waits until the page shows this as the highest number.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn wait_for_highest(&self, number: &str) -> Result<()> {
        wait_for(&format!("{number} as the highest number"), || async {
            let highest: String = self.read("return document.querySelector('#highest')?.innerText ?? ''").await?;
            Ok(if highest.trim() == number { Ok(()) } else { Err(highest) })
        })
        .await
    }

    /// The id of the relay that leads, once the page knows one.
    ///
    /// # Errors
    /// If it does not in time.
    pub async fn leader(&self) -> Result<usize> {
        let script = r#"
            const items = [...document.querySelectorAll('[aria-label="Relays and tabs"] > li')];
            return items.find(item => item.innerText.includes("leader"))?.innerText ?? "";
        "#;
        let text: String = wait_for("a leader", || async {
            let text: String = self.read(script).await?;
            Ok(if text.is_empty() { Err("no leader".to_owned()) } else { Ok(text) })
        })
        .await?;
        let digits: String =
            text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        digits.parse().with_context(|| format!("no id of a relay in {text:?}"))
    }

    /// Adds a person with the form.
    ///
    /// # Errors
    /// If the form does not work.
    pub async fn add(&self, name: &str, note: &str) -> Result<()> {
        self.submit("New person", &[("Name", name), ("Note", note)]).await?;
        self.wait_for_person(name, |_| true).await.map(drop)
    }

    /// Fills the form with this name, and sends it.
    ///
    /// # Errors
    /// If the form does not work.
    pub async fn submit(&self, form: &str, fields: &[(&str, &str)]) -> Result<()> {
        let form = format!("form[aria-label='{form}']");
        for (label, text) in fields {
            self.find(&format!("{form} :is(input, textarea)[aria-label={label}]")).await?.send_keys(text).await?;
        }
        self.click(&format!("{form} button[type=submit]")).await
    }

    /// # Errors
    /// If the row cannot be edited.
    pub async fn rename(&self, name: &str, new_name: &str) -> Result<()> {
        self.edit_in_row(&format!("Rename {name}"), &format!("New name for {name}"), new_name).await?;
        self.wait_for_person(new_name, |_| true).await.map(drop)
    }

    /// # Errors
    /// If the row cannot be edited.
    pub async fn give_number(&self, name: &str, number: u64) -> Result<()> {
        self.edit_in_row(&format!("Give {name} a number"), &format!("Number for {name}"), &number.to_string()).await
    }

    /// # Errors
    /// If the row cannot be edited.
    pub async fn write_note(&self, name: &str, note: &str) -> Result<()> {
        self.edit_in_row(&format!("Edit the note of {name}"), &format!("New note for {name}"), note).await?;
        self.wait_for_person(name, |person| person.note == note).await.map(drop)
    }

    /// # Errors
    /// If the row cannot be edited.
    pub async fn add_tag(&self, name: &str, tag: &str) -> Result<()> {
        self.add_tags(name, &[tag]).await
    }

    /// # Errors
    /// If the row cannot be edited.
    pub async fn add_tags(&self, name: &str, tags: &[&str]) -> Result<()> {
        self.edit_in_row(&format!("Add a tag to {name}"), &format!("New tag for {name}"), &tags.join(", ")).await?;
        let has_all = |person: &Person| tags.iter().all(|tag| person.tags.iter().any(|held| held == tag));
        self.wait_for_person(name, has_all).await.map(drop)
    }

    /// # Errors
    /// If the tag cannot be removed.
    pub async fn remove_tag(&self, name: &str, tag: &str) -> Result<()> {
        self.press(&format!("Remove {tag} from {name}")).await?;
        self.wait_for_person(name, |person| person.tags.iter().all(|held| held != tag)).await.map(drop)
    }

    /// Clicks the button with this name.
    ///
    /// # Errors
    /// If there is none.
    pub async fn press(&self, name: &str) -> Result<()> {
        self.click(&format!("button[aria-label='{name}']")).await
    }

    /// Switches this tab off the relays, or back on.
    ///
    /// # Errors
    /// If it does not become so.
    pub async fn set_offline(&self, offline: bool) -> Result<()> {
        self.click("[role=switch][aria-label=Offline]").await?;
        if offline { self.wait_for_status("Offline").await } else { self.wait_until_connected().await }
    }

    /// Saves a picture of the page as `name.png`, if pictures are wanted.
    ///
    /// # Errors
    /// If it cannot be taken or written.
    pub async fn screenshot(&self, name: &str) -> Result<()> {
        let Some(folder) = std::env::var_os("DUET_SCREENSHOTS").map(PathBuf::from) else { return Ok(()) };
        let picture = self.client.screenshot().await?;
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("{name}.png")), picture).context("writing a screenshot")
    }

    /// Presses Ctrl+Z where nothing is being typed.
    ///
    /// # Errors
    /// If the page does not answer.
    pub async fn press_ctrl_z(&self) -> Result<()> {
        let press =
            "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'z', ctrlKey: true, bubbles: true}))";
        self.client.execute(press, Vec::new()).await.map(drop).context("pressing Ctrl+Z")
    }

    /// Waits until a toast says `text`.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn wait_for_toast(&self, text: &str) -> Result<()> {
        wait_for(&format!("the toast {text:?}"), || async {
            let toasts: String = self.read("return document.querySelector('.toasts').innerText").await?;
            Ok(if toasts.contains(text) { Ok(()) } else { Err(toasts) })
        })
        .await
    }

    /// Presses a button in the row, types into the field that it opens, and saves.
    ///
    /// # Errors
    /// If the row cannot be edited.
    pub async fn edit_in_row(&self, button: &str, input: &str, text: &str) -> Result<()> {
        self.press(button).await?;
        let field = self.find(&format!(":is(input, textarea)[aria-label='{input}']")).await?;
        field.clear().await?;
        field.send_keys(&format!("{text}\u{e007}")).await.context("typing and pressing Enter")
    }

    async fn find(&self, selector: &str) -> Result<Element> {
        let found = self.client.wait().for_element(Locator::Css(selector)).await;
        found.with_context(|| format!("nothing on the page is {selector}"))
    }

    /// Clicks the first thing that is `selector`.
    ///
    /// # Errors
    /// If there is none.
    pub async fn click(&self, selector: &str) -> Result<()> {
        self.find(selector).await?.click().await.with_context(|| format!("clicking {selector}"))
    }

    /// Clicks the first thing that is `selector` and reads exactly so.
    ///
    /// # Errors
    /// If there is none.
    pub async fn click_named(&self, selector: &str, name: &str) -> Result<()> {
        wait_for(&format!("{selector} called {name:?}"), || async {
            for element in self.client.find_all(Locator::Css(selector)).await? {
                // What is rendered anew meanwhile is looked for again.
                if element.text().await.is_ok_and(|text| text.trim() == name) {
                    let place = vec![serde_json::to_value(&element)?];
                    // On a phone the rail covers the lowest part of the page, which a driver takes for in sight.
                    self.client.execute("arguments[0].scrollIntoView({ block: 'center' })", place).await?;
                    return Ok(element.click().await.map_err(|error| error.to_string()));
                }
            }
            Ok(Err("nothing is called so".to_owned()))
        })
        .await
    }

    /// Puts a file of this machine into the field with this name.
    ///
    /// # Errors
    /// If there is no such field.
    pub async fn choose_file(&self, label: &str, path: &str) -> Result<()> {
        let field = self.find(&format!("input[type=file][aria-label='{label}']")).await?;
        field.send_keys(path).await.context("choosing a file")
    }

    /// The same as [`wait_for_text`](Self::wait_for_text), for what thousands of edits need.
    ///
    /// # Errors
    /// If that does not happen in four times the usual time.
    pub async fn wait_long_for_text(&self, selector: &str, text: &str) -> Result<()> {
        for _ in 0..3 {
            if self.wait_for_text(selector, text).await.is_ok() {
                return Ok(());
            }
        }
        self.wait_for_text(selector, text).await
    }

    /// What the page saves when the button with this name is pressed.
    ///
    /// # Errors
    /// If it saves nothing.
    pub async fn exported(&self, button: &str) -> Result<String> {
        let script = format!(
            "const [done] = arguments; const make = URL.createObjectURL;
             URL.createObjectURL = blob => {{ URL.createObjectURL = make; blob.text().then(done); return make(blob); }};
             document.querySelector('button[aria-label={button:?}]').click();"
        );
        let text = self.client.execute_async(&script, Vec::new()).await.context("exporting")?;
        Ok(text.as_str().context("the export is a text")?.to_owned())
    }

    /// What a script returns.
    ///
    /// # Errors
    /// If the page does not answer, or otherwise than expected.
    pub async fn read<T: DeserializeOwned>(&self, script: &str) -> Result<T> {
        let value = self.client.execute(script, Vec::new()).await.context("reading the page")?;
        serde_json::from_value(value).context("the page is not as expected")
    }

    /// What a script gives that returns at once.
    ///
    /// # Errors
    /// If it fails, or gives something else.
    pub async fn look<T: DeserializeOwned>(&self, script: &str) -> Result<T> {
        self.read(script).await
    }

    /// Runs a script for what it does.
    ///
    /// # Errors
    /// If it fails.
    pub async fn run(&self, script: &str) -> Result<()> {
        self.client.execute(script, Vec::new()).await.map(drop).context("running a script")
    }

    /// What a script gives to its last argument, a function, when it has found it.
    ///
    /// # Errors
    /// If it fails, or gives something else.
    pub async fn measure<T: DeserializeOwned>(&self, script: &str, arguments: &[String]) -> Result<T> {
        let arguments = arguments.iter().map(|argument| argument.as_str().into()).collect();
        let value = self.client.execute_async(script, arguments).await.context("measuring in the page")?;
        serde_json::from_value(value).context("the page is not as expected")
    }

    /// Types into what is there.
    ///
    /// # Errors
    /// If nothing is `selector`.
    pub async fn type_into(&self, selector: &str, text: &str) -> Result<()> {
        self.find(selector).await?.send_keys(text).await.with_context(|| format!("typing into {selector}"))
    }

    /// Presses a key where the focus is.
    ///
    /// # Errors
    /// If nothing has it.
    pub async fn press_key(&self, key: char) -> Result<()> {
        let focused = self.client.active_element().await.context("looking for the focus")?;
        focused.send_keys(&key.to_string()).await.context("pressing a key")
    }

    /// Has the browser do what only its debugger can.
    ///
    /// # Errors
    /// If it does not.
    pub(crate) async fn order(&self, order: Order) -> Result<()> {
        self.client.issue_cmd(order).await.map(drop).context("giving the browser an order")
    }

    /// Under which id the tab writes in the room `people`.
    ///
    /// # Errors
    /// If it does not say so.
    pub async fn replica(&self) -> Result<String> {
        self.read("return sessionStorage.getItem('duet/people/replica')").await
    }

    /// Duplicates the tab as the browser does, with a copy of its session storage, and goes to the copy.
    ///
    /// # Errors
    /// If the browser opens no window, or the copy does not connect.
    pub async fn duplicate(&self) -> Result<()> {
        let before = self.client.windows().await?;
        self.client.execute("window.open(location.href)", Vec::new()).await.context("duplicating the tab")?;
        let new = wait_for("a second window", || async {
            let now = self.client.windows().await?;
            Ok(now.into_iter().find(|window| !before.contains(window)).ok_or_else(|| "the first alone".to_owned()))
        })
        .await?;
        self.client.switch_to_window(new).await?;
        self.wait_until_connected().await
    }

    /// Goes to the window of this browser that was opened first.
    ///
    /// # Errors
    /// If the browser does not answer.
    pub async fn switch_to_first(&self) -> Result<()> {
        let first = self.client.windows().await?.into_iter().next().context("a window is open")?;
        self.client.switch_to_window(first).await.context("going to the first window")
    }

    /// Closes this window, and goes to the one that is left.
    ///
    /// # Errors
    /// If the browser does not answer, or no window is left.
    pub async fn close_window(&self) -> Result<()> {
        self.client.close_window().await.context("closing the window")?;
        self.switch_to_first().await
    }

    /// Closes the tab and its browser.
    ///
    /// # Errors
    /// If the browser does not answer.
    pub async fn close(self) -> Result<()> {
        self.client.close().await.context("closing Chromium")
    }
}
