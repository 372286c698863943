//! Every line of whatever file is in, refused or blank, and counted once.

#![cfg(not(target_arch = "wasm32"))]

use client::import::json::Fault;
use client::import::{LineError, Problem, Report};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

mod importing;

use importing::{import_alone, lines, names};

/// A row of a file, as it is written, and what is to become of it.
#[derive(Clone, Debug)]
enum Row {
    /// With the text of its cells.
    In(String),
    Refused(String),
    Blank(String),
}

impl Row {
    fn text(&self) -> &str {
        match self {
            Row::In(text) | Row::Refused(text) | Row::Blank(text) => text,
        }
    }
}

/// A text in quotes, with what could be taken for the end of a cell, of a row, or of the quotes.
fn quoted() -> impl Strategy<Value = String> {
    let sign = select(vec!["a", "Ж", ",", ";", "\t", "\n", "\r", "\r\n", "\"\"", "\n\n", " "]);
    vec(sign, 0..6).prop_map(|signs| format!("\"{}\"", signs.concat()))
}

/// A row of the columns name, note and number, without a line break at its end. The cells are parted by `§`.
fn csv_row() -> impl Strategy<Value = Row> {
    let note = prop_oneof![Just(String::new()), Just("likes tea".to_owned()), quoted()];
    let added = (select(vec!["Anna", "\"B, \"\"B\"\"\"", "\"two\nlines\""]), note.clone())
        .prop_map(|(name, note)| Row::In(format!("{name}§{note}§")));
    let short = Just(Row::In("Dora".to_owned()));
    let surplus_but_empty = Just(Row::In("Emil§§§ §".to_owned()));
    let refused = note.prop_flat_map(|note| {
        select(vec![
            "§x§".to_owned(),
            format!("Anna§{note}§zero"),
            format!("Anna§{note}§5§more"),
            format!("\"Anna\" x§{}§", note.replace(['\n', '\r', '"'], "")),
        ])
        .prop_map(Row::Refused)
    });
    let blank = select(vec!["", " ", "§§", " §\t§ ", "\"\n\"§§"]).prop_map(|text| Row::Blank(text.to_owned()));
    prop_oneof![4 => added, 1 => short, 1 => surplus_but_empty, 3 => refused, 2 => blank]
}

/// How many rows of each kind there are, and on which lines those begin that are refused.
fn expected(rows: &[Row], first_line: usize) -> ((usize, usize, usize), Vec<usize>) {
    let (mut counts, mut refused, mut line) = ((0, 0, 0), Vec::new(), first_line);
    for row in rows {
        match row {
            Row::In(_) => counts.0 += 1,
            Row::Refused(_) => {
                counts.1 += 1;
                refused.push(line);
            }
            Row::Blank(_) => counts.2 += 1,
        }
        let text = row.text().replace("\r\n", "\n");
        line += 1 + text.matches(['\n', '\r']).count();
    }
    (counts, refused)
}

fn counts(report: &Report) -> (usize, usize, usize) {
    (report.added, report.refused, report.blank)
}

