//! The dynamic method under load: `cargo xtask bench dynamic`.

mod burst;
mod chart;
mod client;
mod cluster;
mod method;
mod report;
mod sweep;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::runtime;

use burst::{Bursts, calibrate, measure};
use method::Method;
use sweep::Sweep;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [data, relay, charts] = &arguments[..] else {
        eprintln!("usage: dynamic DATA RELAY CHARTS\n  DATA: a folder on the disk that is to be used");
        return ExitCode::from(2);
    };
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let sweep = Sweep::measure(relay, data).await;
        let rates = calibrate(relay, data).await;
        let paxos = measure(relay, data, Method::PaxosOnly, rates).await;
        let levels = measure(relay, data, Method::Levels, rates).await;
        let without_leases = measure(relay, data, Method::WithoutLeases, rates).await;
        let bursts = Bursts { rates, paxos, levels, without_leases };
        println!("{}", report::write(&sweep, &bursts, charts));
    });
    ExitCode::SUCCESS
}
