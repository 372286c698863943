//! Records out of files and into files.

use std::fmt::Write;
use std::time::Duration;

use frontend::engine::session::{NumberWish, Session};
use frontend::import::csv::{BadRecord, CsvReader, guarded_cell, unguarded};
use frontend::import::export::Format;
use frontend::import::json::{Json, JsonReader};
use frontend::import::{ImportFile, MAX_FILE_BYTES, Report, Run, Turn, check_size};
use frontend::view_model::ImportView;
use shared::crdt::FieldKind;
use shared::dot::DotSet;
use shared::id::{ReplicaId, VoterId};
use shared::io::{Message, Now, Recovered};
use shared::paxos::Slot;
use shared::schema::{FieldSpec, MAX_TEXT_BYTES, Schema};

mod net;

use net::{Net, TAB_A, TAB_B};

fn csv(text: &str) -> Vec<(usize, Result<Vec<String>, BadRecord>)> {
    CsvReader::new(text.into()).map(|record| (record.line, record.cells)).collect()
}

fn cells(text: &str) -> Vec<Vec<String>> {
    csv(text).into_iter().map(|(_, cells)| cells.unwrap()).collect()
}

fn json(text: &str) -> Vec<Result<Json, usize>> {
    JsonReader::new(text.into()).unwrap().map(|element| element.value.map_err(|error| error.at)).collect()
}

fn people(name: &str, text: &str) -> Result<ImportFile, String> {
    ImportFile::read(name, text.as_bytes().to_vec(), &Schema::people())
}

/// A tab that no relay has ever seen.
fn alone(schema: Schema) -> (Session, Now) {
    let now = Now { monotonic: Duration::ZERO, wall_ms: 1_700_000_000_000 };
    (Session::recover(ReplicaId(0xaaaa << 48), schema, Recovered::default(), now), now)
}

/// Carries out the writes of the session, and tells it that they are on the device.
fn write(session: &mut Session, now: Now) {
    if let Some(last) = session.take_writes().last() {
        let _nobody_to_send_to = session.persisted(now, last.id);
    }
}

/// The whole import, as fast as it goes.
fn import(session: &mut Session, now: &mut Now, file: ImportFile, number_all: bool) -> Report {
    let mut run = Run::new(file, number_all, now.monotonic);
    loop {
        match run.turn(session, *now) {
            Turn::Did(_) => write(session, *now),
            Turn::Wait(wait) => now.monotonic += wait,
            Turn::Ended => return run.report().clone(),
        }
    }
}

fn import_alone(text: &str) -> (Session, Report) {
    let (mut session, mut now) = alone(Schema::people());
    let report = import(&mut session, &mut now, people("people.csv", text).unwrap(), false);
    (session, report)
}

fn refused(report: &Report) -> Vec<(usize, &str)> {
    report.refused.iter().map(|refused| (refused.line, refused.why.as_str())).collect()
}

/// All records as text, without what is never the same.
fn exported(session: &Session, format: Format) -> String {
    format.write(session.view().schema(), session.view().records())
}

fn names(session: &Session) -> Vec<String> {
    let mut names: Vec<_> = session.view().records().map(|record| record.shown("name").to_owned()).collect();
    names.sort();
    names
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
    assert!(reader.nth(1).unwrap().cells.is_err());
    assert_eq!(reader.next().unwrap().line, 3);
    assert_eq!(csv(&",".repeat(2000))[0].1, Err(BadRecord::TooManyCells));
}

#[test]
fn what_a_spreadsheet_would_run_is_guarded_and_comes_back_as_it_was() {
    for (text, cell) in [
        ("Anna", "Anna"),
        ("=1+1", "\"'=1+1\""),
        ("'=1+1", "\"''=1+1\""),
        ("'tis", "'tis"),
        ("a, \"b\"", "\"a, \"\"b\"\"\""),
        (" a", "\" a\""),
        ("-5", "\"'-5\""),
    ] {
        assert_eq!(guarded_cell(text), cell);
        let read = cells(&format!("x\n{cell}"));
        assert_eq!(unguarded(&read[1][0]), text);
    }
}

