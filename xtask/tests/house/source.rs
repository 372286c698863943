//! A crate as its source files describe it: modules, the names in them, and every path that their code mentions.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use syn::visit::Visit;
use syn::{Item, ItemMod, ItemUse, Visibility};

use crate::mentions::{Mention, Mentions, is_test_only};
use crate::use_tree::{Leaf, leaves_of};

/// Index of a module in [`Crate::modules`].
pub type ModuleId = usize;
/// The module of `lib.rs` or `main.rs`.
pub const ROOT: ModuleId = 0;

/// All modules of one crate that `mod` declarations reach from its root.
pub struct Crate {
    pub name: String,
    pub modules: Vec<Module>,
}

/// One module: a file, or an inline `mod x { … }` in a file.
pub struct Module {
    /// Names from below the crate root down to this module; empty for the root.
    pub path: Vec<String>,
    /// The file that holds the module, as seen from the root of the repository.
    pub file: PathBuf,
    pub parent: Option<ModuleId>,
    /// True in and below a `#[cfg(test)]` module.
    pub is_test: bool,
    /// One name can stand for a module and a function at once.
    pub names: BTreeMap<String, Vec<Declaration>>,
    /// The modules whose names `use x::*` brings here.
    pub globs: Vec<Import>,
    pub mentions: Vec<Mention>,
}

/// Declaration of a name in a module.
#[derive(Clone)]
pub struct Declaration {
    pub is_public: bool,
    pub kind: Kind,
}

/// The thing that a declared name stands for.
#[derive(Clone)]
pub enum Kind {
    Module(ModuleId),
    /// An item that this module defines.
    Item(ModuleId),
    Import(Import),
}

/// A `use` of one path.
#[derive(Clone)]
pub struct Import {
    pub path: Vec<String>,
    /// True if other modules may use the imported name: `pub use`, `pub(crate) use`.
    pub is_reexport: bool,
}

impl Crate {
    /// Reads the crate in `folder`, which holds `src/lib.rs` or `src/main.rs`. Paths of files are relative to `root`.
    pub fn read(root: &Path, folder: &str) -> Result<Self> {
        let src = root.join(folder).join("src");
        let file = ["lib.rs", "main.rs"].map(|name| src.join(name)).into_iter().find(|file| file.is_file());
        let file = file.with_context(|| format!("{} has neither lib.rs nor main.rs", src.display()))?;
        let mut reader = Reader { root, modules: Vec::new() };
        let top = reader.add(Vec::new(), &file, None, false);
        reader.read_file(top, &file, &src)?;
        Ok(Self { name: folder.to_owned(), modules: reader.modules })
    }

    /// The module's path with the name of the crate before it, such as `shared::ledger::keys`.
    pub fn full_path(&self, module: ModuleId) -> String {
        let names = std::iter::once(&self.name).chain(&self.modules[module].path);
        names.map(String::as_str).collect::<Vec<_>>().join("::")
    }

    /// The outermost module in the file of a module.
    pub fn file_of(&self, module: ModuleId) -> ModuleId {
        let parent = self.modules[module].parent;
        match parent.filter(|parent| self.modules[*parent].file == self.modules[module].file) {
            Some(parent) => self.file_of(parent),
            None => module,
        }
    }
}

/// Follows `mod` declarations from file to file.
struct Reader<'a> {
    root: &'a Path,
    modules: Vec<Module>,
}

