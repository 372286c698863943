//! The load of the last minutes as a picture, with a crosshair that says what it was when.

use std::sync::Arc;
use std::time::Duration;

use client::load_history::LoadHistory;
use client::web;
use gloo::timers::callback::Interval;
use web_sys::HtmlElement;
use yew::prelude::*;

use crate::tr;
use crate::view_model::{Band, LoadChart, SHOWN_SECONDS, figure, level_key, level_name};

/// Of the drawing, in its own units, of which the browser makes as many pixels as there is room for.
const WIDTH: u32 = 2000;
const HEIGHT: u32 = 1000;
/// The chart moves on once in a second.
const TICK_MS: u32 = 1000;
/// A band narrower than this share of the chart has no room for its name.
const NAMED: f64 = 0.12;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub history: Arc<LoadHistory>,
    /// How many requests in a second are too many.
    pub threshold: f64,
    /// Whether somebody tells this tab of the load.
    pub told: bool,
}

#[component]
pub fn LoadGraph(Props { history, threshold, told }: &Props) -> Html {
    let now = use_now();
    let pointed = use_state(|| None::<usize>);
    let chart = LoadChart::of(history, *threshold, now);
    html! {
        <section class="panel" aria-labelledby="load-heading">
            <h2 id="load-heading">{ tr!("Requests for numbers") }</h2>
            <figure class="chart">
                <div class="scale" aria-hidden="true">{ for chart.ticks().map(|tick| tick_label(&chart, tick)) }</div>
                { plot(&chart, &pointed) }
                <div class="times" aria-hidden="true">
                    <span>{ tr!("3 min ago") }</span><span>{ tr!("2 min") }</span><span>{ tr!("1 min") }</span><span>{ tr!("now") }</span>
                </div>
                <figcaption class="quiet">
                    { chart.summary() }
                    if !told { { " " }{ tr!("While this tab is away from the relays, nobody tells it of the load.") } }
                </figcaption>
            </figure>
        </section>
    }
}

/// The time, every second.
#[hook]
fn use_now() -> Duration {
    let now = use_state(|| web::now().monotonic);
    let current = *now;
    use_effect_with((), move |()| {
        let ticking = Interval::new(TICK_MS, move || now.set(web::now().monotonic));
        move || drop(ticking)
    });
    current
}

fn tick_label(chart: &LoadChart, tick: f64) -> Html {
    let unit = if tick >= chart.top { tr!(" /s") } else { String::new() };
    html! { <span style={format!("bottom:{}", percent(chart.height(tick)))}>{ format!("{}{unit}", figure(tick)) }</span> }
}

fn plot(chart: &LoadChart, pointed: &UseStateHandle<Option<usize>>) -> Html {
    let last = chart.seconds.len() - 1;
    let reading = chart.reading(pointed.unwrap_or(last));
    let chart = chart.clone();
    let at = {
        let (chart, pointed) = (chart.clone(), pointed.clone());
        move |event: MouseEvent| {
            let Some(plot) = event.target_dyn_into::<HtmlElement>() else { return };
            let share = f64::from(event.offset_x()) / f64::from(plot.client_width().max(1));
            pointed.set(Some(chart.second_at(share)));
        }
    };
    let leave = {
        let pointed = pointed.clone();
        move || pointed.set(None)
    };
    let (onmouseleave, onblur) = (leave.clone(), leave);
    let onkeydown = {
        let pointed = pointed.clone();
        move |event: KeyboardEvent| {
            let current = pointed.unwrap_or(last);
            let next = match event.key().as_str() {
                "ArrowLeft" => current.saturating_sub(1),
                "ArrowRight" => (current + 1).min(last),
                "Home" => 0,
                "End" => last,
                _ => return,
            };
            event.prevent_default();
            pointed.set(Some(next));
        }
    };
    html! {
        <div class="plot" tabindex="0" role="slider" aria-label={tr!("Requests per second")} aria-valuemin="0"
            aria-valuemax={SHOWN_SECONDS.to_string()} aria-valuenow={pointed.unwrap_or(last).to_string()}
            aria-valuetext={reading.text.clone()} onmousemove={at} onmouseleave={move |_| onmouseleave()}
            onblur={move |_| onblur()} {onkeydown}>
            { drawing(&chart) }
            { for chart.bands.iter().filter(|band| band.until - band.from >= NAMED).map(band_name) }
            <span class="threshold" style={format!("bottom:{}", percent(chart.height(chart.threshold)))}>
                { tr!("threshold {rate}/s", rate = figure(chart.threshold)) }
            </span>
            if pointed.is_some() {
                <span class="crosshair" style={format!("left:{}", percent(reading.share))}></span>
                <span class="reading" data-side={if reading.share > 0.5 { "left" } else { "right" }}
                    style={format!("left:{}", percent(reading.share))}>{ reading.text }</span>
            }
        </div>
    }
}

fn drawing(chart: &LoadChart) -> Html {
    let threshold = ((1.0 - chart.height(chart.threshold)) * f64::from(HEIGHT)) as u32;
    let line = chart.line(WIDTH, HEIGHT);
    html! {
        <svg viewBox={format!("0 0 {WIDTH} {HEIGHT}")} preserveAspectRatio="none" aria-hidden="true">
            { for chart.bands.iter().map(band) }
            <polygon class="area" points={format!("0,{HEIGHT} {line} {WIDTH},{HEIGHT}")} />
            <line class="limit" x1="0" x2={WIDTH.to_string()} y1={threshold.to_string()} y2={threshold.to_string()} />
            <polyline class="rate" points={line} />
        </svg>
    }
}

/// `12.34%`
fn percent(share: f64) -> String {
    let hundredths = (share * 10_000.0).round() as u32;
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

fn band(band: &Band) -> Html {
    let [x, end] = [band.from, band.until].map(|share| (share * f64::from(WIDTH)) as u32);
    html! {
        <rect class="band" data-level={level_key(band.level)} x={x.to_string()} y="0" width={(end - x).to_string()}
            height={HEIGHT.to_string()} />
    }
}

fn band_name(band: &Band) -> Html {
    html! {
        <span class="band-name" data-level={level_key(band.level)} style={format!("left:{}", percent(band.from))}>
            { level_name(band.level) }
        </span>
    }
}
