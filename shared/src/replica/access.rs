//! Who may say or ask what.
//!
//! [`may`] is the only answer to this question: links, the HTTP API, the original's interface and the commands of operators
//! all ask it. Today everybody who reaches a relay is an editor of all its rooms.

use thiserror::Error;

use crate::base::dot::Dot;
use crate::base::id::ReplicaId;
use crate::ledger::{Operation, Reason};
use crate::replica::io::{Command, CommandRejection, Message, MessageClass, PeerKind, Violation};
use crate::replica::rules::{InForce, Rules};

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The tab that has proved this id. Its user is an editor.
    Tab(ReplicaId),
    /// A relay: it has proved that it knows the link secret.
    Relay,
    /// A person or a program that uses a relay over HTTP, without the link secret.
    Editor,
    /// A person who runs the relays: over HTTP, with the link secret.
    Operator,
}

/// Which kind of replica a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// A tab.
    Tab,
    /// A relay.
    Relay,
}

/// Something that a principal wants to do.
#[derive(Clone, Copy, Debug)]
pub enum Act<'a> {
    /// Sends a message to a replica. Its contents are acts of their own.
    Say(&'a Message, Receiver),
    /// Has a replica carry out a command.
    Command(&'a Command),
    /// Asks the log for an operation.
    Ask(&'a Operation),
    /// Gives this dot to an edit.
    Write(Dot),
    /// Requests, attests, denies or acknowledges in the name of this replica.
    SpeakFor(ReplicaId),
    /// Links to a relay as a relay, or looks at how the relays are run.
    Operate,
}

/// The reason why an act is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Denied {
    /// Only relays, or the people who run them, may do this.
    #[error("only relays, or those who run them, may do this: send the link secret along")]
    NotAllowed,
    /// The dot belongs to another replica.
    #[error("a tab may not write under the name of another replica ({dot}): send edits of its own")]
    ForeignDot {
        /// The dot that was written under.
        dot: Dot,
    },
    /// The request, or the word, is in the name of another replica.
    #[error("a tab may not ask under the name of another replica: send requests of its own")]
    ForeignRequest,
}

/// Decides whether a principal may do something.
///
/// # Errors
/// [`Denied`] says why not.
pub fn may(principal: Principal, act: &Act<'_>) -> Result<(), Denied> {
    let is_allowed = match *act {
        Act::Say(message, receiver) => may_say(principal, message, receiver),
        Act::Command(command) => may_command(principal, command),
        Act::Ask(operation) => may_ask(principal, operation),
        Act::Write(dot) => principal.is(dot.replica()),
        Act::SpeakFor(replica) => principal.is(replica),
        Act::Operate => matches!(principal, Principal::Relay | Principal::Operator),
    };
    if is_allowed || !InForce::denies() {
        return Ok(());
    }
    match *act {
        Act::Write(dot) => Err(Denied::ForeignDot { dot }),
        Act::SpeakFor(_) => Err(Denied::ForeignRequest),
        Act::Say(..) | Act::Command(_) | Act::Ask(_) | Act::Operate => Err(Denied::NotAllowed),
    }
}

impl Principal {
    /// Returns true if it may speak for a replica: a tab for itself, a relay for all whose edits it passes on.
    fn is(self, replica: ReplicaId) -> bool {
        match self {
            Principal::Tab(id) => id == replica,
            Principal::Relay => true,
            Principal::Editor | Principal::Operator => false,
        }
    }
}

impl From<PeerKind> for Principal {
    /// Who acts when a peer of this kind says something.
    fn from(kind: PeerKind) -> Self {
        match kind {
            PeerKind::Relay(..) => Principal::Relay,
            PeerKind::Tab(tab) => Principal::Tab(tab),
        }
    }
}

fn may_say(principal: Principal, message: &Message, to: Receiver) -> bool {
    let (is_relay, is_tab) = (principal == Principal::Relay, matches!(principal, Principal::Tab(_)));
    match message.class() {
        MessageClass::Edits | MessageClass::CatchUp | MessageClass::Remark => is_relay || is_tab,
        MessageClass::ForRelay => (is_relay || is_tab) && to == Receiver::Relay,
        // From a relay, or from another tab of the browser.
        MessageClass::Log => is_relay || (is_tab && to == Receiver::Tab),
        MessageClass::BetweenRelays => is_relay && to == Receiver::Relay,
        MessageClass::ByRelay => is_relay,
    }
}

fn may_command(principal: Principal, command: &Command) -> bool {
    match command {
        Command::Ask(operation) => may_ask(principal, operation),
        // Only relays can tell whether a key was used.
        Command::Once { command, .. } => !matches!(principal, Principal::Tab(_)) && may_command(principal, command),
        Command::Add { .. }
        | Command::Edit { .. }
        | Command::Change { .. }
        | Command::Remove { .. }
        | Command::Undo
        | Command::JoinImport { .. }
        | Command::UndoImport { .. }
        | Command::Number { .. }
        | Command::Register { .. }
        | Command::Free { .. }
        | Command::Dismiss { .. }
        | Command::Raise { .. }
        | Command::Lease { .. }
        | Command::Read(_)
        | Command::Observer { .. }
        | Command::Watch(_) => true,
    }
}

fn may_ask(principal: Principal, operation: &Operation) -> bool {
    let is_relay = principal == Principal::Relay;
    match operation {
        Operation::Assign { .. }
        | Operation::Allocate { .. }
        | Operation::Raise { .. }
        | Operation::Release { .. }
        | Operation::CompareAndSet { .. }
        | Operation::SetDynamic { .. }
        | Operation::Resolve { .. } => true,
        Operation::GrantRange { to, .. } => principal.is(*to),
        Operation::SetMode { reason, .. } => is_relay || matches!(reason, Reason::ByHand | Reason::Resumed),
        Operation::SetPolicy { .. }
        | Operation::Reconfigure { .. }
        | Operation::Retire { .. }
        | Operation::SetReach { .. }
        | Operation::Leap { .. } => is_relay || principal == Principal::Operator,
        Operation::Settle { .. } | Operation::Waive | Operation::Once { .. } | Operation::Finish { .. } => is_relay,
    }
}

impl From<Denied> for Violation {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::NotAllowed => Violation::NotForTabs,
            Denied::ForeignDot { dot } => Violation::ForeignDot { dot },
            Denied::ForeignRequest => Violation::ForeignRequest,
        }
    }
}

