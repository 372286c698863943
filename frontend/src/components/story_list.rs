//! What happened, newest first.

use std::rc::Rc;

use yew::prelude::*;

use crate::tr;
use crate::view_model::StoryItem;

pub fn show(story: &[Rc<StoryItem>]) -> Html {
    let items = story.iter().map(|item| {
        html! {
            <li key={item.serial} data-half={item.half}>
                <span class="time">{ &item.time }</span>
                <span>{ &item.text }</span>
            </li>
        }
    });
    html! {
        <section class="panel">
            <h2>{ tr!("What happened") }</h2>
            if story.is_empty() {
                <p class="quiet">{ tr!("Nothing yet. What other tabs merge, and what the relays decide, is told here.") }</p>
            }
            <ol aria-label={tr!("What happened")} class="story" tabindex="0">{ for items }</ol>
        </section>
    }
}
