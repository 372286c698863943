//! Child processes: announced, timed, and clear about why they failed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, io};

use anyhow::{Context, Result, bail};

/// How much of a log is shown when its writer fails.
const TAIL_LINES: usize = 20;

/// Says what a long step does, does it, and says how long it took.
pub fn announced<T>(title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("{title}");
    let start = Instant::now();
    let outcome = work()?;
    println!("  done in {}", in_words(start.elapsed()));
    Ok(outcome)
}

/// A duration as a person would say it.
pub fn in_words(duration: Duration) -> String {
    match duration.as_secs() {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// Runs a command whose output is for the user.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| cannot_start(command))?;
    if !status.success() {
        bail!("`{}` failed ({status})", line_of(command));
    }
    Ok(())
}

/// Runs a command whose output matters only if it fails: it goes to the end of `log`.
pub fn run_logged(command: &mut Command, log: &Path) -> Result<()> {
    let output = File::options()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write {}", log.display()))?;
    let status = command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .status()
        .with_context(|| cannot_start(command))?;
    if !status.success() {
        eprintln!("{}", tail(log)?);
        let (line, log) = (line_of(command), log.display());
        bail!("`{line}` failed ({status}); its whole output is in {log}");
    }
    Ok(())
}

/// What a command prints, without the white space around it. Its errors are dropped, unless it was told where to put
/// them.
pub fn output_of(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| cannot_start(command))?;
    if !output.status.success() {
        bail!("`{}` failed ({})", line_of(command), output.status);
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// The last lines of a log, indented.
pub fn tail(log: &Path) -> io::Result<String> {
    let text = String::from_utf8_lossy(&fs::read(log)?).into_owned();
    let lines: Vec<_> = text.lines().map(|line| format!("    {line}")).collect();
    Ok(lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n"))
}

/// The command as one would type it.
pub fn line_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// Where a program is, if the user's `PATH` leads to it.
pub fn find_on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start `{}`", line_of(command))
}
