//! The documents hold together: links and source paths exist, and each page says of which kind it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The folders of `docs`, and how a page in each begins below its title.
const KINDS: [(&str, &str); 4] = [
    ("tutorial", "*Tutorial.* "),
    ("how-to", "*How-to guide.* "),
    ("reference", "*Reference.* "),
    ("explanation", "*Explanation.* "),
];
/// The longest README, in lines.
const README_LINES: usize = 120;
/// Folders of the workspace that documents name files in.
const SOURCES: [&str; 8] = ["bench", "client", "docs", "frontend", "packages", "relay", "shared", "xtask"];
/// Folders that hold no documents of ours.
const SKIPPED: [&str; 4] = ["target", "node_modules", "dist", "data"];

/// Every document of the workspace, by its path from the root.
struct Documents {
    root: PathBuf,
    texts: BTreeMap<PathBuf, String>,
}

impl Documents {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in the workspace").to_owned();
        let paths = files_below(&root, "md");
        let texts = paths.into_iter().map(|path| {
            let text = fs::read_to_string(root.join(&path)).expect("a document is text");
            (path, text)
        });
        Documents { texts: texts.collect(), root }
    }

    /// Returns the reason why a link in `document` leads nowhere, if it does.
    fn broken(&self, document: &Path, target: &str) -> Option<String> {
        let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
        let path = if file.is_empty() { document.to_owned() } else { resolved(document, file) };
        if !self.root.join(&path).exists() {
            return Some(format!("{}: there is no {}", document.display(), path.display()));
        }
        let anchor = anchor?;
        let has_heading = self.texts.get(&path).is_some_and(|text| anchors(text).contains(anchor));
        (!has_heading).then(|| format!("{}: {} has no heading #{anchor}", document.display(), path.display()))
    }
}

/// The files below `root` whose names end in `extension`, as seen from there.
fn files_below(root: &Path, extension: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder can be read") {
            let path = entry.expect("a folder can be read").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if !name.starts_with('.') && !SKIPPED.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path.strip_prefix(root).expect("it is below").to_owned());
            }
        }
    }
    found
}

/// The path that a link in `document` means, from the root of the workspace.
fn resolved(document: &Path, link: &str) -> PathBuf {
    let mut path = document.parent().unwrap_or(Path::new("")).to_owned();
    for component in Path::new(link).components() {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path
}

/// The lines of a document outside blocks of code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// The targets of the links of a document, without those that lead out of it.
fn links(text: &str) -> Vec<String> {
    // A link may go over two lines.
    let text = prose(text).collect::<Vec<_>>().join("\n");
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).filter(|target| !target.contains("://")).collect()
}

/// What a link can name in a document: its headings in lower case, with dashes between the words.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter_map(|line| {
        let title = line.trim_start_matches('#');
        (title.len() < line.len() && title.starts_with(' ')).then(|| title.trim())
    });
    headings
        .map(|title| {
            let kept = title.chars().filter(|&sign| sign.is_alphanumeric() || " -_".contains(sign));
            kept.collect::<String>().to_lowercase().replace(' ', "-")
        })
        .collect()
}

/// The files and folders of the workspace that a text names between backticks.
fn source_paths(text: &str) -> Vec<&str> {
    let marked = prose(text).flat_map(|line| line.split('`').skip(1).step_by(2));
    let is_path = |word: &&str| {
        let (folder, rest) = word.split_once('/').unwrap_or((word, ""));
        SOURCES.contains(&folder)
            && rest.chars().all(|sign| sign.is_ascii_alphanumeric() || "./_-".contains(sign))
            && word.contains('/')
    };
    marked.filter(is_path).collect()
}

/// The variants of all enums of this name in the core.
fn variants(documents: &Documents, name: &str) -> BTreeSet<String> {
    let openings = [format!("pub enum {name} {{\n"), format!("pub enum {name}<C> {{\n")];
    let mut found = BTreeSet::new();
    for path in files_below(&documents.root.join("shared/src"), "rs") {
        let source = fs::read_to_string(documents.root.join("shared/src").join(path)).expect("a source file is text");
        let Some((_, rest)) = openings.iter().find_map(|opening| source.split_once(opening)) else { continue };
        let lines = rest.lines().take_while(|line| *line != "}").filter_map(|line| line.strip_prefix("    "));
        let names = lines.filter(|line| line.starts_with(|sign: char| sign.is_ascii_uppercase()));
        found.extend(
            names.map(|line| line.split(|sign: char| !sign.is_ascii_alphanumeric()).next().unwrap().to_owned()),
        );
    }
    found
}

/// The names between backticks that begin with a capital letter, in the first column of the tables below `headings`.
fn listed(text: &str, headings: &[&str]) -> BTreeSet<String> {
    let sections = text.split("\n## ").filter(|section| headings.iter().any(|heading| section.starts_with(heading)));
    let rows = sections.flat_map(str::lines).filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let names = rows.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.filter(|name| name.starts_with(|sign: char| sign.is_ascii_uppercase())).map(str::to_owned).collect()
}

/// The documents that a source file names.
fn named_documents(source: &str) -> Vec<&str> {
    let starts = source.match_indices("docs/").map(|(at, _)| &source[at..]);
    let is_part = |sign: char| sign.is_ascii_alphanumeric() || "./_-".contains(sign);
    let words = starts.map(|rest| &rest[..rest.find(|sign| !is_part(sign)).unwrap_or(rest.len())]);
    words.filter_map(|word| word.find(".md").map(|end| &word[..end + ".md".len()])).collect()
}

