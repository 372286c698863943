//! Relays as child processes, in a directory of their own that goes when the test ends.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// How long anything that is bound to happen may take. Far more than it should, since the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// What the relays of a cluster share, unless a flag gives them another secret.
pub const SECRET: &str = "the-secret-of-the-relays-in-a-test";

/// Relays that know one another. Those that still run are killed when this is dropped.
pub struct Cluster {
    dir: TempDir,
    relays: BTreeMap<u16, Relay>,
}

struct Relay {
    port: u16,
    /// The relays that `--peers` names.
    peers: Vec<u16>,
    /// Flags besides those that every relay gets.
    flags: Vec<String>,
    child: Option<Child>,
}

impl Cluster {
    /// Starts `size` relays, with ids from 1, and waits until all are linked to one another and vote.
    pub fn start(size: u16) -> Self {
        Self::start_with(size, &[])
    }

    /// The same, with further flags for each relay.
    pub fn start_with(size: u16, flags: &[&str]) -> Self {
        let mut cluster = Cluster::prepare(size, flags);
        for id in 1..=size {
            cluster.spawn(id);
        }
        cluster.wait_until_linked();
        for id in 1..=size {
            cluster.wait_until_voting(id);
        }
        cluster
    }

    /// Relays, with ids from 1, that are not started yet.
    pub fn prepare(size: u16, flags: &[&str]) -> Self {
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let dir = TempDir::new().expect("a temporary directory");
        let mut cluster = Cluster { dir, relays: BTreeMap::new() };
        for id in 1..=size {
            let peers = (1..=size).filter(|&other| other != id).collect();
            cluster.relays.insert(id, Relay { port: free_port(), peers, flags: flags.clone(), child: None });
        }
        cluster
    }

    /// Starts a relay that only knows of `peers`, and that nobody knows of.
    pub fn join(&mut self, id: u16, peers: &[u16]) {
        self.relays.insert(id, Relay { port: free_port(), peers: peers.to_vec(), flags: Vec::new(), child: None });
        self.spawn(id);
    }

    /// Where a tab connects to a relay.
    pub fn url(&self, id: u16) -> String {
        format!("ws://{}/ws", self.address(id))
    }

    pub fn address(&self, id: u16) -> String {
        format!("127.0.0.1:{}", self.relays[&id].port)
    }

    pub fn data_dir(&self, id: u16) -> PathBuf {
        self.dir.path().join(id.to_string())
    }

    /// What a relay says on stderr.
    fn log(&self, id: u16) -> PathBuf {
        self.dir.path().join(format!("{id}.log"))
    }

    /// All that a relay has said on stderr so far.
    pub fn said(&self, id: u16) -> String {
        std::fs::read_to_string(self.log(id)).unwrap_or_default()
    }

    /// The command that starts a relay. Most of it is in the environment, so that flags can override it.
    pub fn command(&self, id: u16) -> Command {
        let relay = &self.relays[&id];
        let peers: Vec<_> = relay.peers.iter().map(|&other| format!("{other}=ws://{}", self.address(other))).collect();
        let mut command = Command::new(env!("CARGO_BIN_EXE_relay"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("RELAY_")) {
            command.env_remove(name);
        }
        command.env("RELAY_ID", id.to_string()).env("RELAY_PORT", relay.port.to_string());
        command.env("RELAY_DATA_DIR", self.data_dir(id)).env("RELAY_LINK_SECRET", SECRET).args(&relay.flags);
        if !peers.is_empty() {
            command.args(["--peers", &peers.join(",")]);
        }
        command
    }

    /// Starts a relay that does not run.
    pub fn spawn(&mut self, id: u16) {
        self.spawn_by(id, self.command(id));
    }

    /// The same, by this command.
    pub fn spawn_by(&mut self, id: u16, mut command: Command) {
        let log = File::options().create(true).append(true).open(self.log(id)).expect("a file for the log");
        let child = command.stdin(Stdio::null()).stderr(log).spawn().expect("the relay starts");
        self.relays.get_mut(&id).expect("a relay of the cluster").child = Some(child);
    }

    /// Kills a relay with -9.
    pub fn kill(&mut self, id: u16) {
        let mut child = self.relays.get_mut(&id).and_then(|relay| relay.child.take()).expect("a relay that runs");
        child.kill().expect("to kill a child");
        child.wait().expect("to wait for a child");
    }

    /// Asks a relay to stop, and waits until it has.
    pub fn terminate(&mut self, id: u16) -> ExitStatus {
        let mut child = self.relays.get_mut(&id).and_then(|relay| relay.child.take()).expect("a relay that runs");
        kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).expect("to signal a child");
        wait_for_exit(&mut child)
    }

    /// The process of a relay that runs.
    pub fn pid(&self, id: u16) -> Pid {
        Pid::from_raw(self.relays[&id].child.as_ref().expect("a relay that runs").id() as i32)
    }

    /// Waits until a relay ends by itself.
    pub fn wait_until_ended(&mut self, id: u16) -> ExitStatus {
        let mut child = self.relays.get_mut(&id).and_then(|relay| relay.child.take()).expect("a relay that runs");
        wait_for_exit(&mut child)
    }

    /// Stops a relay's process where it is: it neither answers nor closes anything.
    pub fn freeze(&self, id: u16) {
        self.signal(id, Signal::SIGSTOP);
    }

