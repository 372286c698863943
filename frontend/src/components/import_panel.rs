//! An import under way, on every page.

use yew::prelude::*;

use crate::browser;
use crate::hooks::{use_model, use_told};
use crate::model::Model;
use crate::view_model::{ImportView, ProblemItem};
use crate::{tr, trn};

#[component]
pub fn ImportPanel() -> Html {
    let model = use_model();
    let Some(view) = use_told(Model::import_view) else { return Html::default() };
    let on_cancel = {
        let model = model.clone();
        Callback::from(move |_: MouseEvent| model.cancel_import())
    };
    let on_dismiss = {
        let model = model.clone();
        Callback::from(move |_: MouseEvent| model.dismiss_import())
    };
    let on_report =
        Callback::from(move |_: MouseEvent| browser::download("refused-lines.csv", "text/csv", &model.import_report()));
    html! {
        <section class="import-panel" aria-label={tr!("Import")}>
            <div class="import-head">
                <div>
                    <p role="status"><strong>{ &view.headline }</strong></p>
                    <p class="import-details">{ view.details.join(" ") }</p>
                </div>
                <span class="answers">
                    if view.reading {
                        <button type="button" class="small" onclick={on_cancel}>{ tr!("Stop") }</button>
                    } else {
                        <button type="button" class="small" aria-label={tr!("Dismiss the import")} onclick={on_dismiss}>{ tr!("Dismiss") }</button>
                    }
                </span>
            </div>
            if view.reading {
                <progress aria-label={tr!("Read so far")} max="100" value={view.percent.to_string()}>{ view.percent }{ " %" }</progress>
            }
            { problems(&view, &on_report) }
        </section>
    }
}

fn problems(view: &ImportView, on_report: &Callback<MouseEvent>) -> Html {
    if view.problems.is_empty() || view.reading {
        return Html::default();
    }
    let line = |problem: &ProblemItem| {
        html! { <li><span class="quiet">{ tr!("Line {line}", line = problem.line) }</span>{ &problem.why }</li> }
    };
    html! {
        <div class="refused">
            <ul aria-label={tr!("Lines with problems")} tabindex="0">{ for view.problems.iter().map(line) }</ul>
            if view.more > 0 {
                <p class="quiet">{ trn!(view.more as u64, "And {count} more, in the report.", "And {count} more, in the report.") }</p>
            }
            <button type="button" class="small" onclick={on_report}>{ tr!("Save the report as CSV") }</button>
        </div>
    }
}
