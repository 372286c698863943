//! The paths of a `use` declaration, with its groups taken apart.

use syn::spanned::Spanned;
use syn::{Ident, UseTree};

/// One path of a `use` declaration.
pub struct Leaf {
    pub path: Vec<String>,
    /// The name that the path gets here; `None` for `*`.
    pub name: Option<String>,
    pub line: usize,
}

/// Returns the paths of a `use` declaration in their order.
pub fn leaves_of(tree: &UseTree) -> Vec<Leaf> {
    let mut leaves = Leaves(Vec::new());
    leaves.walk(tree, &mut Vec::new());
    leaves.0
}

struct Leaves(Vec<Leaf>);

impl Leaves {
    fn walk(&mut self, tree: &UseTree, prefix: &mut Vec<String>) {
        match tree {
            UseTree::Path(tree) => {
                prefix.push(tree.ident.to_string());
                self.walk(&tree.tree, prefix);
                prefix.pop();
            }
            UseTree::Name(tree) => self.add(prefix, Some((&tree.ident, &tree.ident)), tree.span().start().line),
            UseTree::Rename(tree) => self.add(prefix, Some((&tree.ident, &tree.rename)), tree.span().start().line),
            UseTree::Glob(tree) => self.add(prefix, None, tree.span().start().line),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.walk(tree, prefix)),
        }
    }

    /// `names`: the last name of the path, and the one that it gets.
    fn add(&mut self, prefix: &[String], names: Option<(&Ident, &Ident)>, line: usize) {
        let mut path = prefix.to_vec();
        let name = names.map(|(last, name)| {
            if last != "self" {
                path.push(last.to_string());
            }
            if name == "self" { path.last().cloned().unwrap_or_default() } else { name.to_string() }
        });
        self.0.push(Leaf { path, name, line });
    }
}
