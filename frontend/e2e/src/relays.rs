//! Three relays as processes, to be killed and started again.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::{free_port, path_from_env, wait_for};

const RELAYS: usize = 3;
/// What the relays share.
const SECRET: &str = "the-secret-of-the-relays-in-a-test";

/// Three relays with a database each, killed when dropped. Relay `n` of the page is at index `n - 1` here.
pub struct Relays {
    program: PathBuf,
    /// Flags besides those that every relay gets.
    flags: Vec<OsString>,
    data: TempDir,
    ports: Vec<u16>,
    processes: Vec<Option<Child>>,
}

impl Relays {
    /// # Errors
    /// If a relay does not come up.
    pub async fn start() -> Result<Self> {
        Self::start_with(Vec::new()).await
    }

    /// The same, with the schema in a file.
    ///
    /// # Errors
    /// If a relay does not come up.
    pub async fn start_for(schema: &Path) -> Result<Self> {
        Self::start_with(vec!["--schema".into(), schema.into()]).await
    }

    /// The same, with flags besides those that every relay gets.
    ///
    /// # Errors
    /// If a relay does not come up.
    pub async fn start_with(flags: Vec<OsString>) -> Result<Self> {
        let ports = (0..RELAYS).map(|_| free_port()).collect::<Result<_>>()?;
        let program = path_from_env("DUET_RELAY")?;
        let data = TempDir::new().context("a folder for the databases")?;
        let mut relays = Relays { program, flags, data, ports, processes: Vec::new() };
        relays.processes.resize_with(RELAYS, || None);
        for relay in 0..RELAYS {
            relays.start_one(relay)?;
        }
        for relay in 0..RELAYS {
            relays.wait_until_up(relay).await?;
        }
        Ok(relays)
    }

    /// From the next start on, the relays keep the schema in a file.
    pub fn use_schema(&mut self, schema: &Path) {
        self.flags = vec!["--schema".into(), schema.into()];
    }

    /// Where the page is, at one relay.
    #[must_use]
    pub fn url(&self, relay: usize) -> String {
        format!("http://127.0.0.1:{}/", self.ports[relay])
    }

    /// Kills a relay as `kill -9` does: it gets no chance to finish anything.
    ///
    /// # Errors
    /// If it was not running.
    pub async fn kill(&mut self, relay: usize) -> Result<()> {
        let mut process = self.processes[relay].take().context("the relay does not run")?;
        process.kill().await.context("killing the relay")
    }

    /// Stops a relay in its tracks: its connections stay open, and it says nothing. Killing it ends that.
    ///
    /// # Errors
    /// If it was not running.
    pub fn freeze(&self, relay: usize) -> Result<()> {
        let id = self.processes[relay].as_ref().and_then(Child::id).context("the relay does not run")?;
        let frozen = std::process::Command::new("kill").args(["-STOP", &id.to_string()]).status();
        ensure!(frozen.context("running kill")?.success(), "kill -STOP {id}");
        Ok(())
    }

    /// Starts a relay that was killed, on its old database.
    ///
    /// # Errors
    /// If it does not come up.
    pub async fn restart(&mut self, relay: usize) -> Result<()> {
        self.start_one(relay)?;
        self.wait_until_up(relay).await
    }

    /// Copies the database of a relay at work into a file, as an operator does.
    ///
    /// # Errors
    /// If the relay's program says so.
    pub async fn back_up(&self, relay: usize) -> Result<PathBuf> {
        let backup = self.data.path().join("backup.sqlite3");
        let flags = [("--data-dir", self.folder_of(relay)), ("--to", backup.clone())];
        self.keep("backup", &flags).await?;
        Ok(backup)
    }

    /// Lets all relays, which were killed, go on from a backup.
    ///
    /// # Errors
    /// If the relay's program says so, or a relay does not come up.
    pub async fn restore(&mut self, backup: &Path) -> Result<()> {
        /// As if a relay had made up this name for the first of them.
        const RESTORE: &str = "0000000000000001";
        for relay in 0..RELAYS {
            let id = PathBuf::from((relay + 1).to_string());
            let from = [("--from", backup.to_owned()), ("--data-dir", self.folder_of(relay)), ("--id", id)];
            self.keep("restore", &[&from[..], &[("--restore", RESTORE.into())]].concat()).await?;
        }
        for relay in 0..RELAYS {
            self.restart(relay).await?;
        }
        Ok(())
    }

    async fn keep(&self, task: &str, flags: &[(&str, PathBuf)]) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.arg(task);
        for (flag, value) in flags {
            command.arg(flag).arg(value);
        }
        let output = command.output().await.with_context(|| format!("running {task}"))?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    fn folder_of(&self, relay: usize) -> PathBuf {
        self.data.path().join(relay.to_string())
    }

    fn start_one(&mut self, relay: usize) -> Result<()> {
        let others = (0..RELAYS).filter(|&other| other != relay);
        let peers: Vec<_> = others.map(|other| format!("{}=ws://127.0.0.1:{}", other + 1, self.ports[other])).collect();
        let log =
            File::options().create(true).append(true).open(self.data.path().join(format!("relay-{relay}.log")))?;
        let process = Command::new(&self.program)
            .env("RELAY_LINK_SECRET", SECRET)
            .args(["--id", &(relay + 1).to_string(), "--port", &self.ports[relay].to_string()])
            .args(["--peers", &peers.join(",")])
            .arg("--data-dir")
            .arg(self.folder_of(relay))
            .args(&self.flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", self.program.display()))?;
        self.processes[relay] = Some(process);
        Ok(())
    }

    async fn wait_until_up(&self, relay: usize) -> Result<()> {
        let log = self.data.path().join(format!("relay-{relay}.log"));
        wait_for("a relay to come up", || async {
            Ok(if is_healthy(self.ports[relay]).await {
                Ok(())
            } else {
                Err(std::fs::read_to_string(&log).unwrap_or_default())
            })
        })
        .await
    }
}

async fn is_healthy(port: u16) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer.starts_with("HTTP/1.1 200"))
    };
    ask.await.unwrap_or(false)
}
