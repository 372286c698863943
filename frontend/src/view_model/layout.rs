//! How the records of a schema are shown: what they are called, and where each field stands.

use std::rc::Rc;

use client::import::csv::elements_of;
use client::types::{
    FieldEdit, FieldId, FieldKind, FieldName, FieldSpec, MAX_ELEMENTS, NAME, NOTE, Schema, SchemaViolation, TAGS,
};

use super::capitalised;
use super::errors::schema_violation_in_words;
use crate::tr;

/// How many columns stand between the title and the number. What has no column of its own shares the last one.
const MAX_COLUMNS: usize = 3;

/// What the records of a schema are called.
#[derive(Debug, PartialEq, Eq)]
pub struct Nouns {
    pub one: String,
    pub many: String,
    pub none: String,
    /// One whose record is not here yet.
    pub stranger: String,
}

impl Nouns {
    fn of(schema: &Schema) -> Self {
        if schema.extends(&Schema::people()) {
            let stranger = tr!("somebody who has not arrived here yet");
            Nouns { one: tr!("person"), many: tr!("people"), none: tr!("nobody"), stranger }
        } else {
            let stranger = tr!("a record that has not arrived here yet");
            Nouns { one: tr!("record"), many: tr!("records"), none: tr!("nothing"), stranger }
        }
    }
}

/// The table and the form of a schema.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout {
    schema: Schema,
    pub nouns: Nouns,
    /// The field that says which record it is, unless the schema has no text at all.
    pub title: Option<Rc<Field>>,
    /// What stands between the title and the number.
    pub columns: Vec<Column>,
}

/// A field of the schema.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    pub id: FieldId,
    /// As the schema writes it.
    pub name: FieldName,
    pub kind: FieldKind,
    pub required: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    pub heading: String,
    /// Never empty.
    pub fields: Vec<Rc<Field>>,
    /// Whether its fields need their names beside them.
    pub labelled: bool,
}

impl Layout {
    #[must_use]
    pub fn of(schema: &Schema) -> Self {
        let title = schema.title().map(|(id, spec)| Rc::new(Field::of(id, spec)));
        let others = schema.fields().filter(|&(id, _)| title.as_ref().is_none_or(|title| title.id != id));
        let columns = columns(others.map(|(id, spec)| Rc::new(Field::of(id, spec))));
        Layout { schema: schema.clone(), nouns: Nouns::of(schema), title, columns }
    }

    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    #[must_use]
    pub fn is_of(&self, schema: &Schema) -> bool {
        self.schema == *schema
    }

    /// All fields, the title first.
    pub fn fields(&self) -> impl Iterator<Item = &Rc<Field>> {
        self.title.iter().chain(self.columns.iter().flat_map(|column| &column.fields))
    }

    /// The fields that the form for a new record offers, the title first. Sets are filled afterwards, one by one.
    pub fn form(&self) -> impl Iterator<Item = &Rc<Field>> {
        let title = self.title.as_ref().map(|title| title.id);
        self.fields().filter(move |field| Some(field.id) == title || field.kind != FieldKind::Set)
    }

    /// Whether a field is a text that may have several lines: any but the one that names the record.
    #[must_use]
    pub fn is_multiline(&self, field: &Field) -> bool {
        let is_text = matches!(field.kind, FieldKind::Lww | FieldKind::Mv);
        is_text && self.title.as_ref().is_none_or(|title| title.id != field.id)
    }

    /// Whether cells that stand under one another, as on a phone, need the names of their fields.
    #[must_use]
    pub fn is_wide(&self) -> bool {
        self.columns.len() > 1
    }

    #[must_use]
    pub fn name_of(&self, field: FieldId) -> &str {
        self.schema.spec(field).map_or("", |spec| &spec.name)
    }

    /// Whether a record may be edited so.
    ///
    /// # Errors
    /// The problem, as a sentence.
    pub fn check(&self, field: &str, edit: &FieldEdit) -> Result<(), String> {
        self.schema.op(field, edit.clone()).map(drop).map_err(|violation| self.problem(&violation))
    }

    /// What is wrong with a value, as a sentence.
    #[must_use]
    pub fn problem(&self, violation: &SchemaViolation) -> String {
        match violation {
            SchemaViolation::Missing { field } => {
                tr!("A {one} needs {field}.", one = self.nouns.one, field = with_article(&field_word(field)))
            }
            other => format!("{}.", capitalised(&schema_violation_in_words(other))),
        }
    }

