//! Records out of files: what becomes of the lines, and how fast.

use std::fmt::Write;
use std::time::Duration;

use client::import::csv::CsvReader;
use client::import::{LineError, MAX_FILE_BYTES, PreviewCell, Problem, Report, Run, Turn, check_size};
use client::session::{Action, NumberOperation, Session};
use frontend::view_model::{ImportView, NumberState, file_error, line_error, report_as_csv};
use shared::base::dot::DotSet;
use shared::base::id::{RelayId, ReplicaId};
use shared::consensus::Slot;
use shared::ledger::{Operation, Policy};
use shared::replica::io::{Message, Now};
use shared::schema::{FieldEdit, MAX_TEXT_BYTES, Schema};

#[path = "../../client/tests/importing/mod.rs"]
mod importing;
mod net;
mod told;

use importing::{alone, import, import_alone, lines, names, write};
use net::{Net, TAB_A, TAB_B};
use told::{people, problems, read};

#[test]
fn columns_go_to_fields_by_their_names_and_the_others_are_told() {
    let text = "\u{feff}Name;E-Mail;TAGS;Number\nAnna;a@b.c;\"board, \"\"a, b\"\"\";7\nBoris;;;next\n";
    let file = people("people.csv", text).unwrap();
    let preview = file.preview(&Schema::people());
    assert_eq!(preview.unknown, ["E-Mail"]);
    assert!(preview.has_numbers);
    assert_eq!(preview.rows[0].as_ref().unwrap()[0], PreviewCell::Text("Anna".to_owned()));
    let (mut session, mut now) = alone(Schema::people());
    let report = import(&mut session, &mut now, file, false);
    assert_eq!((report.added, report.provisional, report.refused), (2, 2, 0), "{report:?}");
    let anna = session.view().records().find(|record| record.shown("name") == "Anna").unwrap();
    assert_eq!(anna.elements("tags"), ["a, b", "board"]);
}

#[test]
fn files_that_cannot_be_imported_are_refused_with_what_to_do() {
    let error = |name: &str, text: &str| people(name, text).unwrap_err();
    assert!(error("a.csv", " \n").contains("empty"));
    assert!(error("a.csv", "Vorname\nAnna").contains("No column is called “name”"));
    assert!(error("a.json", "{\"people\": 1}").contains("a list of records is wanted"));
    let latin = read("a.csv", &[b'n', 0xe9]).unwrap_err();
    assert!(latin.contains("CSV UTF-8"));
    assert!(file_error(&check_size(100 << 20).unwrap_err()).contains("100 MB"));
    assert_eq!(check_size(MAX_FILE_BYTES), Ok(()));
}

#[test]
fn refused_lines_say_where_and_why_and_the_others_are_in() {
    let long = "x".repeat(MAX_TEXT_BYTES + 1);
    let text = format!("name,note,number\nAnna,,5\n,lost,\nBoris,{long},\nClara,,zero\nDora,,5\nEmil,,\n\"Fritz,,");
    let (session, report) = import_alone("people.csv", &text);
    assert_eq!(names(&session), ["Anna", "Emil"]);
    assert_eq!(lines(&report), [3, 4, 5, 6, 8]);
    let said = problems(&report);
    assert_eq!(said[0].1, "The name is empty, and every record needs one. Fill it in.");
    assert!(said[1].1.contains("4097 bytes; at most 4096"));
    assert!(said[2].1.contains("“zero” is no number"));
    assert!(said[3].1.contains("stands in line 2, too"));
    assert!(said[4].1.contains("never closed"));
    let csv: Vec<_> = CsvReader::new(report_as_csv(&report).into()).map(|record| record.cells.unwrap()).collect();
    assert_eq!((csv.len(), csv[1][0].as_str()), (6, "3"));
}

