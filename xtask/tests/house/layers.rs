//! The layers of a crate: which top-level module may use which.

use std::collections::BTreeSet;

use crate::mentions::Mention;
use crate::resolve::Target;
use crate::source::{Crate, ModuleId};
use crate::verdict::Finding;

/// The order of a crate's top-level modules.
pub struct Layers {
    /// Each layer uses only layers before it. Modules of one layer do not use each other.
    pub order: &'static [&'static [&'static str]],
    /// Modules that use only names that are `pub` for other crates, too.
    pub outsiders: &'static [&'static str],
}

impl Layers {
    fn rank(&self, module: &str) -> Option<usize> {
        self.order.iter().position(|layer| layer.contains(&module))
    }

    /// The order as a person would write it: `base -> schema -> merge | consensus`.
    fn in_words(&self) -> String {
        self.order.iter().map(|layer| layer.join(" | ")).collect::<Vec<_>>().join(" -> ")
    }

    /// Returns each use of a name that the order forbids, once for each module and name. Tests count, too: a test that
    /// needs a later layer belongs into that layer, or into `tests/`.
    pub fn check(&self, tree: &Crate) -> Vec<Finding> {
        let mut seen = BTreeSet::new();
        let mut findings = self.misplaced(tree);
        for (id, module) in tree.modules.iter().enumerate() {
            let Some(layer) = module.path.first() else { continue };
            for mention in &module.mentions {
                let Some(target) = tree.resolve(id, &mention.path) else { continue };
                let Some(used) = tree.modules[target.module].path.first() else { continue };
                let Some(rule) = self.broken_rule(layer, used, &target) else { continue };
                let key = format!("{} -> {}", tree.full_path(id), full_name(tree, &target));
                if seen.insert(key.clone()) {
                    findings.push(finding(tree, id, mention, key, &rule));
                }
            }
        }
        findings
    }

    fn broken_rule(&self, layer: &str, used: &str, target: &Target) -> Option<String> {
        if layer == used {
            return None;
        }
        let (from, to) = (self.rank(layer)?, self.rank(used)?);
        if from <= to {
            let order = self.in_words();
            return Some(format!(
                "`{layer}` must not use `{used}` (layers: {order}). Move the name to `{layer}` or before it, or let \
                 `{layer}` return an effect of its own"
            ));
        }
        (self.outsiders.contains(&layer) && !target.is_public)
            .then(|| format!("`{layer}` uses only what is `pub` for other crates, too. Use the public interface"))
    }

    /// Top-level modules without a layer, and layers without a module.
    fn misplaced(&self, tree: &Crate) -> Vec<Finding> {
        let top: BTreeSet<_> = tree
            .modules
            .iter()
            .filter(|module| module.path.len() == 1 && !module.is_test)
            .map(|module| &*module.path[0])
            .collect();
        let known: BTreeSet<_> = self.order.iter().copied().flatten().copied().collect();
        let homeless = top.difference(&known).map(|module| Finding {
            key: format!("{}::{module}", tree.name),
            text: format!(
                "{}/src/{module}: this module has no layer. Move it into one, or name it in xtask/tests/house/main.rs",
                tree.name
            ),
        });
        let gone = known.difference(&top).map(|module| Finding {
            key: format!("{}::{module}", tree.name),
            text: format!(
                "{}/src has no module `{module}`. Take it out of the layers in xtask/tests/house/main.rs",
                tree.name
            ),
        });
        homeless.chain(gone).collect()
    }
}

fn finding(tree: &Crate, from: ModuleId, mention: &Mention, key: String, rule: &str) -> Finding {
    let (file, line) = (tree.modules[from].file.display(), mention.line);
    Finding { text: format!("{file}:{line}: uses `{}`: {rule}", mention.path.join("::")), key }
}

