//! A component in a real document, and what is done to it.

use std::cell::RefCell;
use std::rc::Rc;

use client::session::Action;
use frontend::browser;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, HtmlInputElement, InputEvent, InputEventInit, KeyboardEvent, KeyboardEventInit};
use yew::{BaseComponent, Callback};

use crate::rendered::rendered;

/// A component in the document, with all that was asked of it.
pub struct Shown {
    pub root: Element,
    pub actions: Rc<RefCell<Vec<Action>>>,
}

impl Shown {
    pub async fn component<C: BaseComponent>(
        within: &str,
        props: impl FnOnce(Callback<Action>) -> C::Properties,
    ) -> Self {
        let root = browser::document().create_element(within).unwrap();
        browser::document().body().unwrap().append_child(&root).unwrap();
        let actions = Rc::new(RefCell::new(Vec::new()));
        let asked = Rc::clone(&actions);
        let on_action = Callback::from(move |action| asked.borrow_mut().push(action));
        yew::Renderer::<C>::with_root_and_props(root.clone(), props(on_action)).render();
        rendered().await;
        Shown { root, actions }
    }

    pub fn labelled(&self, label: &str) -> HtmlElement {
        let element = self.root.query_selector(&format!("[aria-label={label:?}]")).unwrap();
        element.unwrap_or_else(|| panic!("nothing is called {label}")).unchecked_into()
    }

    pub async fn click(&self, label: &str) {
        self.labelled(label).click();
        rendered().await;
    }

    /// Types over what is in a field of one line or of several, then presses a key there.
    pub async fn type_and_press(&self, label: &str, text: &str, key: &str) {
        // A text area has a value in the same way.
        let input: HtmlInputElement = self.labelled(label).unchecked_into();
        input.set_value(text);
        let typed = InputEventInit::new();
        typed.set_bubbles(true);
        input.dispatch_event(&InputEvent::new_with_event_init_dict("input", &typed).unwrap()).unwrap();
        rendered().await;
        self.press(label, key).await;
    }

    pub async fn press(&self, label: &str, key: &str) {
        let pressed = KeyboardEventInit::new();
        pressed.set_bubbles(true);
        pressed.set_key(key);
        let event = KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &pressed).unwrap();
        self.labelled(label).dispatch_event(&event).unwrap();
        rendered().await;
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.root.remove();
    }
}