#[test]
fn json_is_read_element_by_element() {
    let text = r#" {"next": null, "records": [ {"a": [1, -2.5e3, true]}, "A\u00e9\ud83d\ude00\n" ], "total": 2}"#;
    let numbers = ["1", "-2.5e3"].map(|digits| Json::Number(digits.to_owned()));
    let list = Json::List([&numbers[..], &[Json::Bool(true)]].concat());
    assert_eq!(json(text), [Ok(Json::Object(vec![("a".to_owned(), list)])), Ok(Json::Text("Aé😀\n".to_owned()))]);
    assert_eq!(json("[]"), []);
    assert_eq!(json("[1, 2 3]").last(), Some(&Err(6)), "and nothing after it");
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
fn columns_go_to_fields_by_their_names_and_the_others_are_told() {
    let text = "\u{feff}Name;E-Mail;TAGS;Number\nAnna;a@b.c;\"board, \"\"a, b\"\"\";7\nBoris;;;next\n";
    let file = people("people.csv", text).unwrap();
    let preview = file.preview();
    assert_eq!(preview.unknown, ["E-Mail"]);
    assert!(preview.has_numbers);
    assert_eq!(preview.rows[0][0], "Anna");
    let (mut session, mut now) = alone(Schema::people());
    let report = import(&mut session, &mut now, file, false);
    assert_eq!((report.added, report.provisional, report.refused_count()), (2, 2, 0), "{report:?}");
    let anna = session.view().records().find(|record| record.shown("name") == "Anna").unwrap();
    assert_eq!(anna.elements("tags"), ["a, b", "board"]);
}

#[test]
fn files_that_cannot_be_imported_are_refused_with_what_to_do() {
    let error = |name: &str, text: &str| people(name, text).unwrap_err();
    assert!(error("a.csv", " \n").contains("empty"));
    assert!(error("a.csv", "Vorname\nAnna").contains("No column is called “name”"));
    assert!(error("a.json", "{\"people\": 1}").contains("a list of records is wanted"));
    let latin = ImportFile::read("a.csv", vec![b'n', 0xe9], &Schema::people()).unwrap_err();
    assert!(latin.contains("CSV UTF-8"));
    assert!(check_size(100 << 20).unwrap_err().contains("100 MB"));
    assert_eq!(check_size(MAX_FILE_BYTES), Ok(()));
}

#[test]
fn refused_lines_say_where_and_why_and_the_others_are_in() {
    let long = "x".repeat(MAX_TEXT_BYTES + 1);
    let text = format!("name,note,number\nAnna,,5\n,lost,\nBoris,{long},\nClara,,zero\nDora,,5\nEmil,,\n\"Fritz,,");
    let (session, report) = import_alone(&text);
    assert_eq!(names(&session), ["Anna", "Emil"]);
    let lines: Vec<_> = refused(&report).iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [3, 4, 5, 6, 8]);
    let said = refused(&report);
    assert_eq!(said[0].1, "The name is empty, and every record needs one. Fill it in.");
    assert!(said[1].1.contains("4097 bytes; at most 4096"));
    assert!(said[2].1.contains("“zero” is no number"));
    assert!(said[3].1.contains("stands in line 2, too"));
    assert!(said[4].1.contains("never closed"));
    let csv = report.as_csv();
    assert_eq!(cells(&csv).len(), 6, "{csv}");
    assert_eq!(cells(&csv)[1][0], "3");
}

#[test]
fn an_export_imported_elsewhere_is_the_same_in_both_formats() {
    let schema = Schema::new(vec![
        FieldSpec { name: "title".to_owned(), kind: FieldKind::Mv, required: true },
        FieldSpec { name: "amount".to_owned(), kind: FieldKind::Counter, required: false },
        FieldSpec { name: "labels".to_owned(), kind: FieldKind::Set, required: false },
        FieldSpec { name: "note, long".to_owned(), kind: FieldKind::Lww, required: false },
    ])
    .unwrap();
    let text = "title,amount,labels,\"note, long\",number\n\
                '=SUM(A1),-5,\"a, \"\"b, c\"\", d\",\"two\nlines \"\"quoted\"\"\",12\n\
                Ж,1 000,,\" spaced \",\n-,,,'',next\n";
    let (mut session, mut now) = alone(schema.clone());
    let file = ImportFile::read("a.csv", text.as_bytes().to_vec(), &schema).unwrap();
    let report = import(&mut session, &mut now, file, false);
    assert_eq!(report.refused, [], "{report:?}");
    let without_ids = |session: &Session| {
        let records = session.view().records().map(|record| {
            let number = record.number.provisional.first().map(|claim| claim.for_now().number);
            let title = record.shown("title").to_owned();
            (
                title,
                record.fields.get("amount").cloned(),
                record.elements("labels").to_vec(),
                record.shown("note, long").to_owned(),
                number,
            )
        });
        let mut records: Vec<_> = records.collect();
        records.sort_by(|a, b| a.0.cmp(&b.0));
        records
    };
    for format in [Format::Csv, Format::Json] {
        let exported = exported(&session, format);
        let (mut other, mut now) = alone(schema.clone());
        let name = format!("records.{}", format.extension());
        let file = ImportFile::read(&name, exported.clone().into_bytes(), &schema).unwrap();
        assert_eq!(file.preview().unknown, [""; 0]);
        let report = import(&mut other, &mut now, file, false);
        assert_eq!(report.refused, [], "{exported}");
        assert_eq!(without_ids(&session), without_ids(&other), "{exported}");
    }
}

