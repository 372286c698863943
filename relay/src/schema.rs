//! The schema of a relay's rooms: how it is read from a TOML file, and how it may change.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use shared::schema::{BadSchema, FieldSpec, Schema};
use thiserror::Error;
use toml::Spanned;

/// Why there is no schema in a file.
#[derive(Debug, Error)]
pub enum SchemaFileError {
    #[error("cannot read the schema {file}: {source}: give the path of a TOML file with --schema")]
    Unreadable { file: PathBuf, source: io::Error },
    #[error(
        "{file}, line {line}: {reason}: each field is a [[field]] with a name, a kind (mv, lww, counter or set) and, for a register, perhaps required = true"
    )]
    Bad { file: PathBuf, line: usize, reason: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SchemaFile {
    #[serde(default)]
    field: Vec<Spanned<FieldSpec>>,
}

/// Reads the schema in a file.
///
/// # Errors
/// [`SchemaFileError`], with the line.
pub fn read(file: &Path) -> Result<Schema, SchemaFileError> {
    let unreadable = |source| SchemaFileError::Unreadable { file: file.to_owned(), source };
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    parse(&text).map_err(|Wrong { at, reason }| {
        let line = 1 + text[..at].matches('\n').count();
        SchemaFileError::Bad { file: file.to_owned(), line, reason }
    })
}

/// What is wrong with a text, and where.
struct Wrong {
    at: usize,
    reason: String,
}

fn parse(text: &str) -> Result<Schema, Wrong> {
    let file: SchemaFile = toml::from_str(text).map_err(|error| Wrong {
        at: start(error.span()),
        reason: error.message().lines().collect::<Vec<_>>().join(", "),
    })?;
    let fields: Vec<FieldSpec> = file.field.iter().map(|field| field.get_ref().clone()).collect();
    let bad = |fields: &[FieldSpec]| Schema::new(fields.to_vec()).err();
    Schema::new(fields.clone()).map_err(|whole| {
        // The first field that makes a schema of the ones before it bad is the one to mend.
        let culprit = file.field.iter().zip(1..).find_map(|(field, count)| Some((field, bad(&fields[..count])?)));
        let (at, reason) = culprit.map_or((0, whole), |(field, reason): (_, BadSchema)| (field.span().start, reason));
        Wrong { at, reason: reason.to_string() }
    })
}

fn start(span: Option<Range<usize>>) -> usize {
    span.map_or(0, |span| span.start)
}

/// A schema as text, as [`from_text`] reads it.
pub fn to_text(schema: &Schema) -> String {
    toml::to_string(schema).expect("names, kinds and flags can be written in TOML")
}

/// # Errors
/// If it is not the text of a schema.
pub fn from_text(text: &str) -> Result<Schema, toml::de::Error> {
    toml::from_str(text)
}

/// Why a schema cannot follow another one.
#[derive(Debug, PartialEq, Eq)]
pub enum Difference {
    Changed { place: usize, was: FieldSpec, is: FieldSpec },
    Missing { place: usize, was: FieldSpec },
    NewAndRequired { place: usize, is: FieldSpec },
}

/// The first reason why rooms that were kept under the schema `was` cannot be kept under `is` from now on, if there is
/// one. A field's place is its id in everything that is stored and sent.
pub fn difference(was: &Schema, is: &Schema) -> Option<Difference> {
    let (mut old, mut new) = (was.fields(), is.fields());
    for place in 1.. {
        match (old.next(), new.next()) {
            (None, None) => break,
            (Some((_, was)), Some((_, is))) if was == is => {}
            (Some((_, was)), Some((_, is))) => {
                return Some(Difference::Changed { place, was: was.clone(), is: is.clone() });
            }
            (Some((_, was)), None) => return Some(Difference::Missing { place, was: was.clone() }),
            // The records that are there have no such field.
            (None, Some((_, is))) if is.required => {
                return Some(Difference::NewAndRequired { place, is: is.clone() });
            }
            (None, Some(_)) => {}
        }
    }
    None
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Changed { place, was, is } => {
                write!(f, "field {place} was {} and would be {}", described(was), described(is))
            }
            Difference::Missing { place, was } => write!(f, "field {place}, {}, would be missing", described(was)),
            Difference::NewAndRequired { place, is } => {
                write!(f, "field {place}, {}, would be new, and the records that are there lack it", described(is))
            }
        }
    }
}