/// An element of a list in JSON.
fn json_row() -> impl Strategy<Value = Row> {
    let note = select(vec!["", "two\\nlines", "\\u0000", "], [", "}, {\\\"name\\\": 1", "\\\\"]);
    let space = select(vec!["", " ", "\n", "\r\n\n"]);
    let added = (note, space).prop_map(|(note, space)| {
        Row::In(format!("{{\"name\":{space}\"Anna\",\"note\": \"{note}\",{space}\"number\": null}}"))
    });
    let refused = select(vec![
        "{}",
        "null",
        "7",
        "\"Anna\"",
        "[{\"name\": \"Anna\"}]",
        "{\"name\": \"\"}",
        "{\"name\": \"Anna\",\n\"number\": \"zero\"}",
        "{\"name\": [\"Anna\"]}",
        "{\"name\": \"Anna\", \"note\": \"\\ud83d\"}",
        "{\"name\": \"Anna\", \"Name\": \"Anna\"}",
    ]);
    prop_oneof![2 => added, 1 => refused.prop_map(|text| Row::Refused(text.to_owned()))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn each_row_of_any_csv_is_in_refused_or_blank_and_counted_once(
        rows in vec(csv_row(), 0..12),
        delimiter in select(vec![",", ";", "\t"]),
        line_break in select(vec!["\n", "\r\n", "\r"]),
        (names_delimiter, ends_with_break) in any::<(bool, bool)>(),
        is_cut_in_quotes in any::<bool>(),
    ) {
        let mut file = if names_delimiter { format!("sep={delimiter}{line_break}") } else { String::new() };
        file += &format!("name§note§number{line_break}").replace('§', delimiter);
        let texts: Vec<_> = rows.iter().map(|row| row.text().replace('§', delimiter)).collect();
        file += &texts.join(line_break);
        let mut rows = rows;
        // A file that ends behind a row has no blank one after it.
        let has_break = ends_with_break || is_cut_in_quotes || rows.last().is_some_and(|row| row.text().is_empty());
        if has_break && !rows.is_empty() {
            file += line_break;
        }
        if is_cut_in_quotes {
            file += "Fritz";
            file += delimiter;
            file += "\"cut off";
            rows.push(Row::Refused("Fritz".to_owned()));
        }
        let (session, report) = import_alone("a.csv", &file);
        let (wanted, refused) = expected(&rows, 2 + usize::from(names_delimiter));
        prop_assert_eq!(counts(&report), wanted, "{:?}", file);
        prop_assert_eq!(report.added + report.refused + report.blank, rows.len());
        prop_assert_eq!(lines(&report), refused, "{:?}", file);
        prop_assert_eq!(names(&session).len(), report.added);
    }

    #[test]
    fn each_element_of_any_json_is_in_or_refused_and_counted_once(
        rows in vec(json_row(), 1..10),
        space in select(vec!["", " ", "\n", "\r\n"]),
        is_in_object in any::<bool>(),
        cut in proptest::option::of(0.0..1.0_f64),
    ) {
        let texts: Vec<_> = rows.iter().map(Row::text).collect();
        let list = format!("[{space}{}{space}]", texts.join(&format!("{space},{space}")));
        let mut file = if is_in_object { format!("{{\"records\": {list}}}") } else { list };
        let mut rows = rows;
        rows.insert(0, Row::In("{\"name\": \"First\"}".to_owned()));
        let begin = file.find('[').expect("a list") + 1;
        file.insert_str(begin, "{\"name\": \"First\"},");
        // Cut off within its last element: that is refused, and nothing else is.
        if let Some(part) = cut {
            let last = rows.pop().expect("a row").text().to_owned();
            let from = file.rfind(last.as_str()).expect("it is there");
            let mut at = from + 1 + (part * (last.len() - 1) as f64) as usize;
            while !file.is_char_boundary(at) {
                at += 1;
            }
            file.truncate(at.min(from + last.len()));
            rows.push(Row::Refused(last));
        }
        let (session, report) = import_alone("a.json", &file);
        let wanted = expected(&rows, 1).0;
        if cut.is_none() {
            prop_assert_eq!(counts(&report), wanted, "{:?}", file);
            prop_assert_eq!(report.added + report.refused + report.blank, rows.len());
        } else {
            // Digits that are cut off are a number all the same, and then the list is what ends too early.
            let read = report.added + report.refused + report.blank;
            prop_assert!(read == rows.len() || read == rows.len() + 1, "{:?}: {:?}", file, report);
            let is_cut = |problem: &Problem| matches!(problem.why, LineError::NotJson { why: Fault::Ended, .. });
            prop_assert!(report.problems.iter().any(is_cut), "{:?}", file);
        }
        prop_assert_eq!(names(&session).len(), report.added);
    }
}
