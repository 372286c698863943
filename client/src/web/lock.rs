//! Web Locks: what one tab of a browser holds, no other does.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::global;
use super::patience::within;

/// How long a page that is loaded anew waits for the lock of the one that it replaces, in milliseconds.
const HANDOVER_MS: u32 = 250;

/// How long the browser may take to say whether a lock can be had.
const ANSWER: Duration = Duration::from_secs(3);

/// Held until it is dropped, or the page is gone.
pub struct Lock {
    release: Function,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _released = self.release.call0(&JsValue::UNDEFINED);
    }
}

/// How long to wait for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    None,
    /// As long as a page takes to go that was loaded anew.
    Handover,
}

/// Whether this browser has locks; not on pages that come over plain HTTP from other machines.
#[must_use]
pub fn is_possible() -> bool {
    manager().is_some()
}

/// Takes the lock of this name, unless somebody else holds it.
pub async fn take(name: &str, patience: Patience) -> Option<Lock> {
    let manager = manager()?;
    let request: Function = Reflect::get(&manager, &"request".into()).ok()?.dyn_into().ok()?;
    let (release, is_late) = (Rc::new(RefCell::new(None)), Rc::new(Cell::new(false)));
    let mut tell = None;
    let granted = Promise::new(&mut |resolve, _| tell = Some(resolve));
    let on_granted = {
        let (release, is_late, tell) = (Rc::clone(&release), Rc::clone(&is_late), tell?);
        Closure::once_into_js(move |lock: JsValue| -> JsValue {
            if lock.is_null() || is_late.get() {
                return JsValue::UNDEFINED;
            }
            let held = Promise::new(&mut |resolve, _| *release.borrow_mut() = Some(resolve));
            let _told = tell.call0(&JsValue::UNDEFINED);
            held.into()
        })
    };
    let options = options(patience)?;
    let over = request.call3(&manager, &name.into(), &options, &on_granted).ok()?;
    // Refused and given up settle the request itself; a granted one is settled when the lock is released.
    let answered = within(ANSWER, JsFuture::from(Promise::race(&Array::of2(&granted, &over)))).await;
    is_late.set(answered.is_none());
    release.take().map(|release| Lock { release })
}

fn options(patience: Patience) -> Option<Object> {
    let options = Object::new();
    let (key, value) = match patience {
        Patience::None => ("ifAvailable", JsValue::TRUE),
        Patience::Handover => {
            let signals = Reflect::get(&js_sys::global(), &"AbortSignal".into()).ok()?;
            let timeout: Function = Reflect::get(&signals, &"timeout".into()).ok()?.dyn_into().ok()?;
            ("signal", timeout.call1(&signals, &HANDOVER_MS.into()).ok()?)
        }
    };
    Reflect::set(&options, &key.into(), &value).ok()?;
    Some(options)
}

fn manager() -> Option<JsValue> {
    global::locks().filter(JsValue::is_object)
}
