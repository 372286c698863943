//! The relays and tabs as a table, which says all that the drawing shows.

use yew::prelude::*;

use super::{glossary, network};
use crate::view_model::Term;
use crate::view_model::nodes::{Node, NodesView};
use crate::{tr, trn};

pub fn show(view: &NodesView) -> Html {
    html! {
        <>
            <table role="table" class="facts node-table" aria-label={tr!("Relays and tabs")}>
                <thead role="rowgroup">
                    <tr role="row">
                        <th role="columnheader" scope="col">{ tr!("Name") }</th>
                        <th role="columnheader" scope="col">{ tr!("Part") }</th>
                        <th role="columnheader" scope="col">{ tr!("Address") }</th>
                        <th role="columnheader" scope="col">{ glossary::term(Term::Incarnation) }</th>
                        <th role="columnheader" scope="col">{ glossary::term(Term::RoundTrip) }</th>
                        <th role="columnheader" scope="col">{ tr!("Last seen") }</th>
                    </tr>
                </thead>
                <tbody role="rowgroup">{ for view.nodes.iter().map(row) }</tbody>
            </table>
            if view.unlisted > 0 {
                <p class="quiet">{ trn!(view.unlisted as u64, "And {count} tab more.", "And {count} tabs more.") }</p>
            }
        </>
    }
}

fn row(node: &Node) -> Html {
    let unknown = || tr!("not known");
    html! {
        <tr role="row" key={format!("{:?}", node.end)} data-presence={node.presence.key()} data-relay={node.is_relay.to_string()}>
            <th role="rowheader" scope="row">
                <span class="presence" aria-hidden="true"></span>{ &node.name }
            </th>
            <td role="cell" class="parts">
                <span class="word">{ node.presence.word() }</span>
                { for node.parts.iter().map(|part| network::part_of(*part)) }
            </td>
            <td role="cell" class="code" data-label={tr!("Address")}>{ &node.address }</td>
            <td role="cell" class="code" data-label={tr!("Incarnation")}>{ node.incarnation.clone().unwrap_or_else(unknown) }</td>
            <td role="cell" data-label={tr!("Round trip")}>
                if node.round_trips.is_empty() {
                    <span class="quiet">{ unknown() }</span>
                }
                { for node.round_trips.iter().map(|trip| html! { <span class="trip">{ trip }</span> }) }
            </td>
            <td role="cell" data-label={tr!("Last seen")}>{ &node.seen }</td>
        </tr>
    }
}
