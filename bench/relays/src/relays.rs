//! Three relays.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{NODES, Process, free_port, get, poll};

/// What the relays share.
const SECRET: &str = "the-secret-of-the-relays-in-a-benchmark";

pub struct Relays {
    program: PathBuf,
    relays: Vec<Relay>,
    /// Goes after the processes that write into it.
    dir: TempDir,
}

struct Relay {
    id: u16,
    port: u16,
    process: Option<Process>,
}

impl Relays {
    /// Starts relays with empty databases in `data`, and waits until all are linked to one another.
    pub fn start(program: &Path, data: &Path) -> Self {
        let dir = TempDir::new_in(data).expect("a directory for databases");
        let relays = (1..=NODES).map(|id| Relay { id, port: free_port(), process: None }).collect();
        let mut relays = Relays { program: program.to_owned(), relays, dir };
        (1..=NODES).for_each(|id| relays.spawn(id));
        relays.wait_until_linked();
        relays
    }

    /// The port of a relay.
    pub fn port(&self, id: u16) -> u16 {
        self.relay(id).port
    }

    /// Where tabs connect to a relay.
    pub fn url(&self, id: u16) -> String {
        format!("ws://127.0.0.1:{}/ws", self.relay(id).port)
    }

    /// Starts a relay that does not run.
    pub fn spawn(&mut self, id: u16) {
        let others = self.relays.iter().filter(|other| other.id != id);
        let peers: Vec<_> = others.map(|other| format!("{}=ws://127.0.0.1:{}", other.id, other.port)).collect();
        let mut command = Command::new(&self.program);
        command
            .env("RELAY_LINK_SECRET", SECRET)
            .args(["--id", &id.to_string()])
            .args(["--port", &self.relay(id).port.to_string()])
            .args(["--peers", &peers.join(",")])
            .arg("--data-dir")
            .arg(self.dir.path().join(id.to_string()));
        let process = Process::start(&mut command, &self.dir.path().join(format!("{id}.log")));
        self.relays[usize::from(id) - 1].process = Some(process);
    }

    /// Kills a relay with -9.
    pub fn kill(&mut self, id: u16) {
        self.relays[usize::from(id) - 1].process = None;
    }

    /// Waits until every relay is linked to every other one.
    pub fn wait_until_linked(&self) {
        for relay in &self.relays {
            let others: Vec<_> = (1..=NODES).filter(|&id| id != relay.id).map(|id| id.to_string()).collect();
            let all_up = format!("\"peers_up\":[{}]", others.join(","));
            poll("all relays are linked", || get(relay.port, "/healthz").ok()?.contains(&all_up).then_some(()));
        }
    }

    /// How often the relays have made something durable, by their own count, on average.
    pub fn fsyncs(&self) -> f64 {
        let counts = self.relays.iter().map(|relay| {
            let health = get(relay.port, "/healthz").expect("a relay says how it is");
            commits_in(&health).expect("a relay counts its commits")
        });
        counts.sum::<f64>() / f64::from(NODES)
    }

    fn relay(&self, id: u16) -> &Relay {
        &self.relays[usize::from(id) - 1]
    }
}

fn commits_in(health: &str) -> Option<f64> {
    let (_, rest) = health.split_once("\"commits\":")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_found_in_what_a_relay_says() {
        assert_eq!(commits_in("{\"votes\":true,\"commits\":42,\"decided\":7}"), Some(42.0));
        assert_eq!(commits_in("{}"), None);
    }
}
