//! Files as they come: what is read is exactly what they say, and the rest is refused with words that are true of the file
//! and the line.

use client::import::csv::{BadRecord, CsvReader, elements_of, list_cell};
use client::import::json::{BadElement, Fault, Json, JsonReader};
use client::import::{PreviewCell, Report};
use shared::schema::{FieldKind, FieldSpec, Schema};

#[path = "../../client/tests/importing/mod.rs"]
mod importing;
mod told;

use frontend::view_model::line_error;
use importing::{import_alone, import_into, lines, names};
use told::{people, problems, read};

fn csv(text: &str) -> Vec<(usize, Result<Vec<String>, BadRecord>)> {
    let records = CsvReader::new(text.into()).filter(|record| !record.is_blank());
    records.map(|record| (record.line, record.cells)).collect()
}

fn cells(text: &str) -> Vec<Vec<String>> {
    csv(text).into_iter().map(|(_, cells)| cells.unwrap()).collect()
}

fn json(text: &str) -> Vec<Result<Json, BadElement>> {
    JsonReader::new(text.into()).unwrap().map(|element| element.value).collect()
}

fn fault(read: &Result<Json, BadElement>) -> Fault {
    match read {
        Err(BadElement::NotJson(fault)) => fault.why,
        other => panic!("{other:?} is read"),
    }
}

/// The one problem of a file of people, with its line.
fn problem(name: &str, text: &str) -> (usize, String) {
    let (_, report) = import_alone(name, text);
    assert_eq!(report.problems.len(), 1, "{text}: {report:?}");
    (report.problems[0].line, line_error(&report.problems[0].why))
}

fn note(report: &(client::session::Session, Report), name: &str) -> String {
    let mut records = report.0.view().records();
    records.find(|record| record.shown("name") == name).map_or_else(String::new, |found| found.shown("note").to_owned())
}

#[test]
fn csv_is_read_as_spreadsheets_write_it() {
    assert_eq!(cells("a,b\r\nc,d\r\n"), [["a", "b"], ["c", "d"]]);
    assert_eq!(cells("a;b\nc,1;d"), [["a", "b"], ["c,1", "d"]]);
    assert_eq!(cells("a\tb\rc\td"), [["a", "b"], ["c", "d"]]);
    assert_eq!(cells("a,b\n\"x, \"\"y\"\"\nz\",\"\"\n"), [["a", "b"], ["x, \"y\"\nz", ""]]);
    assert_eq!(cells("\"a;b\",c\n1,2"), [["a;b", "c"], ["1", "2"]], "a quoted sign is no delimiter");
    assert_eq!(cells("a\n\n  \n,\nб"), [["a"], ["б"]], "blank lines are no records");
    assert_eq!(csv("a\n\"b\n\nc\"\nd").last().unwrap().0, 5, "lines are those of the file");
}

#[test]
fn a_quote_that_is_never_closed_costs_its_line_alone() {
    let read = csv("a\n\"b\nc\nd");
    assert_eq!(read.len(), 4);
    assert_eq!(read[1], (2, Err(BadRecord::Unclosed)));
    assert_eq!(read[3], (4, Ok(vec!["d".to_owned()])));
    let long = format!("a\n\"{}\nz", "x\n".repeat(1 << 20));
    let mut reader = CsvReader::new(long.as_str().into());
    assert_eq!(reader.nth(1).unwrap().cells, Err(BadRecord::Unclosed));
    assert_eq!(reader.next().unwrap().line, 3);
    assert_eq!(csv(&",".repeat(2000))[0].1, Err(BadRecord::TooManyCells));
    assert_eq!(csv(&"x".repeat(2 << 20))[0].1, Err(BadRecord::TooLong));
}

#[test]
fn an_unclosed_quote_does_not_swallow_the_next_person() {
    let (session, report) = import_alone("a.csv", "name,note\n\"Ada,1\nBo,\"2\"\nCy,3\n");
    assert_eq!((names(&session), lines(&report)), (vec!["Bo".to_owned(), "Cy".to_owned()], vec![2]));
}

#[test]
fn text_after_a_closing_quote_is_refused() {
    for text in ["name,note\n\"Ada\" L,1\n", "name,note\nAda,\"1\"\"2\" 3\n", "name\n\"Ada\"\"\n"] {
        let (_, report) = import_alone("a.csv", text);
        assert_eq!((lines(&report), report.added), (vec![2], 0), "{text}");
    }
    assert_eq!(cells("5\" pipe,x\"y\"\n"), [["5\" pipe", "x\"y\""]], "a quote within a text that has none around it");
}