    /// What somebody typed, as elements that a set with these `elements` does not have yet. Commas separate them, as in
    /// a cell of a file.
    ///
    /// # Errors
    /// What is wrong with them, as a sentence.
    pub fn new_elements(&self, field: &Field, typed: &str, elements: &[String]) -> Result<Vec<String>, String> {
        let mut wanted: Vec<String> = Vec::new();
        let typed = elements_of(typed).ok_or_else(|| bad_list(&field.name))?;
        for element in typed.into_iter().filter(|element| !element.is_empty()) {
            if !elements.iter().chain(&wanted).any(|held| *held == element) {
                self.check(&field.name, &FieldEdit::Insert(element.clone()))?;
                wanted.push(element);
            }
        }
        if elements.len() + wanted.len() > MAX_ELEMENTS && !wanted.is_empty() {
            return Err(self.problem(&SchemaViolation::TooManyElements { field: field.name.clone() }));
        }
        Ok(wanted)
    }
}

impl Field {
    fn of(id: FieldId, FieldSpec { name, kind, required }: &FieldSpec) -> Self {
        Field { id, name: name.clone(), kind: *kind, required: *required }
    }

    /// Its name, for where it stands alone.
    #[must_use]
    pub fn label(&self) -> String {
        capitalised(&self.word())
    }

    /// Its name, within a sentence.
    #[must_use]
    pub fn word(&self) -> String {
        field_word(&self.name)
    }

    /// What is put into it, as in `a tag`.
    #[must_use]
    pub fn one(&self) -> String {
        with_article(&self.element())
    }

    /// The name of one element: that of the set without the `s` of its plural.
    #[must_use]
    pub fn element(&self) -> String {
        match self.name.strip_suffix('s') {
            Some("tag") if self.kind == FieldKind::Set => tr!("tag"),
            Some(one) if self.kind == FieldKind::Set && one.len() > 1 && !one.ends_with('s') => one.to_owned(),
            _ => self.word(),
        }
    }

    /// Several values of it.
    #[must_use]
    pub fn several(&self) -> String {
        if self.name == NAME { tr!("names") } else { tr!("values of {field}", field = self.word()) }
    }

    fn is_register(&self) -> bool {
        matches!(self.kind, FieldKind::Lww | FieldKind::Mv)
    }
}

/// A set stands beside the text that was declared before it; every other field has its own column.
fn columns(fields: impl Iterator<Item = Rc<Field>>) -> Vec<Column> {
    let mut groups: Vec<Vec<Rc<Field>>> = Vec::new();
    for field in fields {
        match groups.last_mut() {
            Some(group) if field.kind == FieldKind::Set && group.len() == 1 && group[0].is_register() => {
                group.push(field);
            }
            _ => groups.push(vec![field]),
        }
    }
    let rest: Vec<_> =
        if groups.len() > MAX_COLUMNS { groups.drain(MAX_COLUMNS - 1..).flatten().collect() } else { Vec::new() };
    let mut columns: Vec<_> = groups.into_iter().map(column).collect();
    if !rest.is_empty() {
        columns.push(Column { heading: tr!("More"), fields: rest, labelled: true });
    }
    columns
}

fn column(fields: Vec<Rc<Field>>) -> Column {
    let names: Vec<_> = fields.iter().map(|field| field.word()).collect();
    Column { heading: capitalised(&names.join(&tr!(" and "))), fields, labelled: false }
}

/// What a field is called within a sentence: the fields that every room of people has are words of the page.
#[must_use]
pub fn field_word(name: &str) -> String {
    match name {
        NAME => tr!("name"),
        NOTE => tr!("note"),
        TAGS => tr!("tags"),
        other => other.to_owned(),
    }
}

/// The elements of a set cannot be told apart, as a sentence.
#[must_use]
pub fn bad_list(field: &str) -> String {
    tr!(
        "The {field} have a quote without its other one, or text beside a quote. Write them as in “a, \"b, c\"”.",
        field = field_word(field)
    )
}

fn with_article(noun: &str) -> String {
    let vowel = noun.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O', 'U']);
    if vowel { tr!("an {noun}", noun = noun) } else { tr!("a {noun}", noun = noun) }
}
