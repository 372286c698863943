//! The page *Lab*.

use yew::prelude::*;

use crate::pages::Page;
use crate::tr;

pub fn show() -> Html {
    html! {
        <h1 id={Page::Lab.heading_id()} tabindex="-1">{ tr!("Lab") }</h1>
    }
}
