//! `cargo test`, where a test that does not run is a failure.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process::line_of;

/// Runs tests, and takes a test that was left out for a failure.
pub fn run(command: &mut Command) -> Result<()> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", line_of(command)))?;
    let output = child.stdout.take().expect("the output is piped");
    let mut ignored = 0;
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        ignored += ignored_tests(&line);
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{}` failed ({status})", line_of(command));
    }
    if ignored > 0 {
        bail!("tests that were ignored: {ignored}");
    }
    Ok(())
}

/// How many ignored tests a line like `test result: ok. 3 passed; 0 failed; 1 ignored` tells of.
fn ignored_tests(line: &str) -> usize {
    if !line.starts_with("test result:") {
        return 0;
    }
    line.split(';')
        .find_map(|part| part.trim().strip_suffix(" ignored"))
        .and_then(|count| count.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_tests_are_counted() {
        let line = "test result: ok. 3 passed; 0 failed; 12 ignored; 0 measured; 0 filtered out";
        assert_eq!(ignored_tests(line), 12);
        assert_eq!(ignored_tests("test laws::merge ... ok"), 0);
    }
}
