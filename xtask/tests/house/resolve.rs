//! Finds the module that really defines a name, through `mod` declarations, imports and re-exports.

use crate::source::{Crate, Declaration, Import, Kind, ModuleId, ROOT};

/// The thing that a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The module that defines the name, or the module itself that the path names.
    pub module: ModuleId,
    /// `None` if the path names a module.
    pub name: Option<String>,
    /// True if each name on the way is `pub`.
    pub is_public: bool,
}

/// How far through imports of imports a name is followed: a guard against imports in a circle.
const MAX_DEPTH: usize = 32;

impl Crate {
    /// Follows a path that is written in module `from`. Returns `None` for paths that lead out of the crate, and for
    /// names that are no path of modules: variables, generic parameters, the standard library.
    pub fn resolve(&self, from: ModuleId, path: &[String]) -> Option<Target> {
        self.follow(from, path, 0)
    }

    fn follow(&self, from: ModuleId, path: &[String], depth: usize) -> Option<Target> {
        if depth > MAX_DEPTH {
            return None;
        }
        let (start, rest) = self.start_of(from, path)?;
        let is_rooted = rest.len() < path.len();
        let mut target = Target { module: start, name: None, is_public: true };
        for (index, name) in rest.iter().enumerate() {
            let is_last = index + 1 == rest.len();
            match self.look_up(target.module, name, is_last, depth) {
                Found::Target(found) => {
                    target = Target { is_public: target.is_public && found.is_public, ..found };
                    if target.name.is_some() {
                        return Some(target);
                    }
                }
                Found::Outside => return None,
                // Whatever a macro generates there.
                Found::Nothing if is_rooted || index > 0 => {
                    return Some(Target { name: Some(name.clone()), ..target });
                }
                Found::Nothing => return None,
            }
        }
        Some(target)
    }

    /// Takes `crate`, `self` and `super` off a path.
    fn start_of<'a>(&self, from: ModuleId, path: &'a [String]) -> Option<(ModuleId, &'a [String])> {
        let (mut module, mut rest) = (from, path);
        while let [first, others @ ..] = rest {
            module = match first.as_str() {
                "crate" => ROOT,
                "self" => module,
                "super" => self.modules[module].parent?,
                _ => break,
            };
            rest = others;
        }
        Some((module, rest))
    }

    fn look_up(&self, module: ModuleId, name: &str, is_last: bool, depth: usize) -> Found {
        let declared = self.modules[module].names.get(name).map(Vec::as_slice).unwrap_or_default();
        let is_module = |declaration: &&Declaration| matches!(declaration.kind, Kind::Module(_));
        // A function can have the name of a module; in the middle of a path only the module counts.
        let wanted = declared.iter().find(|declaration| is_module(declaration) != is_last);
        if let Some(declaration) = wanted.or(declared.first()) {
            return self.found(module, name, declaration, depth);
        }
        self.modules[module].globs.iter().find_map(|glob| self.in_glob(module, glob, name, depth)).into()
    }

    fn found(&self, module: ModuleId, name: &str, declaration: &Declaration, depth: usize) -> Found {
        let is_public = declaration.is_public;
        match &declaration.kind {
            Kind::Module(module) => Found::Target(Target { module: *module, name: None, is_public }),
            Kind::Item(module) => Found::Target(Target { module: *module, name: Some(name.to_owned()), is_public }),
            Kind::Import(import) => match self.follow(module, &import.path, depth + 1) {
                // A private import serves its own module, so only its target has to be public.
                Some(target) if !import.is_reexport => Found::Target(target),
                Some(target) => Found::Target(Target { is_public, ..target }),
                None => Found::Outside,
            },
        }
    }

    fn in_glob(&self, module: ModuleId, glob: &Import, name: &str, depth: usize) -> Option<Target> {
        let source = self.follow(module, &glob.path, depth + 1).filter(|source| source.name.is_none())?;
        if depth > MAX_DEPTH || source.module == module {
            return None;
        }
        let found = match self.look_up(source.module, name, true, depth + 1) {
            Found::Target(target) => target,
            Found::Outside | Found::Nothing => return None,
        };
        Some(found)
    }
}

/// The meaning of one name in one module.
enum Found {
    Target(Target),
    /// An import from another crate.
    Outside,
    Nothing,
}

impl From<Option<Target>> for Found {
    fn from(target: Option<Target>) -> Self {
        target.map_or(Found::Nothing, Found::Target)
    }
}
