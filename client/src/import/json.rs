//! JSON (RFC 8259), read value by value: the page has no other use for a parser, and a general one is as large as a page.

mod parser;

use std::fmt::{self, Write};
use std::rc::Rc;

use super::csv::{MAX_RECORD_BYTES, line_breaks};
use parser::Parser;

/// A value. A number keeps its digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// The digits of a number.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// The members of an object, in their order.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The only member of an object with this name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Json> {
        let Json::Object(members) = self else { return None };
        let mut named = members.iter().filter(|(key, _)| key == name);
        let (_, value) = named.next()?;
        named.next().is_none().then_some(value)
    }
}

/// As a file has it, without space between the signs.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => f.write_str("null"),
            Json::Bool(is_so) => write!(f, "{is_so}"),
            Json::Number(digits) => f.write_str(digits),
            Json::Text(text) => f.write_str(&json_text(text)),
            Json::List(values) => {
                let each: Vec<_> = values.iter().map(Json::to_string).collect();
                write!(f, "[{}]", each.join(","))
            }
            Json::Object(members) => {
                let each: Vec<_> = members.iter().map(|(key, value)| format!("{}:{value}", json_text(key))).collect();
                write!(f, "{{{}}}", each.join(","))
            }
        }
    }
}

/// From here on the text is no list of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotJson {
    /// The byte.
    pub at: usize,
    /// The reason.
    pub why: Fault,
}

/// Why a text is no list of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The text ends in the midst of something.
    Ended,
    /// Something else has to stand here.
    Unexpected,
    /// Values lie too deep in one another.
    TooDeep,
    /// A value is longer than [`MAX_RECORD_BYTES`].
    TooLong,
    /// Something follows the list.
    AfterList,
}

/// Why an element is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadElement {
    /// A text has one half of a pair of UTF-16 code units: `\ud83d`. The elements after it can be read.
    HalfCharacter,
    /// Nothing after it can be read.
    NotJson(NotJson),
}

/// Reads the elements of one list, one by one: of the document itself, or of its member `records` or `data`.
#[derive(Clone, Debug)]
pub struct JsonReader {
    text: Rc<str>,
    at: usize,
    /// The line on which the byte `counted` is.
    line: usize,
    counted: usize,
    is_ended: bool,
    is_first: bool,
    is_in_object: bool,
}

/// An element, or why it is none, with the line on which it begins, or on which it ceases to be JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Counts from one.
    pub line: usize,
    /// The value.
    pub value: Result<Json, BadElement>,
}

/// An element before its line is known.
struct Found {
    /// The byte at which it begins.
    at: usize,
    value: Result<Json, BadElement>,
}

impl JsonReader {
    /// # Errors
    /// Where it is no JSON, or has no list in its place.
    pub fn new(text: Rc<str>) -> Result<Self, NotJson> {
        let mut parser = Parser::at(&text, 0);
        parser.space();
        let is_in_object = parser.peek() == Some(b'{');
        if is_in_object {
            parser.seek_list()?;
        }
        parser.expect(b'[')?;
        let at = parser.at;
        Ok(JsonReader { text, at, line: 1, counted: 0, is_ended: false, is_first: true, is_in_object })
    }

    /// How many bytes are read.
    #[must_use]
    pub fn at(&self) -> usize {
        if self.is_ended { self.text.len() } else { self.at }
    }

    /// The next element; `None` behind the last one.
    fn read(&mut self) -> Result<Option<Found>, NotJson> {
        let mut parser = Parser::at(&self.text, self.at);
        parser.space();
        if parser.take(b']') {
            return parser.end(self.is_in_object).map(|()| None);
        }
        if !std::mem::take(&mut self.is_first) {
            parser.expect(b',')?;
            parser.space();
        }
        let at = parser.at;
        parser.until = at.saturating_add(MAX_RECORD_BYTES);
        let value = parser.value(0)?;
        self.at = parser.at;
        let value = if parser.has_half { Err(BadElement::HalfCharacter) } else { Ok(value) };
        Ok(Some(Found { at, value }))
    }
}

impl Iterator for JsonReader {
    type Item = Element;

    /// After what is no JSON there is nothing more: where the next element begins is not known.
    fn next(&mut self) -> Option<Element> {
        if self.is_ended {
            return None;
        }
        let read = self.read();
        self.is_ended = !matches!(read, Ok(Some(_)));
        let Found { at, value } = match read {
            Ok(element) => element?,
            Err(fault) => Found { at: fault.at.min(self.text.len()), value: Err(BadElement::NotJson(fault)) },
        };
        self.line += line_breaks(self.text.as_bytes(), self.counted, at);
        self.counted = at;
        Some(Element { line: self.line, value })
    }
}

/// A text as JSON.
#[must_use]
pub fn json_text(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => json.extend(['\\', letter]),
            '\n' => json.push_str("\\n"),
            control if control < ' ' => {
                write!(json, "\\u{:04x}", u32::from(control)).expect("a string takes everything");
            }
            plain => json.push(plain),
        }
    }
    json.push('"');
    json
}
