//! What the figures were obtained on.

use std::fs;
use std::process::Command;
use std::thread;

use anyhow::Result;

use crate::process::output_of;
use crate::setup::Tools;

/// The machine and its compiler in one line.
pub fn described() -> Result<String> {
    let processor = value_in("/proc/cpuinfo", "model name", ':');
    let cores = thread::available_parallelism()?;
    let system = value_in("/etc/os-release", "PRETTY_NAME", '=');
    let compiler = output_of(Command::new("rustc").arg("--version"))?;
    Ok(format!("Machine: {processor}, {cores} cores; {system}; {compiler}"))
}

/// What compiles for WASM and runs it. `tools` are there if there is a node.
pub fn in_wasm(tools: Option<&Tools>) -> Result<String> {
    let Some(tools) = tools else {
        return Ok("no node, therefore nothing in WASM".to_owned());
    };
    let compiler = output_of(tools.command("rustc")?.arg("--version"))?;
    let node = output_of(Command::new("node").arg("--version"))?;
    Ok(format!("in WASM: {compiler}, node {node}"))
}

/// The first value of `key` in a file that Linux has.
fn value_in(file: &str, key: &str, separator: char) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    value_of(&text, key, separator).unwrap_or("unknown").to_owned()
}

fn value_of<'a>(text: &'a str, key: &str, separator: char) -> Option<&'a str> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(separator));
    let (_, value) = pairs.find(|(name, _)| name.trim() == key)?;
    Some(value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_whole_key() {
        assert_eq!(value_of("model\t: 1\nmodel name\t: AMD EPYC\n", "model name", ':'), Some("AMD EPYC"));
        assert_eq!(value_of("NAME=\"D\"\nPRETTY_NAME=\"D 12\"\n", "PRETTY_NAME", '='), Some("D 12"));
        assert_eq!(value_of("", "model name", ':'), None);
    }
}
