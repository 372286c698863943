//! Comma-separated values (RFC 4180), as spreadsheets write them: also with semicolons or tabs, a byte order mark, and
//! line breaks of any system.

use std::rc::Rc;

/// The longest record, in bytes: as much as the core lets a record hold. Whatever is longer has lost a quote.
pub const MAX_RECORD_BYTES: usize = 1 << 20;
/// The most cells of one record.
const MAX_CELLS: usize = 1000;

const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// Why a record cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadRecord {
    /// A quote is opened and not closed within [`MAX_RECORD_BYTES`].
    Unclosed,
    TooManyCells,
}

/// A record, or why it is none, with the line on which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvRecord {
    /// Counts from one.
    pub line: usize,
    pub cells: Result<Vec<String>, BadRecord>,
}

/// Reads records one by one.
#[derive(Clone, Debug)]
pub struct CsvReader {
    text: Rc<str>,
    delimiter: u8,
    /// The next byte to read.
    at: usize,
    /// The line on which it is.
    line: usize,
}

impl CsvReader {
    /// The delimiter is the one that the first record has most of.
    #[must_use]
    pub fn new(text: Rc<str>) -> Self {
        let delimiter = delimiter_of(&text);
        CsvReader { text, delimiter, at: 0, line: 1 }
    }

    /// How many bytes are read.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// Reads up to the end of the record that begins here; moves nothing.
    fn read(&mut self) -> Result<(Vec<String>, usize, usize), BadRecord> {
        let bytes = self.text.as_bytes();
        let (mut cells, mut cell) = (Vec::new(), Vec::new());
        let (mut at, mut lines, mut quoted) = (self.at, 0, false);
        let mut keep = |cell: &mut Vec<u8>| {
            // The pieces of a text, cut at ASCII signs, are texts.
            cells.push(String::from_utf8(std::mem::take(cell)).unwrap_or_default());
            if cells.len() > MAX_CELLS { Err(BadRecord::TooManyCells) } else { Ok(()) }
        };
        loop {
            let Some(&byte) = bytes.get(at) else {
                if quoted {
                    return Err(BadRecord::Unclosed);
                }
                keep(&mut cell)?;
                return Ok((cells, at, lines));
            };
            if at - self.at > MAX_RECORD_BYTES {
                return Err(BadRecord::Unclosed);
            }
            at += 1;
            lines += usize::from(byte == b'\n' || (byte == b'\r' && bytes.get(at) != Some(&b'\n')));
            match byte {
                b'"' if quoted && bytes.get(at) == Some(&b'"') => {
                    cell.push(b'"');
                    at += 1;
                }
                b'"' if quoted => quoted = false,
                b'"' if cell.is_empty() => quoted = true,
                _ if quoted => cell.push(byte),
                b'\r' if bytes.get(at) == Some(&b'\n') => {}
                b'\n' | b'\r' => {
                    keep(&mut cell)?;
                    return Ok((cells, at, lines));
                }
                _ if byte == self.delimiter => keep(&mut cell)?,
                _ => cell.push(byte),
            }
        }
    }

    /// To the next line, whatever this one holds.
    fn skip_line(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |end| end + 1);
        self.at += length;
        self.line += 1;
    }
}

impl Iterator for CsvReader {
    type Item = CsvRecord;

    /// The next record that is not blank. After one that cannot be read, the next line is the beginning of another.
    fn next(&mut self) -> Option<CsvRecord> {
        while self.at < self.text.len() {
            let line = self.line;
            match self.read() {
                Ok((cells, at, lines)) => {
                    (self.at, self.line) = (at, line + lines);
                    if cells.iter().any(|cell| !cell.trim().is_empty()) {
                        return Some(CsvRecord { line, cells: Ok(cells) });
                    }
                }
                Err(bad) => {
                    self.skip_line();
                    return Some(CsvRecord { line, cells: Err(bad) });
                }
            }
        }
        None
    }
}

/// The elements of a list in one cell: commas separate them, and one with a comma or a quote of its own stands in quotes.
#[must_use]
pub fn elements_of(cell: &str) -> Vec<String> {
    let (mut elements, mut rest) = (Vec::new(), cell.trim());
    while !rest.is_empty() {
        let mut element = String::new();
        if let Some(mut quoted) = rest.strip_prefix('"') {
            while let Some((before, after)) = quoted.split_once('"') {
                element.push_str(before);
                quoted = after;
                let Some(after) = after.strip_prefix('"') else { break };
                element.push('"');
                quoted = after;
            }
            rest = quoted;
        }
        let (more, after) = rest.split_once(',').unwrap_or((rest, ""));
        element.push_str(more.trim());
        elements.push(element);
        rest = after.trim_start();
    }
    elements
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

/// A cell for a spreadsheet, which would run what begins like a formula; anybody may have written it. So it gets an
/// apostrophe, and so does what has one already, that [`unguarded`] may take away one and no more.
#[must_use]
pub fn guarded_cell(text: &str) -> String {
    let guard = if is_risky(text.trim_start_matches('\'')) { "'" } else { "" };
    if guard.is_empty() && !text.contains([',', ';', '"', '\r', '\n', '\t']) && text.trim() == text {
        return text.to_owned();
    }
    let mut cell = String::with_capacity(text.len() + 3);
    cell.push('"');
    cell.push_str(guard);
    cell.push_str(&text.replace('"', "\"\""));
    cell.push('"');
    cell
}

/// What a cell said before it was guarded.
#[must_use]
pub fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if is_risky(text.trim_start_matches('\'')) => text,
        _ => cell,
    }
}

fn is_risky(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}
