//! Clients of the original, each in its own language, at three relays.
//!
//! `cargo xtask test --only legacy` sets the environment: `DUET_PYTHON` and `PYTHONPATH` are a Python and where it finds
//! python-socketio, `DUET_NODE` is a Node.js, and `DUET_NODE_MODULES` the folder where it finds socket.io-client.

#[expect(dead_code, reason = "the system tests use the rest")]
#[path = "../system/cluster.rs"]
mod cluster;

use std::path::Path;
use std::process::Command;

use cluster::Cluster;

/// Runs a script with the URLs of three relays. It ends with an exit code other than 0 if anything is not as it should
/// be, and waits for nothing for ever.
fn run(interpreter: &str, script: &str) {
    let Some(program) = std::env::var_os(interpreter) else {
        panic!("{interpreter} is not set: run `cargo xtask test --only legacy`");
    };
    let cluster = Cluster::start(3);
    let urls = [1, 2, 3].map(|id| format!("http://{}", cluster.address(id)));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
    let status = Command::new(program).arg(script).args(urls).status().expect("the interpreter starts");
    assert!(status.success(), "{status}");
}

#[test]
fn python_clients_work_at_every_relay_by_polling_and_by_websocket() {
    run("DUET_PYTHON", "python_socketio.py");
}

#[test]
fn javascript_clients_work_at_every_relay_by_polling_and_by_websocket() {
    run("DUET_NODE", "socket_io_client.mjs");
}
