//! The page *Agreement*.

use yew::prelude::*;

use crate::pages::Page;
use crate::tr;

pub fn show() -> Html {
    html! {
        <h1 id={Page::Agreement.heading_id()} tabindex="-1">{ tr!("Agreement") }</h1>
    }
}
