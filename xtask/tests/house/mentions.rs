//! The paths that code mentions: in expressions, types, patterns, bounds, and in the arguments of macros.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItemFn, Item, ItemUse, Macro, Meta, Path, Visibility};

use crate::use_tree::leaves_of;

/// A path somewhere in a module, as it is written.
pub struct Mention {
    pub path: Vec<String>,
    pub line: usize,
    /// True in code that only tests compile.
    pub is_test: bool,
    /// True for `pub use` and `pub(crate) use`.
    pub is_reexport: bool,
}

/// Collects the paths of items.
pub struct Mentions<'a> {
    found: &'a mut Vec<Mention>,
    is_test: bool,
}

impl<'a> Mentions<'a> {
    pub fn new(found: &'a mut Vec<Mention>, is_test: bool) -> Self {
        Self { found, is_test }
    }

    fn add(&mut self, path: Vec<String>, line: usize) {
        self.found.push(Mention { path, line, is_test: self.is_test, is_reexport: false });
    }

    /// Macros parse their own arguments, so this takes every `a::b` in them for a path, and every single name that
    /// looks like a type.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.add_tokens(group.stream()),
                TokenTree::Ident(first) => {
                    let mut path = vec![first.to_string()];
                    while let Some(next) = name_after_colons(&tokens[at + 1..]) {
                        path.push(next);
                        at += 3;
                    }
                    if path.len() > 1 || path[0].starts_with(char::is_uppercase) {
                        self.add(path, first.span().start().line);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    fn within(&mut self, attributes: &[Attribute], visit: impl FnOnce(&mut Self)) {
        let before = self.is_test;
        self.is_test |= is_test_only(attributes);
        visit(self);
        self.is_test = before;
    }
}

impl<'ast> Visit<'ast> for Mentions<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        self.within(attributes_of(item), |mentions| visit::visit_item(mentions, item));
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.within(&function.attrs, |mentions| visit::visit_impl_item_fn(mentions, function));
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() {
            let names = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.add(names, path.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        visit::visit_macro(self, called);
        self.add_tokens(called.tokens.clone());
    }

    /// A `use` inside a function.
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        for leaf in leaves_of(&item.tree) {
            self.add(leaf.path, leaf.line);
        }
    }

    /// `pub(in crate::x)` uses nothing of `x`.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

/// Returns true for `#[cfg(test)]` and `#[cfg(all(test, …))]`.
pub fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            condition == "test" || condition.replace(' ', "").starts_with("all(test,")
        }
        _ => false,
    })
}

fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The name in `::name`, if the tokens begin so.
fn name_after_colons(tokens: &[TokenTree]) -> Option<String> {
    match tokens {
        [TokenTree::Punct(first), TokenTree::Punct(second), TokenTree::Ident(name), ..]
            if first.as_char() == ':' && second.as_char() == ':' =>
        {
            Some(name.to_string())
        }
        _ => None,
    }
}
