//! The load, and the switch between Paxos and CRDTs alone.

use serde::{Deserialize, Serialize};
use shared::ledger::{Epoch, Granted, Load, Mode, Reason, Rung, Wish};

use super::Original;
use super::input::Input;
use super::refusal::Refusal;

/// The original's three variables, and what they rest on here.
#[derive(Debug, Serialize)]
pub struct Report {
    /// How many numbers were asked for in the last window.
    #[serde(rename = "REQUEST_COUNT")]
    request_count: u32,
    #[serde(rename = "HIGH_REQUEST")]
    high_request: u32,
    #[serde(rename = "USE_CRDT_ONLY")]
    use_crdt_only: bool,
    epoch: u64,
    rung: Rung,
    reason: Reason,
    /// What the leader has measured in the last window; `null` until it has.
    load: Option<Load>,
}

/// Asks for the numbers to be given by CRDTs alone, or no longer.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    #[serde(default = "yes")]
    use_crdt_only: bool,
}

fn yes() -> bool {
    true
}

impl Input for Switch {
    const EXAMPLE: &'static str = r#"{"use_crdt_only": false}, or nothing to switch to CRDTs only"#;
    const MAY_BE_EMPTY: bool = true;
}

/// How numbers are given from now on.
#[derive(Debug, Serialize)]
pub struct Switched {
    use_crdt_only: bool,
    epoch: u64,
    rung: Rung,
}

impl Original {
    pub async fn load(&self) -> Result<Report, Refusal> {
        let (load, settings, epoch) =
            self.read(|view| (view.load(), view.ledger().dynamic(), view.ledger().epoch())).await?;
        let Epoch { number, rung, reason, .. } = epoch;
        Ok(Report {
            request_count: load.map_or(0, |load| load.requests),
            high_request: settings.high_request,
            use_crdt_only: is_crdt_only(rung),
            epoch: number,
            rung,
            reason,
            load,
        })
    }

    /// Begins another epoch. To CRDTs alone it is kept by hand; back from there, load decides again.
    pub async fn switch(&self, Switch { use_crdt_only }: Switch) -> Result<Switched, Refusal> {
        let (rung, reason) =
            if use_crdt_only { (Rung::Provisional, Reason::ByHand) } else { (Rung::Batching, Reason::Resumed) };
        let load = self.read(|view| view.load().unwrap_or_default()).await?;
        match self.ask(Wish::SetMode { from: None, rung, reason, load }).await? {
            Granted::Epoch { number, rung } => Ok(Switched { use_crdt_only: is_crdt_only(rung), epoch: number, rung }),
            other => unreachable!("an epoch was to begin, not {other:?}"),
        }
    }
}

fn is_crdt_only(rung: Rung) -> bool {
    rung.mode() == Mode::CrdtOnly
}
