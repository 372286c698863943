//! Sizes of functions and structs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Block, Fields, ImplItemFn, ItemFn, ItemImpl, ItemStruct, Signature, TraitItemFn, Type};

use crate::verdict::Finding;

/// The longest function, in lines from `fn` to the closing brace.
pub const MAX_FUNCTION_LINES: usize = 80;
/// The most named fields of a struct.
pub const MAX_STRUCT_FIELDS: usize = 12;

/// Returns everything below `root` that is larger than it may be. Reads every Rust file, except integration tests: those
/// in a folder `tests` beside `Cargo.toml`.
pub fn check(root: &Path) -> Result<Vec<Finding>> {
    let mut files = Vec::new();
    collect_files(root, &mut files)?;
    files.sort();
    let mut findings = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let syntax = syn::parse_file(&text).with_context(|| format!("cannot parse {}", file.display()))?;
        let file = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        Sizes { file, owner: String::new(), findings: &mut findings }.visit_file(&syntax);
    }
    Ok(findings)
}

/// Folders that hold no sources of ours.
const FOREIGN_FOLDERS: [&str; 4] = ["target", "dist", "node_modules", "corpus"];

fn collect_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_integration_tests = name == "tests" && folder.join("Cargo.toml").is_file();
        let is_foreign = name.starts_with('.') || FOREIGN_FOLDERS.contains(&name.as_str());
        if path.is_dir() && !is_integration_tests && !is_foreign {
            collect_files(&path, files)?;
        } else if path.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Measures one file.
struct Sizes<'a> {
    file: String,
    /// `Type::` inside an `impl` of that type.
    owner: String,
    findings: &'a mut Vec<Finding>,
}

impl Sizes<'_> {
    fn measure_function(&mut self, signature: &Signature, body: &Block) {
        let first = signature.span().start().line;
        let lines = body.span().end().line + 1 - first;
        if lines > MAX_FUNCTION_LINES {
            let name = format!("{}{}", self.owner, signature.ident);
            let text = format!(
                "{}:{first}: function `{name}` has {lines} lines; {MAX_FUNCTION_LINES} are allowed. Take a part of it \
                 out into a function of its own",
                self.file
            );
            self.findings.push(Finding { key: format!("{} {name}", self.file), text });
        }
    }

    fn measure_struct(&mut self, item: &ItemStruct) {
        let Fields::Named(fields) = &item.fields else { return };
        let (name, count) = (&item.ident, fields.named.len());
        if count > MAX_STRUCT_FIELDS {
            let text = format!(
                "{}:{}: struct `{name}` has {count} fields; {MAX_STRUCT_FIELDS} are allowed. Group fields that change \
                 together into a struct of their own",
                self.file,
                line_of(item.struct_token.span)
            );
            self.findings.push(Finding { key: format!("{} {name}", self.file), text });
        }
    }
}

impl<'ast> Visit<'ast> for Sizes<'_> {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.measure_function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.measure_function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(body) = &item.default {
            self.measure_function(&item.sig, body);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let owner = match &*item.self_ty {
            Type::Path(path) => path.path.segments.last().map(|segment| format!("{}::", segment.ident)),
            _ => None,
        };
        let before = std::mem::replace(&mut self.owner, owner.unwrap_or_default());
        visit::visit_item_impl(self, item);
        self.owner = before;
    }

    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        self.measure_struct(item);
    }
}

fn line_of(span: Span) -> usize {
    span.start().line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::folder_of;

    fn function_of(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    step();\n".repeat(lines - 2))
    }

    fn struct_of(fields: usize) -> String {
        let fields: String = (0..fields).map(|field| format!("f{field}: u8, ")).collect();
        format!("struct Wide {{ {fields} }}")
    }

    fn keys(files: &[(&str, &str)]) -> Vec<String> {
        let findings = check(folder_of(files).path()).expect("a folder of sources");
        findings.into_iter().map(|finding| finding.key).collect()
    }

    #[test]
    fn function_that_is_too_long_is_caught() {
        assert!(keys(&[("core/src/lib.rs", &function_of(MAX_FUNCTION_LINES))]).is_empty());
        assert_eq!(keys(&[("core/src/lib.rs", &function_of(MAX_FUNCTION_LINES + 1))]), ["core/src/lib.rs long"]);
    }

    #[test]
    fn method_and_function_in_a_module_are_measured() {
        let long = function_of(MAX_FUNCTION_LINES + 1);
        let code = format!("impl Voter {{ {long} }}\nmod inner {{ {long} }}\ntrait Votes {{ {long} }}");
        let found = keys(&[("core/src/lib.rs", &code)]);
        assert_eq!(found, ["core/src/lib.rs Voter::long", "core/src/lib.rs long", "core/src/lib.rs long"]);
    }

    #[test]
    fn comments_above_a_function_do_not_count() {
        let code = format!("{}{}", "/// Long.\n".repeat(9), function_of(MAX_FUNCTION_LINES));
        assert!(keys(&[("core/src/lib.rs", &code)]).is_empty());
    }

    #[test]
    fn struct_with_too_many_fields_is_caught() {
        assert!(keys(&[("core/src/lib.rs", &struct_of(MAX_STRUCT_FIELDS))]).is_empty());
        assert_eq!(keys(&[("core/src/lib.rs", &struct_of(MAX_STRUCT_FIELDS + 1))]), ["core/src/lib.rs Wide"]);
    }

    #[test]
    fn integration_tests_are_exempt_and_unit_tests_are_not() {
        let long = function_of(MAX_FUNCTION_LINES + 1);
        let manifest = ("core/Cargo.toml", "");
        assert!(keys(&[manifest, ("core/tests/a.rs", &long)]).is_empty());
        assert_eq!(keys(&[manifest, ("core/src/log/tests/a.rs", &long)]), ["core/src/log/tests/a.rs long"]);
    }

    #[test]
    fn finding_says_file_line_and_size() {
        let code = format!("\n{}", function_of(MAX_FUNCTION_LINES + 1));
        let folder = folder_of(&[("core/src/lib.rs", &code)]);
        let text = check(folder.path()).expect("a folder of sources").remove(0).text;
        assert!(text.starts_with("core/src/lib.rs:2: function `long` has 81 lines"), "{text}");
    }
}
