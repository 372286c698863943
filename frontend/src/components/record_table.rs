//! The table of records. Only the rows that can be seen, and some around them, are in the document.

use std::cell::RefCell;
use std::rc::Rc;

use client::session::Action;
use client::types::RecordId;
use gloo::events::EventListener;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, HtmlElement, MutationObserver, MutationObserverInit};
use yew::prelude::*;

use super::record_row::RecordRow;
use super::table_head;
use super::table_scroll_anchor::{self, ScrollAnchor};
use crate::browser;
use crate::view_model::{Layout, Order, TableRow, Window};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub layout: Rc<Layout>,
    pub rows: Rc<Vec<Rc<TableRow>>>,
    /// What the rows were searched for.
    #[prop_or_default]
    pub search: AttrValue,
    #[prop_or_default]
    pub order: Order,
    #[prop_or_default]
    pub on_order: Callback<Order>,
    pub on_action: Callback<Action>,
}

/// What of the table is in the document.
#[derive(Default)]
struct Shown {
    window: Window,
    rows: Rc<Vec<Rc<TableRow>>>,
    question: (AttrValue, Order),
    /// Whether that is another question than the one whose answer is in the document.
    is_new_question: bool,
    /// The row that has, or had, the focus: it stays in the document wherever it is, and Tab leads there.
    current: Option<RecordId>,
    /// The rows by which those in the document are numbered. `rows` may be newer while a change is being drawn.
    numbered: Rc<Vec<Rc<TableRow>>>,
    /// On paper there are all rows.
    is_printed: bool,
    /// Where things were before what is drawn now. The table may be drawn twice before it is told so once, and by the second
    /// time a row that was moved has lost the focus already.
    scroll_anchor: Option<ScrollAnchor>,
    /// Where the focus is to go: a column of the current row, by its class.
    goal: Option<String>,
}

impl Shown {
    /// Takes what is to be shown. A table that answers another question begins at its top.
    fn take(&mut self, props: &Props) {
        let Props { rows, search, order, .. } = props;
        let question = (search.clone(), *order);
        if question != self.question {
            self.window = self.window.moved(0, rows.len());
            (self.question, self.is_new_question) = (question, true);
        } else if !Rc::ptr_eq(rows, &self.rows) {
            let first = self.rows.get(self.window.first).filter(|_| self.window.first > 0).map(|row| row.id);
            let first = first.and_then(|id| position(rows, id)).unwrap_or(self.window.first);
            self.window = self.window.moved(first, rows.len());
            // Where the current row was is another one now.
            let gone = self.current.filter(|&id| position(rows, id).is_none()).and_then(|id| position(&self.rows, id));
            if let Some(at) = gone {
                self.current = rows.get(at).or(rows.last()).map(|row| row.id);
            }
        }
        self.rows = Rc::clone(rows);
    }

    /// Notes where things are, unless that was noted for a drawing that is still under way.
    fn take_scroll_anchor(&mut self, body: &NodeRef) {
        if self.scroll_anchor.is_none() {
            self.scroll_anchor = body.cast::<Element>().map(|body| ScrollAnchor::take(&body));
        }
    }

    /// Where the current row is, if that is outside of the window.
    fn pinned(&self) -> Option<usize> {
        let at = position(&self.rows, self.current?)?;
        (at < self.window.first || at >= self.window.end).then_some(at)
    }

    /// The row in which Tab stops.
    fn stop(&self) -> Option<RecordId> {
        let current = self.current.filter(|&id| position(&self.rows, id).is_some());
        current.or_else(|| Some(self.rows.get(self.window.first)?.id))
    }

    /// The places of the rows in the document, by which they are numbered from now on.
    fn number(&mut self) -> Vec<usize> {
        self.numbered = Rc::clone(&self.rows);
        self.places()
    }

    /// Which row is numbered so.
    fn row_at(&self, number: usize) -> Option<RecordId> {
        self.numbered.get(number).map(|row| row.id)
    }

    /// The rows in the document, by their places in the list.
    fn places(&self) -> Vec<usize> {
        let Window { first, end, .. } = self.window;
        let pinned = self.pinned();
        let before = pinned.filter(|&at| at < first);
        let behind = pinned.filter(|&at| at >= end);
        before.into_iter().chain(first..end.min(self.rows.len())).chain(behind).collect()
    }

    /// All rows are in the document while the page is printed.
    fn print(&mut self, is_printed: bool) {
        self.is_printed = is_printed;
        self.window = if is_printed { self.window.whole(self.rows.len()) } else { Window::default() };
    }

