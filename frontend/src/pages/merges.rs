//! The page *Merges*.

use yew::prelude::*;

use crate::pages::Page;
use crate::tr;

pub fn show() -> Html {
    html! {
        <h1 id={Page::Merges.heading_id()} tabindex="-1">{ tr!("Merges") }</h1>
    }
}
