//! The examples of the documents, run as they are: blocks marked `sh`, with the answers that they show.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Deserializer, Value};

use crate::cluster::Cluster;

/// Stands in the output of the script in front of each block.
const SEPARATOR: &str = "=== block ===";
/// The ports of the documents, by relay.
const PORTS: [(u16, &str); 3] = [(1, "127.0.0.1:5000"), (2, "127.0.0.1:5001"), (3, "127.0.0.1:5002")];

/// A block of commands, and the answers that the document shows for it.
struct Block {
    commands: String,
    answers: Vec<Value>,
}

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    std::fs::read_to_string(path).expect("a document")
}

/// The blocks of a document that talk to a relay.
fn blocks(text: &str) -> Vec<Block> {
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let blocks = blocks.map(|(block, _)| {
        let answers = block.lines().filter_map(|line| line.strip_prefix("# {")).map(|rest| format!("{{{rest}"));
        let answers = answers.map(|line| serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")));
        Block { commands: block.to_owned(), answers: answers.collect() }
    });
    blocks.filter(|block| block.commands.contains("http://") || block.commands.contains("curl")).collect()
}

/// Runs the blocks one after the other in one shell. Returns the output of each.
fn run(cluster: &Cluster, blocks: &[Block]) -> Vec<String> {
    let mut script = "set -eu\n".to_owned();
    for block in blocks {
        script += &format!("echo; echo '{SEPARATOR}'\n{}\n", block.commands);
    }
    for (id, port) in PORTS {
        script = script.replace(port, &cluster.address(id));
    }
    let folder = tempfile::TempDir::new().expect("a temporary directory");
    let shell = Command::new("sh").args(["-c", &script]).current_dir(folder.path()).stdin(Stdio::null()).output();
    let output = shell.expect("a shell starts");
    assert!(output.status.success(), "the examples need curl and jq: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("answers are UTF-8");
    text.split(SEPARATOR).skip(1).map(str::to_owned).collect()
}

/// Returns true if `answer` has the form of `shown`: the same keys, and the same values but for ids and slots.
fn is_like(shown: &Value, answer: &Value) -> bool {
    match (shown, answer) {
        (Value::Object(shown), Value::Object(answer)) => {
            shown.len() == answer.len()
                && shown.iter().all(|(key, shown)| {
                    answer.get(key).is_some_and(|answer| key == "slot" && answer.is_u64() || is_like(shown, answer))
                })
        }
        (Value::Array(shown), Value::Array(answer)) => {
            shown.len() == answer.len() && shown.iter().zip(answer).all(|(shown, answer)| is_like(shown, answer))
        }
        // An ellipsis stands for any text.
        (Value::String(shown), Value::String(answer)) => match shown.split_once('…') {
            Some(_) => !answer.is_empty(),
            None => shown == answer,
        },
        (Value::String(shown), Value::Number(_)) => shown == "…",
        _ => shown == answer,
    }
}

fn check(name: &str, least: usize) {
    let blocks = blocks(&document(name));
    let shown: usize = blocks.iter().map(|block| block.answers.len()).sum();
    assert!(shown >= least, "{name} shows {shown} answers");
    let cluster = Cluster::start(3);
    for (block, output) in blocks.iter().zip(run(&cluster, &blocks)) {
        if block.answers.is_empty() {
            continue;
        }
        let answers: Result<Vec<Value>, _> = Deserializer::from_str(&output).into_iter().collect();
        let answers = answers.unwrap_or_else(|error| panic!("{error}: {}{output}", block.commands));
        // Commands before the shown ones may answer, too.
        let last = answers.len().saturating_sub(block.answers.len());
        let is_as_shown = answers.len() >= block.answers.len()
            && block.answers.iter().zip(&answers[last..]).all(|(shown, answer)| is_like(shown, answer));
        assert!(is_as_shown, "{name} shows other answers than a relay gives:\n{}{output}", block.commands);
    }
}

#[test]
fn the_examples_of_the_guide_to_the_api_answer_as_shown() {
    check("docs/how-to/use-the-http-api.md", 10);
}

#[test]
fn the_example_of_the_readme_answers_as_shown() {
    check("README.md", 2);
}

#[test]
fn an_example_that_shows_another_answer_is_found() {
    let shown = serde_json::json!({"id": "9c…1", "number": {"state": "final", "value": 1, "slot": 7}});
    let answer = |value: u64, state: &str| serde_json::json!({"id": "ab.1", "number": {"state": state, "value": value, "slot": 9}});
    assert!(is_like(&shown, &answer(1, "final")));
    assert!(!is_like(&shown, &answer(2, "final")));
    assert!(!is_like(&shown, &answer(1, "pending")));
    assert!(!is_like(&shown, &serde_json::json!({"id": "ab.1"})));
}
