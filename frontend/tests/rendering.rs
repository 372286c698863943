//! Components in a real document: what they show, and what a click does.

#![cfg(target_arch = "wasm32")]

mod rendered;
mod shown;
mod still;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use client::burst::{Kind, Plan};
use client::impairment::{Impairment, MAX_LATENCY_MS};
use client::load_history::LoadHistory;
use client::session::{Action, NewRecord, NumberOperation};
use frontend::browser;
use frontend::components::burst_form::{self, BurstForm};
use frontend::components::load_chart::{self, LoadGraph};
use frontend::components::record_form::{self, RecordForm};
use frontend::components::record_row::{Props, RecordRow};
use frontend::components::settings_form::{self, SettingsForm};
use frontend::components::{impairment_form, levels, notices, rail, relay_list, undo_button};
use frontend::page::Page;
use frontend::view_model::{
    BurstView, Cell, Choice, LabView, Layout, Notice, Number, NumberState, OpenConflict, PutBack, RelayItem, TableRow,
    Text,
};
use rendered::rendered;
use shared::base::dot::Dot;
use shared::base::id::{RecordId, ReplicaId};
use shared::consensus::Slot;
use shared::ledger::{ConflictId, Dynamic, Level, Resolution};
use shared::schema::{self, FieldEdit, FieldKind, FieldSpec, Schema};
use shown::Shown;
use still::{Still, StillProps};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{HtmlElement, HtmlInputElement, KeyboardEvent, KeyboardEventInit};
use yew::{Callback, Html};

wasm_bindgen_test_configure!(run_in_browser);

impl Shown {
    async fn row(row: TableRow) -> Self {
        Self::row_of(&Schema::people(), row).await
    }

    async fn row_of(schema: &Schema, row: TableRow) -> Self {
        let (layout, row) = (Rc::new(Layout::of(schema)), Rc::new(row));
        Self::component::<RecordRow>("tbody", |on_action| Props { layout, row, on_action }).await
    }

    async fn notices(notices: Vec<Notice>) -> Self {
        Self::html(|on_action| notices::show("notices", &notices, on_action)).await
    }

    async fn html(show: impl FnOnce(&Callback<Action>) -> Html) -> Self {
        Self::component::<Still>("div", |on_action| StillProps { html: show(&on_action) }).await
    }
}

fn text(shown: &str) -> Cell {
    Cell::Text(Text { shown: shown.to_owned(), choices: Vec::new() })
}

fn anna() -> TableRow {
    let id = RecordId(Dot::new(ReplicaId(0x3f2a << 48), 1));
    let cells = vec![text("Anna"), text(""), Cell::Elements(Vec::new())];
    TableRow::new(id, "Anna".to_owned(), cells, Number::none(), None)
}

fn edit(field: &str, value: &str) -> Action {
    edit_of(field, FieldEdit::Assign(value.to_owned()))
}

fn edit_of(field: &str, edit: FieldEdit) -> Action {
    Action::Edit { record: anna().id, field: field.to_owned(), edit, seen: None }
}

fn put_tag(tag: &str) -> Action {
    edit_of(schema::TAGS, FieldEdit::Insert(tag.to_owned()))
}

fn take_tag(tag: &str) -> Action {
    edit_of(schema::TAGS, FieldEdit::Remove(tag.to_owned()))
}

#[wasm_bindgen_test]
async fn one_click_settles_which_of_two_names_it_is() {
    let choice = |value: &str| Choice { value: value.to_owned(), origin: "this tab, 12:04".to_owned() };
    let mut person = anna();
    person.cells[0] = Cell::Text(Text { shown: "Anna".to_owned(), choices: vec![choice("Anna"), choice("Anya")] });
    let shown = Shown::row(person).await;
    assert!(shown.root.text_content().unwrap().contains("Two names were given at the same time:"));
    shown.click("Keep Anya").await;
    assert_eq!(*shown.actions.borrow(), [edit(schema::NAME, "Anya")]);
}

