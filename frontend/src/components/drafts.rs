//! Text that was typed into the table and the form, and is not saved. It outlives the fields it was typed into: those
//! come and go with the rows and the pages.

use std::cell::RefCell;
use std::rc::Rc;

use client::types::{FieldName, Live, RecordId, SortedMap};
use yew::prelude::*;

use super::record_form::FormDraft;

/// An edit to be saved: the text, and the versions of the record that its user saw when the field was opened.
pub type Typed = (String, Option<Vec<Live>>);

/// Which field of the table it is.
pub type DraftOf = (RecordId, FieldName);

/// A field that is open.
#[derive(Clone, PartialEq)]
pub struct Draft {
    pub text: String,
    pub wrong: Option<String>,
    /// The text of the field when it was opened.
    pub start: String,
    /// The typed text, in words, for a user who cannot see the field any more.
    pub label: String,
    /// The record as it was when the field was opened.
    pub seen: Option<Vec<Live>>,
    /// Takes the text, by what was shown when the field was opened.
    pub save: Callback<Typed, Result<(), String>>,
}

impl Draft {
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.text != self.start
    }
}

/// All drafts of this page. Clones are handles on the same drafts.
#[derive(Clone)]
pub struct Drafts(Rc<Inner>);

struct Inner {
    of: RefCell<SortedMap<DraftOf, Draft>>,
    form: RefCell<FormDraft>,
    /// The versions of a record as it is shown.
    look: Callback<RecordId, Vec<Live>>,
}

impl PartialEq for Drafts {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Drafts {
    #[must_use]
    pub fn new(look: Callback<RecordId, Vec<Live>>) -> Self {
        Drafts(Rc::new(Inner { of: RefCell::default(), form: RefCell::default(), look }))
    }

    /// The versions of a record, for a draft that begins.
    #[must_use]
    pub fn see(&self, record: RecordId) -> Vec<Live> {
        self.0.look.emit(record)
    }

    #[must_use]
    pub fn get(&self, of: &DraftOf) -> Option<Draft> {
        self.0.of.borrow().get(of).cloned()
    }

    pub fn set(&self, of: &DraftOf, draft: Option<Draft>) {
        let mut kept = self.0.of.borrow_mut();
        match draft {
            Some(draft) => drop(kept.insert(of.clone(), draft)),
            None => drop(kept.remove(of)),
        }
    }

    #[must_use]
    pub fn form(&self) -> FormDraft {
        self.0.form.borrow().clone()
    }

    pub fn set_form(&self, draft: FormDraft) {
        self.0.form.replace(draft);
    }

    /// The fields of the table with text that is not saved.
    #[must_use]
    pub fn changed(&self) -> Vec<(DraftOf, Draft)> {
        let kept = self.0.of.borrow();
        kept.iter().filter(|(_, draft)| draft.is_changed()).map(|(of, draft)| (of.clone(), draft.clone())).collect()
    }

    /// Whether closing the page would lose something that was typed.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.0.form.borrow().is_changed() || self.0.of.borrow().values().any(Draft::is_changed)
    }
}

/// A draft that is kept by the page, if it keeps drafts, or as long as the field is there.
#[hook]
pub(super) fn use_draft(of: &Option<DraftOf>) -> (Option<Draft>, Callback<Option<Draft>>, Option<Drafts>) {
    let drafts = use_context::<Drafts>();
    let kept = drafts.clone().zip(of.clone());
    let draft = {
        let kept = kept.clone();
        use_state(move || kept.and_then(|(drafts, of)| drafts.get(&of)))
    };
    let current = (*draft).clone();
    let set = Callback::from(move |next: Option<Draft>| {
        if let Some((drafts, of)) = &kept {
            drafts.set(of, next.clone());
        }
        draft.set(next);
    });
    (current, set, drafts)
}
