//! Who has voted: a ring with a part for each voter.

use std::f64::consts::{PI, TAU};

use yew::prelude::*;

use crate::view_model::agreement::Vote;

const RADIUS: f64 = 9.0;
/// Between two parts, in radians.
const GAP: f64 = 0.35;

pub fn show(votes: &[Vote], words: &str) -> Html {
    let voted = votes.iter().filter(|vote| vote.voted).count();
    let part = |(at, vote): (usize, &Vote)| {
        html! { <path data-voted={vote.voted.to_string()} d={arc(at, votes.len())}><title>{ &vote.voter }</title></path> }
    };
    html! {
        <span class="votes" role="img" aria-label={words.to_owned()} title={words.to_owned()}>
            <svg viewBox="-12 -12 24 24" aria-hidden="true">{ for votes.iter().enumerate().map(part) }</svg>
            <span aria-hidden="true">{ if voted > 0 { voted.to_string() } else { "?".to_owned() } }{ "/" }{ votes.len() }</span>
        </span>
    }
}

fn arc(at: usize, of: usize) -> String {
    let whole = TAU / of as f64;
    let gap = if of == 1 { 0.02 } else { GAP };
    let begin = whole * at as f64 - PI / 2.0 + gap / 2.0;
    let end = begin + whole - gap;
    let point = |angle: f64| format!("{} {}", hundredths(angle.cos() * RADIUS), hundredths(angle.sin() * RADIUS));
    let is_long = u8::from(end - begin > PI);
    format!("M{}A{RADIUS} {RADIUS} 0 {is_long} 1 {}", point(begin), point(end))
}

fn hundredths(length: f64) -> f64 {
    (length * 100.0).round() / 100.0
}
