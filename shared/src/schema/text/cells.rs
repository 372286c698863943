//! Cells of a table in CSV (RFC 4180), which spreadsheets open.

/// The characters at the beginning of a cell that make a spreadsheet run it as a formula (OWASP, "CSV injection").
/// They come with their wide forms, and with those that a spreadsheet skips before it looks.
const RISKY: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A text as a cell, quoted where it has to be. Anybody may have written the text. If a spreadsheet would run it, it gets
/// an apostrophe in front. So does a text that has one there already: [`unguarded`] takes away one and no more.
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

/// The text of a cell before it was guarded.
#[must_use]
pub fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if is_risky(text.trim_start_matches('\'')) => text,
        _ => cell,
    }
}

fn is_risky(text: &str) -> bool {
    text.starts_with(RISKY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_a_spreadsheet_would_run_is_guarded_and_comes_back_as_it_was() {
        for (text, cell) in [
            ("Anna", "Anna"),
            ("", ""),
            ("=1+1", "\"'=1+1\""),
            ("'=1+1", "\"''=1+1\""),
            ("'tis", "'tis"),
            ("Fox, \"the\"", "\"Fox, \"\"the\"\"\""),
            (" a", "\" a\""),
            ("-5", "\"'-5\""),
            ("＝1+1", "\"'＝1+1\""),
            ("＋1", "\"'＋1\""),
            ("－1", "\"'－1\""),
            ("＠SUM(A1)", "\"'＠SUM(A1)\""),
            ("\n=1+1", "\"'\n=1+1\""),
        ] {
            assert_eq!(guarded_cell(text), cell);
            let read = cell.strip_prefix('"').map_or(cell, |quoted| &quoted[..quoted.len() - 1]).replace("\"\"", "\"");
            assert_eq!(unguarded(&read), text);
        }
    }
}
