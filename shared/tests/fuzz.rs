//! The fuzz targets without a fuzzer: the corpus that fuzzing has left, and some damage to it.

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::path::PathBuf;

use shared::base::split_mix::SplitMix64;

/// How many damaged inputs are made of each corpus.
const DAMAGED: u64 = 20_000;
/// The longest input that is damaged: long ones take long.
const MAX_BYTES: usize = 4_096;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(folder).expect("there is a corpus").map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "the corpus of {target} is empty");
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn run(target: &str, check: impl Fn(&[u8])) {
    let inputs = corpus(target);
    inputs.iter().for_each(|input| check(input));
    let mut random = SplitMix64::new(1);
    for _ in 0..DAMAGED {
        let mut input = inputs[random.below(inputs.len() as u64) as usize].clone();
        input.truncate(MAX_BYTES);
        damage(&mut input, &inputs, &mut random);
        check(&input);
    }
}

/// Changes some bytes, cuts some off, or puts in a piece of another input.
fn damage(input: &mut Vec<u8>, others: &[Vec<u8>], random: &mut SplitMix64) {
    for _ in 0..=random.below(4) {
        let at = random.below(input.len() as u64 + 1) as usize;
        match random.below(4) {
            0 => input.truncate(at),
            1 => input.insert(at, random.draw() as u8),
            2 => {
                let other = &others[random.below(others.len() as u64) as usize];
                let from = random.below(other.len() as u64 + 1) as usize;
                let piece = &other[from..other.len().min(from + 32)];
                input.splice(at..at, piece.iter().copied());
            }
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = random.draw() as u8;
                }
            }
        }
    }
}

#[test]
fn frames_from_a_tab_do_no_harm() {
    run("frames", targets::frames);
}

#[test]
fn documents_from_anywhere_do_no_harm() {
    run("document", targets::document);
}

#[test]
fn versions_on_disk_are_read_or_refused() {
    run("packed", targets::packed);
}

#[test]
fn sets_of_dots_are_read_or_refused() {
    run("dot_set", targets::dot_set);
}
