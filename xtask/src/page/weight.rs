//! What the page weighs on its way into a tab.

use std::collections::BTreeMap;
use std::fs;
use std::ops::AddAssign;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::{BROTLI, DIST, GZIP};

/// The page may weigh this many bytes in brotli, all files together. Of these, a page that is safe from liars costs some
/// 28,000: to keep the secret of its id and go on under a new one, to ask before a stranger's relay, to hash contents, to
/// choose between two contents under one dot, and to attest numbers. Some 29,000 more are what a page costs that accidents do
/// not deceive: to notice copies of itself, silent relays and a storage that does not answer, to keep what is half typed, and
/// to read files exactly. Some 25,000 are for tabs that outlive restores of their relays, for keys of requests in the ledger, for ids
/// that are away, and for reading in slices. Some 12,000 are for a client that works without a page: typed notifications in
/// place of texts, and a global scope that may be a worker's. Maps in chunks, functions in the order of their names and short
/// files of words have saved 61,000 since.
const BUDGET: u64 = 463_000;

/// Bytes as they are, and as they are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    pub raw: u64,
    pub brotli: u64,
}

impl AddAssign for Weight {
    fn add_assign(&mut self, other: Weight) {
        self.raw += other.raw;
        self.brotli += other.brotli;
    }
}

/// Fails if the page, as it was released last, is above its budget.
pub fn check() -> Result<()> {
    let weight = total(&of_page()?).brotli;
    let words = format!("the page weighs {} B in brotli, and may weigh {}", in_groups(weight), in_groups(BUDGET));
    if weight > BUDGET {
        bail!("{words}: docs/reference/benchmarks.md says what keeps it small");
    }
    println!("  {words}");
    Ok(())
}

/// The page as it was released last: each kind of file, by the ending of the name.
pub fn of_page() -> Result<BTreeMap<String, Weight>> {
    let mut kinds = BTreeMap::new();
    add_folder(Path::new(DIST), &mut kinds).with_context(|| format!("cannot weigh the page in {DIST}/"))?;
    Ok(kinds)
}

/// All kinds together.
pub fn total(kinds: &BTreeMap<String, Weight>) -> Weight {
    let mut total = Weight::default();
    kinds.values().for_each(|&weight| total += weight);
    total
}

/// A number with its thousands apart, as in 12,345.
pub fn in_groups(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

fn add_folder(folder: &Path, kinds: &mut BTreeMap<String, Weight>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            add_folder(&path, kinds)?;
            continue;
        }
        let size = fs::metadata(&path)?.len();
        let (path, weight) = match path.extension() {
            Some(extension) if extension == BROTLI => (path.with_extension(""), Weight { raw: 0, brotli: size }),
            // For the few whose browsers take no brotli.
            Some(extension) if extension == GZIP => continue,
            _ => (path, Weight { raw: size, brotli: 0 }),
        };
        let kind = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        *kinds.entry(kind).or_default() += weight;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1000, 1234567].map(in_groups), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_file_and_its_compressed_bytes_are_weighed_together() {
        let folder = std::env::temp_dir().join(format!("duet-weight-{}", std::process::id()));
        fs::create_dir_all(folder.join("snippets")).unwrap();
        for (name, size) in
            [("a.css", 10), ("a.css.br", 4), ("b.css", 5), ("b.css.br", 3), ("b.css.gz", 4), ("snippets/a.js", 7)]
        {
            fs::write(folder.join(name), vec![0; size]).unwrap();
        }
        let mut kinds = BTreeMap::new();
        add_folder(&folder, &mut kinds).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        let expected = [("css", Weight { raw: 15, brotli: 7 }), ("js", Weight { raw: 7, brotli: 0 })];
        assert_eq!(kinds, expected.map(|(kind, weight)| (kind.to_owned(), weight)).into());
    }
}
