//! The settings of the dynamic method: the same ones as flags, in the environment, in a file, and in the API.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};
use shared::base::room::Room;
use shared::ledger::{Dynamic, OnCollision, Operation, Rejection, Rule};
use shared::replica::View;
use shared::replica::io::{Command, Consistency};
use thiserror::Error;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;
use tracing::{info, warn};
use utoipa::ToSchema;

use crate::node::{DEFAULT_ROOM, NoRoom, NodeHandle, is_blank};

/// How long the log may take to decide on the settings of a room, before others are seen to.
const PATIENCE: Duration = Duration::from_secs(10);

/// Settings of the dynamic method. What is not given stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Args, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What changes how numbers are given: `levels`, step by step, there and back, by load; `counter`, once and for good,
    /// after `high_request` numbers; `hand`, nothing but somebody's hand. [default: levels]
    #[arg(long, env = "RELAY_RULE", value_name = "levels|counter|hand", value_parser = named::<Rule>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RuleName>)]
    rule: Option<Rule>,

    /// How many numbers may be asked for in a window before it is a bad one. [default: 50]
    #[arg(long, env = "HIGH_REQUEST", value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    high_request: Option<u32>,

    /// How long a window is at the most, in milliseconds. [default: 1000]
    #[arg(long, env = "RELAY_WINDOW_MS", value_name = "MS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 20, maximum = 60_000)]
    window_ms: Option<u32>,

    /// How long a request may wait before a window is a bad one, in milliseconds. [default: 250]
    #[arg(long, env = "RELAY_TARGET_MS", value_name = "MS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 60_000)]
    target_ms: Option<u32>,

    /// For how many calm windows a level is kept. [default: 10]
    #[arg(long, env = "RELAY_DWELL", value_name = "WINDOWS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10_000)]
    dwell: Option<u32>,

    /// The longest range that is leased at a time. [default: 10000]
    #[arg(long, env = "RELAY_LEASE_MOST", value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 10_000)]
    lease_most: Option<u32>,

    /// With how many unsettled provisional numbers no more are given. [default: 100000]
    #[arg(long, env = "RELAY_SHED_ABOVE", value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10_000_000)]
    shed_above: Option<u32>,

    /// What becomes of a provisional number that another record has: `renumber`, it becomes the next one; `reject`, it
    /// is taken back. [default: renumber]
    #[arg(long, env = "RELAY_ON_COLLISION", value_name = "renumber|reject", value_parser = named::<OnCollision>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<OnCollisionName>)]
    on_collision: Option<OnCollision>,
}

/// What changes how numbers are given.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes a type of the core")]
pub enum RuleName {
    Levels,
    Counter,
    Hand,
}

/// What becomes of a provisional number that another record has.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes a type of the core")]
pub enum OnCollisionName {
    Renumber,
    Reject,
}

/// A value by its name in JSON.
fn named<T: for<'de> Deserialize<'de>>(name: &str) -> Result<T, String> {
    serde_json::from_value(name.into()).map_err(|error| error.to_string())
}

impl From<Dynamic> for Settings {
    fn from(dynamic: Dynamic) -> Self {
        Settings {
            rule: Some(dynamic.rule),
            high_request: Some(dynamic.high_request),
            window_ms: Some(dynamic.window_ms),
            target_ms: Some(dynamic.target_ms),
            dwell: Some(dynamic.dwell),
            lease_most: Some(dynamic.lease_most),
            shed_above: Some(dynamic.shed_above),
            on_collision: Some(dynamic.on_collision),
        }
    }
}

/// Settings that cannot be meant.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum BadSettings {
    #[error("cannot read the settings {file}: {reason}: give the path of a TOML file with --settings")]
    Unreadable { file: PathBuf, reason: String },
    #[error("{file}, line {line}: {reason}")]
    Malformed { file: PathBuf, line: usize, reason: String },
    #[error("{0}: mend the flag, the environment or the file")]
    OutOfBounds(Rejection),
}

impl Settings {
    /// All settings: these first, then those in the file, then the usual ones.
    ///
    /// # Errors
    /// [`BadSettings`].
    pub fn complete(self, file: Option<&Path>) -> Result<Dynamic, BadSettings> {
        let in_file = file.map(Settings::read).transpose()?.unwrap_or_default();
        let dynamic = self.over(in_file.over(Dynamic::default()));
        dynamic.check().map(|()| dynamic).map_err(BadSettings::OutOfBounds)
    }

