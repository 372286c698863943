//! The command line beside running a relay: asks one that runs, over its API, and says the answer in words.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};
use shared::base::room::{BadRoom, Room};
use shared::schema::text::isolated;
use thiserror::Error;
use ureq::Agent;

/// Longer than a relay takes for any answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// What to ask.
#[derive(Debug, Subcommand)]
pub enum Question {
    /// Shows how numbers are given now, and why, or takes another level.
    Mode {
        /// The level to take by hand; `auto` lets load decide again.
        level: Option<Level>,
        #[command(flatten)]
        of: Of,
    },
    /// Shows the settings of the dynamic method, or changes some.
    Settings {
        /// Settings to change, as in `high_request=100`.
        #[arg(value_name = "NAME=VALUE", value_parser = setting)]
        changes: Vec<(String, Value)>,
        #[command(flatten)]
        of: Of,
    },
    /// Shows the provisional numbers that did not become final as they were.
    Conflicts {
        /// Only those with this in a name, a number or an id.
        search: Option<String>,
        /// Only those that nobody has done anything about.
        #[arg(long)]
        open: bool,
        #[command(flatten)]
        of: Of,
    },
}

/// Of which room, and whom to ask.
#[derive(Debug, Args)]
pub struct Of {
    /// The room.
    #[arg(long, default_value = "people", value_parser = room)]
    room: Room,
    /// A relay that runs.
    #[arg(long, env = "RELAY_URL", default_value = "http://127.0.0.1:5000")]
    url: String,
}

/// A level, or none in particular.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Level {
    Batching,
    Leases,
    Provisional,
    Shedding,
    Auto,
}

/// Why there is no answer.
#[derive(Debug, Error)]
enum NoAnswer {
    #[error("no relay answers at {url}: {source}: name one that runs with --url")]
    Unreachable { url: String, source: ureq::Error },
    #[error("{0}")]
    Refused(String),
    #[error("what answers at {url} is no relay, or one of another version: name another with --url")]
    NotUnderstood { url: String },
}

/// Asks, and prints what comes of it.
pub fn ask(question: &Question) -> ExitCode {
    let said = match question {
        Question::Mode { level, of } => mode(of, *level),
        Question::Settings { changes, of } => settings(of, changes),
        Question::Conflicts { search, open, of } => conflicts(of, search.as_deref(), *open),
    };
    match said {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("relay: {error}");
            ExitCode::FAILURE
        }
    }
}

fn room(name: &str) -> Result<Room, BadRoom> {
    Room::try_from(name.to_owned())
}

fn setting(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("a setting is changed by NAME=VALUE, as in high_request=100")?;
    let value = value.parse::<u32>().map_or_else(|_| Value::from(value), Value::from);
    Ok((name.to_owned(), value))
}

fn mode(of: &Of, level: Option<Level>) -> Result<String, NoAnswer> {
    let answer = match level.and_then(|level| level.to_possible_value()) {
        None => of.send("GET", "mode", &[], None)?,
        Some(level) => of.send("POST", "mode", &[], Some(json!({"level": level.get_name()})))?,
    };
    Ok(told_mode(of.room.as_str(), &answer))
}

fn told_mode(room: &str, mode: &Value) -> String {
    let text = |name: &str| mode[name].as_str().unwrap_or("?").to_owned();
    let (epoch, since) = (&mode["epoch"], &mode["since"]);
    let how = match mode["level"].as_str() {
        Some("batching") => "the log decides on each number",
        Some("leases") => "relays and tabs give numbers out of leased ranges",
        Some("provisional") => "numbers are provisional, and settled later",
        Some("shedding") => "no numbers are given until the provisional ones are settled",
        _ => "this program does not know that level",
    };
    let why = match mode["reason"].as_str() {
        Some("founded") => "the room was founded so",
        Some("load") => "there was too much load",
        Some("calm") => "it has been quiet for long enough",
        Some("by_hand") => "somebody wanted it; load changes nothing until `relay mode auto`",
        Some("resumed") => "somebody let load decide again",
        _ => "this program does not know that reason",
    };
    let mut said = format!("{room}: {} ({how})\n", text("level"));
    said += &format!("  epoch {epoch}, since slot {since}: {why}\n");
    if mode["epoch"] != 0 {
        said += &format!("  measured then: {}\n", figures(&mode["load"]));
    }
    if !mode["measured"].is_null() {
        said += &format!("  measured last: {}\n", figures(&mode["measured"]));
    }
    said += &format!("  {} provisional numbers wait to be settled\n", mode["unsettled"]);
    said += &format!("  {} numbers are left of what is leased to this relay\n", mode["leased_left"]);
    if mode["locally_offline"] == true {
        said += "  this relay reaches no majority: what it gives is provisional\n";
    }
    said
}

