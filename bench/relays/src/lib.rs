//! Real processes on this machine, with their data on its disk: three relays above all.

mod relays;

pub use relays::Relays;

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How many nodes agree.
pub const NODES: u16 = 3;
/// How long anything that is bound to happen may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked whether it has happened.
const PULSE: Duration = Duration::from_millis(2);

/// A process that is killed when this is dropped.
pub struct Process(Child);

impl Process {
    /// What the process says goes to the end of `log`.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let log = File::options().create(true).append(true).open(log).expect("a file for the log");
        let output = log.try_clone().expect("a file has two handles");
        command.stdin(Stdio::null()).stdout(output).stderr(log);
        Process(command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}")))
    }
}

impl Process {
    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _has_ended_already = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Asks again and again until there is an answer.
pub fn poll<T>(what: &str, mut question: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::sleep(PULSE);
    }
}

/// What a node answers to a GET, head and body.
pub fn get(port: u16, path: &str) -> io::Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut tcp = TcpStream::connect_timeout(&address, PATIENCE)?;
    tcp.set_read_timeout(Some(PATIENCE))?;
    tcp.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    tcp.read_to_string(&mut answer)?;
    Ok(answer)
}

/// A port that nobody uses, below the range from which the system takes ports for outgoing connections.
pub fn free_port() -> u16 {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = (process::id().wrapping_mul(61) % u32::from(COUNT)) as u16;
    poll("some port is free", || {
        let port = FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok().then_some(port)
    })
}