#[test]
fn the_json_of_the_api_and_of_the_original_system_is_imported() {
    let api = r#"{"records": [
        {"id": "9c1f000000000000.1", "fields": {"name": "Anna", "note": null, "tags": ["board"]}, "number": {"state": "final", "value": 3, "slot": 9}},
        {"id": "9c1f000000000000.2", "fields": {"name": "Béla"}, "number": null}
    ], "total": 2}"#;
    let (mut session, mut now) = alone(Schema::people());
    let report = import(&mut session, &mut now, people("a.json", api).unwrap(), false);
    assert_eq!((report.added, report.provisional, problems(&report)), (2, 1, vec![]));
    let legacy =
        r#"{"data": [{"name": "Clara", "max_number": 7}, {"name": 5, "max_number": null}, "x", {"name": []}]}"#;
    let report = import(&mut session, &mut now, people("a.json", legacy).unwrap(), false);
    assert_eq!(names(&session), ["5", "Anna", "Béla", "Clara"]);
    let lines = problems(&report);
    assert_eq!(lines.len(), 2);
    assert!(lines[0].1.contains("no record") && lines[1].1.contains("to be a text"), "{lines:?}");
}

#[test]
fn a_number_that_somebody_has_is_refused_before_anything_is_added() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", Some(NumberOperation::This(42)));
    let file = people("a.csv", "name,number\nBoris,42\nClara,43\nDora,\n").unwrap();
    let report = net.import(TAB_B, file, true);
    assert_eq!(problems(&report), [(2, "Number 42 belongs to Anna. Write another number, or none.".to_owned())]);
    assert_eq!((report.added, report.settled), (2, 2));
    assert_eq!(net.page(TAB_A).rows.len(), 3);
    assert_eq!(net.page(TAB_A).highest, 44, "and those without a number have the next one");
}

#[test]
fn an_imported_number_is_counted_as_final_when_its_row_shows_it_so() {
    let mut net = Net::new();
    net.ask_at_relay(Operation::SetPolicy { policy: Policy { observers: 1, ..Policy::default() } });
    [TAB_A, TAB_B].into_iter().for_each(|tab| net.show(tab, false));
    let mut run = Run::new(people("a.csv", "name,number\nAnna,7\n").unwrap(), false, net.now().monotonic);
    let mut go_on = |net: &mut Net| {
        net.drive(TAB_A, |session, now| match run.turn(session, now) {
            Turn::Did(sends) => (sends, Some(Duration::ZERO)),
            Turn::Wait(_) | Turn::Ended => (Vec::new(), None),
        });
        (net.page(TAB_A).rows[0].number.state, run.report().waiting, run.report().settled)
    };
    assert_eq!(go_on(&mut net), (NumberState::Unreleased, 1, 0));
    net.show(TAB_B, true);
    assert_eq!(go_on(&mut net), (NumberState::Final, 0, 1));
}

#[test]
fn ten_thousand_lines_with_numbers_never_have_too_many_operations_waiting_nor_send_too_fast() {
    let mut text = String::from("name,number\n");
    for line in 0..10_000 {
        writeln!(text, "Person {line},{}", line + 1).unwrap();
    }
    let mut net = Net::new();
    let before = net.now().monotonic;
    let report = net.import(TAB_A, people("a.csv", &text).unwrap(), false);
    let took = net.now().monotonic - before;
    assert_eq!((report.added, report.settled + report.provisional, report.refused), (10_000, 10_000, 0));
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
    assert_eq!(ImportView::of_run(&run, false, false).details, ["0 lines are in.", "1 line is being saved."]);
    write(&mut session, now);
    assert!(matches!(run.turn(&mut session, now), Turn::Ended));
    assert_eq!(ImportView::of_run(&run, false, true).details, ["1 line is in."]);
}

#[test]
fn where_nothing_can_be_kept_a_line_is_in_when_a_relay_has_it() {
    let now = Now { monotonic: Duration::ZERO, wall_ms: 1_700_000_000_000 };
    let mut session = Session::new(ReplicaId(0xaaaa << 48), now);
    session.connected(now, RelayId(1), ReplicaId(1), Schema::people()).unwrap();
    let have = Message::Have {
        context: DotSet::default(),
        fingerprint: 0,
        decided: Slot(0),
        chain: 0,
        restores: Default::default(),
    };
    session.receive(now, have).unwrap();
    let mut run = Run::new(people("a.csv", "name\nAnna\n").unwrap(), false, now.monotonic);
    while let Turn::Did(_) = run.turn(&mut session, now) {}
    assert_eq!(ImportView::of_run(&run, false, false).details[1], "1 line is being saved.");
    let (context, majority) = (session.view().document().context().clone(), DotSet::default());
    session.receive(now, Message::Stored { context, configuration: 0, majority }).unwrap();
    assert!(matches!(run.turn(&mut session, now), Turn::Ended));
}

