//! A relay under attack: `cargo xtask bench hostile`.
//!
//! Each attack gets a relay of its own, and lasts for a while. Meanwhile some tabs at another address add people with numbers.
//! The table says how much memory the relay has taken at the most, and how long the honest tabs waited.

mod attack;
mod honest;
mod relay;
mod socket;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::sleep;

use attack::Attack;
use honest::{Honest, Worked};
use relay::Relay;

/// How long an attack lasts.
const LASTS: Duration = Duration::from_secs(20);
/// The goals: how much memory a relay may take, and how long 99 of 100 operations of honest tabs may.
const MEMORY_GOAL: u64 = 256 << 20;
const P99_GOAL: Duration = Duration::from_millis(250);

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [data, program] = &arguments[..] else {
        eprintln!("usage: hostile DATA RELAY\n  DATA: a folder for the databases");
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    println!(
        "| attack | sent by it | peak memory of the relay | honest operations | honest tabs cut | p50 | p99 | longest | goals |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for attack in Attack::ALL {
        println!("{}", runtime.block_on(row(attack, data, program)));
    }
    ExitCode::SUCCESS
}

/// One row of the table.
async fn row(attack: Attack, data: &Path, program: &Path) -> String {
    let relay = Relay::start(program, data);
    let honest = Honest::start(relay.port()).await;
    let running = attack.start(relay.port()).await;
    sleep(LASTS).await;
    let Worked { waits, cut } = honest.stop().await;
    let sent = running.stop();
    let memory = relay.peak_memory();
    let [p50, p99, longest] = [50, 99, 100].map(|percent| percentile(&waits, percent));
    let is_met = memory <= MEMORY_GOAL && p99 <= P99_GOAL && cut == 0;
    format!(
        "| {} | {} B | {} MiB | {} | {} | {:.1} ms | {:.1} ms | {:.1} ms | {} |",
        attack.name(),
        sent,
        memory >> 20,
        waits.len(),
        cut,
        in_ms(p50),
        in_ms(p99),
        in_ms(longest),
        if is_met { "met" } else { "missed" }
    )
}

/// `waits` is in ascending order.
fn percentile(waits: &[Duration], percent: usize) -> Duration {
    let at = (waits.len() * percent).div_ceil(100).saturating_sub(1);
    waits.get(at).copied().unwrap_or(LASTS)
}

fn in_ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_waits_and_without_any_the_whole_time() {
        let waits: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&waits, 50), Duration::from_millis(100));
        assert_eq!(percentile(&waits, 99), Duration::from_millis(198));
        assert_eq!(percentile(&waits, 100), Duration::from_millis(200));
        assert_eq!(percentile(&[], 99), LASTS);
    }
}
