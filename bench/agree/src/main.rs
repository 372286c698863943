//! Agreement beside its peers: `cargo xtask bench agree`.

mod command;
mod disk;
mod durable;
mod failover;
mod figures;
mod in_process;
mod nodes;
mod table;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use figures::ROUNDS;
use table::Goals;
use tokio::runtime;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).map(PathBuf::from).collect();
    let (data, relay, etcd) = match &arguments[..] {
        [data, relay] => (data, relay, None),
        [data, relay, etcd] => (data, relay, Some(etcd.as_path())),
        _ => {
            eprintln!("usage: agree DATA RELAY [ETCD]\n  DATA: a folder on the disk that is to be measured");
            return ExitCode::from(2);
        }
    };
    println!("{}", measure(data, relay, etcd));
    ExitCode::SUCCESS
}

/// The tables of all three measurements, and how many goals are met.
fn measure(data: &Path, relay: &Path, etcd: Option<&Path>) -> String {
    let mut goals = Goals::default();
    let in_process = in_process::measure(&mut goals);
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let durable = match etcd {
        Some(etcd) => runtime.block_on(durable::measure(data, relay, etcd, &mut goals)),
        None => "There is no etcd on this machine: what is measured beside it is left out.\n".to_owned(),
    };
    let failover = runtime.block_on(failover::measure(data, relay, &mut goals));
    format!("{in_process}\n{durable}\n{failover}\n{}\n\n{}", notes(), goals.summary())
}

fn notes() -> String {
    format!(
        "- Every figure is the median of {ROUNDS} rounds, in which the engines take turns; the share is that of one \
         round's figures, and so are its minimum and maximum.\n\
         - Rows without a goal are there to be read."
    )
}