#[wasm_bindgen_test]
async fn the_keys_of_a_text_that_is_being_composed_are_not_for_the_page() {
    let shown = Shown::row(anna()).await;
    shown.click("Rename Anna").await;
    for key in ["Escape", "Enter"] {
        let input = shown.labelled("New name for Anna");
        let pressed = KeyboardEventInit::new();
        pressed.set_bubbles(true);
        pressed.set_key(key);
        pressed.set_is_composing(true);
        input.dispatch_event(&KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &pressed).unwrap()).unwrap();
        rendered().await;
    }
    assert_eq!(*shown.actions.borrow(), []);
    let input: HtmlInputElement = shown.labelled("New name for Anna").unchecked_into();
    assert_eq!(input.value(), "Anna", "the field is still open");
}

#[wasm_bindgen_test]
async fn enter_saves_a_name_and_escape_leaves_it() {
    let shown = Shown::row(anna()).await;
    shown.click("Rename Anna").await;
    shown.type_and_press("New name for Anna", "Hanna", "Escape").await;
    assert_eq!(*shown.actions.borrow(), []);
    shown.click("Rename Anna").await;
    shown.type_and_press("New name for Anna", " Anya ", "Enter").await;
    assert_eq!(*shown.actions.borrow(), [edit(schema::NAME, "Anya")]);
    shown.labelled("Rename Anna");
}

#[wasm_bindgen_test]
async fn a_name_that_was_not_changed_is_no_edit_and_an_empty_one_is_refused_with_a_reason() {
    let shown = Shown::row(anna()).await;
    shown.click("Rename Anna").await;
    shown.type_and_press("New name for Anna", "Anna", "Enter").await;
    shown.click("Rename Anna").await;
    shown.type_and_press("New name for Anna", "  ", "Enter").await;
    assert_eq!(*shown.actions.borrow(), []);
    let alert = shown.root.query_selector("[role=alert]").unwrap().unwrap();
    assert_eq!(alert.text_content().unwrap(), "A person needs a name.");
}

#[wasm_bindgen_test]
async fn a_refused_number_says_who_has_it_and_what_can_be_done() {
    let owner = RecordId(Dot::new(ReplicaId(9), 1));
    let mut person = anna();
    person.number.state = NumberState::Rejected;
    person.number.text = "42".to_owned();
    person.number.remark = Some("42 belongs to a removed person, Boris".to_owned());
    person.number.dismissable = true;
    person.number.to_free = Some((owner, 42));
    let shown = Shown::row(person).await;
    let cell = shown.root.query_selector("[data-state=rejected]").unwrap().expect("the cell tells its state");
    let text = cell.text_content().unwrap();
    assert!(text.contains("✕42rejected42 belongs to a removed person, Boris"), "{text}");
    shown.click("Free number 42").await;
    shown.click("Next number for Anna").await;
    shown.click("Dismiss the refusal for Anna").await;
    let record = anna().id;
    let expected = [
        Action::Free { record: owner },
        Action::Number { record, number: NumberOperation::Next },
        Action::DismissRefusal { record },
    ];
    assert_eq!(*shown.actions.borrow(), expected);
}

#[wasm_bindgen_test]
async fn a_number_is_given_by_typing_it() {
    let shown = Shown::row(anna()).await;
    shown.click("Give Anna a number").await;
    shown.type_and_press("Number for Anna", "forty-two", "Enter").await;
    assert_eq!(*shown.actions.borrow(), []);
    shown.type_and_press("Number for Anna", "42", "Enter").await;
    assert_eq!(*shown.actions.borrow(), [Action::Number { record: anna().id, number: NumberOperation::This(42) }]);
}

#[wasm_bindgen_test]
async fn tags_are_chips_that_come_by_typing_and_go_with_a_click() {
    let mut person = anna();
    person.cells[2] = Cell::Elements(vec!["board".to_owned(), "choir".to_owned()]);
    let shown = Shown::row(person).await;
    let list = shown.labelled("Tags of Anna");
    assert_eq!(list.text_content().unwrap(), "board×choir×+");
    shown.click("Add a tag to Anna").await;
    shown.type_and_press("New tag for Anna", "staff, board , joins in May", "Enter").await;
    shown.labelled("Add a tag to Anna");
    shown.click("Remove board from Anna").await;
    assert_eq!(*shown.actions.borrow(), [put_tag("staff"), put_tag("joins in May"), take_tag("board")]);
    let focused = browser::document().active_element().unwrap();
    assert_eq!(focused.get_attribute("aria-label").unwrap(), "Remove choir from Anna", "the focus is not lost");
}