    /// Brings the window to what can be seen. Says whether it has changed.
    fn follow(&mut self, body: &Element) -> bool {
        if self.is_printed {
            return false;
        }
        let pinned = self.pinned().map(|at| self.rows[at].id.to_string());
        let Some((sight, heights)) = table_scroll_anchor::look(body, pinned.as_deref(), self.window.above) else {
            return false;
        };
        let window = self.window.followed(sight, &heights, self.rows.len());
        let is_same =
            (window.first, window.end, window.typical) == (self.window.first, self.window.end, self.window.typical);
        self.window = window;
        !is_same
    }
}

fn position(rows: &[Rc<TableRow>], id: RecordId) -> Option<usize> {
    rows.iter().position(|row| row.id == id)
}

#[component]
pub fn RecordTable(props: &Props) -> Html {
    let Props { layout, rows, order, on_order, .. } = props;
    let body = use_node_ref();
    let shown = use_mut_ref(Shown::default);
    let render = use_force_update();
    shown.borrow_mut().take_scroll_anchor(&body);
    shown.borrow_mut().take(props);
    use_order_after_each_change(&body, &shown);
    use_window_that_follows(&body, &shown);
    use_rows_for_paper(&shown);
    {
        let (body, shown, render) = (body.clone(), Rc::clone(&shown), render.clone());
        use_effect(move || {
            let Some(body) = body.cast::<Element>() else { return };
            put_in_order(&body, &shown);
            let stop = shown.borrow().stop();
            if let Some(row) = stop {
                table_scroll_anchor::keep_one_stop(&body, row);
            }
            // Nothing is borrowed any more when the focus comes: it is told to this table, too.
            let goal = shown.borrow_mut().goal.take();
            let current = shown.borrow().current;
            if let (Some(column), Some(row)) = (goal, current) {
                table_scroll_anchor::focus(&body, row, &column);
            }
            if shown.borrow_mut().follow(&body) {
                render.force_update();
            }
        });
    }
    let onkeydown = {
        let (shown, render) = (Rc::clone(&shown), render.clone());
        move |event: KeyboardEvent| on_key(&event, &shown, &render)
    };
    let onfocusin = {
        let (body, shown) = (body.clone(), Rc::clone(&shown));
        move |event: FocusEvent| {
            let row = event.target_dyn_into::<Element>().and_then(|target| table_scroll_anchor::place_of(&target));
            let mut shown = shown.borrow_mut();
            shown.current = row.and_then(|(at, _)| shown.row_at(at)).or(shown.current);
            if let (Some(body), Some(row)) = (body.cast::<Element>(), shown.current) {
                table_scroll_anchor::keep_one_stop(&body, row);
            }
        }
    };
    let headings = table_head::headings(layout);
    html! {
        <>
            { table_head::sorting(&headings, *order, on_order) }
            <table role="table" aria-labelledby="people-heading" aria-rowcount={(rows.len() + 1).to_string()}
                class={classes!(layout.is_wide().then_some("wide"))}>
                { table_head::show(&headings, *order, on_order) }
                <tbody ref={body} role="rowgroup" {onkeydown} {onfocusin}>{ for each(props, &shown.borrow()) }</tbody>
            </table>
        </>
    }
}

/// The rows of the window, the current one, and what keeps the room of the others.
fn each(Props { layout, on_action, .. }: &Props, shown: &Shown) -> Vec<Html> {
    let Shown { window, rows, .. } = shown;
    let row = |at: usize| {
        let row = &rows[at];
        html! {
            <RecordRow key={row.id.to_string()} layout={layout.clone()} row={row.clone()} on_action={on_action.clone()} />
        }
    };
    let pinned = shown.pinned();
    let (before, behind) = (pinned.filter(|&at| at < window.first), pinned.filter(|&at| at >= window.end));
    let mut each = Vec::new();
    let above = before.map_or(0.0, |at| window.place_of(at));
    each.push(spacer("above", above));
    each.extend(before.map(row));
    let taken = if before.is_some() { window.typical } else { 0.0 };
    each.push(spacer("before", window.above - above - taken));
    each.extend((window.first..window.end.min(rows.len())).map(row));
    let below = window.below(rows.len());
    let gap = behind.map_or(below, |at| window.place_of(at));
    each.push(spacer("behind", gap));
    each.extend(behind.map(row));
    let taken = if behind.is_some() { window.typical } else { 0.0 };
    each.push(spacer("below", below - gap - taken));
    each
}

fn spacer(key: &'static str, height: f64) -> Html {
    html! {
        <tr key={key} class="spacer" aria-hidden="true" hidden={height < 1.0}>
            <td style={format!("height: {}px", height.round() as u64)}></td>
        </tr>
    }
}

