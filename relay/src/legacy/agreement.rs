//! The highest number, by Paxos.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use serde::Serialize;
use shared::consensus::Ballot;
use shared::ledger::{Granted, Operation, Rejection};
use shared::replica::access::{self, Act, Principal};
use shared::replica::io::{Command, CommandRejection, Reply};

use super::Original;
use super::input::{Input, Members};
use super::refusal::Refusal;
use crate::app::App;

/// Asks an acceptor what it has promised and accepted.
#[derive(Clone, Copy, Debug)]
pub struct Prepare {
    proposal_number: u64,
}

impl Input for Prepare {
    const EXAMPLE: &'static str = r#"{"proposal_number": 1}"#;

    fn from_members(members: &Members) -> Result<Self, String> {
        Ok(Prepare { proposal_number: members.count("proposal_number")? })
    }
}

/// How this relay's acceptor stands towards a proposal.
#[derive(Debug, Serialize)]
pub struct Promise {
    /// Whether the proposal is above all that it has promised.
    promised: bool,
    /// The round of the ballot under which it has accepted last.
    accepted_proposal: Option<u64>,
    /// The highest number.
    accepted_value: Option<u64>,
}

/// Proposes a highest number.
#[derive(Clone, Copy, Debug)]
pub struct Accept {
    value: u64,
}

impl Input for Accept {
    const EXAMPLE: &'static str = r#"{"proposal_number": 1, "value": 7}"#;

    fn from_members(members: &Members) -> Result<Self, String> {
        // The log has ballots of its own; this one says nothing to it.
        members.count("proposal_number")?;
        Ok(Accept { value: members.count("value")? })
    }
}

/// The principal who proposes: an operator if the request carries the link secret, an editor if it carries none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker(Principal);

/// Whether a proposed number has become the highest.
#[derive(Debug, Serialize)]
pub struct Accepted {
    accepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// The highest number; `null` if there is none.
#[derive(Debug, Serialize)]
pub struct Highest {
    pub number: Option<u64>,
}

impl Original {
    /// Reports, and promises nothing: only voters move ballots.
    pub async fn prepare(&self, Prepare { proposal_number }: Prepare) -> Result<Promise, Refusal> {
        let (acceptor_state, highest) =
            self.read(|view| (view.acceptor_state().unwrap_or_default(), view.ledger().highest())).await?;
        let (ballot, _) = acceptor_state.accepted;
        Ok(Promise {
            promised: proposal_number > acceptor_state.promised.round,
            accepted_proposal: (ballot != Ballot::ZERO).then_some(ballot.round),
            accepted_value: (highest > 0).then_some(highest),
        })
    }

    /// Proposes through the log. Only an operator may go further than the reach.
    pub async fn accept(&self, Accept { value }: Accept, Asker(asker): Asker) -> Result<Accepted, Refusal> {
        let highest = self.highest().await?.number.unwrap_or(0);
        if value <= highest {
            return Ok(Accepted::not_above(highest));
        }
        let leap = Operation::Leap { number: value };
        let may_leap = access::may(asker, &Act::Ask(&leap)).is_ok();
        let operation = if may_leap { leap } else { Operation::Raise { number: value } };
        match self.ask(asker, operation).await {
            Ok(Granted::Highest { number }) if number == value => Ok(Accepted { accepted: true, reason: None }),
            Ok(Granted::Highest { number }) => Ok(Accepted::not_above(number)),
            Ok(other) => unreachable!("the highest number was to be raised, not {other:?}"),
            Err(Refusal::Rejected(CommandRejection::Refused(rejection @ Rejection::TooFarAhead { .. }))) => {
                Ok(Accepted { accepted: false, reason: Some(rejection.to_string()) })
            }
            Err(refusal) => Err(refusal),
        }
    }

    pub async fn highest(&self) -> Result<Highest, Refusal> {
        let highest = self.read(|view| view.highest()).await?;
        Ok(Highest { number: (highest > 0).then_some(highest) })
    }

    /// Raises the highest number: by the log, or where that is not asked by a register that merges.
    pub async fn raise(&self, number: u64) -> Result<(), Refusal> {
        match self.command(Command::Raise { number }).await? {
            Reply::Raised { .. } | Reply::Decided(_, Ok(_)) => Ok(()),
            Reply::Decided(_, Err(rejection)) => Err(rejection.into()),
            other => unreachable!("the highest number was to be raised, not {other:?}"),
        }
    }
}

impl FromRequestParts<App> for Asker {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let Some(given) = parts.headers.get(header::AUTHORIZATION) else { return Ok(Asker(Principal::Editor)) };
        let is_secret = app.config.link_secret.as_ref().is_some_and(|secret| secret.matches(given.as_bytes()));
        if is_secret { Ok(Asker(Principal::Operator)) } else { Err(Refusal::NotOperator) }
    }
}

impl Accepted {
    fn not_above(highest: u64) -> Self {
        Accepted {
            accepted: false,
            reason: Some(format!("the highest number is {highest} already: propose a higher one")),
        }
    }
}
