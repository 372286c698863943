//! Light, dark, or as the system has it.

use yew::prelude::*;

use crate::browser;
use crate::tr;

const THEME_KEY: &str = "duet.theme";

#[derive(Clone, Copy, PartialEq)]
enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    fn recalled() -> Self {
        match browser::recall(THEME_KEY).as_deref() {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::System,
        }
    }

    /// For `data-theme` and the storage; the system's needs neither.
    fn key(self) -> Option<&'static str> {
        match self {
            Theme::System => None,
            Theme::Light => Some("light"),
            Theme::Dark => Some("dark"),
        }
    }

    fn next(self) -> Self {
        match self {
            Theme::System => Theme::Light,
            Theme::Light => Theme::Dark,
            Theme::Dark => Theme::System,
        }
    }

    fn sign(self) -> (&'static str, String) {
        match self {
            Theme::System => ("◐", tr!("Auto")),
            Theme::Light => ("○", tr!("Light")),
            Theme::Dark => ("●", tr!("Dark")),
        }
    }
}

#[component]
pub fn ThemeButton() -> Html {
    let theme = use_state(Theme::recalled);
    use_effect_with(*theme, |theme| {
        browser::remember(THEME_KEY, theme.key());
        if let Some(root) = browser::document().document_element() {
            // Neither can fail for a fixed, sound name.
            let _done = match theme.key() {
                Some(key) => root.set_attribute("data-theme", key),
                None => root.remove_attribute("data-theme"),
            };
        }
    });
    let (sign, word) = theme.sign();
    let label = tr!("Theme: {theme}", theme = word.to_lowercase());
    let onclick = move |_| theme.set(theme.next());
    html! {
        <button type="button" aria-label={label.clone()} title={label} {onclick}>
            <span class="sign" aria-hidden="true">{ sign }</span>
            <span>{ word }</span>
        </button>
    }
}
