//! Three relays on this machine, from their start to Ctrl-C.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::page;
use crate::process::{announced, line_of, run as run_command, tail};
use crate::setup::Tools;
use crate::workspace::{Profile, cargo_build_relay, relay_binary};

const IDS: [u16; 3] = [1, 2, 3];
const DATA: &str = "data";
/// The file that keeps the link secret of this run, for whoever starts a killed relay again.
const SECRET_FILE: &str = "data/link-secret";
const SECRET_BYTES: usize = 32;

/// How long a relay may take to answer after its start.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long a relay may take to stop when asked to.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// How often the processes are looked at.
const PULSE: Duration = Duration::from_millis(100);
/// How long one question to a relay may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// Builds everything and runs three relays until Ctrl-C.
pub fn run(profile: Profile, base_port: u16) -> Result<()> {
    check_ports(base_port)?;
    page::build(&Tools::ensure()?, profile)?;
    announced("Building the relay (about 2 minutes when nothing is built yet)", || {
        run_command(&mut cargo_build_relay(profile))
    })?;
    let interrupt = listen_for_interrupt()?;
    let mut relays = Vec::new();
    let outcome = start_and_watch(&mut relays, profile, base_port, &interrupt);
    stop(relays);
    outcome
}

fn check_ports(base_port: u16) -> Result<()> {
    for port in IDS.map(|id| port_of(id, base_port)) {
        if let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            bail!(
                "port {port} is not free ({error}): stop the program that has it, \
                 or choose three other ports with `cargo xtask run --base-port 6000`"
            );
        }
    }
    Ok(())
}

fn port_of(id: u16, base_port: u16) -> u16 {
    base_port + id - 1
}

/// From here on, Ctrl-C, SIGTERM and a closed terminal arrive as messages.
fn listen_for_interrupt() -> Result<Receiver<()>> {
    let (sender, receiver) = mpsc::channel();
    ctrlc::set_handler(move || {
        // The receiver is gone only when the relays are already being stopped.
        let _ = sender.send(());
    })?;
    Ok(receiver)
}

fn start_and_watch(relays: &mut Vec<Relay>, profile: Profile, base_port: u16, interrupt: &Receiver<()>) -> Result<()> {
    let secret = draw_secret()?;
    for id in IDS {
        relays.push(Relay::start(id, profile, base_port, &secret)?);
    }
    for relay in relays.iter_mut() {
        relay.wait_until_healthy()?;
    }
    println!("\nDuet runs. Open any of these, in as many tabs as you like:");
    for relay in relays.iter() {
        println!("  http://127.0.0.1:{}   relay {}, process {}", relay.port, relay.id, relay.child.id());
    }
    println!("Kill one with `kill -9` and see what happens. Logs: {DATA}/relay-*.log. Ctrl-C stops all three.");
    while let Err(RecvTimeoutError::Timeout) = interrupt.recv_timeout(PULSE) {
        for relay in relays.iter_mut() {
            relay.report_death()?;
        }
    }
    Ok(())
}

/// Draws the secret that the relays of this run share, and keeps it where only this user can read it.
fn draw_secret() -> Result<String> {
    let mut bytes = [0; SECRET_BYTES];
    File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut bytes))
        .context("cannot draw a link secret from /dev/urandom")?;
    let secret: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::create_dir_all(DATA)?;
    // The mode counts only for a new file.
    let _there_was_none = fs::remove_file(SECRET_FILE);
    let file = File::options().write(true).create_new(true).mode(0o600).open(SECRET_FILE);
    let written = file.and_then(|mut file| writeln!(file, "{secret}"));
    written.with_context(|| format!("cannot write {SECRET_FILE}"))?;
    Ok(secret)
}

/// Asks the relays to stop, and kills those that do not.
fn stop(mut relays: Vec<Relay>) {
    println!("\nStopping the relays");
    relays.retain_mut(Relay::is_running);
    for relay in &relays {
        relay.ask_to_stop();
    }
    let deadline = Instant::now() + STOP_LIMIT;
    while !relays.is_empty() && Instant::now() < deadline {
        thread::sleep(PULSE);
        relays.retain_mut(Relay::is_running);
    }
    for relay in &mut relays {
        println!("Relay {} did not stop by itself: killing it", relay.id);
        // It may have stopped in this very moment; then there is nothing left to do.
        let _ = relay.child.kill();
        let _ = relay.child.wait();
    }
}

/// A relay that was started here.
struct Relay {
    id: u16,
    port: u16,
    /// How one would start it by hand.
    line: String,
    log: PathBuf,
    child: Child,
    death_reported: bool,
}

impl Relay {
    fn start(id: u16, profile: Profile, base_port: u16, secret: &str) -> Result<Self> {
        let log = Path::new(DATA).join(format!("relay-{id}.log"));
        fs::create_dir_all(DATA)?;
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = relay_command(id, profile, base_port);
        let line = format!("RELAY_LINK_SECRET=$(cat {SECRET_FILE}) {}", line_of(&command));
        command.env("RELAY_LINK_SECRET", secret);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        // The terminal's Ctrl-C is for this process alone, which then stops the relays.
        command.process_group(0);
        let child = command.spawn().with_context(|| format!("cannot start `{line}`"))?;
        Ok(Self { id, port: port_of(id, base_port), line, log, child, death_reported: false })
    }

    fn wait_until_healthy(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while !is_healthy(self.port).unwrap_or(false) {
            if let Some(status) = self.child.try_wait()? {
                bail!("relay {} ended at once ({status}):\n{}", self.id, tail(&self.log)?);
            }
            if Instant::now() > deadline {
                let (id, log) = (self.id, self.log.display());
                let limit = START_LIMIT.as_secs();
                bail!("relay {id} does not answer after {limit} s; its log is {log}");
            }
            thread::sleep(PULSE);
        }
        Ok(())
    }

    fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Says once that the relay is gone, and how to bring it back.
    fn report_death(&mut self) -> Result<()> {
        if self.death_reported {
            return Ok(());
        }
        if let Some(status) = self.child.try_wait()? {
            println!("\nRelay {} is gone ({status}); its tabs move to another. To start it again:", self.id);
            println!("  {}", self.line);
            self.death_reported = true;
        }
        Ok(())
    }

    fn ask_to_stop(&self) {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        // A relay that has just stopped cannot be asked any more.
        let _ = signal::kill(pid, Signal::SIGTERM);
    }
}

fn relay_command(id: u16, profile: Profile, base_port: u16) -> Command {
    let peers: Vec<_> = IDS
        .into_iter()
        .filter(|&peer| peer != id)
        .map(|peer| format!("{peer}=ws://127.0.0.1:{}", port_of(peer, base_port)))
        .collect();
    let mut command = Command::new(relay_binary(profile));
    command
        .args(["--id", &id.to_string()])
        .args(["--port", &port_of(id, base_port).to_string()])
        .args(["--data-dir", &format!("{DATA}/{id}")])
        .args(["--peers", &peers.join(",")]);
    command
}

/// Asks a relay's `/healthz`.
fn is_healthy(port: u16) -> io::Result<bool> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_LIMIT)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut status = *b"HTTP/1.1 ...";
    stream.read_exact(&mut status)?;
    Ok(status == *b"HTTP/1.1 200")
}
