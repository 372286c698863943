//! The simulator against replicas that break one rule each: it must notice every one of them.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{self, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use shared::base::mutation::{self, Mutation};
use shared::sim::{self, Faults};

/// How many seeds a broken rule may survive.
const SEEDS: u64 = 6_000;

/// What noticed that a rule was broken, and under which seed.
struct Catch {
    by: String,
    seed: u64,
}

#[test]
fn the_simulator_notices_every_broken_rule() {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {})); // Replicas that break a rule panic by the hundred.
    let unclean = Mutex::new(BTreeMap::new());
    let catches = in_threads(Mutation::ALL.len(), |at| catch(Mutation::ALL[at].0, &unclean));
    panic::set_hook(hook);

    println!("| a replica that breaks the rule | noticed as | seed |\n|---|---|---|");
    for ((_, rule), catch) in Mutation::ALL.iter().zip(&catches) {
        let (by, seed) = catch.as_ref().map_or(("-", "-".into()), |catch| (&catch.by, catch.seed.to_string()));
        println!("|{rule} | {by} | {seed} |");
    }
    let survivors = Mutation::ALL.iter().zip(&catches).filter(|(_, catch)| catch.is_none());
    let survivors: Vec<Mutation> = survivors.map(|(&(mutation, _), _)| mutation).collect();
    assert!(survivors.is_empty(), "not noticed within {SEEDS} seeds: {survivors:?}");
    let unclean = unclean.into_inner().expect("no job panics");
    assert!(unclean.is_empty(), "seeds that fail when no rule is broken: {unclean:?}");
}

/// Runs seeds with a rule broken until something notices that under the same seed finds nothing when no rule is broken.
fn catch(mutation: Mutation, unclean: &Mutex<BTreeMap<u64, String>>) -> Option<Catch> {
    (0..SEEDS).find_map(|seed| {
        let by = failure(Some(mutation), seed)?;
        let Some(failure) = failure(None, seed) else { return Some(Catch { by, seed }) };
        unclean.lock().expect("no job panics").insert(seed, failure);
        None
    })
}

/// What notices that something is wrong in the run of a seed.
fn failure(broken: Option<Mutation>, seed: u64) -> Option<String> {
    mutation::set(broken);
    match catch_unwind(|| sim::run(seed, Faults::ALL)) {
        Ok(Ok(_)) => None,
        Ok(Err(violated)) => Some(format!("`{}`", first_word(&format!("{violated:?}")))),
        Err(panic) => Some(format!("assertion: {}", first_line(panic.as_ref()))),
    }
}

/// The name of a violation, without its fields.
fn first_word(violated: &str) -> &str {
    violated.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default()
}

fn first_line(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.and_then(|text| text.lines().next()).unwrap_or("without a word")
}

/// Does jobs by their numbers, as many at a time as the machine does.
fn in_threads<T: Send>(jobs: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(at) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&at| at < jobs) {
                    let result = job(at);
                    done.lock().expect("no job panics").push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no job panics");
    done.sort_by_key(|&(at, _)| at);
    done.into_iter().map(|(_, result)| result).collect()
}