fn full_name(tree: &Crate, target: &Target) -> String {
    let module = tree.full_path(target.module);
    target.name.as_ref().map_or(module.clone(), |name| format!("{module}::{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::crate_of;

    const ORDER: Layers =
        Layers { order: &[&["base"], &["merge", "consensus"], &["ledger"], &["sim"]], outsiders: &["sim"] };
    const ROOT: (&str, &str) =
        ("lib.rs", "pub mod base; pub mod merge; pub mod consensus; pub mod ledger; pub mod sim;");
    const NONE: &str = "";

    /// The layers, with the code of `merge.rs` and `sim.rs`.
    fn keys(merge: &str, sim: &str) -> Vec<String> {
        let ledger = "pub mod request { pub struct Request; pub(crate) struct Secret; } pub use request::Request;";
        let base = "pub struct Dot;";
        let files = [ROOT, ("base.rs", base), ("merge.rs", merge), ("consensus.rs", "pub struct Log;")];
        let tree = crate_of(&[&files[..], &[("ledger.rs", ledger), ("sim.rs", sim)]].concat());
        ORDER.check(&tree).into_iter().map(|finding| finding.key).collect()
    }

    #[test]
    fn import_of_an_earlier_layer_is_allowed() {
        assert!(keys("use crate::base::Dot; pub struct Version(Dot);", "use crate::merge::Version;").is_empty());
    }

    #[test]
    fn import_of_a_later_layer_is_caught() {
        assert_eq!(keys("use crate::ledger::Request;", NONE), ["core::merge -> core::ledger::request::Request"]);
    }

    #[test]
    fn import_of_a_layer_beside_is_caught() {
        assert_eq!(keys("use crate::consensus::Log;", NONE), ["core::merge -> core::consensus::Log"]);
    }

    #[test]
    fn every_way_of_writing_an_import_is_caught() {
        let request = "core::merge -> core::ledger::request::Request";
        for code in [
            "pub use crate::ledger::Request;",
            "use super::ledger::Request as Renamed;",
            "use crate::{base::Dot, ledger::{request::{Request}}};",
            "fn f(_: crate::ledger::Request) {}",
            "fn f() { let _ = super::ledger::Request; }",
            "fn f() { use crate::ledger::Request; }",
            "fn f() { assert!(crate::ledger::Request == 1); }",
            "#[cfg(test)] mod tests { use super::super::ledger::Request; }",
            "impl crate::ledger::Request {}",
        ] {
            let found = keys(code, NONE);
            assert!(found.iter().any(|key| key.ends_with("-> core::ledger::request::Request")), "{code}: {found:?}");
        }
        assert_eq!(
            keys("use crate::ledger; fn f(_: ledger::Request) {}", NONE),
            ["core::merge -> core::ledger", request]
        );
    }

    #[test]
    fn import_of_all_names_of_a_later_layer_is_caught() {
        assert_eq!(keys("use crate::ledger::*;", NONE), ["core::merge -> core::ledger"]);
    }

    #[test]
    fn outsider_uses_only_public_names() {
        assert!(keys(NONE, "use crate::ledger::request::Request;").is_empty());
        assert_eq!(keys(NONE, "use crate::ledger::request::Secret;"), ["core::sim -> core::ledger::request::Secret"]);
    }

    #[test]
    fn nobody_uses_the_last_layer() {
        assert_eq!(keys("use crate::sim::World;", "pub struct World;"), ["core::merge -> core::sim::World"]);
    }

    #[test]
    fn module_without_a_layer_is_caught() {
        let tree = crate_of(&[("lib.rs", "mod base; mod util;"), ("base.rs", ""), ("util.rs", "")]);
        let keys: Vec<_> = Layers { order: &[&["base"], &["gone"]], outsiders: &[] }.check(&tree);
        let keys: Vec<_> = keys.into_iter().map(|finding| finding.key).collect();
        assert_eq!(keys, ["core::util", "core::gone"]);
    }

    #[test]
    fn finding_says_file_line_and_order() {
        let files = [ROOT, ("base.rs", "\nuse crate::ledger::Request;"), ("merge.rs", ""), ("consensus.rs", "")];
        let tree = crate_of(&[&files[..], &[("ledger.rs", "pub struct Request;"), ("sim.rs", "")]].concat());
        let text = &ORDER.check(&tree)[0].text;
        assert!(text.starts_with("core/src/base.rs:2: uses `crate::ledger::Request`"), "{text}");
        assert!(text.contains("base -> merge | consensus -> ledger -> sim"), "{text}");
    }
}
