//! The page *Nodes*: relays and tabs as a network.

use yew::prelude::*;

use crate::components::{glossary, network, node_table};
use crate::hooks::{use_engine, use_every_change, use_watching};
use crate::page::Page;
use crate::tr;
use crate::view_model::nodes::NodesView;
use crate::view_model::{LocalTime, Term};

#[component]
pub fn NodesPage() -> Html {
    let engine = use_engine();
    use_watching();
    use_every_change();
    let view = engine.look(|session, connection| NodesView::of(session, connection, LocalTime::here()));
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
