//! Operations for numbers that wait for a sign of the relay. Over a link that has gone dead without a word, an operation would wait for
//! the end of the outage, though this tab could give a number by itself.

use super::global;
use super::{Client, State};
use crate::session::Action;

impl Client {
    /// Does what the user wants: at once in this tab, and on the relays as soon as they can be reached. A number is asked for
    /// as soon as it is known whether there is a relay. A tab that is still reading what it has kept does it when it has that.
    pub fn act(&self, action: Action) {
        match action {
            // There is nothing to read for it.
            Action::DismissNotice { .. } => self.act_now(action),
            _ => self.once_read(move |client| client.act_now(action)),
        }
    }

    fn act_now(&self, action: Action) {
        let is_held = {
            let State { link, session, .. } = &mut *self.0.state.borrow_mut();
            // Without a lease there is nothing to be gained by it.
            let can_give = link.open_socket().is_some() && session.view().leased() > 0;
            let waits = can_give && matches!(action, Action::Number { .. });
            if waits {
                link.held.push(action.clone());
            }
            waits
        };
        if is_held {
            self.watch();
        } else if action == Action::Undo {
            self.undo();
        } else {
            self.advance(|session| session.act(global::now(), action));
        }
    }

    /// The relay has given a sign, or the link is gone.
    pub(super) fn act_on_held(&self) {
        let held = std::mem::take(&mut self.0.state.borrow_mut().link.held);
        for action in held {
            self.advance(|session| session.act(global::now(), action));
        }
    }
}
