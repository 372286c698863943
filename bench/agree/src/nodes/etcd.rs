//! Three nodes of etcd.

mod client;

pub use client::EtcdClient;

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use relays::{NODES, Process, free_port, get, poll};

pub struct Etcd {
    nodes: Vec<Node>,
    /// Goes after the processes that write into it.
    _dir: TempDir,
}

struct Node {
    client_port: u16,
    _process: Process,
}

impl Etcd {
    /// Starts nodes with empty data directories in `data`, and waits until all are healthy.
    pub fn start(program: &Path, data: &Path) -> Self {
        let dir = TempDir::new_in(data).expect("a directory for data");
        let peers: Vec<_> = (1..=NODES).map(|id| (format!("node-{id}"), url(free_port()))).collect();
        let cluster: Vec<_> = peers.iter().map(|(name, url)| format!("{name}={url}")).collect();
        let start = |(name, peer): &(String, String)| {
            let client_port = free_port();
            let mut command = Command::new(program);
            command
                .args(["--name", name, "--logger", "zap", "--log-level", "error"])
                .args(["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer])
                .args(["--listen-client-urls", &url(client_port), "--advertise-client-urls", &url(client_port)])
                .args(["--initial-cluster", &cluster.join(","), "--initial-cluster-state", "new"])
                .arg("--data-dir")
                .arg(dir.path().join(name));
            Node { client_port, _process: Process::start(&mut command, &dir.path().join(format!("{name}.log"))) }
        };
        let nodes = peers.iter().map(start).collect();
        let etcd = Etcd { nodes, _dir: dir };
        for node in &etcd.nodes {
            poll("etcd is healthy", || get(node.client_port, "/health").ok()?.contains("\"true\"").then_some(()));
        }
        etcd
    }

    /// Where clients connect, the leader first.
    pub async fn endpoints(&self) -> Vec<String> {
        let mut endpoints = Vec::new();
        for node in &self.nodes {
            let endpoint = url(node.client_port);
            let leads = EtcdClient::connect(&endpoint).await.leads().await;
            endpoints.insert(if leads { 0 } else { endpoints.len() }, endpoint);
        }
        endpoints
    }

    /// How often the nodes have called fsync for their logs, by their own count, on average.
    pub fn fsyncs(&self) -> f64 {
        let counts = self.nodes.iter().map(|node| {
            let metrics = get(node.client_port, "/metrics").expect("etcd has metrics");
            fsyncs_in(&metrics).expect("etcd counts its fsyncs")
        });
        counts.sum::<f64>() / f64::from(NODES)
    }
}

fn fsyncs_in(metrics: &str) -> Option<f64> {
    let mut lines = metrics.lines();
    lines.find_map(|line| line.strip_prefix("etcd_disk_wal_fsync_duration_seconds_count "))?.parse().ok()
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fsyncs_are_found_among_the_metrics() {
        let metrics = "# HELP x\netcd_disk_wal_fsync_duration_seconds_sum 0.1\n\
                       etcd_disk_wal_fsync_duration_seconds_count 42\n";
        assert_eq!(fsyncs_in(metrics), Some(42.0));
        assert_eq!(fsyncs_in(""), None);
    }
}
