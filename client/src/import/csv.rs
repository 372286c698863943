//! Comma-separated values (RFC 4180), as spreadsheets write them: also with semicolons or tabs, a line `sep=;` in front,
//! and line breaks of any system. Strict: a record is read exactly or not at all. (The crate `csv-core` cannot be: it
//! takes text after a closing quote, and a quote that is never closed.)

use std::rc::Rc;

/// The longest record, in bytes: as much as the core lets a record hold.
pub const MAX_RECORD_BYTES: usize = 1 << 20;
/// The most cells of one record.
const MAX_CELLS: usize = 1000;

const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];
/// Begins a first line that names the delimiter, as spreadsheets write it.
const NAMED_DELIMITER: &str = "sep=";

/// Why a record cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadRecord {
    /// A quote is opened and not closed before the file ends, or within [`MAX_RECORD_BYTES`].
    Unclosed,
    /// Something other than the end of the cell follows a closing quote.
    TextAfterQuote,
    /// The record has more cells than are read.
    TooManyCells,
    /// The record is longer than [`MAX_RECORD_BYTES`].
    TooLong,
}

/// A record, or why it is none, with the line on which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvRecord {
    /// Counts from one.
    pub line: usize,
    /// The cells.
    pub cells: Result<Vec<String>, BadRecord>,
}

impl CsvRecord {
    /// Whether it has nothing but space in its cells.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.cells.as_ref().is_ok_and(|cells| cells.iter().all(|cell| cell.trim().is_empty()))
    }
}

/// Reads records one by one, also blank ones.
#[derive(Clone, Debug)]
pub struct CsvReader {
    text: Rc<str>,
    delimiter: u8,
    /// The next byte to read.
    at: usize,
    /// The line on which it is.
    line: usize,
}

/// Where in a cell the reader is.
#[derive(Clone, Copy, PartialEq)]
enum Within {
    Plain,
    Quotes,
    /// Behind the closing quote.
    Closed,
}

impl CsvReader {
    /// The delimiter is the one that the first line names, or else the one that the first record has most of.
    #[must_use]
    pub fn new(text: Rc<str>) -> Self {
        let named = text.strip_prefix(NAMED_DELIMITER).and_then(|rest| match rest.as_bytes() {
            [sign, b'\r' | b'\n', ..] if sign.is_ascii_punctuation() && *sign != b'"' || *sign == b'\t' => Some(*sign),
            _ => None,
        });
        let delimiter = named.unwrap_or_else(|| delimiter_of(&text));
        let mut reader = CsvReader { text, delimiter, at: 0, line: 1 };
        if named.is_some() {
            reader.skip_line();
        }
        reader
    }

    /// How many bytes are read.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// Reads the record that begins here, and returns its cells and the byte behind it; moves nothing.
    fn read(&self) -> Result<(Vec<String>, usize), BadRecord> {
        let bytes = self.text.as_bytes();
        let (mut cells, mut cell) = (Vec::new(), Vec::new());
        let (mut at, mut within) = (self.at, Within::Plain);
        // The pieces of a text, cut at ASCII signs, are texts.
        let taken = |cell: &mut Vec<u8>| String::from_utf8(std::mem::take(cell)).unwrap_or_default();
        loop {
            let byte = bytes.get(at).copied();
            if byte.is_none() && within == Within::Quotes {
                return Err(BadRecord::Unclosed);
            }
            if at - self.at > MAX_RECORD_BYTES {
                return Err(if within == Within::Quotes { BadRecord::Unclosed } else { BadRecord::TooLong });
            }
            at += usize::from(byte.is_some());
            match (within, byte) {
                (Within::Quotes, Some(b'"')) if bytes.get(at) == Some(&b'"') => {
                    cell.push(b'"');
                    at += 1;
                }
                (Within::Quotes, Some(b'"')) => within = Within::Closed,
                (Within::Quotes, Some(byte)) => cell.push(byte),
                (_, None | Some(b'\n' | b'\r')) => {
                    cells.push(taken(&mut cell));
                    at += usize::from(byte == Some(b'\r') && bytes.get(at) == Some(&b'\n'));
                    return Ok((cells, at));
                }
                (_, Some(byte)) if byte == self.delimiter => {
                    cells.push(taken(&mut cell));
                    if cells.len() >= MAX_CELLS {
                        return Err(BadRecord::TooManyCells);
                    }
                    within = Within::Plain;
                }
                (Within::Closed, Some(_)) => return Err(BadRecord::TextAfterQuote),
                (Within::Plain, Some(b'"')) if cell.is_empty() => within = Within::Quotes,
                (Within::Plain, Some(byte)) => cell.push(byte),
            }
        }
    }