fn described(FieldSpec { name, kind, required }: &FieldSpec) -> String {
    let kind = format!("{kind:?}").to_lowercase();
    let required = if *required { ", required" } else { "" };
    format!("`{name}` ({kind}{required})")
}

#[cfg(test)]
mod tests {
    use shared::schema::FieldKind;

    use super::*;

    fn field(name: &str, kind: &str, more: &str) -> String {
        format!("[[field]]\nname = {name:?}\nkind = {kind:?}\n{more}\n")
    }

    fn schema(fields: &[String]) -> Schema {
        from_text(&fields.concat()).expect("a schema")
    }

    /// What is said of a file with this text, after its name.
    fn refusal(text: &str) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let said = read(file.path()).expect_err("no schema").to_string();
        let rest = said.strip_prefix(&file.path().display().to_string()).expect("the name of the file comes first");
        assert_eq!(rest.lines().count(), 1, "one line: {rest}");
        rest.to_owned()
    }

    #[test]
    fn the_example_in_the_documentation_is_a_schema() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/invoices.toml");
        let schema = read(&example).unwrap();
        let fields: Vec<_> = schema.fields().map(|(_, spec)| (spec.name.as_str(), spec.kind, spec.required)).collect();
        let expected = [
            ("title", FieldKind::Mv, true),
            ("state", FieldKind::Lww, false),
            ("amount", FieldKind::Counter, false),
            ("labels", FieldKind::Set, false),
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn a_file_that_is_no_schema_is_refused_with_the_line_and_what_to_write() {
        let title = field("title", "mv", "required = true");
        let cases = [
            ("", "line 1: a schema has 1 to 64 fields, not 0"),
            (&format!("{title}[[field]]\nname = \"state\"\nkind = \"latest\"\n"), "line 7: unknown variant `latest`"),
            (&format!("{title}[[field]]\nname = \"state\"\n"), "line 5: missing field `kind`"),
            (&format!("{title}[[field]]\nname = \n"), "line 6: "),
            (&format!("{title}[[fields]]\n"), "line 5: unknown field `fields`"),
            (&format!("{title}{title}"), "line 5: two fields are named `title`"),
            (&field("labels", "set", "required = true"), "line 1: `labels` is no register"),
            (&format!("{title}{}", field("", "lww", "")), "line 5: the name of a field has 1 to 64 bytes"),
            (&(0..65).map(|n| field(&n.to_string(), "lww", "")).collect::<String>(), "line 257: a schema has 1 to 64"),
        ];
        for (text, expected) in cases {
            let said = refusal(text);
            assert!(said.starts_with(&format!(", {expected}")), "{text}{said}");
            assert!(said.ends_with("perhaps required = true"), "{said}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_refused_with_its_name() {
        let said = read(Path::new("/nowhere/schema.toml")).unwrap_err().to_string();
        assert!(said.starts_with("cannot read the schema /nowhere/schema.toml: "), "{said}");
    }

    #[test]
    fn a_schema_comes_back_from_its_text() {
        let schema = schema(&[field("a \"quoted\" name", "mv", "required = true"), field("ü", "counter", "")]);
        assert_eq!(from_text(&to_text(&schema)), Ok(schema));
    }

    #[test]
    fn a_schema_may_grow_at_its_end_and_change_in_no_other_way() {
        let (title, state, sum) = (field("title", "mv", ""), field("state", "lww", ""), field("sum", "counter", ""));
        let required = |name| field(name, "mv", "required = true");
        let said = |was: &[&String], is: &[&String]| {
            let [was, is] = [was, is].map(|fields| schema(&fields.iter().map(|&f| f.clone()).collect::<Vec<_>>()));
            assert_eq!(difference(&was, &is).is_none(), is.extends(&was));
            difference(&was, &is).map(|difference| difference.to_string())
        };
        assert_eq!(said(&[&title], &[&title]), None);
        assert_eq!(said(&[&title], &[&title, &state, &sum]), None);
        assert_eq!(said(&[&title, &sum], &[&title]).unwrap(), "field 2, `sum` (counter), would be missing");
        let swapped = "field 1 was `title` (mv) and would be `state` (lww)";
        assert_eq!(said(&[&title, &state], &[&state, &title]).unwrap(), swapped);
        let stricter = "field 1 was `title` (mv) and would be `title` (mv, required)";
        assert_eq!(said(&[&title], &[&required("title")]).unwrap(), stricter);
        let lacking = "field 2, `due` (mv, required), would be new, and the records that are there lack it";
        assert_eq!(said(&[&title], &[&title, &required("due")]).unwrap(), lacking);
    }
}
