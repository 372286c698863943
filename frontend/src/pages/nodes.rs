//! The page *Nodes*: relays and tabs as a network.

use yew::prelude::*;

use crate::components::{glossary, network, node_table};
use crate::hooks::{use_every_change, use_model, use_watching};
use crate::page::Page;
use crate::tr;
use crate::view_model::Term;

#[component]
pub fn NodesPage() -> Html {
    let model = use_model();
    use_watching();
    use_every_change();
    let view = model.nodes_view();
    html! {
        <div class="page nodes">
            <section aria-labelledby={Page::Nodes.heading_id()}>
                <div class="page-head">
                    <div>
                        <h1 id={Page::Nodes.heading_id()} tabindex="-1">{ tr!("Nodes") }</h1>
                        <p class="quiet" role="status">{ &view.summary }</p>
                    </div>
                </div>
                { network::show(&view) }
                { node_table::show(&view) }
                { glossary::list(Term::OF_NODES) }
            </section>
        </div>
    }
}
