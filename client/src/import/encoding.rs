//! The bytes of a file as text: UTF-8 or UTF-16.

use super::csv::line_breaks;
use super::error::FileError;

/// How archives begin, those of office programs among them.
const ZIP: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// The text of a file, without a byte order mark.
///
/// # Errors
/// Why there is none.
pub(super) fn text_of(mut bytes: Vec<u8>) -> Result<String, FileError> {
    if ZIP.iter().any(|mark| bytes.starts_with(mark)) {
        return Err(FileError::ZipArchive);
    }
    match bytes[..] {
        [0xff, 0xfe, ..] | [1..=255, 0, ..] => utf16(&bytes, u16::from_le_bytes),
        [0xfe, 0xff, ..] | [0, 1..=255, ..] => utf16(&bytes, u16::from_be_bytes),
        _ => {
            if bytes.starts_with(b"\xef\xbb\xbf") {
                bytes.drain(..3);
            }
            String::from_utf8(bytes).map_err(|error| {
                let line = 1 + line_breaks(error.as_bytes(), 0, error.utf8_error().valid_up_to());
                FileError::NotUtf8 { line }
            })
        }
    }
}

/// Spreadsheets save “Unicode text” so.
fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, FileError> {
    let (pairs, rest) = bytes.as_chunks();
    let text: Result<String, _> = char::decode_utf16(pairs.iter().map(|&pair| unit(pair))).collect();
    match text {
        Ok(text) if rest.is_empty() => Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned()),
        _ => Err(FileError::BrokenUtf16),
    }
}
