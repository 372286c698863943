//! The network, drawn: lines, nodes on them, and messages on their way.

use yew::prelude::*;

use crate::trn;
use crate::view_model::nodes::{Line, MoreTabs, Moving, Node, NodesView, Part, Position, Presence};

pub fn show(view: &NodesView) -> Html {
    html! {
        <figure class="network" aria-label={view.summary.clone()}>
            <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">
                { for view.lines.iter().map(line) }
            </svg>
            { for view.lines.iter().filter_map(round_trip) }
            { for view.moving.iter().map(moving) }
            { for view.nodes.iter().filter_map(|node| Some(chip(node, node.place?))) }
            { for view.more.iter().map(more) }
        </figure>
    }
}

/// `left:12.3%;top:4.5%`
fn at(Position { x, y }: Position) -> String {
    format!("left:{}.{}%;top:{}.{}%", x / 10, x % 10, y / 10, y % 10)
}

fn line(line: &Line) -> Html {
    let class = if line.is_trunk { "trunk" } else { "branch" };
    html! {
        <line {class} data-up={line.is_up.to_string()} x1={line.from.x.to_string()} y1={line.from.y.to_string()}
            x2={line.to.x.to_string()} y2={line.to.y.to_string()} />
    }
}

fn round_trip(line: &Line) -> Option<Html> {
    let text = line.round_trip.clone()?;
    let middle = Position { x: (line.from.x + line.to.x) / 2, y: (line.from.y + line.to.y) / 2 };
    let is_level = (line.from.y == line.to.y).to_string();
    Some(html! { <span class="latency" aria-hidden="true" data-level={is_level} style={at(middle)}>{ text }</span> })
}

/// Moves once, when it is first rendered.
fn moving(Moving { serial, from, to }: &Moving) -> Html {
    let end = |name: &str, Position { x, y }: Position| format!("--{name}-x:{x};--{name}-y:{y};");
    let style = format!("{}{}", end("from", *from), end("to", *to));
    html! { <span key={*serial} class="moving" aria-hidden="true" {style}></span> }
}

fn chip(node: &Node, place: Position) -> Html {
    let class = if node.is_relay { "relay-chip" } else { "tab-chip" };
    let is_this = node.parts.contains(&Part::ThisTab);
    let leads = node.parts.contains(&Part::Leads);
    html! {
        <div key={node.name.clone()} {class} aria-hidden="true" style={at(place)} data-presence={node.presence.key()}
            data-this={is_this.to_string()} data-leads={leads.to_string()}>
            <strong>{ &node.name }</strong>
            if node.is_relay {
                <span class="address">{ &node.address }</span>
            }
            <span class="parts">{ for node.parts.iter().map(|part| part_of(*part)) }
                if node.presence != Presence::Up {
                    <span class="part">{ node.presence.word() }</span>
                }
            </span>
        </div>
    }
}

/// A glyph and a word.
pub fn part_of(part: Part) -> Html {
    html! { <span class="part" data-part={part.key()}><span aria-hidden="true">{ part.glyph() }</span>{ part.word() }</span> }
}

fn more(more: &MoreTabs) -> Html {
    let count = more.count as u64;
    html! {
        <div class="tab-chip more-tabs" aria-hidden="true" style={at(more.place)}>
            { trn!(count, "+ {count} tab", "+ {count} tabs") }
        </div>
    }
}
