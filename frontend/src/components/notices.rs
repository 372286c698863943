//! What nobody should miss.

use std::rc::Rc;

use yew::prelude::*;

use crate::engine::session::Action;
use crate::view_model::Notice;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub notices: Rc<Vec<Notice>>,
    pub on_action: Callback<Action>,
}

#[component]
pub fn Notices(Props { notices, on_action }: &Props) -> Html {
    let each = notices.iter().map(|notice| {
        let serial = notice.serial;
        let onclick = on_action.reform(move |_: MouseEvent| Action::DismissNotice { serial });
        html! {
            <div key={serial} class="notice" role={if notice.urgent { "alert" } else { "status" }}>
                <p>{ &notice.text }</p>
                <button type="button" class="small" aria-label="Dismiss this notice" {onclick}>{ "Dismiss" }</button>
            </div>
        }
    });
    html! { <div class="notices">{ for each }</div> }
}
