//! The settings of the dynamic method, to be changed for everybody.

use client::session::Action;
use client::types::{Dynamic, OnCollision, Rule, Setting};
use yew::prelude::*;

use super::text_input::TextInput;
use crate::tr;
use crate::view_model::settings::{SettingsDraft, hint, label, unit};

#[derive(Properties, PartialEq)]
pub struct Props {
    /// Those in force.
    pub settings: Dynamic,
    pub on_action: Callback<Action>,
}

#[component]
pub fn SettingsForm(Props { settings, on_action }: &Props) -> Html {
    let changed = use_state(|| None::<SettingsDraft>);
    let asked = use_state(|| None::<Dynamic>);
    let draft = (*changed).clone().unwrap_or_else(|| SettingsDraft::of(settings));
    let onsubmit = {
        let (asked, changed, draft, on_action) = (asked.clone(), changed.clone(), draft.clone(), on_action.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            if let Some(dynamic) = draft.settings() {
                on_action.emit(Action::SetDynamic(dynamic));
                asked.set(Some(dynamic));
                changed.set(None);
            }
        }
    };
    let on_back = {
        let changed = changed.clone();
        move |_: MouseEvent| changed.set(None)
    };
    let on_change = {
        let draft = draft.clone();
        let changed = changed.clone();
        Callback::from(move |change: Change| {
            let mut next = draft.clone();
            change.make(&mut next);
            changed.set(Some(next));
        })
    };
    let outcome = asked.filter(|_| changed.is_none()).map(|asked| asked == *settings);
    html! {
        <section class="panel" aria-labelledby="settings-heading">
            <h2 id="settings-heading">{ tr!("Settings, for everybody") }</h2>
            <form class="settings" aria-label={tr!("Settings of the dynamic method")} {onsubmit} novalidate=true>
                { rules(draft.rule, &on_change) }
                <div class="figures">{ for Setting::ALL.into_iter().map(|setting| field(setting, &draft, &on_change)) }</div>
                { collisions(draft.on_collision, &on_change) }
                <div class="answers">
                    <button type="submit" class="primary" disabled={changed.is_none() || draft.settings().is_none()}>
                        { tr!("Save settings") }
                    </button>
                    if changed.is_some() {
                        <button type="button" onclick={on_back}>{ tr!("Back to those in force") }</button>
                    }
                    <span role="status" class="quiet">{ match outcome {
                        Some(true) => tr!("Saved: in force for everybody."),
                        Some(false) => tr!("Asked for. They are in force once the relays have decided."),
                        None => String::new(),
                    } }</span>
                </div>
            </form>
        </section>
    }
}

/// What somebody changes in the form.
enum Change {
    Rule(Rule),
    OnCollision(OnCollision),
    Figure(Setting, String),
}

impl Change {
    fn make(self, draft: &mut SettingsDraft) {
        match self {
            Change::Rule(rule) => draft.rule = rule,
            Change::OnCollision(on_collision) => draft.on_collision = on_collision,
            Change::Figure(setting, text) => draft.set(setting, text),
        }
    }
}

fn rules(current: Rule, on_change: &Callback<Change>) -> Html {
    let rules = [
        (Rule::Levels, tr!("Levels"), tr!("step by step, there and back, by what is measured")),
        (Rule::Counter, tr!("A counter"), tr!("from batching to provisional after so many requests, and never back")),
        (Rule::Hand, tr!("By hand"), tr!("nothing but people")),
    ];
    html! {
        <fieldset>
            <legend>{ tr!("What changes the step") }</legend>
            { for rules.into_iter().map(|(rule, name, hint)| {
                radio("rule", name, hint, rule == current, on_change.reform(move |_: Event| Change::Rule(rule)))
            }) }
        </fieldset>
    }
}

fn collisions(current: OnCollision, on_change: &Callback<Change>) -> Html {
    let choices = [
        (OnCollision::Renumber, tr!("Renumber"), tr!("it gets the next number above the highest")),
        (OnCollision::Reject, tr!("Reject"), tr!("it gets none, until somebody asks for another")),
    ];
    html! {
        <fieldset>
            <legend>{ tr!("When somebody else has a provisional number") }</legend>
            { for choices.into_iter().map(|(choice, name, hint)| {
                let on_choice = on_change.reform(move |_: Event| Change::OnCollision(choice));
                radio("on-collision", name, hint, choice == current, on_choice)
            }) }
        </fieldset>
    }
}

fn radio(group: &'static str, name: String, hint: String, checked: bool, onchange: Callback<Event>) -> Html {
    html! {
        <label class="radio">
            <input type="radio" name={group} {checked} {onchange} />
            <span><strong>{ name }</strong>{ format!(": {hint}") }</span>
        </label>
    }
}

fn field(setting: Setting, draft: &SettingsDraft, on_change: &Callback<Change>) -> Html {
    let problem = draft.problem(setting);
    let on_input = on_change.reform(move |text| Change::Figure(setting, text));
    html! {
        <div class="figure" key={label(setting)}>
            <span class="name" aria-hidden="true">{ label(setting) }</span>
            <span class="typed">
                <TextInput label={tr!("{setting}, in {unit}", setting = label(setting), unit = unit(setting))} inputmode="numeric"
                    value={draft.text(setting).to_owned()} wrong={problem.is_some()} {on_input} />
                <span class="quiet" aria-hidden="true">{ unit(setting) }</span>
            </span>
            if let Some(problem) = problem {
                <p class="hint" role="alert">{ problem }</p>
            } else {
                <p class="quiet">{ hint(setting) }</p>
            }
        </div>
    }
}
