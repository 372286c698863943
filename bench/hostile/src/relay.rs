//! The relay that is attacked: a process of its own.

use std::path::Path;
use std::process::Command;

use relays::{Process, free_port, get, poll};
use tempfile::TempDir;

pub struct Relay {
    port: u16,
    process: Process,
    /// Goes after the process that writes into it.
    dir: TempDir,
}

impl Relay {
    /// Starts a relay alone with an empty database, and waits until it answers.
    pub fn start(program: &Path, data: &Path) -> Self {
        let dir = TempDir::new_in(data).expect("a directory for the database");
        let port = free_port();
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string()]).arg("--data-dir").arg(dir.path().join("1"));
        let process = Process::start(&mut command, &dir.path().join("log"));
        poll("the relay votes", || get(port, "/healthz").ok()?.contains("\"votes\":true").then_some(()));
        Relay { port, process, dir }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The log of the process.
    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// The most memory that it has taken since its start, in bytes (Linux).
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("the relay runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"));
        peak.and_then(|kib| kib.trim().parse::<u64>().ok()).expect("a number of KiB") * 1024
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the relay said:\n{}", self.log());
        }
    }
}
