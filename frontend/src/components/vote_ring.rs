//! Who has voted: a ring with a part for each voter.

use yew::prelude::*;

use crate::view_model::agreement::Vote;

/// A circle that begins at the top.
const CIRCLE: &str = "M0-9A9 9 0 1 1-.01-9";
/// Its length, which the browser scales to this.
const WHOLE: usize = 360;
/// Between two parts.
const GAP: usize = 20;

pub fn show(votes: &[Vote], words: &str) -> Html {
    let voted = votes.iter().filter(|vote| vote.voted).count();
    let part = |(at, vote): (usize, &Vote)| {
        let length = WHOLE / votes.len();
        let gap = if length == WHOLE { 0 } else { GAP };
        html! {
            <path data-voted={vote.voted.to_string()} d={CIRCLE} pathLength={WHOLE.to_string()}
                stroke-dasharray={format!("{} {WHOLE}", length.saturating_sub(gap))}
                stroke-dashoffset={format!("-{}", length * at + gap / 2)}><title>{ &vote.voter }</title></path>
        }
    };
    html! {
        <span class="votes" role="img" aria-label={words.to_owned()} title={words.to_owned()}>
            <svg viewBox="-12 -12 24 24" aria-hidden="true">{ for votes.iter().enumerate().map(part) }</svg>
            <span aria-hidden="true">{ if voted > 0 { voted.to_string() } else { "?".to_owned() } }{ "/" }{ votes.len() }</span>
        </span>
    }
}