#[wasm_bindgen_test]
async fn a_tag_that_is_too_long_is_refused_with_a_reason_and_can_be_mended() {
    let shown = Shown::row(anna()).await;
    shown.click("Add a tag to Anna").await;
    shown.type_and_press("New tag for Anna", &"x".repeat(5000), "Enter").await;
    assert_eq!(*shown.actions.borrow(), []);
    let alert = shown.root.query_selector("[role=alert]").unwrap().unwrap();
    assert!(alert.text_content().unwrap().contains("at most 256"));
    shown.type_and_press("New tag for Anna", "choir", "Enter").await;
    assert_eq!(*shown.actions.borrow(), [put_tag("choir")]);
}

#[wasm_bindgen_test]
async fn a_lost_note_is_put_back_with_one_click_and_its_notice_goes() {
    let [field, text, name] = [schema::NOTE, "earlier", "Anna"].map(str::to_owned);
    let put_back = PutBack { record: anna().id, field, text, name };
    let text = "Your note “earlier” for Anna was replaced".to_owned();
    let shown = Shown::notices(vec![Notice { serial: 7, text, urgent: false, put_back: Some(put_back) }]).await;
    assert!(shown.root.query_selector("[role=status]").unwrap().is_some());
    assert_eq!(shown.labelled("Put back the note of Anna").text_content().unwrap(), "Put mine back");
    shown.click("Put back the note of Anna").await;
    assert_eq!(*shown.actions.borrow(), [edit(schema::NOTE, "earlier"), Action::DismissNotice { serial: 7 }]);
}

/// An invoice, and the schema that it is of: a text, a counter, and a text of which there may be several.
fn invoice() -> (Schema, TableRow) {
    let field = |name: &str, kind, required| FieldSpec { name: name.to_owned(), kind, required };
    let fields = vec![
        field("title", FieldKind::Lww, true),
        field("amount", FieldKind::Counter, false),
        field("state", FieldKind::Mv, false),
    ];
    let cells = vec![text("Roof"), Cell::Count(100), text("open")];
    (Schema::new(fields).unwrap(), TableRow::new(anna().id, "Roof".to_owned(), cells, Number::none(), None))
}

#[wasm_bindgen_test]
async fn a_counter_has_buttons_for_one_less_and_one_more_and_can_be_typed() {
    let (schema, row) = invoice();
    let shown = Shown::row_of(&schema, row).await;
    let cell = shown.root.query_selector("[data-field=amount]").unwrap().unwrap();
    assert_eq!(cell.text_content().unwrap(), "Amount−100+");
    assert_eq!(shown.labelled("Amount of Roof").get_attribute("role").unwrap(), "group");
    shown.click("Add 1 to the amount of Roof").await;
    shown.click("Take 1 from the amount of Roof").await;
    shown.click("Change the amount of Roof: 100").await;
    shown.type_and_press("New amount for Roof", "many", "Enter").await;
    let alert = shown.root.query_selector("[role=alert]").unwrap().unwrap();
    assert_eq!(alert.text_content().unwrap(), "Amount is a whole number.");
    shown.type_and_press("New amount for Roof", "150", "Enter").await;
    let add = |amount| edit_of("amount", FieldEdit::Add(amount));
    assert_eq!(*shown.actions.borrow(), [add(1), add(-1), add(50)]);
}

