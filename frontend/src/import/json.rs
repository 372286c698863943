//! JSON (RFC 8259), read value by value: the page has no other use for a parser, and a general one is as large as a page.

use std::fmt::Write;
use std::rc::Rc;

use super::csv::MAX_RECORD_BYTES;

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
    /// A member of an object; the last one of that name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Json> {
        let Json::Object(members) = self else { return None };
        members.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

/// The text is no JSON; at this byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotJson {
    pub at: usize,
}

/// Reads the elements of one list, one by one: of the document itself, or of its member `records` or `data`.
#[derive(Clone, Debug)]
pub struct JsonReader {
    text: Rc<str>,
    at: usize,
    line: usize,
    /// Where the latest element begins, which is on that line.
    begun: usize,
    ended: bool,
    first: bool,
}

/// An element, or why there is none, with the line on which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Counts from one.
    pub line: usize,
    pub value: Result<Json, NotJson>,
}

impl JsonReader {
    /// # Errors
    /// Where it is no JSON, or has no list in its place.
    pub fn new(text: Rc<str>) -> Result<Self, NotJson> {
        let mut parser = Parser { bytes: text.as_bytes(), at: 0, until: usize::MAX };
        parser.space();
        if parser.bytes.get(parser.at) == Some(&b'{') {
            parser.seek_list()?;
        }
        parser.expect(b'[')?;
        let at = parser.at;
        Ok(JsonReader { text, at, line: 1, begun: 0, ended: false, first: true })
    }

    /// How many bytes are read.
    #[must_use]
    pub fn at(&self) -> usize {
        if self.ended { self.text.len() } else { self.at }
    }

    fn read(&mut self) -> Option<Result<Json, NotJson>> {
        let mut parser = Parser { bytes: self.text.as_bytes(), at: self.at, until: usize::MAX };
        parser.space();
        if parser.take(b']') {
            return None;
        }
        if !std::mem::take(&mut self.first) {
            if let Err(error) = parser.expect(b',') {
                return Some(Err(error));
            }
            parser.space();
        }
        let new_lines = parser.bytes[self.begun..parser.at].iter().filter(|&&byte| byte == b'\n').count();
        (self.line, self.begun) = (self.line + new_lines, parser.at);
        parser.until = parser.at.saturating_add(MAX_RECORD_BYTES);
        let value = parser.value(0);
        self.at = parser.at;
        Some(value)
    }
}

impl Iterator for JsonReader {
    type Item = Element;

    /// After what is no JSON there is nothing more: where the next element begins is not known.
    fn next(&mut self) -> Option<Element> {
        if self.ended {
            return None;
        }
        let Some(value) = self.read() else {
            self.ended = true;
            return None;
        };
        self.ended = value.is_err();
        Some(Element { line: self.line, value })
    }
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    /// What is longer than that is no value.
    until: usize,
}

impl Parser<'_> {
    fn wrong<T>(&self) -> Result<T, NotJson> {
        Err(NotJson { at: self.at })
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

    /// To the list among the members of the object that begins here.
    fn seek_list(&mut self) -> Result<(), NotJson> {
        self.expect(b'{')?;
        loop {
            self.space();
            let key = self.text()?;
            self.expect(b':')?;
            self.space();
            if matches!(key.as_str(), "records" | "data") && self.peek() == Some(b'[') {
                return Ok(());
            }
            self.until = self.at.saturating_add(MAX_RECORD_BYTES);
            self.value(0)?;
            self.until = usize::MAX;
            self.expect(b',')?;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Json, NotJson> {
        if depth > MAX_DEPTH {
            return self.wrong();
        }
        self.space();
        match self.peek() {
            Some(b'"') => self.text().map(Json::Text),
            Some(b'[') => self.list(depth),
            Some(b'{') => self.object(depth),
            Some(b'-' | b'0'..=b'9') => Ok(Json::Number(self.number())),
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

    fn number(&mut self) -> String {
        let begin = self.at;
        while matches!(self.peek(), Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
            self.at += 1;
        }
        String::from_utf8_lossy(&self.bytes[begin..self.at]).into_owned()
    }

    fn word(&mut self) -> Result<Json, NotJson> {
        let words = [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))];
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        let Some((word, value)) = words.into_iter().find(|(word, _)| rest.starts_with(word.as_bytes())) else {
            return self.wrong();
        };
        self.at += word.len();
        Ok(value)
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

    /// A half of a pair that stands alone is no letter.
    fn code_point(&mut self) -> Result<char, NotJson> {
        let unit = self.hex()?;
        if !(0xd800..0xdc00).contains(&unit) {
            return Ok(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        if !(self.take(b'\\') && self.take(b'u')) {
            return Ok(char::REPLACEMENT_CHARACTER);
        }
        let low = self.hex()?;
        let pair = low.checked_sub(0xdc00).filter(|low| *low < 0x400);
        let letter = pair.and_then(|low| char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + low));
        Ok(letter.unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Result<u32, NotJson> {
        let digits = self.bytes.get(self.at..self.at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
        let plain = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let Some(unit) = plain.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else { return self.wrong() };
        self.at += 4;
        Ok(unit)
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
