//! The active nodes: every relay, and the tabs at it.

use yew::prelude::*;

use crate::tr;
use crate::view_model::{RelayItem, TabItem};

pub fn show(relays: &[RelayItem], offline: bool) -> Html {
    html! {
        <section class="panel">
            <h2>{ tr!("Relays and tabs") }</h2>
            if relays.is_empty() {
                <p class="quiet">{ if offline { tr!("Not known while this tab is offline.") } else { tr!("Known as soon as a relay answers.") } }</p>
            }
            <ul aria-label={tr!("Relays and tabs")} class="relays">{ for relays.iter().map(relay) }</ul>
        </section>
    }
}

fn relay(relay: &RelayItem) -> Html {
    html! {
        <li key={relay.name.clone()} data-up={relay.up.to_string()}>
            <div class="relay">
                <span class="glyph" aria-hidden="true">{ if relay.up { "●" } else { "○" } }</span>
                <strong>{ &relay.name }</strong>
                <span class="address">{ &relay.address }</span>
                <span class="word">{ if relay.up { tr!("up") } else { tr!("down") } }</span>
                if relay.leads {
                    <span class="mark agree" title={tr!("Puts the requests for numbers in order; the others vote")}>{ tr!("leader") }</span>
                }
                if !relay.votes {
                    <span class="mark" title={tr!("Learns what the others decide: whoever runs the relays has not given it a vote")}>{ tr!("no vote") }</span>
                }
                if relay.ours {
                    <span class="mark merge" title={tr!("This tab is connected to it")}>{ tr!("yours") }</span>
                }
            </div>
            if !relay.tabs.is_empty() {
                <ul class="tabs" aria-label={tr!("Tabs at {relay}", relay = relay.name)}>{ for relay.tabs.iter().map(tab) }</ul>
            }
        </li>
    }
}

fn tab(tab: &TabItem) -> Html {
    html! {
        <li key={tab.id.to_string()}>
            <span class="tab-id">{ tr!("tab {id}", id = tab.id) }</span>
            if tab.is_this { <span>{ " · " }{ tr!("this tab") }</span> }
        </li>
    }
}
