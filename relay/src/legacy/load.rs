//! The load, and the switch between Paxos and CRDTs alone.

use serde::Serialize;
use shared::ledger::{Epoch, Level, Load, Mode, Operation, Reason};
use shared::replica::access::Principal;

use super::Original;
use super::input::{Input, Members};
use super::refusal::Refusal;

/// The load as the original tells it, and what it rests on here.
#[derive(Debug, Serialize)]
pub struct Report {
    /// How many HTTP requests have come to this relay since its count has begun; the original's `REQUEST_COUNT`.
    load: u64,
    #[serde(rename = "REQUEST_COUNT")]
    request_count: u64,
    #[serde(rename = "HIGH_REQUEST")]
    high_request: u32,
    #[serde(rename = "USE_CRDT_ONLY")]
    use_crdt_only: bool,
    epoch: u64,
    level: Level,
    reason: Reason,
    /// What the leader has measured in the last window; `null` until it has.
    measured: Option<Load>,
}

/// Asks for the numbers to be given by CRDTs alone, or no longer.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    use_crdt_only: bool,
}

impl Input for Switch {
    const EXAMPLE: &'static str = r#"{"use_crdt_only": false}, or nothing to switch to CRDTs only"#;
    const MAY_BE_EMPTY: bool = true;

    fn from_members(members: &Members) -> Result<Self, String> {
        Ok(Switch { use_crdt_only: members.yes_or_no("use_crdt_only")?.unwrap_or(true) })
    }
}

/// How numbers are given from now on.
#[derive(Debug, Serialize)]
pub struct Switched {
    message: &'static str,
    /// Whether more than one request had come since the count had begun, which now begins anew.
    load_increased: bool,
}

impl Original {
    pub async fn load(&self) -> Result<Report, Refusal> {
        let load = self.node.http_requests().count();
        let (measured, settings, epoch) =
            self.read(|view| (view.load(), view.ledger().dynamic(), view.ledger().epoch())).await?;
        let Epoch { number, level, reason, .. } = epoch;
        Ok(Report {
            load,
            request_count: load,
            high_request: settings.high_request,
            use_crdt_only: level.mode() == Mode::CrdtOnly,
            epoch: number,
            level,
            reason,
            measured,
        })
    }

    /// Begins another epoch. To CRDTs alone it is kept by hand; back from there, load decides again.
    pub async fn switch(&self, Switch { use_crdt_only }: Switch) -> Result<Switched, Refusal> {
        let (level, reason, message) = if use_crdt_only {
            (Level::Provisional, Reason::ByHand, "numbers are given by CRDTs alone until somebody switches back")
        } else {
            (Level::Batching, Reason::Resumed, "numbers are given by Paxos again, and load may change that")
        };
        let load = self.read(|view| view.load().unwrap_or_default()).await?;
        self.ask(Principal::Editor, Operation::SetMode { from: None, level, reason, load }).await?;
        Ok(Switched { message, load_increased: self.node.http_requests().begin_anew() > 1 })
    }
}