#[wasm_bindgen_test]
async fn every_text_can_have_several_values_and_its_own_words() {
    let (schema, mut row) = invoice();
    let choice = |value: &str| Choice { value: value.to_owned(), origin: "this tab, 12:04".to_owned() };
    row.cells[2] = Cell::Text(Text { shown: "open".to_owned(), choices: vec![choice("open"), choice("sent")] });
    let shown = Shown::row_of(&schema, row).await;
    let group = shown.labelled("Choose one of the values of state");
    assert!(group.text_content().unwrap().starts_with("Two values of state were given at the same time:"));
    shown.click("Keep sent").await;
    shown.click("Edit the state of Roof").await;
    shown.type_and_press("New state for Roof", "paid", "Enter").await;
    shown.click("Rename Roof").await;
    shown.type_and_press("New title for Roof", "", "Enter").await;
    let alert = shown.root.query_selector("[role=alert]").unwrap().unwrap();
    assert_eq!(alert.text_content().unwrap(), "A record needs a title.");
    assert_eq!(*shown.actions.borrow(), [edit("state", "sent"), edit("state", "paid")]);
}

#[wasm_bindgen_test]
async fn the_form_asks_for_what_is_required_and_offers_the_rest() {
    let (schema, _) = invoice();
    let layout = Rc::new(Layout::of(&schema));
    let form = |on_action| record_form::Props { layout, first_id: "new".into(), on_action };
    let shown = Shown::component::<RecordForm>("div", form).await;
    shown.type_and_press("State", "open", "Tab").await;
    let submit: HtmlElement = shown.root.query_selector("[type=submit]").unwrap().unwrap().unchecked_into();
    submit.click();
    rendered().await;
    let hint = || shown.root.query_selector("[role=alert]").unwrap().map(|hint| hint.text_content().unwrap());
    assert_eq!(hint().as_deref(), Some("A record needs a title."));
    shown.type_and_press("Title", "Roof", "Tab").await;
    shown.type_and_press("Amount", "a lot", "Tab").await;
    submit.click();
    rendered().await;
    assert_eq!(hint().as_deref(), Some("Amount is a whole number."));
    shown.type_and_press("Amount", "5", "Tab").await;
    submit.click();
    rendered().await;
    let fields = [
        ("title", FieldEdit::Assign("Roof".to_owned())),
        ("amount", FieldEdit::Add(5)),
        ("state", FieldEdit::Assign("open".to_owned())),
    ];
    let fields = fields.map(|(name, edit)| (name.to_owned(), edit)).into();
    assert_eq!(*shown.actions.borrow(), [Action::Add(NewRecord { fields, number: None })]);
    let emptied: HtmlInputElement = shown.labelled("Title").unchecked_into();
    assert_eq!((hint(), emptied.value()), (None, String::new()));
}

#[wasm_bindgen_test]
async fn undo_can_be_pressed_where_there_is_something_to_undo() {
    let button = |undo: Option<&'static str>| Shown::html(move |on_action| undo_button::show(undo, on_action));
    let shown = button(None).await;
    let nothing = shown.root.query_selector("button").unwrap().unwrap();
    assert!(nothing.has_attribute("disabled"));
    assert_eq!(nothing.get_attribute("title").unwrap(), "Nothing to undo");
    let shown = button(Some("adding Anna")).await;
    let undo: HtmlElement = shown.root.query_selector("button").unwrap().unwrap().unchecked_into();
    assert_eq!(undo.get_attribute("title").unwrap(), "Undo adding Anna (Ctrl Z)");
    undo.click();
    assert_eq!(*shown.actions.borrow(), [Action::Undo]);
}

#[wasm_bindgen_test]
async fn a_number_that_waits_for_observers_says_so() {
    let mut person = anna();
    person.number.state = NumberState::Unreleased;
    person.number.text = "42".to_owned();
    let shown = Shown::row(person).await;
    let cell = shown.root.query_selector("[data-state=unreleased]").unwrap().expect("the cell tells its state");
    let text = cell.text_content().unwrap();
    assert!(text.contains("◑42waiting for observers"), "{text}");
    assert!(shown.root.query_selector("[aria-label='Give Anna a number']").unwrap().is_none(), "it has one");
}