    /// Lets a frozen relay go on.
    pub fn thaw(&self, id: u16) {
        self.signal(id, Signal::SIGCONT);
    }

    /// The most memory that a relay has taken since its start, in bytes (Linux).
    pub fn peak_memory(&self, id: u16) -> u64 {
        let child = self.relays[&id].child.as_ref().expect("a relay that runs");
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("the system tells");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"));
        peak.and_then(|kib| kib.trim().parse::<u64>().ok()).expect("a number of KiB") * 1024
    }

    fn signal(&self, id: u16, signal: Signal) {
        let child = self.relays[&id].child.as_ref().expect("a relay that runs");
        kill(Pid::from_raw(child.id() as i32), signal).expect("to signal a child");
    }

    /// Waits until every relay that runs is linked to every other one that runs.
    pub fn wait_until_linked(&self) {
        let running: Vec<u16> =
            self.relays.iter().filter(|(_, relay)| relay.child.is_some()).map(|(&id, _)| id).collect();
        for &id in &running {
            let others: Vec<_> = running.iter().filter(|&&other| other != id).map(|&other| u64::from(other)).collect();
            poll(&format!("relay {id} is linked to {others:?}"), || {
                let health = self.health(id)?;
                let up: Vec<_> = health["peers_up"].as_array()?.iter().filter_map(|id| id.as_u64()).collect();
                (up == others).then_some(())
            });
        }
    }

    pub fn wait_until_voting(&self, id: u16) {
        poll(&format!("relay {id} has a vote"), || self.health(id).filter(|health| health["votes"] == true));
    }

    /// What a relay says of how it is, if it answers.
    pub fn health(&self, id: u16) -> Option<serde_json::Value> {
        serde_json::from_str(&self.get(id, "/healthz")?.1).ok()
    }

    /// Who votes in which room, as a relay says.
    pub fn membership(&self, id: u16) -> serde_json::Value {
        let (address, secret) = (self.address(id), authorization(SECRET));
        let request = format!("GET /cluster/voters HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{secret}\r\n");
        let (head, body) = self.request(id, &request).expect("an answer");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        serde_json::from_str(&body).expect("JSON")
    }

    /// Asks a relay that these vote. Gives the status and what came of it.
    pub fn set_voters(&self, id: u16, voters: &[u16]) -> (u16, serde_json::Value) {
        let body = serde_json::json!({ "voters": voters }).to_string();
        let (head, body) = self.post(id, "/cluster/voters", &authorization(SECRET), &body).expect("an answer");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, serde_json::from_str(&body).expect("JSON"))
    }

    /// Lets these vote, and waits until they do, as all of them see it.
    pub fn admit(&self, id: u16, voters: &[u16]) {
        let (status, outcome) = self.set_voters(id, voters);
        assert_eq!(status, 200, "{outcome}");
        for &voter in voters {
            self.wait_until_voting(voter);
        }
    }

    /// The head and the body with which a relay answers a POST, if it answers. `headers` end with CRLF each.
    pub fn post(&self, id: u16, path: &str, headers: &str, body: &str) -> Option<(String, String)> {
        let (address, length) = (self.address(id), body.len());
        let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}");
        self.request(id, &format!("{head}Content-Length: {length}\r\n\r\n{body}"))
    }

    /// The status, headers and body with which a relay answers a GET, if it answers.
    pub fn get(&self, id: u16, path: &str) -> Option<(String, String)> {
        self.request(id, &format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address(id)))
    }

    /// The head and the body with which a relay answers a request, if it answers.
    pub fn request(&self, id: u16, request: &str) -> Option<(String, String)> {
        let mut tcp = TcpStream::connect(self.address(id)).ok()?;
        tcp.set_read_timeout(Some(PATIENCE)).ok()?;
        tcp.write_all(request.as_bytes()).ok()?;
        let mut answer = Vec::new();
        tcp.read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.to_owned(), body.to_owned()))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in self.relays.values_mut().filter_map(|relay| relay.child.as_mut()) {
            let _has_ended_already = child.kill();
            let _reaped = child.wait();
        }
        for &id in self.relays.keys() {
            let said = self.said(id);
            if std::thread::panicking() {
                eprintln!("--- relay {id} said:\n{said}");
            } else {
                // Whatever a test is about: nothing that peers do is an error of the relay.
                assert!(!said.contains("panicked") && !said.contains("ERROR"), "relay {id} said:\n{said}");
            }
        }
    }
}

/// The header that carries a link secret.
pub fn authorization(secret: &str) -> String {
    format!("Authorization: Bearer {secret}\r\n")
}

pub fn wait_for_exit(child: &mut Child) -> ExitStatus {
    poll("the relay ends", || child.try_wait().expect("to wait for a child"))
}

/// Asks again and again until there is an answer.
pub fn poll<T>(what: &str, mut question: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A port that nobody uses. Below the range from which the system takes ports for outgoing connections, one of which
/// could otherwise take the port of a relay that is down for a moment.
pub fn free_port() -> u16 {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id().wrapping_mul(61) % u32::from(COUNT)) as u16;
    poll("some port is free", || {
        let port = FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT;
        TcpListener::bind(("127.0.0.1", port)).is_ok().then_some(port)
    })
}
