//! What happened, newest first.

use std::rc::Rc;

use yew::prelude::*;

use crate::view_model::StoryItem;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub story: Rc<Vec<StoryItem>>,
}

#[component]
pub fn StoryList(Props { story }: &Props) -> Html {
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
            <h2>{ "What happened" }</h2>
            if story.is_empty() {
                <p class="quiet">{ "Nothing yet. What other tabs merge, and what the relays decide, is told here." }</p>
            }
            <ol aria-label="What happened" class="story">{ for items }</ol>
        </section>
    }
}
