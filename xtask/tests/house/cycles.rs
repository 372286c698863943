//! Imports from file to file, and the cycles among them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::source::{Crate, ModuleId};
use crate::verdict::{Exception, Finding};

/// The names that one file uses of another, each with the first line that mentions it.
type Names = BTreeMap<String, usize>;

/// One file, and another that it uses.
type Edge = (ModuleId, ModuleId);

/// Which file of a crate uses which. A file stands for its outermost module.
#[derive(Clone)]
pub struct Graph<'a> {
    tree: &'a Crate,
    uses: BTreeMap<ModuleId, BTreeMap<ModuleId, Names>>,
}

impl<'a> Graph<'a> {
    /// Reads the imports of a crate. A module that declares a child, or re-exports names of its children, does not use
    /// them. Tests do not count.
    pub fn of(tree: &'a Crate) -> Self {
        let mut uses = BTreeMap::<_, BTreeMap<_, Names>>::new();
        for (id, module) in tree.modules.iter().enumerate() {
            for mention in module.mentions.iter().filter(|mention| !mention.is_test) {
                let Some(target) = tree.resolve(id, &mention.path) else { continue };
                let defining = &tree.modules[target.module];
                let is_from_child = mention.is_reexport && defining.path.starts_with(&module.path);
                let Some(name) = target.name else { continue };
                if defining.file != module.file && !is_from_child {
                    let edges = uses.entry(tree.file_of(id)).or_default();
                    let names = edges.entry(tree.file_of(target.module)).or_default();
                    let first = names.entry(name).or_insert(mention.line);
                    *first = mention.line.min(*first);
                }
            }
        }
        Self { tree, uses }
    }

    /// Returns cycles that are left when the edges of all exceptions are taken away: the shortest one, the shortest one
    /// without the thinnest edge of the former, and so on until no cycle is left.
    pub fn cycles(&self, exceptions: &[Exception]) -> Vec<Finding> {
        let mut rest = self.without(|edge| !self.covering(edge, exceptions).is_empty());
        let mut cycles = Vec::new();
        while let Some(cycle) = rest.shortest_cycle() {
            let (from, to) = rest.thinnest_edge(&cycle);
            cycles.push(Finding { key: self.key((from, to)), text: rest.in_words(&cycle) });
            rest.uses.entry(from).or_default().remove(&to);
        }
        cycles
    }

    /// Returns each exception without which there is no cycle, either, as long as the others hold.
    pub fn unneeded<'e>(&self, exceptions: &'e [Exception]) -> Vec<&'e Exception> {
        let covered: BTreeMap<_, _> = self.edges().map(|edge| (edge, self.covering(edge, exceptions))).collect();
        let is_needed = |index: usize| {
            let rest = self.without(|edge| covered[&edge].iter().any(|other| *other != index));
            rest.edges().any(|edge| covered[&edge].contains(&index) && rest.way(edge.1, edge.0).is_some())
        };
        let unneeded = exceptions.iter().enumerate().filter(|(index, _)| !is_needed(*index));
        unneeded.map(|(_, exception)| exception).collect()
    }

    /// Indices of the exceptions that allow an edge.
    fn covering(&self, edge: Edge, exceptions: &[Exception]) -> Vec<usize> {
        let key = self.key(edge);
        (0..exceptions.len()).filter(|index| exceptions[*index].covers(&key)).collect()
    }

    fn without(&self, is_allowed: impl Fn(Edge) -> bool) -> Self {
        let mut rest = self.clone();
        for (from, edges) in &mut rest.uses {
            edges.retain(|to, _| !is_allowed((*from, *to)));
        }
        rest
    }

    fn edges(&self) -> impl Iterator<Item = Edge> {
        self.uses.iter().flat_map(|(from, edges)| edges.keys().map(|to| (*from, *to)))
    }

    /// The files of the shortest cycle: each uses the next, and the last uses the first.
    fn shortest_cycle(&self) -> Option<Vec<ModuleId>> {
        self.edges().filter_map(|(from, to)| self.way(to, from)).min_by_key(Vec::len)
    }

    /// The shortest way from one file to another along their imports, with both ends.
    fn way(&self, start: ModuleId, end: ModuleId) -> Option<Vec<ModuleId>> {
        let mut came_from = BTreeMap::new();
        let mut seen = BTreeSet::from([start]);
        let mut queue = VecDeque::from([start]);
        while let Some(file) = queue.pop_front() {
            if file == end {
                let mut way: Vec<_> = std::iter::successors(Some(end), |file| came_from.get(file).copied()).collect();
                way.reverse();
                return Some(way);
            }
            for next in self.uses.get(&file).into_iter().flat_map(BTreeMap::keys) {
                if seen.insert(*next) {
                    came_from.insert(*next, file);
                    queue.push_back(*next);
                }
            }
        }
        None
    }

    fn names(&self, (from, to): Edge) -> &Names {
        &self.uses[&from][&to]
    }

    /// The edge that is cut most easily, because the fewest names make it.
    fn thinnest_edge(&self, cycle: &[ModuleId]) -> Edge {
        edges_of(cycle).min_by_key(|edge| self.names(*edge).len()).expect("a cycle has edges")
    }

    fn key(&self, (from, to): Edge) -> String {
        format!("{} -> {}", self.tree.full_path(from), self.tree.full_path(to))
    }

    fn in_words(&self, cycle: &[ModuleId]) -> String {
        let file = |module: ModuleId| self.tree.modules[module].file.display();
        let steps = edges_of(cycle).map(|(from, to)| {
            let names: Vec<_> = self.names((from, to)).keys().map(String::as_str).collect();
            let line = self.names((from, to)).values().min().expect("an edge has names");
            format!("\n    {}:{line} uses {} of {}", file(from), names.join(", "), file(to))
        });
        let steps: String = steps.collect();
        format!(
            "{}: a cycle of {} files. Move the names of one step to a file that both ends may use{steps}",
            file(cycle[0]),
            cycle.len()
        )
    }
}

