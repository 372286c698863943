//! Clients of the original, each in its own language, at three relays.
//!
//! `cargo xtask test --only legacy` sets the environment: `DUET_PYTHON` and `PYTHONPATH` are a Python and where it
//! finds python-socketio, `DUET_OPENAPI_PATH` is where it finds schemathesis and a validator, `DUET_NGINX` is nginx,
//! `DUET_NODE` is a Node.js, and `DUET_NODE_MODULES` the folder where it finds socket.io-client.

#[expect(dead_code, reason = "the system tests use the rest")]
#[path = "../system/cluster.rs"]
mod cluster;

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};

use cluster::{Cluster, PATIENCE, free_port, poll};
use tempfile::TempDir;

/// The tools that xtask has installed.
fn installed(name: &str) -> OsString {
    std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set: run `cargo xtask test --only legacy`"))
}

fn script(interpreter: &str, name: &str) -> Command {
    let mut command = Command::new(installed(interpreter));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name));
    command
}

/// A script ends with an exit code other than 0 if anything is not as it should be, and waits for nothing for ever.
fn run(script: &mut Command) {
    let status = script.status().expect("the interpreter starts");
    assert!(status.success(), "{status}");
}

fn urls(cluster: &Cluster) -> [String; 3] {
    [1, 2, 3].map(|id| format!("http://{}", cluster.address(id)))
}

#[test]
fn python_clients_work_at_every_relay_by_polling_and_by_websocket() {
    let cluster = Cluster::start(3);
    run(script("DUET_PYTHON", "python_socketio.py").args(urls(&cluster)));
}

#[test]
fn javascript_clients_work_at_every_relay_by_polling_and_by_websocket() {
    let cluster = Cluster::start(3);
    run(script("DUET_NODE", "socket_io_client.mjs").args(urls(&cluster)));
}

#[test]
fn the_api_does_as_its_document_says_and_the_document_is_valid() {
    const EXAMPLES: &str = "25";
    let cluster = Cluster::start(1);
    let url = format!("http://{}", cluster.address(1));
    run(script("DUET_PYTHON", "openapi.py")
        .args([url.as_str(), EXAMPLES])
        .env("PYTHONPATH", installed("DUET_OPENAPI_PATH")));
}

/// nginx with the configuration of the manual, in front of three relays.
struct Nginx {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Nginx {
    fn start(cluster: &Cluster) -> Self {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/nginx.conf");
        let mut server = std::fs::read_to_string(example).expect("the manual has an example");
        let port = free_port();
        let ports = [1, 2, 3].map(|id| cluster.address(id));
        let replacements =
            [("127.0.0.1:5000", &ports[0]), ("127.0.0.1:5001", &ports[1]), ("127.0.0.1:5002", &ports[2])];
        for (of_manual, of_test) in
            replacements.into_iter().chain([("listen 8080", &format!("listen 127.0.0.1:{port}"))])
        {
            assert!(server.contains(of_manual), "the example has {of_manual}");
            server = server.replace(of_manual, of_test);
        }
        let folder = TempDir::new().expect("a temporary directory");
        // One process, which writes nowhere but into this folder.
        let kinds =
            ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {kind};"));
        let main = format!(
            "daemon off; master_process off; pid nginx.pid; error_log stderr; events {{}} http {{ access_log off; {} {server} }}",
            kinds.join(" ")
        );
        std::fs::write(folder.path().join("nginx.conf"), main).expect("to write into it");
        let mut command = Command::new(installed("DUET_NGINX"));
        command.arg("-p").arg(folder.path()).args(["-e", "stderr", "-c", "nginx.conf"]);
        Nginx { child: command.spawn().expect("nginx starts"), port, _folder: folder }
    }

    fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// The relay to which requests from here go.
    fn relay(&self) -> Option<u16> {
        let mut tcp = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        tcp.set_read_timeout(Some(PATIENCE)).ok()?;
        tcp.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).ok()?;
        let (_, health) = answer.split_once("\r\n\r\n")?;
        serde_json::from_str::<serde_json::Value>(health).ok()?["id"].as_u64()?.try_into().ok()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _has_ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[test]
fn behind_the_nginx_of_the_manual_everything_works_and_goes_on_at_another_relay() {
    let mut cluster = Cluster::start(3);
    let nginx = Nginx::start(&cluster);
    let relay = poll("nginx passes requests on", || nginx.relay());
    let clients = || run(script("DUET_PYTHON", "proxy.py").arg(nginx.url()));
    clients();
    cluster.kill(relay);
    let other = poll("nginx passes requests on to another relay", || nginx.relay());
    assert_ne!(other, relay);
    clients();
}