/// The pages of `docs`, with the mark of their kind.
fn pages(documents: &Documents) -> impl Iterator<Item = (&Path, &str, &'static str)> {
    documents.texts.iter().filter_map(|(path, text)| {
        let folder = path.strip_prefix("docs").ok()?.parent()?.to_str()?;
        let (_, mark) = KINDS.iter().find(|(kind, _)| *kind == folder)?;
        Some((path.as_path(), text.as_str(), *mark))
    })
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let documents = Documents::read();
    let broken: Vec<_> = documents
        .texts
        .iter()
        .flat_map(|(path, text)| links(text).into_iter().filter_map(|link| documents.broken(path, &link)))
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_source_file_that_documents_name_exists() {
    let documents = Documents::read();
    let missing: Vec<_> = documents
        .texts
        .iter()
        .flat_map(|(path, text)| source_paths(text).into_iter().map(move |named| (path.display(), named)))
        .filter(|(_, named)| !documents.root.join(named).exists())
        .map(|(path, named)| format!("{path}: there is no {named}"))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_document_that_sources_name_exists() {
    let documents = Documents::read();
    let missing: Vec<_> = files_below(&documents.root, "rs")
        .into_iter()
        .filter(|path| !path.ends_with("xtask/tests/documents.rs"))
        .flat_map(|path| {
            let source = fs::read_to_string(documents.root.join(&path)).expect("a source file is text");
            let missing = named_documents(&source).into_iter().filter(|named| !documents.root.join(named).exists());
            missing.map(|named| format!("{}: there is no {named}", path.display())).collect::<Vec<_>>()
        })
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_reference_lists_every_message_operation_and_rejection_by_its_name() {
    let documents = Documents::read();
    let text = |path: &str| documents.texts[Path::new(path)].as_str();
    let (messages, errors) = (text("docs/reference/messages.md"), text("docs/reference/errors.md"));
    let mut of_replicas = variants(&documents, "Message");
    // It only holds those of the consensus layer.
    assert!(of_replicas.remove("Paxos"));
    assert_eq!(listed(messages, &["Merging", "Agreeing", "Presence"]), of_replicas);
    assert_eq!(listed(messages, &["Operations"]), variants(&documents, "Operation"));
    assert_eq!(listed(errors, &["Rejections of the ledger"]), variants(&documents, "Rejection"));
    assert_eq!(listed(errors, &["Reasons to end a link"]), variants(&documents, "Violation"));
}

#[test]
fn every_page_says_of_which_kind_it_is() {
    let documents = Documents::read();
    for (path, text, mark) in pages(&documents) {
        let mut lines = text.lines().filter(|line| !line.is_empty());
        assert!(lines.next().is_some_and(|line| line.starts_with("# ")), "{} has no title", path.display());
        let says_it = lines.next().is_some_and(|line| line.starts_with(mark));
        assert!(says_it, "{}: below the title must stand {mark:?}", path.display());
    }
}

#[test]
fn every_page_is_in_one_of_the_four_folders_and_in_the_index() {
    let documents = Documents::read();
    let index = Path::new("docs/README.md");
    let listed: BTreeSet<PathBuf> = links(&documents.texts[index]).iter().map(|link| resolved(index, link)).collect();
    let of_docs: BTreeSet<&Path> = documents
        .texts
        .keys()
        .map(PathBuf::as_path)
        .filter(|path| path.starts_with("docs") && *path != index)
        .collect();
    let of_kinds: BTreeSet<&Path> = pages(&documents).map(|(path, ..)| path).collect();
    assert_eq!(of_docs, of_kinds);
    let unlisted: Vec<_> = of_kinds.into_iter().filter(|path| !listed.contains(*path)).collect();
    assert!(unlisted.is_empty(), "docs/README.md does not list {unlisted:#?}");
}

#[test]
fn the_readme_is_short() {
    let documents = Documents::read();
    let lines = documents.texts[Path::new("README.md")].lines().count();
    assert!(lines < README_LINES, "README.md has {lines} lines, and may have fewer than {README_LINES}");
}

#[test]
fn links_and_headings_are_found_outside_blocks_of_code_only() {
    let text = "# A page\n\nSee [one](two.md#three) and [elsewhere](https://example.org).\n```sh\n# no heading\n[no](link.md)\n```\n";
    assert_eq!(links(text), ["two.md#three"]);
    assert_eq!(anchors(text), BTreeSet::from(["a-page".to_owned()]));
}

#[test]
fn a_broken_link_is_found() {
    let documents = Documents::read();
    let index = Path::new("docs/README.md");
    assert_eq!(documents.broken(index, "../README.md"), None);
    assert!(documents.broken(index, "reference/nothing.md").is_some());
    assert!(documents.broken(index, "../README.md#no-such-heading").is_some());
}

#[test]
fn paths_between_backticks_are_found() {
    let text = "The file `shared/src/lib.rs`, the type `Frame` and `relay mode` and `shared`.";
    assert_eq!(source_paths(text), ["shared/src/lib.rs"]);
    assert_eq!(named_documents("//! `docs/reference/storage.md` describes it."), ["docs/reference/storage.md"]);
}