fn edges_of(cycle: &[ModuleId]) -> impl Iterator<Item = Edge> {
    cycle.iter().copied().zip(cycle.iter().copied().cycle().skip(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::crate_of;

    fn keys(files: &[(&str, &str)], exceptions: &[Exception]) -> Vec<String> {
        let tree = crate_of(files);
        Graph::of(&tree).cycles(exceptions).into_iter().map(|finding| finding.key).collect()
    }

    const TWO: [(&str, &str); 3] = [
        ("lib.rs", "mod log; mod voter;"),
        ("log.rs", "use crate::voter::{Ballot, Vote}; pub struct Log(Ballot, Vote);"),
        ("voter.rs", "pub struct Ballot; pub struct Vote; pub struct Voter(super::log::Log);"),
    ];

    #[test]
    fn cycle_of_two_files_is_caught_at_its_thinnest_edge() {
        assert_eq!(keys(&TWO, &[]), ["core::voter -> core::log"]);
    }

    #[test]
    fn cycle_is_told_with_its_files_lines_and_names() {
        let tree = crate_of(&TWO);
        let text = Graph::of(&tree).cycles(&[]).remove(0).text;
        assert!(text.contains("core/src/log.rs:1 uses Ballot, Vote of core/src/voter.rs"), "{text}");
        assert!(text.contains("core/src/voter.rs:1 uses Log of core/src/log.rs"), "{text}");
    }

    #[test]
    fn exception_of_an_edge_allows_the_cycle() {
        let exceptions = [Exception { key: "core::voter -> core::log", reason: "is split soon" }];
        assert!(keys(&TWO, &exceptions).is_empty());
        let tree = crate_of(&TWO);
        assert!(Graph::of(&tree).unneeded(&exceptions).is_empty());
    }

    #[test]
    fn exception_of_an_edge_in_no_cycle_is_unneeded() {
        let exceptions = [Exception { key: "core::voter -> core::log", reason: "is split soon" }];
        let tree = crate_of(&[TWO[0], ("log.rs", "pub struct Log;"), TWO[2]]);
        assert_eq!(Graph::of(&tree).unneeded(&exceptions).len(), 1);
    }

    #[test]
    fn cycle_of_three_files_is_caught() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "pub struct A(crate::b::B);"),
            ("b.rs", "pub struct B(crate::c::C);"),
            ("c.rs", "pub struct C(crate::a::A);"),
        ];
        assert_eq!(keys(&files, &[]).len(), 1);
    }

    #[test]
    fn declaring_and_reexporting_a_child_is_no_use() {
        let files = [
            ("lib.rs", "mod log;"),
            ("log.rs", "mod entry; pub use entry::Entry; pub struct Slot;"),
            ("log/entry.rs", "use super::Slot; pub struct Entry(Slot);"),
        ];
        assert!(keys(&files, &[]).is_empty());
    }

    #[test]
    fn use_of_a_reexported_child_in_code_is_a_use() {
        let files = [
            ("lib.rs", "mod log;"),
            ("log.rs", "mod entry; pub use entry::Entry; pub struct Slot; pub struct Log(Entry);"),
            ("log/entry.rs", "use super::Slot; pub struct Entry(Slot);"),
        ];
        assert_eq!(keys(&files, &[]).len(), 1);
    }

    #[test]
    fn reexport_leads_to_the_file_that_defines_the_name() {
        let files = [
            ("lib.rs", "mod log;"),
            ("log.rs", "mod entry; mod slot; pub use slot::Slot;"),
            ("log/entry.rs", "use super::Slot; pub struct Entry(Slot);"),
            ("log/slot.rs", "pub struct Slot(super::entry::Entry);"),
        ];
        let tree = crate_of(&files);
        let text = Graph::of(&tree).cycles(&[]).remove(0).text;
        assert!(text.contains("core/src/log/entry.rs:1 uses Slot of core/src/log/slot.rs"), "{text}");
    }

    #[test]
    fn names_of_a_glob_lead_to_the_files_that_define_them() {
        let files = [
            ("lib.rs", "mod log;"),
            ("log.rs", "mod entry; pub struct Slot; pub struct Log(entry::Entry);"),
            ("log/entry.rs", "use super::*; pub struct Entry(Slot);"),
        ];
        assert_eq!(keys(&files, &[]).len(), 1);
    }

    #[test]
    fn tests_do_not_count() {
        let files = [
            ("lib.rs", "mod log; mod voter;"),
            ("log.rs", "pub struct Log; #[cfg(test)] mod tests { use crate::voter::Voter; }"),
            ("voter.rs", "use crate::log::Log; pub struct Voter(Log);"),
        ];
        assert!(keys(&files, &[]).is_empty());
    }

    #[test]
    fn inline_module_is_part_of_its_file() {
        let files = [("lib.rs", "mod log;"), ("log.rs", "pub struct Log; mod inner { use super::Log; }")];
        assert!(keys(&files, &[]).is_empty());
    }
}