#[test]
fn the_json_of_the_api_and_of_the_original_system_is_imported() {
    let api = r#"{"records": [
        {"id": "9c1f000000000000.1", "fields": {"name": "Anna", "note": null, "tags": ["board"]}, "number": {"state": "final", "value": 3, "slot": 9}},
        {"id": "9c1f000000000000.2", "fields": {"name": "Béla"}, "number": null}
    ], "total": 2}"#;
    let (mut session, mut now) = alone(Schema::people());
    let report = import(&mut session, &mut now, people("a.json", api).unwrap(), false);
    assert_eq!((report.added, report.provisional, refused(&report)), (2, 1, vec![]));
    let legacy = r#"{"data": [{"name": "Clara", "max_number": 7}, {"name": 5, "max_number": {}}, "x", {"name": []}]}"#;
    let report = import(&mut session, &mut now, people("a.json", legacy).unwrap(), false);
    assert_eq!(names(&session), ["5", "Anna", "Béla", "Clara"]);
    let lines = refused(&report);
    assert_eq!(lines.len(), 2);
    assert!(lines[0].1.contains("no record") && lines[1].1.contains("to be a text"), "{lines:?}");
}

#[test]
fn a_number_that_somebody_has_is_refused_before_anything_is_added() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", Some(NumberWish::This(42)));
    let file = people("a.csv", "name,number\nBoris,42\nClara,43\nDora,\n").unwrap();
    let report = net.import(TAB_B, file, true);
    assert_eq!(refused(&report), [(2, "Number 42 belongs to Anna. Write another number, or none.")]);
    assert_eq!((report.added, report.settled), (2, 2));
    assert_eq!(net.page(TAB_A).rows.len(), 3);
    assert_eq!(net.page(TAB_A).highest, 44, "and those without a number have the next one");
}

#[test]
fn ten_thousand_lines_with_numbers_never_have_too_many_wishes_waiting_nor_send_too_fast() {
    let mut text = String::from("name,number\n");
    for line in 0..10_000 {
        writeln!(text, "Person {line},{}", line + 1).unwrap();
    }
    let mut net = Net::new();
    let before = net.now().monotonic;
    let report = net.import(TAB_A, people("a.csv", &text).unwrap(), false);
    let took = net.now().monotonic - before;
    assert_eq!((report.added, report.settled + report.provisional, report.refused_count()), (10_000, 10_000, 0));
    // At least 10,000 messages: 5000 at once and 800 a second.
    assert!(took >= Duration::from_secs(6), "{took:?}");
    assert_eq!(net.page(TAB_B).rows.len(), 10_000);
}

#[test]
fn a_tab_without_a_relay_imports_at_once() {
    let mut text = String::from("name\n");
    (0..5_000).for_each(|line| writeln!(text, "Person {line}").unwrap());
    let (mut session, mut now) = alone(Schema::people());
    let report = import(&mut session, &mut now, people("a.csv", &text).unwrap(), false);
    assert_eq!(report.added, 5_000);
    assert_eq!(now.monotonic, Duration::ZERO);
}

#[test]
fn a_cancelled_import_keeps_what_is_in() {
    let (mut session, now) = alone(Schema::people());
    let mut run = Run::new(people("a.csv", "name\nAnna\nBoris\n").unwrap(), false, now.monotonic);
    assert!(matches!(run.turn(&mut session, now), Turn::Did(_)));
    run.cancel();
    write(&mut session, now);
    assert!(matches!(run.turn(&mut session, now), Turn::Ended));
    assert_eq!((names(&session).as_slice(), run.report().added), (&["Anna".to_owned()][..], 1));
}

#[test]
fn a_line_is_in_when_it_is_kept() {
    let (mut session, now) = alone(Schema::people());
    let mut run = Run::new(people("a.csv", "name\nAnna\n").unwrap(), false, now.monotonic);
    while let Turn::Did(_) = run.turn(&mut session, now) {}
    assert_eq!((run.report().added, run.report().kept), (1, 0));
    assert_eq!(ImportView::of(&run, false, false).details, ["0 lines are in.", "1 line is being saved."]);
    write(&mut session, now);
    assert!(matches!(run.turn(&mut session, now), Turn::Ended));
    assert_eq!(ImportView::of(&run, false, true).details, ["1 line is in."]);
}

#[test]
fn where_nothing_can_be_kept_a_line_is_in_when_a_relay_has_it() {
    let now = Now { monotonic: Duration::ZERO, wall_ms: 1_700_000_000_000 };
    let mut session = Session::new(ReplicaId(0xaaaa << 48), now);
    session.connected(now, VoterId(1), ReplicaId(1), Schema::people()).unwrap();
    let have = Message::Have { context: DotSet::default(), fingerprint: 0, decided: Slot(0), chain: 0 };
    session.receive(now, have).unwrap();
    let mut run = Run::new(people("a.csv", "name\nAnna\n").unwrap(), false, now.monotonic);
    while let Turn::Did(_) = run.turn(&mut session, now) {}
    assert_eq!(ImportView::of(&run, false, false).details[1], "1 line is being saved.");
    let (context, majority) = (session.view().document().context().clone(), DotSet::default());
    session.receive(now, Message::Stored { context, configuration: 0, majority }).unwrap();
    assert!(matches!(run.turn(&mut session, now), Turn::Ended));
}