#[test]
fn each_line_is_in_refused_or_blank_and_counted_once() {
    let text = "name,number\nAnna,1\n\n,2\n , \nBoris,x\nClara,1\n\"Dora\" x,3\nEmil,4,5\nFritz,\n";
    let (_, report) = import_alone("a.csv", text);
    assert_eq!((report.added, report.refused, report.blank, report.unnumbered), (2, 5, 2, 0), "{report:?}");
    assert_eq!(report.added + report.refused + report.blank, text.lines().count() - 1);
    assert_eq!(report.last_line, text.lines().count());
}

#[test]
fn lines_whose_numbers_somebody_else_got_are_in_and_are_told_apart_from_those_that_are_not() {
    let mut net = Net::new();
    let mut text = String::from("name,number\n");
    (1..=50).for_each(|line| writeln!(text, "Person {line},{line}").unwrap());
    let report = net.import_late(TAB_B, people("a.csv", &text).unwrap(), |net| {
        (1..=50).for_each(|number| net.add(TAB_A, "Anna", Some(NumberOperation::This(number))));
    });
    assert_eq!((report.added, report.refused, report.unnumbered, report.problems.len()), (50, 0, 50, 50));
    let view = ImportView::of_closed_tab("a.csv", &report, true);
    assert_eq!(view.details[..2], ["50 lines are in.", "50 lines of those have no number: see below why."]);
}

#[test]
fn an_import_is_undone_with_one_click_but_for_what_others_have_changed() {
    let mut net = Net::new();
    let text = (0..250).fold(String::from("name\n"), |text, line| format!("{text}Person {line}\n"));
    assert_eq!(net.import(TAB_A, people("people.csv", &text).unwrap(), false).added, 250);
    assert_eq!(net.page(TAB_A).undo.as_deref(), Some("the import of people.csv"));
    let record = net.page(TAB_B).rows[0].id;
    let edit = FieldEdit::Assign("x".to_owned());
    net.act(TAB_B, Action::Edit { record, field: "note".to_owned(), edit, seen: None });
    net.act(TAB_A, Action::Undo);
    assert_eq!(net.page(TAB_B).rows.len(), 150, "no more at once than a relay takes");
    net.act(TAB_A, Action::Undo);
    assert_eq!(net.page(TAB_B).rows.len(), 150, "it is under way already");
    net.drive(TAB_A, |session, now| {
        let sends = session.undo_import_further(now);
        (sends, session.is_undoing_import().then_some(Duration::ZERO))
    });
    let page = net.page(TAB_A);
    assert_eq!((page.rows.len(), net.page(TAB_B).rows.len(), page.undo.as_deref()), (1, 1, None));
    let told = "Undone: the import of people.csv, but for 1 record that others have changed since.";
    assert_eq!(page.toasts[0].text, told);
}

#[test]
fn a_report_outlives_its_tab() {
    let text = "name,e-mail,number\nAnna,a,1\n\nBoris,b,=1+1\n\"Clara\"x,,\n";
    let (_, report) = import_alone("a.csv", text);
    let (left, recalled) = Report::recalled(&report.saved("=my, file.csv", false, line_error)).unwrap();
    assert_eq!((left.file.as_str(), left.ended), ("=my, file.csv", false));
    let as_told = |Problem { line, why }: &Problem| Problem { line: *line, why: LineError::Told(line_error(why)) };
    let problems: Vec<_> = report.problems.iter().map(as_told).collect();
    assert_eq!(recalled, Report { provisional: 0, problems, ..report.clone() });
    let view = ImportView::of_closed_tab(&left.file, &recalled, left.ended);
    assert_eq!(view.headline, "The import of =my, file.csv ended with its tab, after line 5: what is in stays in.");
    assert_eq!(view.details[0], "1 line is in.");
    assert_eq!(view.problems, ImportView::of_closed_tab("", &report, false).problems);
    for broken in ["", "a", "a,1,2,0,0,0,0,0", "a,x,0,0,0,0,0,0"] {
        assert_eq!(Report::recalled(broken), None, "{broken}");
    }
}