#[wasm_bindgen_test]
async fn the_list_of_relays_says_which_have_no_vote() {
    let relay = |id: u16, votes| RelayItem {
        name: format!("relay {id}"),
        address: format!("localhost:500{id}"),
        up: true,
        votes,
        leads: id == 1,
        ours: false,
        tabs: Vec::new(),
    };
    let relays = [relay(1, true), relay(2, false)];
    let shown = Shown::html(|_| relay_list::show(&relays, false)).await;
    let items = shown.root.query_selector_all(".relays > li").unwrap();
    let texts: Vec<_> = (0..items.length()).map(|at| items.get(at).unwrap().text_content().unwrap()).collect();
    assert_eq!(texts, ["●relay 1localhost:5001upleader", "●relay 2localhost:5002upno vote"]);
}

#[wasm_bindgen_test]
async fn a_renumbered_person_says_what_happened_and_one_click_keeps_or_undoes_it() {
    let id = ConflictId { slot: Slot(118), at: 0 };
    let mut person = anna();
    person.number.state = NumberState::Renumbered;
    person.number.text = "43".to_owned();
    person.number.remark = Some("Number 42 went to Boris (relay 3, slot 117). Yours became 43.".to_owned());
    person.number.conflict = Some(OpenConflict { id, given: Some(43) });
    let shown = Shown::row(person).await;
    let cell = shown.root.query_selector("td[data-state=renumbered]").unwrap().expect("the cell tells its state");
    let text = cell.text_content().unwrap();
    assert!(text.starts_with("↻43renumberedNumber 42 went to Boris (relay 3, slot 117). Yours became 43."), "{text}");
    shown.click("Keep 43 for Anna").await;
    shown.click("Undo: free 43 of Anna").await;
    let resolve = |resolution| Action::Resolve { conflict: id, resolution };
    assert_eq!(*shown.actions.borrow(), [resolve(Resolution::Kept), resolve(Resolution::Undone)]);
}

#[wasm_bindgen_test]
async fn a_provisional_number_can_be_released_and_nothing_else_is_asked() {
    let mut person = anna();
    person.number.state = NumberState::Provisional;
    person.number.text = "7".to_owned();
    person.number.releasable = true;
    let shown = Shown::row(person).await;
    assert!(shown.root.query_selector("[aria-label='Next number for Anna']").unwrap().is_none(), "it has one");
    shown.click("Release the number of Anna").await;
    assert_eq!(*shown.actions.borrow(), [Action::Free { record: anna().id }]);
}

#[wasm_bindgen_test]
async fn the_levels_marks_the_present_step_and_offers_the_others() {
    let on_level = |on_action: &Callback<Action>| on_action.reform(Action::SwitchLevel);
    let shown = Shown::html(|on_action| levels::show(Level::Leases, &on_level(on_action))).await;
    let present = shown.root.query_selector("[aria-current=step]").unwrap().expect("one is marked");
    assert!(present.text_content().unwrap().contains("Leases"));
    assert!(present.query_selector("button").unwrap().is_none(), "it is taken already");
    shown.click("Take the step Shedding by hand").await;
    assert_eq!(*shown.actions.borrow(), [Action::SwitchLevel(Level::Shedding)]);
}

#[wasm_bindgen_test]
async fn the_crosshair_of_the_chart_goes_by_the_arrow_keys() {
    let history = Arc::new(LoadHistory::default());
    let shown =
        Shown::component::<LoadGraph>("div", |_| load_chart::Props { history, threshold: 50.0, told: true }).await;
    let plot = shown.labelled("Requests per second");
    let before: u32 = plot.get_attribute("aria-valuenow").unwrap().parse().unwrap();
    let pressed = KeyboardEventInit::new();
    pressed.set_bubbles(true);
    pressed.set_key("ArrowLeft");
    plot.dispatch_event(&KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &pressed).unwrap()).unwrap();
    rendered().await;
    assert_eq!(plot.get_attribute("aria-valuenow").unwrap(), (before - 1).to_string());
    assert!(plot.get_attribute("aria-valuetext").unwrap().starts_with("2 s ago: 0 requests/s of 50"));
    assert!(
        shown.root.query_selector("figcaption").unwrap().unwrap().text_content().unwrap().contains("0 at the most")
    );
}

