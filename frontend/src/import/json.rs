//! JSON (RFC 8259), read value by value: the page has no other use for a parser, and a general one is as large as a page.

use std::fmt::{self, Write};
use std::rc::Rc;

use super::csv::{MAX_RECORD_BYTES, line_breaks};

/// How deep values may lie in one another.
const MAX_DEPTH: usize = 16;

/// A value. A number keeps its digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
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
    pub why: Fault,
}

/// Why a text is no list of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The text ends in the midst of something.
    Ended,
    /// Something else has to stand here.
    Unexpected,
    /// Values lie deeper in one another than [`MAX_DEPTH`].
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
    pub value: Result<Json, BadElement>,
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

    /// The next value and the byte at which it begins; `None` behind the last one.
    fn read(&mut self) -> Result<Option<(usize, Result<Json, BadElement>)>, NotJson> {
        let mut parser = Parser::at(&self.text, self.at);
        parser.space();
        if parser.take(b']') {
            return parser.end(self.is_in_object).map(|()| None);
        }
        if !std::mem::take(&mut self.is_first) {
            parser.expect(b',')?;
            parser.space();
        }
        let begin = parser.at;
        parser.until = begin.saturating_add(MAX_RECORD_BYTES);
        let value = parser.value(0)?;
        self.at = parser.at;
        Ok(Some((begin, if parser.has_half { Err(BadElement::HalfCharacter) } else { Ok(value) })))
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
        let (at, value) = match read {
            Ok(element) => element?,
            Err(fault) => (fault.at.min(self.text.len()), Err(BadElement::NotJson(fault))),
        };
        self.line += line_breaks(self.text.as_bytes(), self.counted, at);
        self.counted = at;
        Some(Element { line: self.line, value })
    }
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    /// What is longer than that is no value.
    until: usize,
    /// A text had half a character.
    has_half: bool,
}

impl<'a> Parser<'a> {
    fn at(text: &'a str, at: usize) -> Self {
        Parser { bytes: text.as_bytes(), at, until: usize::MAX, has_half: false }
    }

    fn wrong<T>(&self) -> Result<T, NotJson> {
        let why = match self.at {
            at if at >= self.bytes.len() => Fault::Ended,
            at if at >= self.until => Fault::TooLong,
            _ => Fault::Unexpected,
        };
        self.fault(why)
    }

    fn fault<T>(&self, why: Fault) -> Result<T, NotJson> {
        Err(NotJson { at: self.at, why })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied().filter(|_| self.at < self.until)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, byte: u8) -> Result<(), NotJson> {
        self.space();
        if self.take(byte) { Ok(()) } else { self.wrong() }
    }

    /// The name of a member, up to its value.
    fn key(&mut self) -> Result<String, NotJson> {
        self.space();
        let key = self.text()?;
        self.expect(b':')?;
        self.space();
        Ok(key)
    }

    /// To the list among the members of the object that begins here.
    fn seek_list(&mut self) -> Result<(), NotJson> {
        self.expect(b'{')?;
        loop {
            let key = self.key()?;
            if is_list(&key) && self.peek() == Some(b'[') {
                return Ok(());
            }
            self.skip_member()?;
            self.expect(b',')?;
        }
    }

    /// To the end of the text, from behind the list. It may be followed by the other members of its object.
    fn end(&mut self, is_in_object: bool) -> Result<(), NotJson> {
        self.space();
        while is_in_object && !self.take(b'}') {
            self.expect(b',')?;
            let key = self.key()?;
            if is_list(&key) && self.peek() == Some(b'[') {
                return self.fault(Fault::AfterList);
            }
            self.skip_member()?;
            self.space();
        }
        self.space();
        if self.at < self.bytes.len() { self.fault(Fault::AfterList) } else { Ok(()) }
    }

    fn skip_member(&mut self) -> Result<(), NotJson> {
        self.until = self.at.saturating_add(MAX_RECORD_BYTES);
        self.value(0)?;
        self.until = usize::MAX;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Json, NotJson> {
        if depth > MAX_DEPTH {
            return self.fault(Fault::TooDeep);
        }
        self.space();
        match self.peek() {
            Some(b'"') => self.text().map(Json::Text),
            Some(b'[') => self.list(depth),
            Some(b'{') => self.object(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, NotJson> {
        self.expect(b'[')?;
        let mut elements = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(Json::List(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            self.space();
            if self.take(b']') {
                return Ok(Json::List(elements));
            }
            self.expect(b',')?;
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, NotJson> {
        self.expect(b'{')?;
        let mut members = Vec::new();
        self.space();
        if self.take(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            let key = self.text()?;
            self.expect(b':')?;
            members.push((key, self.value(depth + 1)?));
            self.space();
            if self.take(b'}') {
                return Ok(Json::Object(members));
            }
            self.expect(b',')?;
        }
    }

    /// A number in the grammar of JSON: `01` and `1-2` are none.
    fn number(&mut self) -> Result<Json, NotJson> {
        let begin = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(Json::Number(String::from_utf8_lossy(&self.bytes[begin..self.at]).into_owned()))
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        let begin = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == begin { self.wrong() } else { Ok(()) }
    }

    fn word(&mut self) -> Result<Json, NotJson> {
        let words = [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))];
        let rest = &self.bytes[self.at..];
        if let Some((word, value)) = words.iter().find(|(word, _)| rest.starts_with(word.as_bytes())) {
            self.at += word.len();
            return Ok(value.clone());
        }
        if words.iter().any(|(word, _)| word.as_bytes().starts_with(rest)) {
            self.at = self.bytes.len();
        }
        self.wrong()
    }

    fn text(&mut self) -> Result<String, NotJson> {
        if !self.take(b'"') {
            return self.wrong();
        }
        let mut text = Vec::new();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    // The pieces of a text, cut at ASCII signs, are texts.
                    return String::from_utf8(text).or_else(|_| self.wrong());
                }
                Some(b'\\') => {
                    self.at += 1;
                    let letter = self.escaped()?;
                    text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(byte) if byte >= b' ' => {
                    text.push(byte);
                    self.at += 1;
                }
                _ => return self.wrong(),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, NotJson> {
        let Some(sign) = self.peek() else { return self.wrong() };
        self.at += 1;
        Ok(match sign {
            b'"' | b'\\' | b'/' => char::from(sign),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.code_point(),
            _ => return self.wrong(),
        })
    }

    /// A half of a pair that stands alone is no character.
    fn code_point(&mut self) -> Result<char, NotJson> {
        let unit = self.hex()?;
        let is_pair = (0xd800..0xdc00).contains(&unit) && self.bytes[self.at..].starts_with(b"\\u");
        let code = if is_pair {
            self.at += 2;
            let low = self.hex()?;
            low.checked_sub(0xdc00)
                .filter(|low| *low < 0x400)
                .map_or(unit, |low| 0x1_0000 + ((unit - 0xd800) << 10) + low)
        } else {
            unit
        };
        let letter = char::from_u32(code);
        self.has_half |= letter.is_none();
        Ok(letter.unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Result<u32, NotJson> {
        let Some(digits) = self.bytes.get(self.at..self.at + 4) else {
            self.at = self.bytes.len();
            return self.wrong();
        };
        let plain =
            std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let Some(unit) = plain.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else { return self.wrong() };
        self.at += 4;
        Ok(unit)
    }
}

/// Whether a member of this name is the list of records.
fn is_list(key: &str) -> bool {
    matches!(key, "records" | "data")
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