impl Reader<'_> {
    fn add(&mut self, path: Vec<String>, file: &Path, parent: Option<ModuleId>, is_test: bool) -> ModuleId {
        let file = file.strip_prefix(self.root).unwrap_or(file).to_owned();
        let (names, globs, mentions) = (BTreeMap::new(), Vec::new(), Vec::new());
        self.modules.push(Module { path, file, parent, is_test, names, globs, mentions });
        self.modules.len() - 1
    }

    /// Reads a file into a module. Files of its child modules lie in `folder`.
    fn read_file(&mut self, module: ModuleId, file: &Path, folder: &Path) -> Result<()> {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let syntax = syn::parse_file(&text).with_context(|| format!("cannot parse {}", file.display()))?;
        self.read_items(module, &syntax.items, file, folder)
    }

    fn read_items(&mut self, module: ModuleId, items: &[Item], file: &Path, folder: &Path) -> Result<()> {
        for item in items {
            match item {
                Item::Mod(declared) => self.read_module(module, declared, file, folder)?,
                Item::Use(item) => self.read_use(module, item),
                Item::Macro(item) if item.ident.is_some() => {
                    let name = item.ident.as_ref().map(ToString::to_string).unwrap_or_default();
                    let is_exported = item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export"));
                    let home = if is_exported { ROOT } else { module };
                    self.declare(home, name, is_exported, Kind::Item(module));
                    self.read_mentions(module, &Item::Macro(item.clone()));
                }
                item => {
                    if let Some((name, visibility)) = defined_name(item) {
                        let is_public = matches!(visibility, Visibility::Public(_));
                        self.declare(module, name, is_public, Kind::Item(module));
                    }
                    self.read_mentions(module, item);
                }
            }
        }
        Ok(())
    }

    fn read_use(&mut self, module: ModuleId, item: &ItemUse) {
        let is_reexport = !matches!(item.vis, Visibility::Inherited);
        let is_public = matches!(item.vis, Visibility::Public(_));
        let is_test = self.modules[module].is_test || is_test_only(&item.attrs);
        for Leaf { path, name, line } in leaves_of(&item.tree) {
            let import = Import { path: path.clone(), is_reexport };
            self.modules[module].mentions.push(Mention { path, line, is_test, is_reexport });
            match name {
                Some(name) => self.declare(module, name, is_public, Kind::Import(import)),
                None => self.modules[module].globs.push(import),
            }
        }
    }

    fn read_module(&mut self, parent: ModuleId, declared: &ItemMod, file: &Path, folder: &Path) -> Result<()> {
        let name = declared.ident.to_string();
        let is_public = matches!(declared.vis, Visibility::Public(_));
        let is_test = self.modules[parent].is_test || is_test_only(&declared.attrs);
        let inner = folder.join(&name);
        let known = self.modules[parent].names.get_mut(&name).into_iter().flatten();
        // Declared twice, under opposite features: one module, as public as the more public declaration.
        if let Some(twin) = known.into_iter().find(|known| matches!(known.kind, Kind::Module(_))) {
            twin.is_public |= is_public;
            return Ok(());
        }
        let mut path = self.modules[parent].path.clone();
        path.push(name.clone());
        match &declared.content {
            Some((_, items)) => {
                let module = self.add(path, file, Some(parent), is_test);
                self.declare(parent, name, is_public, Kind::Module(module));
                self.read_items(module, items, file, &inner)
            }
            None => {
                let beside = folder.join(format!("{name}.rs"));
                let file = if beside.is_file() { beside } else { inner.join("mod.rs") };
                let module = self.add(path, &file, Some(parent), is_test);
                self.declare(parent, name, is_public, Kind::Module(module));
                self.read_file(module, &file, &inner)
            }
        }
    }

    fn declare(&mut self, module: ModuleId, name: String, is_public: bool, kind: Kind) {
        self.modules[module].names.entry(name).or_default().push(Declaration { is_public, kind });
    }

    fn read_mentions(&mut self, module: ModuleId, item: &Item) {
        let module = &mut self.modules[module];
        Mentions::new(&mut module.mentions, module.is_test).visit_item(item);
    }
}

/// The name that an item gives to its module, if it gives one.
fn defined_name(item: &Item) -> Option<(String, &Visibility)> {
    let (name, visibility) = match item {
        Item::Const(item) => (&item.ident, &item.vis),
        Item::Enum(item) => (&item.ident, &item.vis),
        Item::Fn(item) => (&item.sig.ident, &item.vis),
        Item::Static(item) => (&item.ident, &item.vis),
        Item::Struct(item) => (&item.ident, &item.vis),
        Item::Trait(item) => (&item.ident, &item.vis),
        Item::TraitAlias(item) => (&item.ident, &item.vis),
        Item::Type(item) => (&item.ident, &item.vis),
        Item::Union(item) => (&item.ident, &item.vis),
        _ => return None,
    };
    Some((name.to_string(), visibility))
}