#[wasm_bindgen_test]
async fn settings_are_saved_only_when_each_is_right() {
    let settings = Dynamic::default();
    let form = |on_action| settings_form::Props { settings, on_action };
    let shown = Shown::component::<SettingsForm>("div", form).await;
    let submit: HtmlElement = shown.root.query_selector("[type=submit]").unwrap().unwrap().unchecked_into();
    assert!(submit.has_attribute("disabled"), "nothing is changed");
    shown.type_and_press("High load, in requests in a window", "none", "Tab").await;
    let alert = shown.root.query_selector("[role=alert]").unwrap().unwrap();
    assert_eq!(alert.text_content().unwrap(), "High load is 1 to 1000000 requests in a window, in digits.");
    assert!(submit.has_attribute("disabled"));
    shown.type_and_press("High load, in requests in a window", "20", "Tab").await;
    submit.click();
    rendered().await;
    let dynamic = Dynamic { high_request: 20, ..settings };
    assert_eq!(*shown.actions.borrow(), [Action::SetDynamic(dynamic)]);
    assert!(shown.root.text_content().unwrap().contains("They are in force once the relays have decided."));
}

#[wasm_bindgen_test]
async fn the_rail_says_which_page_it_is_and_how_many_conflicts_are_open() {
    let shown =
        Shown::html(|_| rail::show("People".to_owned(), Page::Dynamic, 3, &Callback::noop(), &Callback::noop())).await;
    let links = shown.root.query_selector_all("a").unwrap();
    let texts: Vec<_> = (0..links.length()).map(|at| links.get(at).unwrap().text_content().unwrap()).collect();
    assert_eq!(texts, ["People", "Nodes", "Agreement", "Merges", "Dynamic", "Conflicts3 open", "Lab"]);
    let current = shown.root.query_selector("[aria-current=page]").unwrap().unwrap();
    assert_eq!(current.get_attribute("href").unwrap(), "#dynamic");
}

#[wasm_bindgen_test]
async fn the_network_of_the_lab_is_pushed_or_typed_within_its_bounds() {
    let changes = Rc::new(RefCell::new(Vec::new()));
    let changed = Rc::clone(&changes);
    let on_change = Callback::from(move |impairment| changed.borrow_mut().push(impairment));
    let slow = Impairment { latency_ms: 300, loss_percent: 0 };
    let shown = Shown::html(|_| impairment_form::show(slow, &on_change)).await;
    let slider: HtmlInputElement = shown.labelled("Latency, pushed").unchecked_into();
    assert_eq!((slider.type_().as_str(), slider.value().as_str()), ("range", "300"));
    shown.type_and_press("Loss", "7", "Tab").await;
    shown.type_and_press("Latency", "99999", "Tab").await;
    let expected = [Impairment { loss_percent: 7, ..slow }, Impairment { latency_ms: MAX_LATENCY_MS, loss_percent: 0 }];
    assert_eq!(*changes.borrow(), expected);
}

#[wasm_bindgen_test]
async fn a_burst_is_begun_as_it_was_set_and_says_what_came_of_it() {
    let plans = Rc::new(RefCell::new(Vec::new()));
    let begun = Rc::clone(&plans);
    let on_begin = Callback::from(move |plan| begun.borrow_mut().push(plan));
    let figures = vec![("sent".to_owned(), "7".to_owned())];
    let view = LabView { burst: Some(BurstView { percent: 70, figures }), guests: 7, ..LabView::default() };
    let props = burst_form::Props { view: Rc::new(view), on_begin, on_remove: Callback::noop() };
    let shown = Shown::component::<BurstForm>("div", |_| props).await;
    shown.type_and_press("How many", "20", "Tab").await;
    let button = shown.root.query_selector("button[type=submit]").unwrap().unwrap();
    button.unchecked_into::<HtmlElement>().click();
    rendered().await;
    assert_eq!(*plans.borrow(), [Plan { kind: Kind::Adds, count: 20, per_second: 50 }]);
    assert!(shown.root.text_content().unwrap().contains("sent7"));
    assert!(shown.root.text_content().unwrap().contains("Remove the 7 records of the bursts"));
}