    /// To the next line, whatever this one holds.
    fn skip_line(&mut self) {
        let bytes = self.text.as_bytes();
        let end = (self.at..bytes.len()).find(|&at| ends_line(bytes, at));
        self.at = end.map_or(bytes.len(), |end| end + 1);
        self.line += 1;
    }
}

impl Iterator for CsvReader {
    type Item = CsvRecord;

    /// The next record. After one that cannot be read, the next line is the beginning of another.
    fn next(&mut self) -> Option<CsvRecord> {
        if self.at >= self.text.len() {
            return None;
        }
        let line = self.line;
        let cells = match self.read() {
            Ok((cells, end)) => {
                self.line += line_breaks(self.text.as_bytes(), self.at, end);
                self.at = end;
                Ok(cells)
            }
            Err(bad) => {
                self.skip_line();
                Err(bad)
            }
        };
        Some(CsvRecord { line, cells })
    }
}

/// How many lines end from one byte up to another. A line break of two bytes ends a line with the second one.
#[must_use]
pub fn line_breaks(bytes: &[u8], from: usize, until: usize) -> usize {
    (from..until).filter(|&at| ends_line(bytes, at)).count()
}

fn ends_line(bytes: &[u8], at: usize) -> bool {
    match bytes.get(at) {
        Some(b'\n') => true,
        Some(b'\r') => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    }
}

/// The elements of a list in one cell: commas separate them, and one with a comma or a quote of its own stands in quotes.
/// Returns `None` if a quote is not closed, or text follows a closing one.
#[must_use]
pub fn elements_of(cell: &str) -> Option<Vec<String>> {
    let mut elements = Vec::new();
    let mut rest = cell.trim();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (element, after) = unquoted(quoted)?;
            elements.push(element);
            let after = after.trim_start();
            rest = if after.is_empty() { after } else { after.strip_prefix(',')? };
        } else {
            let (element, after) = rest.split_once(',').unwrap_or((rest, ""));
            let element = element.trim();
            elements.extend((!element.is_empty()).then(|| element.to_owned()));
            rest = after;
        }
        rest = rest.trim_start();
    }
    Some(elements)
}

/// The text up to the closing quote, and what follows that.
fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut rest = quoted;
    loop {
        let (before, after) = rest.split_once('"')?;
        text.push_str(before);
        match after.strip_prefix('"') {
            Some(after) => {
                text.push('"');
                rest = after;
            }
            None => return Some((text, after)),
        }
    }
}

/// A list as one cell, for [`elements_of`].
#[must_use]
pub fn list_cell(elements: &[String]) -> String {
    let element = |element: &String| {
        let is_plain = !element.is_empty() && !element.contains([',', '"']) && element.trim() == element;
        if is_plain { element.clone() } else { format!("\"{}\"", element.replace('"', "\"\"")) }
    };
    elements.iter().map(element).collect::<Vec<_>>().join(", ")
}

fn delimiter_of(text: &str) -> u8 {
    let mut quoted = false;
    let mut counts = [0; DELIMITERS.len()];
    for byte in text.bytes().take(MAX_RECORD_BYTES) {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if quoted => {}
            _ => {
                if let Some(place) = DELIMITERS.iter().position(|&delimiter| delimiter == byte) {
                    counts[place] += 1;
                }
            }
        }
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    let place = counts.iter().position(|&count| count == most).unwrap_or(0);
    DELIMITERS[place]
}