#[test]
fn lines_that_end_with_a_carriage_return_alone_are_lines() {
    let read = csv("a\r\"b\rc\rd\r\ne");
    assert_eq!(read[1], (2, Err(BadRecord::Unclosed)));
    assert_eq!(read.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(read[2].1, Ok(vec!["c".to_owned()]));
}

#[test]
fn cells_behind_the_last_column_are_refused_unless_they_are_empty() {
    let (line, why) = problem("a.csv", "name,number,note\nAda,1,12,5\nBo,2,x,,\n");
    assert_eq!((line, why.contains("4 cells") && why.contains("3 columns")), (2, true), "{why}");
}

#[test]
fn a_first_line_that_names_the_delimiter_is_read() {
    for text in ["sep=;\r\nname;note\r\nAda;a, b\r\n", "sep=|\nname|note\nAda|a, b\n", "sep=\t\rname\tnote\rAda\ta, b"]
    {
        let report = import_alone("a.csv", text);
        assert_eq!((report.1.added, note(&report, "Ada").as_str()), (1, "a, b"), "{text}");
    }
    let (line, _) = problem("a.csv", "sep=;\nname;note\n;x\n");
    assert_eq!(line, 3);
}

#[test]
fn columns_that_mean_the_same_are_refused_with_both_names() {
    for (text, one, other) in [
        ("name,note,Note\nAda,1,2\n", "note", "Note"),
        ("name,name\nAda,Bo\n", "name", "name"),
        ("name,number,max_number\nAda,1,2\n", "number", "max_number"),
    ] {
        let why = people("a.csv", text).unwrap_err();
        assert_eq!(why, format!("The columns “{one}” and “{other}” mean the same. Rename or remove one of them."));
    }
    assert!(people("a.csv", "name,e-mail,e-mail\nAda,1,2\n").is_ok(), "both are left out, which is told");
}

#[test]
fn fields_that_are_called_like_columns_of_their_own_are_told_apart() {
    let field = |name: &str, kind| FieldSpec { name: name.to_owned(), kind, required: false };
    let schema = Schema::new(vec![
        field("a", FieldKind::Lww),
        field("A", FieldKind::Lww),
        field("id", FieldKind::Lww),
        field("number", FieldKind::Counter),
        field("-balance", FieldKind::Counter),
        field("fields.x", FieldKind::Lww),
    ])
    .unwrap();
    let text = "id,a,A,fields.id,fields.number,'-balance,fields.fields.x,number\n9.1,one,two,three,4,-5,six,7\n";
    let (session, report) = import_into(&schema, "a.csv", text);
    assert_eq!(report.problems, [], "{report:?}");
    let record = session.view().records().next().unwrap();
    assert_eq!(["a", "A", "id", "fields.x"].map(|name| record.shown(name)), ["one", "two", "three", "six"]);
    assert_eq!(record.number.provisional[0].for_now().number, 7);
    let csv = importing::exported(&session, client::import::export::Format::Csv);
    assert!(csv.contains("id,a,A,fields.id,fields.number,\"'-balance\",fields.fields.x,number,number state"), "{csv}");
    let flat = r#"[{"a": "1", "A": "2", "number": 3, "fields": {"number": 4, "id": "5"}}]"#;
    let (session, report) = import_into(&schema, "a.json", flat);
    assert_eq!(report.problems, [], "{report:?}");
    let record = session.view().records().next().unwrap();
    assert_eq!(["a", "A", "id"].map(|name| record.shown(name)), ["1", "2", "5"]);
    assert_eq!(record.number.provisional[0].for_now().number, 3);
}

#[test]
fn files_in_other_encodings_are_read_or_refused_for_what_they_are() {
    let read = |bytes: &[u8]| read("a.csv", bytes);
    let utf16 = |text: &str, mark: &[u8], bytes: fn(u16) -> [u8; 2]| {
        [mark.to_vec(), text.encode_utf16().flat_map(bytes).collect()].concat()
    };
    let text = "name\tnote\r\nJosé\tЖ 😀\r\n";
    for bytes in [
        utf16(text, &[0xff, 0xfe], u16::to_le_bytes),
        utf16(text, &[0xfe, 0xff], u16::to_be_bytes),
        utf16(text, &[], u16::to_le_bytes),
        utf16(text, &[], u16::to_be_bytes),
    ] {
        let preview = read(&bytes).unwrap().preview(&Schema::people());
        let cells = ["José", "Ж 😀"].map(|cell| PreviewCell::Text(cell.to_owned()));
        assert_eq!(preview.rows, [Ok(cells.to_vec())]);
    }
    assert!(read(&[0xff, 0xfe, 0, 0xd8]).unwrap_err().contains("UTF-16, and broken"));
    assert!(read(b"PK\x03\x04\x14\0\x06\0").unwrap_err().contains("ZIP archive"));
    let latin = read(b"name\nAnna\r\nJos\xe9\n").unwrap_err();
    assert!(latin.starts_with("Line 3 is not in UTF-8") && latin.contains("CSV UTF-8"), "{latin}");
}

#[test]
fn json_is_read_element_by_element() {
    let text = r#" {"next": null, "records": [ {"a": [1, -2.5e3, true]}, "A\u00e9\ud83d\ude00\n" ], "total": 2}"#;
    let numbers = ["1", "-2.5e3"].map(|digits| Json::Number(digits.to_owned()));
    let list = Json::List([&numbers[..], &[Json::Bool(true)]].concat());
    assert_eq!(json(text), [Ok(Json::Object(vec![("a".to_owned(), list)])), Ok(Json::Text("Aé😀\n".to_owned()))]);
    assert_eq!(json("[]"), []);
    assert_eq!(fault(json("[1, 2 3]").last().unwrap()), Fault::Unexpected, "and nothing after it");
    for wrong in ["", "{}", "{\"a\": [1]}", "null", "\"a\"", "{\"data\": 1}", "{\"a\""] {
        assert!(JsonReader::new(wrong.into()).is_err(), "{wrong}");
    }
}

#[test]
fn hostile_json_is_an_error_and_never_more() {
    let deep = "[".repeat(100_000);
    assert!(json(&deep)[0].is_err());
    for wrong in
        ["[\"\\ud800\\u0041\"", "[\"\\u12\"]", "[\"a", "[{\"a\":}]", "[nul]", "[\"\u{1}\"]", "[{\"a\" 1}]", "[,]"]
    {
        let _no_panic = json(wrong);
    }
    assert!(json(&format!("[\"{}\"]", "x".repeat(2 << 20)))[0].is_err(), "no record is as long");
}

#[test]
fn numbers_in_json_have_its_grammar() {
    for right in ["0", "-0", "10", "-1.5", "1e3", "2E-7", "0.10"] {
        assert_eq!(json(&format!("[{right}]")), [Ok(Json::Number(right.to_owned()))]);
    }
    for wrong in ["01", "1-2-3", "-", "1.", ".5", "+1", "1e", "--1", "0x1"] {
        assert_eq!(fault(json(&format!("[{wrong}]")).last().unwrap()), Fault::Unexpected, "{wrong}");
    }
}

#[test]
fn half_a_character_costs_its_element_alone_and_nothing_beside_it() {
    for half in ["\\ud83d\\n", "\\ude00", "\\ud83d\\u0041", "x\\ud83d"] {
        let read = json(&format!("[\"a\", \"{half}\", \"b\"]"));
        let text = |text: &str| Ok(Json::Text(text.to_owned()));
        assert_eq!(read, [text("a"), Err(BadElement::HalfCharacter), text("b")], "{half}");
    }
    let (line, why) = problem("a.json", "[{\"name\": \"Ada\"},\n{\"name\": \"Bo\\ud83d\\n\"},\n{\"name\": \"Cy\"}]");
    assert_eq!((line, why.contains("half a character")), (2, true), "{why}");
}

#[test]
fn a_key_that_is_first_seen_late_is_read_and_an_unknown_one_is_told() {
    let mut elements = vec![r#"{"name": "x"}"#.to_owned(); 150];
    elements.push(r#"{"name": "Ada", "note": "late", "e-mail": "a@b.c"}"#.to_owned());
    let report = import_alone("a.json", &format!("[{}]", elements.join(",\n")));
    assert_eq!((report.1.added, note(&report, "Ada").as_str()), (151, "late"));
    assert_eq!(report.1.left_out.iter().collect::<Vec<_>>(), ["e-mail"]);
    assert!(people("a.json", &format!("[{}]", vec!["{}"; 150].join(","))).is_ok(), "nobody knows what comes later");
    assert!(people("a.json", r#"[{"Vorname": "Ada"}]"#).unwrap_err().contains("No record of the file has “name”"));
}

#[test]
fn keys_are_told_in_any_spelling_element_by_element() {
    let report = import_alone(
        "a.json",
        r#"[{"name": "Ada", "note": "1"}, {"NAME": "Bo", "Note": "2"}, {"name ": "Cy", "note ": "3"}]"#,
    );
    assert_eq!(["Ada", "Bo", "Cy"].map(|name| note(&report, name)), ["1", "2", "3"]);
    for twice in [
        r#"[{"name": "Ada", "note": "1", "Note": "2"}]"#,
        r#"[{"name": "Ada", "name": "Bo"}]"#,
        r#"[{"name": "Ada", "number": 1, "max_number": 2}]"#,
        r#"[{"fields": {"name": "Ada"}, "name": "Bo"}]"#,
    ] {
        assert!(problem("a.json", twice).1.contains("mean the same here"), "{twice}");
    }
}

#[test]
fn text_after_the_list_is_told() {
    for (text, line) in [
        ("[{\"name\": \"Ada\"}]\n[{\"name\": \"Bo\"}]", 2),
        ("[{\"name\": \"Ada\"}]\n\n,", 3),
        ("{\"records\": [{\"name\": \"Ada\"}],\n\"data\": [{\"name\": \"Bo\"}]}", 2),
        ("{\"records\": [{\"name\": \"Ada\"}]}\nx", 2),
    ] {
        let (told, why) = problem("a.json", text);
        assert_eq!((told, why.contains("what follows it is not read")), (line, true), "{text}: {why}");
    }
    let (_, report) =
        import_alone("a.json", "{\"next\": null, \"records\": [{\"name\": \"Ada\"}], \"total\": {\"a\": [1]}}\n");
    assert_eq!((report.added, report.problems), (1, vec![]));
}

#[test]
fn a_document_that_was_cut_off_says_so_wherever_it_was_cut() {
    let whole = "{\"records\": [\n{\"name\": \"Ada\", \"note\": null},\n{\"name\": \"B\\u00f6\", \"number\": -1.5e3}], \"total\": 2}";
    for end in "{\"records\": [".len()..whole.len() - 1 {
        let reader = JsonReader::new(whole[..end].into()).unwrap();
        let last = reader.last().unwrap();
        assert_eq!(fault(&last.value), Fault::Ended, "{}", &whole[..end]);
        assert_eq!(last.line, 1 + whole[..end].matches('\n').count(), "{}", &whole[..end]);
    }
    let (_, report) = import_alone("a.json", "[{\"name\": \"Ada\"},\n{\"name\": \"B");
    assert_eq!((report.added, lines(&report)), (1, vec![2]));
    assert!(problems(&report)[0].1.contains("cut off"), "{report:?}");
    assert!(people("a.json", "{\"records\"").unwrap_err().contains("cut off"));
}

#[test]
fn a_value_that_is_no_number_is_told_as_it_stands() {
    for (value, told) in [
        ("true", "true"),
        ("[42]", "[42]"),
        ("{\"v\": 42}", "{\"v\":42}"),
        ("1.0", "1.0"),
        ("\"1 2\"", "1 2"),
        ("\"3\\n4\"", "3\n4"),
        ("{\"state\": \"final\"}", "{\"state\":\"final\"}"),
        ("{\"state\": \"final\", \"value\": \"7\"}", "{\"state\":\"final\",\"value\":\"7\"}"),
    ] {
        let (_, why) = problem("a.json", &format!("[{{\"name\": \"Ada\", \"number\": {value}}}]"));
        assert!(why.starts_with(&format!("“{told}” is no number.")), "{value}: {why}");
    }
    let counted =
        Schema::new(vec![FieldSpec { name: "sum".to_owned(), kind: FieldKind::Counter, required: false }]).unwrap();
    for value in ["true", "[42]", "\"1 2\"", "1.5"] {
        let (_, report) = import_into(&counted, "a.json", &format!("[{{\"sum\": {value}}}]"));
        assert!(problems(&report)[0].1.contains(&format!("not “{}”", value.trim_matches('"'))), "{report:?}");
    }
}

#[test]
fn digits_are_never_joined_across_spaces_or_lines() {
    let (session, report) = import_alone("a.csv", "name,number\nAda,1 2\nBo,\"3\n4\"\nCy,1 000\n");
    assert_eq!((names(&session), lines(&report)), (vec!["Cy".to_owned()], vec![2, 3]));
    let cy = session.view().records().next().unwrap();
    assert_eq!(cy.number.provisional[0].for_now().number, 1000);
}

#[test]
fn a_list_in_a_cell_comes_back_as_it_was_or_is_refused() {
    let list = |elements: &[&str]| elements.iter().map(|&element| element.to_owned()).collect::<Vec<_>>();
    for elements in
        [list(&["a", "b"]), list(&["a, b", "\"", " c ", ""]), list(&[""]), list(&[]), list(&["\"x\"", "\n"])]
    {
        assert_eq!(elements_of(&list_cell(&elements)), Some(elements));
    }
    assert_eq!(elements_of(" a ,, b\"c\", "), Some(list(&["a", "b\"c\""])));
    for wrong in ["\"a", "\"a\" b", "a, \"b\"c"] {
        assert_eq!(elements_of(wrong), None, "{wrong}");
    }
}