impl From<Denied> for CommandRejection {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::NotAllowed | Denied::ForeignDot { .. } | Denied::ForeignRequest => CommandRejection::NotForTabs,
        }
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::base::id::RecordId;
    use crate::base::sorted::SortedMap;
    use crate::consensus::{Position, Slot};
    use crate::ledger::{Key, Keyed, Level, Load, Policy};

    const ME: ReplicaId = ReplicaId(1);
    const OTHER: ReplicaId = ReplicaId(2);
    const EVERYBODY: [Principal; 4] = [Principal::Tab(ME), Principal::Relay, Principal::Editor, Principal::Operator];

    /// Asserts for a tab, a relay, an editor and an operator, in this order, whether each may act.
    fn assert_may(act: &Act<'_>, expected: [bool; 4]) {
        assert_eq!(EVERYBODY.map(|principal| may(principal, act).is_ok()), expected, "{act:?}");
    }

    #[test]
    fn messages_are_allowed_by_who_sends_them_and_who_receives_them() {
        // Sent by a tab to a tab, by a tab to a relay, by a relay to a tab, by a relay to a relay.
        let table: [(Message, [bool; 4]); 6] = [
            (Message::More, [true, true, true, true]),
            (Message::ReadIndex { id: 1 }, [false, true, false, true]),
            (Message::Attest(Vec::new()), [false, true, false, true]),
            (Message::FetchPart { at: Slot(0), offset: 0 }, [true, true, true, true]),
            (Message::Raised { number: 1 }, [false, false, false, true]),
            (Message::Released { until: Slot(0) }, [false, false, true, true]),
        ];
        for (message, expected) in table {
            let ways = [
                (Principal::Tab(ME), Receiver::Tab),
                (Principal::Tab(ME), Receiver::Relay),
                (Principal::Relay, Receiver::Tab),
                (Principal::Relay, Receiver::Relay),
            ];
            let allowed = ways.map(|(sender, receiver)| may(sender, &Act::Say(&message, receiver)).is_ok());
            assert_eq!(allowed, expected, "{message:?}");
            assert_may(&Act::Say(&message, Receiver::Relay), [expected[1], expected[3], false, false]);
        }
    }

    #[test]
    fn log_comes_from_relays_and_between_tabs_and_never_from_a_tab_to_a_relay() {
        let part =
            Message::SnapshotPart { at: Position { slot: Slot(0), chain: 0 }, length: 0, offset: 0, bytes: Vec::new() };
        assert_eq!(may(Principal::Tab(ME), &Act::Say(&part, Receiver::Relay)), Err(Denied::NotAllowed));
        assert_eq!(may(Principal::Tab(ME), &Act::Say(&part, Receiver::Tab)), Ok(()));
        assert_eq!(may(Principal::Relay, &Act::Say(&part, Receiver::Tab)), Ok(()));
    }

    #[test]
    fn operations_are_those_of_editors_of_operators_or_of_relays() {
        let record = RecordId(Dot::new(ME, 1));
        let set_mode =
            |reason| Operation::SetMode { from: None, level: Level::Batching, reason, load: Load::default() };
        let table = [
            (Operation::Allocate { record }, [true; 4]),
            (set_mode(Reason::ByHand), [true; 4]),
            (set_mode(Reason::Load), [false, true, false, false]),
            (Operation::GrantRange { to: ME, count: 1, above: 0 }, [true, true, false, false]),
            (Operation::GrantRange { to: OTHER, count: 1, above: 0 }, [false, true, false, false]),
            (Operation::SetReach { most: 1 }, [false, true, false, true]),
            (Operation::Leap { number: 1 }, [false, true, false, true]),
            (Operation::SetPolicy { policy: Policy::default() }, [false, true, false, true]),
            (Operation::Reconfigure { from: 0, voters: SortedMap::new() }, [false, true, false, true]),
            (Operation::Waive, [false, true, false, false]),
        ];
        for (operation, expected) in table {
            assert_may(&Act::Ask(&operation), expected);
            assert_may(&Act::Command(&Command::Ask(operation)), expected);
        }
    }

    #[test]
    fn http_requests_under_keys_are_not_for_tabs_and_hide_no_operation() {
        let keyed = Keyed { key: Key([0; 16]), hash: 0, since: Slot(0) };
        let once = |command| Command::Once { keyed, command: Box::new(command) };
        assert_may(&Act::Command(&once(Command::Undo)), [false, true, true, true]);
        assert_may(&Act::Command(&once(Command::Ask(Operation::Leap { number: 1 }))), [false, true, false, true]);
    }

    #[test]
    fn tab_writes_and_speaks_for_itself_alone() {
        let dot = |replica| Dot::new(replica, 1);
        assert_may(&Act::Write(dot(ME)), [true, true, false, false]);
        assert_eq!(may(Principal::Tab(ME), &Act::Write(dot(OTHER))), Err(Denied::ForeignDot { dot: dot(OTHER) }));
        assert_may(&Act::SpeakFor(ME), [true, true, false, false]);
        assert_eq!(may(Principal::Tab(ME), &Act::SpeakFor(OTHER)), Err(Denied::ForeignRequest));
    }

    #[test]
    fn relays_are_run_by_those_with_the_link_secret() {
        assert_may(&Act::Operate, [false, true, false, true]);
    }
}
