//! The page *Nodes*.

use yew::prelude::*;

use crate::pages::Page;
use crate::tr;

pub fn show() -> Html {
    html! {
        <h1 id={Page::Nodes.heading_id()} tabindex="-1">{ tr!("Nodes") }</h1>
    }
}
