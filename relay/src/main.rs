//! A relay of Duet: a durable replica that votes in Paxos, and serves the page and the WebSockets.
//!
//! A thin shell around [`shared::replica::Replica`], which decides everything: [`node`] owns the replicas, [`peer`] and
//! [`link`] are the network, [`store`] is the disk, [`page`] is the page, [`cluster`] says and changes who votes,
//! [`schema`] says which fields records have. [`api`] serves programs; [`ask`] is such a program, on the command line, and [`keep`] makes backups
//! and takes them up.
//! [`legacy`] serves the clients of the system that Duet comes from.

mod api;
mod app;
mod ask;
mod body;
mod budget;
mod clocks;
mod cluster;
mod config;
mod denial;
mod health;
mod http_requests;
mod keep;
mod legacy;
mod limited_log;
mod link;
mod node;
mod origin;
mod outbox;
mod page;
mod peer;
mod places;
mod rejections;
mod routes;
mod schema;
mod server;
mod settings;
mod socket;
mod stall;
mod storage;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use shared::schema::Schema;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tracing::info;
use tracing_subscriber::EnvFilter;

use crate::app::App;
use crate::config::{CommandLine, Config, Task};
use crate::node::{Identity, Node};
use crate::places::Limits;
use crate::server::Connections;
use crate::storage::sqlite::Sqlite;
use crate::storage::{Purpose, Storage};

/// With the allocator of glibc a relay under load spends a third of its time in it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the goodbyes may take, once everything is on the disk.
const GOODBYE: Duration = Duration::from_millis(1500);

/// The exit code for a command line that cannot be meant; clap uses the same.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
    let CommandLine { task, relay } = CommandLine::parse();
    match task {
        Some(Task::Ask(question)) => return ask::ask(&question),
        Some(Task::Keep(task)) => return keep::keep(task),
        None => {}
    }
    let config = match Config::try_from(relay) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("relay: {error}");
            return ExitCode::from(USAGE);
        }
    };
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("relay: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(config: Config) -> anyhow::Result<()> {
    let schema = config.schema_file.as_deref().map_or_else(|| Ok(Schema::people()), schema::read)?;
    let purpose = Purpose { voter: config.voter, schema: schema.clone() };
    let storage: Box<dyn Storage> = Box::new(Sqlite::open(&config.data_dir, &purpose)?);
    let (about, recovered) = (storage.about().clone(), storage.load_all()?);
    let (address, peers) = (config.address.clone(), config.peers.clone());
    let (max_rooms, retire_after) = (config.max_rooms, config.retire_after);
    let identity = Identity { voter: config.voter, schema, address, peers, max_rooms, retire_after };
    let listener = TcpListener::bind(config.listen).await.with_context(|| {
        format!("cannot listen on {}: stop what uses it, or choose another port with --port", config.listen)
    })?;
    info!("{} serves http://{}, data in {}", config.voter, config.listen, config.data_dir.display());

    // Whoever has had an answer may end this relay in order.
    let mut terminate = signal(SignalKind::terminate())?;
    let (writer, reports) = storage.start();
    let (node, handle) = Node::new(identity, about, recovered, writer);
    let changes = handle.changes();
    let mut node = tokio::spawn(node.run(reports));
    let config = Arc::new(config);
    tokio::spawn(settings::keep(handle.clone(), changes, config.dynamic));
    tokio::spawn(link::keep_all(Arc::clone(&config), handle.clone()));
    let per_address = config.max_connections_per_address.map(|count| count as usize);
    let limits = Limits::new(config.max_connections as usize, per_address);
    let router = routes::router(App { config, node: handle.clone() });
    let (connections, ending) = Connections::new();
    let server = tokio::spawn(server::serve(listener, router, limits, ending));

    tokio::select! {
        ended = &mut node => return Ok(ended??),
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    info!("stopping");
    server.abort();
    handle.stop().await;
    node.await??;
    let ended = async { tokio::join!(connections.end(), handle.connections_ended()) };
    let _or_it_took_too_long = timeout(GOODBYE, ended).await;
    Ok(())
}
