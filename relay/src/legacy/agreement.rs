//! The highest number, by Paxos.

use serde::{Deserialize, Serialize};
use shared::ledger::{Granted, Wish};
use shared::paxos::Ballot;

use super::Original;
use super::input::Input;
use super::refusal::Refusal;

/// Asks an acceptor what it has promised and accepted.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prepare {
    proposal_number: u64,
}

impl Input for Prepare {
    const EXAMPLE: &'static str = r#"{"proposal_number": 1}"#;
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
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// The log has ballots of its own; this one says nothing to it.
    #[serde(rename = "proposal_number")]
    _proposal_number: u64,
    value: u64,
}

impl Input for Accept {
    const EXAMPLE: &'static str = r#"{"proposal_number": 1, "value": 7}"#;
}

/// Whether a proposed number has become the highest.
#[derive(Debug, Serialize)]
pub struct Accepted {
    accepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// The highest number.
#[derive(Debug, Serialize)]
pub struct Highest {
    pub highest_number: u64,
}

impl Original {
    /// Reports, and promises nothing: only voters move ballots.
    pub async fn prepare(&self, Prepare { proposal_number }: Prepare) -> Result<Promise, Refusal> {
        let (standing, highest) =
            self.read(|view| (view.standing().unwrap_or_default(), view.ledger().highest())).await?;
        let (ballot, _) = standing.accepted;
        Ok(Promise {
            promised: proposal_number > standing.promised.round,
            accepted_proposal: (ballot != Ballot::ZERO).then_some(ballot.round),
            accepted_value: (highest > 0).then_some(highest),
        })
    }

    /// Proposes through the log.
    pub async fn accept(&self, Accept { value, .. }: Accept) -> Result<Accepted, Refusal> {
        let Highest { highest_number } = self.highest().await?;
        if value <= highest_number {
            return Ok(Accepted::not_above(highest_number));
        }
        match self.ask(Wish::Raise { number: value }).await? {
            Granted::Highest { number } if number == value => Ok(Accepted { accepted: true, reason: None }),
            Granted::Highest { number } => Ok(Accepted::not_above(number)),
            other => unreachable!("the highest number was to be raised, not {other:?}"),
        }
    }

    pub async fn highest(&self) -> Result<Highest, Refusal> {
        Ok(Highest { highest_number: self.read(|view| view.ledger().highest()).await? })
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
