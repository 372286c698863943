//! The house test: layers, cycles between files, and sizes, as the sources have them. It parses every file and follows
//! each name to the file that defines it.

mod cycles;
mod exceptions;
mod fixture;
mod layers;
mod mentions;
mod resolve;
mod sizes;
mod source;
mod use_tree;
mod verdict;

use std::path::Path;

use crate::cycles::Graph;
use crate::layers::Layers;
use crate::source::Crate;
use crate::verdict::{Exception, Verdict};

/// The core. `merge` and `consensus` do not know each other; `sim` is a user of the core like any other crate.
const SHARED: Layers = Layers {
    order: &[&["base"], &["schema"], &["merge", "consensus"], &["ledger"], &["replica"], &["protocol"], &["sim"]],
    outsiders: &["sim"],
};

/// The headless replica. What is pure knows no host, and hosts do not know each other.
const CLIENT: Layers = Layers {
    order: &[
        &[
            "author",
            "clock",
            "connection",
            "heartbeat",
            "impairment",
            "listeners",
            "load_history",
            "name",
            "network",
            "route",
            "rows",
            "storage_error",
            "types",
        ],
        &["decisions", "merges", "notification", "writes"],
        &["session"],
        &["burst", "import", "neighbours"],
        &["native", "web"],
    ],
    outsiders: &[],
};

/// The page: words, view models, the model that follows the client, and components. View models know no components.
const FRONTEND: Layers = Layers {
    order: &[
        &["browser"],
        &["language"],
        &["words"],
        &["page"],
        &["view_model"],
        &["model"],
        &["hooks"],
        &["components"],
        &["pages"],
        &["app"],
    ],
    outsiders: &[],
};

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the repository")
}

fn read(name: &str) -> Crate {
    Crate::read(root(), name).expect("the sources of a crate that compiles can be read")
}

fn assert_layers(name: &str, layers: &Layers, exceptions: &[Exception]) {
    Verdict::of(&layers.check(&read(name)), exceptions).assert_kept();
}

fn assert_no_cycles(name: &str, exceptions: &[Exception]) {
    let tree = read(name);
    let graph = Graph::of(&tree);
    Verdict::new(&graph.cycles(exceptions), graph.unneeded(exceptions), exceptions).assert_kept();
}

#[test]
fn layers_of_shared_use_only_those_before_them() {
    assert_layers("shared", &SHARED, &exceptions::LAYERS_OF_SHARED);
}

#[test]
fn layers_of_the_client_use_only_those_before_them() {
    assert_layers("client", &CLIENT, &[]);
}

#[test]
fn layers_of_the_page_use_only_those_before_them() {
    assert_layers("frontend", &FRONTEND, &exceptions::LAYERS_OF_FRONTEND);
}

#[test]
fn files_of_shared_import_each_other_in_no_cycle() {
    assert_no_cycles("shared", &exceptions::CYCLES_OF_SHARED);
}

#[test]
fn files_of_xtask_import_each_other_in_no_cycle() {
    assert_no_cycles("xtask", &[]);
}

#[test]
fn functions_are_short_and_structs_have_few_fields() {
    let findings = sizes::check(root()).expect("the sources of crates that compile can be read");
    Verdict::of(&findings, &exceptions::SIZES).assert_kept();
}
