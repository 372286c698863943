//! One merge: which record, who, and its fields before and after.

use std::rc::Rc;

use yew::prelude::*;

use super::glossary;
use crate::tr;
use crate::view_model::Term;
use crate::view_model::merges::{FieldItem, MergeItem};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub item: Rc<MergeItem>,
}

#[component]
pub fn MergeRow(Props { item }: &Props) -> Html {
    let MergeItem { serial, at, name, change, key, is_concurrent, by, dot, stamp, fields } = &**item;
    html! {
        <li class="merge" data-merge={serial.to_string()} data-change={*key} data-concurrent={is_concurrent.to_string()}>
            <p class="merge-head">
                <strong>{ name }</strong>
                <span>{ tr!("{change} by {who}", change = change, who = by) }</span>
                if *is_concurrent {
                    <span class="mark concurrent"><span aria-hidden="true">{ "∥ " }</span>{ glossary::labelled(Term::Concurrent, tr!("concurrent")) }</span>
                } else if *key == "edited" {
                    <span class="mark"><span aria-hidden="true">{ "→ " }</span>{ tr!("one after the other") }</span>
                }
                <span class="quiet when">{ at }</span>
            </p>
            if !fields.is_empty() {
                <dl class="changes">{ for fields.iter().map(field) }</dl>
            }
            if let (Some(dot), Some(stamp)) = (dot, stamp) {
                <p class="quiet provenance">
                    { glossary::labelled(Term::Dot, tr!("dot")) }<code>{ dot }</code>
                    { glossary::labelled(Term::Stamp, tr!("stamp")) }<code>{ stamp }</code>
                </p>
            }
        </li>
    }
}

fn field(FieldItem { label, before, after, lost }: &FieldItem) -> Html {
    html! {
        <div data-field={label.clone()}>
            <dt>{ label }</dt>
            <dd>
                <span class="unseen">{ tr!("before: ") }</span>
                <span class="before">{ values(before) }</span>
                <span class="arrow" aria-hidden="true">{ "→" }</span>
                <span class="unseen">{ tr!(", after: ") }</span>
                <span class="after">{ values(after) }</span>
                if let Some(lost) = lost {
                    <span class="lost">{ tr!("“{value}” gave way", value = lost) }</span>
                }
            </dd>
        </div>
    }
}

fn values(values: &[String]) -> Html {
    if values.is_empty() {
        return html! { <em>{ tr!("empty") }</em> };
    }
    values.iter().map(|value| html! { <span class="value">{ value }</span> }).collect()
}
