//! Browsers that fail in ways that a page cannot bring about.

use anyhow::Result;
use fantoccini::wd::WebDriverCompatibleCommand;
use serde_json::{Value, json};
use url::{ParseError, Url};

use crate::tab::Tab;

/// An order to the debugger of Chromium.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) what: &'static str,
    pub(crate) parameters: Value,
}

impl WebDriverCompatibleCommand for Order {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> std::result::Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "cmd": self.what, "params": self.parameters }).to_string()))
    }
}

impl Tab {
    /// From the next time that a page is loaded, this script runs before all that is on the page.
    ///
    /// # Errors
    /// If the browser does not take it.
    pub async fn break_next_page(&self, script: &str) -> Result<()> {
        let what = "Page.addScriptToEvaluateOnNewDocument";
        self.order(Order { what, parameters: json!({ "source": script }) }).await
    }

    /// Slows the tab's processor down so many times, from now on.
    ///
    /// # Errors
    /// If the browser does not.
    pub async fn slow_down(&self, times: f64) -> Result<()> {
        self.order(Order { what: "Emulation.setCPUThrottlingRate", parameters: json!({ "rate": times }) }).await
    }

    /// Clears what the browser keeps for the page at `url`, as its user can.
    ///
    /// # Errors
    /// If the browser does not.
    pub async fn clear_site_data(&self, url: &str) -> Result<()> {
        let parameters = json!({ "origin": url.trim_end_matches('/'), "storageTypes": "all" });
        self.order(Order { what: "Storage.clearDataForOrigin", parameters }).await
    }

    /// Lets the browser keep so many bytes for the page at `url`, or as many as it likes again.
    ///
    /// # Errors
    /// If the browser does not.
    pub async fn limit_storage(&self, url: &str, bytes: Option<u32>) -> Result<()> {
        let mut parameters = json!({ "origin": url.trim_end_matches('/') });
        if let Some(bytes) = bytes {
            parameters["quotaSize"] = bytes.into();
        }
        self.order(Order { what: "Storage.overrideQuotaForOrigin", parameters }).await
    }
}