fn figures(load: &Value) -> String {
    format!(
        "{} numbers asked for in {} ms, p99 {} ms, the oldest waiting for {} ms, {} unsettled",
        load["requests"], load["window_ms"], load["p99_ms"], load["waiting_ms"], load["unsettled"]
    )
}

fn settings(of: &Of, changes: &[(String, Value)]) -> Result<String, NoAnswer> {
    let answer = if changes.is_empty() {
        of.send("GET", "settings", &[], None)?
    } else {
        let changes: Map<String, Value> = changes.iter().cloned().collect();
        of.send("PATCH", "settings", &[], Some(changes.into()))?
    };
    let settings = answer.as_object().into_iter().flatten();
    Ok(settings.map(|(name, value)| format!("{name}={}\n", value.to_string().trim_matches('"'))).collect())
}

fn conflicts(of: &Of, search: Option<&str>, open: bool) -> Result<String, NoAnswer> {
    let mut said = String::new();
    let mut after: Option<String> = None;
    loop {
        let mut query = vec![("limit", "1000".to_owned())];
        query.extend(search.map(|search| ("q", search.to_owned())));
        query.extend(open.then(|| ("open", "true".to_owned())));
        query.extend(after.take().map(|after| ("after", after)));
        let page = of.send("GET", "conflicts", &query, None)?;
        said.extend(page["conflicts"].as_array().into_iter().flatten().map(told_conflict));
        after = page["next"].as_str().map(str::to_owned);
        if after.is_none() {
            break;
        }
    }
    Ok(if said.is_empty() { "no conflicts\n".to_owned() } else { said })
}

fn told_conflict(conflict: &Value) -> String {
    let name = |side: &Value| side["name"].as_str().map_or("a removed record".to_owned(), plain);
    let (id, wanted, why) = (conflict["id"].as_str().unwrap_or("?"), &conflict["wanted"], &conflict["why"]);
    let outcome = match &conflict["given"] {
        Value::Null => "it was rejected".to_owned(),
        given => format!("it got {} instead", given["value"].as_u64().or(given["wanted"].as_u64()).unwrap_or(0)),
    };
    let winner = if conflict["winner"].is_null() {
        why.as_str().unwrap_or("?").to_owned()
    } else {
        format!("{} has it since slot {}", name(&conflict["winner"]), conflict["winner_since"])
    };
    let resolution = conflict["resolution"].as_str().unwrap_or("open");
    format!("{id}  {} wanted {wanted}: {winner}; {outcome} [{resolution}]\n", name(&conflict["loser"]))
}

/// A text of somebody else's, for one line of a terminal: without signs that would steer it or begin another line, and so
/// that it does not turn around the words beside it.
fn plain(text: &str) -> String {
    let steers = |sign: char| sign.is_control() || matches!(sign, '\u{2028}' | '\u{2029}');
    let tame: String = text.chars().map(|sign| if steers(sign) { '\u{fffd}' } else { sign }).collect();
    isolated(&tame).into_owned()
}

impl Of {
    fn send(
        &self,
        method: &str,
        resource: &str,
        query: &[(&str, String)],
        body: Option<Value>,
    ) -> Result<Value, NoAnswer> {
        let url = format!("{}/api/v1/rooms/{}/{resource}", self.url.trim_end_matches('/'), self.room.as_str());
        let agent = Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
        let agent = Agent::new_with_config(agent);
        let unreachable = |source| NoAnswer::Unreachable { url: self.url.clone(), source };
        let mut answer = match (method, body) {
            ("POST", Some(body)) => agent.post(&url).send_json(body),
            ("PATCH", Some(body)) => agent.patch(&url).send_json(body),
            _ => query.iter().fold(agent.get(&url), |get, (name, value)| get.query(name, value)).call(),
        }
        .map_err(unreachable)?;
        let json: Value = answer.body_mut().read_json().unwrap_or_default();
        match json["detail"].as_str() {
            _ if answer.status().is_success() && json.is_object() => Ok(json),
            Some(detail) => Err(NoAnswer::Refused(plain(detail))),
            None => Err(NoAnswer::NotUnderstood { url: self.url.clone() }),
        }
    }
}