    fn read(file: &Path) -> Result<Self, BadSettings> {
        let unreadable =
            |error: std::io::Error| BadSettings::Unreadable { file: file.to_owned(), reason: error.to_string() };
        let text = std::fs::read_to_string(file).map_err(unreadable)?;
        toml::from_str(&text).map_err(|error| {
            let line = 1 + text[..error.span().map_or(0, |span| span.start)].matches('\n').count();
            let reason = error.message().lines().collect::<Vec<_>>().join(", ");
            BadSettings::Malformed { file: file.to_owned(), line, reason }
        })
    }

    /// All settings: these, and the others as they are in `dynamic`.
    pub fn over(self, dynamic: Dynamic) -> Dynamic {
        Dynamic {
            rule: self.rule.unwrap_or(dynamic.rule),
            high_request: self.high_request.unwrap_or(dynamic.high_request),
            window_ms: self.window_ms.unwrap_or(dynamic.window_ms),
            target_ms: self.target_ms.unwrap_or(dynamic.target_ms),
            dwell: self.dwell.unwrap_or(dynamic.dwell),
            lease_most: self.lease_most.unwrap_or(dynamic.lease_most),
            shed_above: self.shed_above.unwrap_or(dynamic.shed_above),
            on_collision: self.on_collision.unwrap_or(dynamic.on_collision),
        }
    }
}

/// Sees to it that the rooms which this relay leads have these settings, unless somebody has set them there. Ends with
/// the relay.
pub async fn keep(node: NodeHandle, mut changes: Receiver<Room>, dynamic: Dynamic) {
    if dynamic == Dynamic::default() {
        return;
    }
    let mut rooms = BTreeSet::new();
    loop {
        let changed = match changes.recv().await {
            Ok(room) => BTreeSet::from([room]),
            Err(RecvError::Lagged(_)) => rooms.clone(),
            Err(RecvError::Closed) => return,
        };
        for room in &changed {
            match timeout(PATIENCE, set(&node, room, dynamic)).await {
                Ok(Ok(())) => {}
                Ok(Err(NoRoom::Stopping)) => return,
                // It has been dropped, or has failed: if it comes back, that is a change again.
                Ok(Err(_)) => {}
                Err(_) => warn!(room = room.as_str(), "no decision on the settings yet"),
            }
        }
        rooms.extend(changed);
    }
}

async fn set(node: &NodeHandle, room: &Room, dynamic: Dynamic) -> Result<(), NoRoom> {
    let me = node.me().voter;
    // The log of a room in which there is nothing yet stays as it is, so that the room can be dropped.
    let may_be_blank = room.as_str() == DEFAULT_ROOM;
    let is_due = move |view: View<'_>| {
        let ledger = view.ledger();
        let leads = view.leader().is_some_and(|ballot| ballot.voter == me) && (may_be_blank || !is_blank(view));
        leads && !ledger.is_dynamic_set() && ledger.dynamic() != dynamic
    };
    if !node.read(room.clone(), is_due).await? {
        return Ok(());
    }
    // A leader that is new has perhaps not applied all that was decided before it led.
    let is_known = node.command(room.clone(), Command::Read(Consistency::Linearizable)).await?.is_ok();
    if is_known && node.read(room.clone(), is_due).await? {
        info!(room = room.as_str(), ?dynamic, "nobody has set the settings here: asking for those of this relay");
        let _refused_is_asked_again =
            node.command(room.clone(), Command::Ask(Operation::SetDynamic { dynamic })).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_with(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn flags_count_more_than_the_file_and_the_file_more_than_what_is_usual() {
        let file = file_with("high_request = 7\nrule = \"hand\"\non_collision = \"reject\"\n");
        let flags = Settings { high_request: Some(9), dwell: Some(3), ..Settings::default() };
        let expected = Dynamic {
            high_request: 9,
            dwell: 3,
            rule: Rule::Hand,
            on_collision: OnCollision::Reject,
            ..Dynamic::default()
        };
        assert_eq!(flags.complete(Some(file.path())), Ok(expected));
        assert_eq!(Settings::default().complete(None), Ok(Dynamic::default()));
    }

    #[test]
    fn a_file_that_is_missing_or_wrong_says_where() {
        let said = |text: &str| Settings::default().complete(Some(file_with(text).path())).unwrap_err().to_string();
        assert!(said("\nhigh = 7\n").contains("line 2: unknown field `high`"));
        assert!(said("rule = \"never\"").contains("line 1: unknown variant `never`"));
        assert_eq!(said("dwell = 0"), "dwell must be from 1 to 10000: mend the flag, the environment or the file");
        let missing = Settings::default().complete(Some(Path::new("/nowhere.toml"))).unwrap_err();
        assert!(missing.to_string().starts_with("cannot read the settings /nowhere.toml"));
    }
}
