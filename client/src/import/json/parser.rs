//! The grammar of JSON.

use super::super::csv::MAX_RECORD_BYTES;
use super::{Fault, Json, NotJson};

/// How deep values may lie in one another.
const MAX_DEPTH: usize = 16;

/// Reads values from a text.
pub(super) struct Parser<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    /// A longer text is no value.
    pub(super) until: usize,
    /// A text had half a character.
    pub(super) has_half: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn at(text: &'a str, at: usize) -> Self {
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

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied().filter(|_| self.at < self.until)
    }

    pub(super) fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    pub(super) fn expect(&mut self, byte: u8) -> Result<(), NotJson> {
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
    pub(super) fn seek_list(&mut self) -> Result<(), NotJson> {
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
    pub(super) fn end(&mut self, is_in_object: bool) -> Result<(), NotJson> {
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

    pub(super) fn value(&mut self, depth: usize) -> Result<Json, NotJson> {
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
