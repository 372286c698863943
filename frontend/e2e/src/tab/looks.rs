//! How the page looks as a whole, and what stands in people's way.

use anyhow::{Context, Result};
use fantoccini::wd::PrintConfiguration;
use serde_json::json;

use super::Tab;
use crate::faults::Order;
use crate::{path_from_env, wait_for};

/// Asks axe-core for what it finds grave, with the places. Names of buttons say what they do and to whom, also where what is
/// seen on them is a value of the record, which is why they need not begin with that.
const FIND_OBSTACLES: &str = r#"
    const options = { resultTypes: ["violations"], rules: { "label-content-name-mismatch": { enabled: false } } };
    return axe.run(document, options).then(({ violations }) => violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .flatMap(({ id, nodes }) => nodes.map(node => `${id} at ${node.target}: ${node.failureSummary}`)));
"#;

impl Tab {
    /// The pages in the rail, as [`go_to`](Self::go_to) takes them.
    ///
    /// # Errors
    /// If the page does not answer.
    pub async fn pages(&self) -> Result<Vec<String>> {
        self.read("return [...document.querySelectorAll('nav a[href^=\"#\"]')].map(a => a.hash.slice(1))").await
    }

    /// Presses the button of the theme until it is `light` or `dark`.
    ///
    /// # Errors
    /// If there is no such theme.
    pub async fn set_theme(&self, theme: &str) -> Result<()> {
        wait_for(&format!("the theme {theme}"), || async {
            let current: String = self.read("return document.documentElement.dataset.theme ?? 'auto'").await?;
            if current == theme {
                return Ok(Ok(()));
            }
            self.press(&format!("Theme: {current}")).await?;
            Ok(Err(current))
        })
        .await
    }

    /// What stands seriously in the way of people who do not see the page, or use no mouse, as axe-core finds it.
    ///
    /// # Errors
    /// If there is no axe-core, or the page does not answer.
    pub async fn obstacles(&self) -> Result<Vec<String>> {
        let axe = std::fs::read_to_string(path_from_env("DUET_AXE")?).context("reading axe-core")?;
        self.read(&format!("{axe};\n{FIND_OBSTACLES}")).await
    }

    /// Prints the page. Returns on how many sheets it is.
    ///
    /// # Errors
    /// If the browser does not print.
    pub async fn print(&self) -> Result<usize> {
        let pdf = self.client.print(PrintConfiguration::default()).await.context("printing")?;
        let text = String::from_utf8_lossy(&pdf);
        // Each sheet is an object of its own, besides the one that lists them.
        Ok(text.matches("/Type /Page\n").count())
    }

    /// Shows the page as it is on a medium: `print` or `screen`.
    ///
    /// # Errors
    /// If the browser does not.
    pub async fn set_medium(&self, medium: &str) -> Result<()> {
        self.order(Order { what: "Emulation.setEmulatedMedia", parameters: json!({ "media": medium }) }).await
    }

    /// Dismisses every notice.
    ///
    /// # Errors
    /// If the page does not answer.
    pub async fn dismiss_notices(&self) -> Result<()> {
        wait_for("the end of the notices", || async {
            let script = "const buttons = document.querySelectorAll('.notice button:last-child');
                buttons.forEach(button => button.click()); return buttons.length";
            let left: u32 = self.read(script).await?;
            Ok(if left == 0 { Ok(()) } else { Err(format!("{left} notices")) })
        })
        .await
    }

    /// Whether the page is wider than its window.
    ///
    /// # Errors
    /// If the page does not answer.
    pub async fn scrolls_sideways(&self) -> Result<bool> {
        self.read("const root = document.documentElement; return root.scrollWidth > root.clientWidth").await
    }
}