/// Numbers the rows that are in the document now, and gives the place on the screen and the focus back.
fn put_in_order(body: &Element, shown: &RefCell<Shown>) {
    let (places, is_new_question, scroll_anchor) = {
        let mut shown = shown.borrow_mut();
        (shown.number(), std::mem::take(&mut shown.is_new_question), shown.scroll_anchor.take())
    };
    table_scroll_anchor::number(body, &places);
    match scroll_anchor {
        _ if is_new_question => table_scroll_anchor::back_to_top(body),
        // The focus comes, of which this table is told: nothing is borrowed any more.
        Some(scroll_anchor) => scroll_anchor.restore(body),
        None => {}
    }
}

/// Puts rows in order as soon as they have come, gone or moved. Effects may run much later, and until then the keys of
/// somebody whose row was moved would go nowhere.
#[hook]
fn use_order_after_each_change(body: &NodeRef, shown: &Rc<RefCell<Shown>>) {
    let (body, shown) = (body.clone(), Rc::clone(shown));
    use_effect_with((), move |()| {
        let observed = body.cast::<Element>();
        let on_change = Closure::<dyn FnMut()>::new(move || {
            if let Some(body) = body.cast::<Element>() {
                put_in_order(&body, &shown);
            }
        });
        let observer = MutationObserver::new(on_change.as_ref().unchecked_ref()).ok();
        if let (Some(observer), Some(body)) = (&observer, observed) {
            let options = MutationObserverInit::new();
            options.set_child_list(true);
            // Only options that ask for nothing are refused.
            let _observed = observer.observe_with_options(&body, &options);
        }
        move || {
            if let Some(observer) = observer {
                observer.disconnect();
            }
            drop(on_change);
        }
    });
}

/// Brings the window to what can be seen whenever somebody scrolls, or turns the phone.
#[hook]
fn use_window_that_follows(body: &NodeRef, shown: &Rc<RefCell<Shown>>) {
    let (body, shown, render) = (body.clone(), Rc::clone(shown), use_force_update());
    use_effect_with((), move |()| {
        let follow = move |_: &web_sys::Event| {
            let Some(body) = body.cast::<Element>() else { return };
            if shown.borrow_mut().follow(&body) {
                render.force_update();
            }
        };
        let follow = Rc::new(follow);
        let listeners = ["scroll", "resize"].map(|event| {
            let follow = Rc::clone(&follow);
            EventListener::new(&browser::window(), event, move |event| follow(event))
        });
        move || drop(listeners)
    });
}

/// Has all rows in the document while the page is printed.
#[hook]
fn use_rows_for_paper(shown: &Rc<RefCell<Shown>>) {
    let (shown, render) = (Rc::clone(shown), use_force_update());
    use_effect_with((), move |()| {
        let listeners = [("beforeprint", true), ("afterprint", false)].map(|(event, is_printed)| {
            let (shown, render) = (Rc::clone(&shown), render.clone());
            EventListener::new(&browser::window(), event, move |_| {
                shown.borrow_mut().print(is_printed);
                render.force_update();
            })
        });
        move || drop(listeners)
    });
}

/// The keys that move among the rows, also to those that are not in the document, and among the buttons of a row.
fn on_key(event: &KeyboardEvent, shown: &Rc<RefCell<Shown>>, render: &UseForceUpdateHandle) {
    let target = event.target_dyn_into::<HtmlElement>().filter(|target| target.tag_name() == "BUTTON");
    let Some(target) = target.filter(|_| !(event.ctrl_key() || event.alt_key() || event.meta_key())) else { return };
    let Some((at, column)) = table_scroll_anchor::place_of(&target) else { return };
    let (at, last, screenful) = {
        let shown = shown.borrow();
        let at = shown.row_at(at).and_then(|id| position(&shown.rows, id)).unwrap_or(at);
        (at, shown.rows.len().saturating_sub(1), table_scroll_anchor::screenful(shown.window.typical))
    };
    let to = match event.key().as_str() {
        "ArrowDown" => at + 1,
        "ArrowUp" => at.saturating_sub(1),
        "PageDown" => at + screenful,
        "PageUp" => at.saturating_sub(screenful),
        "Home" => 0,
        "End" => last,
        "ArrowRight" => return table_scroll_anchor::focus_beside(event, &target, true),
        "ArrowLeft" => return table_scroll_anchor::focus_beside(event, &target, false),
        _ => return,
    };
    event.prevent_default();
    {
        let mut shown = shown.borrow_mut();
        shown.current = shown.rows.get(to.min(last)).map(|row| row.id);
        shown.goal = Some(column);
    }
    render.force_update();
}
